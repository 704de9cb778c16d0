/* SPDX-License-Identifier: Apache-2.0 */
/* PAX extended headers (POSIX.1-2001 pax, "pax Extended Header") and the maps of sparse files. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "layer/tar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Data extents as they are read. */
struct tar_map {
	struct tar_extent *extents;
	size_t n;
	size_t size;
};

void tar_map_done(struct tar_map *map);
int tar_map_add(struct tar_map *map, uint64_t offset, uint64_t size, struct hull_error *err);

/* Sorted, apart, within file_size, data_size in sum; drops empty extents. */
int tar_map_check(
	struct tar_map *map, uint64_t file_size, uint64_t data_size, struct hull_error *err);

/*
 * What the extended header of one member says. A field with its `has_` unset is not given, and so
 * is a NULL text. Texts and values live in the arena.
 */
struct tar_pax {
	struct arena arena;
	char *path;
	char *link;
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size;
	int64_t uid;
	int64_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
	struct tar_xattr *xattrs;
	size_t n_xattrs;
	size_t xattrs_size;  /* allocated */
	size_t xattrs_bytes; /* names and values */
	/* GNU.sparse.* */
	bool has_sparse; /* any of it */
	bool has_major, has_minor, has_real_size, has_map, has_offset;
	uint64_t sparse_major;
	uint64_t sparse_minor;
	uint64_t sparse_real_size;
	uint64_t sparse_offset; /* of version 0.0, until its numbytes comes */
	char *sparse_name;
	struct tar_map map;
};

void tar_pax_done(struct tar_pax *pax);

/* Reads all records. text is changed. */
int tar_pax_parse(struct tar_pax *pax, char *text, size_t n, struct hull_error *err);

/*
 * Reads the records of a global header, none of which is used, as in Docker. Those that other
 * readers would let change names, sizes or contents are refused.
 */
int tar_pax_parse_global(char *text, size_t n, struct hull_error *err);

/* A decimal number without sign. The text is n bytes. 0 or -EINVAL. */
int tar_decimal(const char *text, size_t n, uint64_t *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/* The 512-byte header block of tar: its fields, its dialects, its numbers. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layer/tar.h"

struct tar_raw_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8]; /* with the version */
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	union {
		char prefix[155]; /* POSIX */
		struct {
			char prefix[131];
			char atime[12];
			char ctime[12];
		} star;
		struct {
			char atime[12];
			char ctime[12];
			char offset[12];
			char longnames[4];
			char unused;
			struct {
				char offset[12];
				char size[12];
			} sparse[4];
			char is_extended;
			char real_size[12];
		} gnu;
	};
	char trailer[12];
};

_Static_assert(sizeof(struct tar_raw_header) == TAR_BLOCK, "a tar header is one block");

struct tar_raw_sparse {
	struct {
		char offset[12];
		char size[12];
	} sparse[21];
	char is_extended;
	char unused[7];
};

_Static_assert(sizeof(struct tar_raw_sparse) == TAR_BLOCK, "a sparse header is one block");

enum tar_dialect { TAR_V7, TAR_USTAR, TAR_STAR, TAR_GNU };

struct tar_header {
	enum tar_dialect dialect;
	char type;
	uint64_t size;
	char name[100 + 155 + 2]; /* prefix and name joined */
	char link[101];
	uint32_t mode;
	int64_t uid; /* not yet checked for range: PAX may replace them */
	int64_t gid;
	int64_t mtime;
	uint32_t major;
	uint32_t minor;
};

/* Checks and decodes a header block. offset is where it stands, for messages. */
int tar_header_decode(const struct tar_raw_header *raw, uint64_t offset, struct tar_header *ret,
	struct hull_error *err);

/* An octal or base-256 field. 0, -EINVAL or -ERANGE. */
int tar_number(const char *field, size_t n, int64_t *ret);

bool tar_is_zero(const void *data, size_t n);

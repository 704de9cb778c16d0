/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict streaming reader of tar archives: bytes are pushed in, members come out through a
 * callback with the absolute offset of their data. It reads v7, ustar, PAX and GNU archives with
 * GNU sparse files (old form and PAX 0.0, 0.1, 1.0), and accepts an archive only if it has one
 * reading: where known readers would disagree on names, sizes or the place of the next header, it
 * is refused. It holds one member at a time, with a cap on every part of it.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK	    512u
#define TAR_NAME_MAX	    4096u		/* bytes of a name or link target, without NUL */
#define TAR_PAX_MAX	    ((size_t)1 << 20)	/* bytes of one extended header */
#define TAR_XATTR_NAME_MAX  255u		/* as in Linux */
#define TAR_XATTR_VALUE_MAX 65535u		/* in EROFS; Linux allows one more */
#define TAR_XATTR_TOTAL_MAX ((size_t)128 << 10) /* names and values of one member */
#define TAR_EXTENTS_MAX	    ((size_t)64 << 10)	/* data extents of one sparse file */
#define TAR_ENTRIES_DEFAULT 2000000u

enum tar_type {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR_DEVICE,
	TAR_BLOCK_DEVICE,
	TAR_DIRECTORY,
	TAR_FIFO,
};

struct tar_xattr {
	const char *name; /* "user.x", no archive prefix */
	const void *value;
	size_t size;
};

/* A run of data in a sparse file; the runs are packed one after the other in the archive. */
struct tar_extent {
	uint64_t offset; /* in the file */
	uint64_t size;
};

struct tar_member {
	enum tar_type type;
	const char *name; /* as in the archive, not empty */
	const char *link; /* target of a hard link or symlink, else "" */
	uint32_t mode;	  /* permission bits, 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t major;
	uint32_t minor;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size;	      /* of the file */
	uint64_t data_offset; /* in the archive, a multiple of TAR_BLOCK */
	uint64_t data_size;   /* in the archive; differs from size in sparse files */
	const struct tar_xattr *xattrs;
	size_t n_xattrs;
	bool sparse;
	const struct tar_extent *extents; /* sorted, apart, within size; their sum is data_size */
	size_t n_extents;
};

struct tar_handler {
	/* A member; valid during the call. A negative result ends the reading and is passed on. */
	int (*member)(void *arg, const struct tar_member *member, struct hull_error *err);
	/* All data of the last member were seen; padding_is_zero tells of the rest of its last block. */
	int (*data_end)(void *arg, bool padding_is_zero, struct hull_error *err);
};

struct tar_reader;

/* max_entries 0 is TAR_ENTRIES_DEFAULT. */
int tar_reader_new(const struct tar_handler *handler, void *arg, uint64_t max_entries,
	struct tar_reader **ret, struct hull_error *err);
struct tar_reader *tar_reader_free(struct tar_reader *r); /* NULL allowed; returns NULL */

/* Takes the next n bytes of the archive. After a failure the reader can only be freed. */
int tar_reader_feed(struct tar_reader *r, const void *data, size_t n, struct hull_error *err);

/* The archive is over: fails if it ends inside a member. */
int tar_reader_finish(struct tar_reader *r, struct hull_error *err);

/*
 * How many of the coming bytes are whole blocks of file data that the reader will not look at. Who
 * reads from a file may seek over them and say so by tar_reader_skip().
 */
uint64_t tar_reader_skippable(const struct tar_reader *r);
void tar_reader_skip(struct tar_reader *r, uint64_t n);

/* Members seen so far. */
uint64_t tar_reader_entries(const struct tar_reader *r);

DEFINE_CLEANUP(struct tar_reader *, tar_reader_freep, tar_reader_free)
#define _cleanup_tar_reader_ _cleanup_(tar_reader_freep)

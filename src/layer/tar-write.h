/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes tar archives: ustar where it can say all, PAX headers for the rest (long names, large
 * numbers, parts of seconds, extended attributes). The same members give the same bytes.
 */
#pragma once

#include "layer/tar.h"

/* Where the bytes go. */
struct tar_sink {
	int (*write)(void *arg, const void *data, size_t n, struct hull_error *err);
	void *arg;
};

/*
 * A member's header. Of the member name, link, type, mode, ids, device numbers, times, size and
 * xattrs count; directories' names may end in a slash or not. A file's data follow by
 * tar_write_data(), exactly size bytes of them, and then tar_write_padding().
 */
int tar_write_header(
	const struct tar_sink *sink, const struct tar_member *member, struct hull_error *err);
int tar_write_data(const struct tar_sink *sink, const void *data, size_t n, struct hull_error *err);
int tar_write_padding(const struct tar_sink *sink, uint64_t size, struct hull_error *err);

/*
 * A file's data and padding from fd, size bytes from offset on. A file that has become shorter
 * meanwhile is filled up with zeros, as tar does, for its size is told already.
 */
int tar_write_file(const struct tar_sink *sink, int fd, uint64_t offset, uint64_t size,
	struct hull_error *err);

/* The two blocks of zeros. */
int tar_write_end(const struct tar_sink *sink, struct hull_error *err);

/*
 * A sink that writes to a descriptor (borrowed) in large pieces. What it holds back is written by
 * tar_file_flush(); without that it is lost.
 */
struct tar_file {
	int fd;
	unsigned char *buffer;
	size_t fill;
};

int tar_file_init(struct tar_file *file, int fd, struct hull_error *err);
int tar_file_flush(struct tar_file *file, struct hull_error *err);
void tar_file_done(struct tar_file *file);
struct tar_sink tar_file_sink(struct tar_file *file);

#define _cleanup_tar_file_ _cleanup_(tar_file_done)

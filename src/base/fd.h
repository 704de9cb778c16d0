/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole-file and whole-buffer reads and writes over fds. All return 0 (or a count) or -errno, and
 * restart after EINTR. Every fd made here is O_CLOEXEC.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

int fd_write_all(int fd, const void *data, size_t n);

/* Reads exactly n bytes; -ENODATA if the file ends before. */
int fd_read_exact(int fd, void *data, size_t n);

/* Reads up to n bytes until end of file; the count or -errno. */
ssize_t fd_read_full(int fd, void *data, size_t n);

/* Appends the rest of fd to b, at most max bytes (0: the buffer's own cap); -E2BIG past that. */
int fd_read_to_buf(int fd, struct buf *b, size_t max);

/* Reads a file relative to dirfd (AT_FDCWD allowed) into b. Refuses anything past max bytes. A pipe is
 * read to its end; a FIFO that nobody has open for writing is empty. */
int file_read_at(int dirfd, const char *path, struct buf *b, size_t max);

/* Reads a small file and cuts one trailing newline; heap string in *ret. */
int file_read_line_at(int dirfd, const char *path, char **ret);

/* One open, one write, one close of an existing file (kernel knobs). */
int file_write_at(int dirfd, const char *path, const void *data, size_t n);

/* Writes to a temporary name next to path, optionally fsyncs, renames over path. */
int file_replace_at(
	int dirfd, const char *path, const void *data, size_t n, mode_t mode, bool sync);

/* mkdir -p below dirfd for a path that we own (no protection against symlinks). */
int dir_make_parents_at(int dirfd, const char *path, mode_t mode);

/* rm -rf of dirfd/path without following symlinks or crossing into another mount. -ENOENT is success. */
int dir_remove_tree_at(int dirfd, const char *path);

/* Sends data and up to 16 fds over a unix socket as one message. */
int fd_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds);

/*
 * Receives one message and up to *n_fds fds (CLOEXEC). Returns the byte count (0 at end of file) or
 * -errno; *n_fds becomes the number received. What the other side had sent before it closed comes
 * first, even if it left unread what we sent.
 */
ssize_t fd_receive(int sock, void *data, size_t n, int *fds, size_t *n_fds);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a tree that somebody else controls. Everything goes through openat2(2) (Linux 5.6)
 * relative to the root's fd: symlinks stay inside, ".." stops at the root, and magic links (those
 * of /proc) are refused. What comes back is an O_PATH fd, which no later rename can redirect.
 * Nothing is allocated. fd, 0 or -errno.
 */
#pragma once

#include <linux/openat2.h>
#include <stdint.h>
#include <sys/types.h>

int resolve_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* path as seen by a process whose root is root_fd. */
int resolve_in_root(int root_fd, const char *path, uint64_t flags);

/* As above without following any symlink: -ELOOP if there is one. */
int resolve_in_root_nofollow(int root_fd, const char *path, uint64_t flags);

enum resolve_type {
	RESOLVE_DIRECTORY,
	RESOLVE_FILE,
};

/*
 * As resolve_in_root() with O_PATH, making what is missing: directories with mode 0755, and at the
 * end a directory or an empty file. A missing target of a symlink is made inside the root.
 */
int resolve_make_in_root(int root_fd, const char *path, enum resolve_type type);

/* The directory that path is in (made if missing), and its last component. */
int resolve_make_parent_in_root(int root_fd, const char *path, const char **ret_name);

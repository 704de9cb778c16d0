/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory tree as a tar: the root file system of a container, or the changes in an upper
 * directory of overlayfs as a layer. Members are sorted by name, hard links are kept, and nothing
 * is resolved by path: every directory is entered from the one above by a single component.
 */
#pragma once

#include "layer/tar-write.h"

#include <stdbool.h>
#include <sys/stat.h>

struct pack_options {
	/*
	 * The directory is an upper one of overlayfs: whiteouts and opaque directories become those of
	 * layers, and overlayfs's own attributes are left out, which they always are.
	 */
	bool upper;
	int lower_fd; /* with upper: what is below it, or -1. Where that has no directory, nothing has to be hidden */
	bool root; /* a member for the directory itself, "./" */
	/* If not NULL: true leaves out a member ("etc/hosts") and what is below it. */
	bool (*skip)(void *arg, const char *path, const struct stat *st);
	void *skip_arg;
	void (*progress)(void *arg, uint64_t bytes);
	void *progress_arg;
	const volatile int *canceled; /* NULL: cannot be ended */
};

/*
 * Writes the members below dirfd, without tar_write_end(). Sockets are left out, as tar does. What
 * vanishes meanwhile is left out; *ret_members counts.
 */
int pack_tree(int dirfd, const struct pack_options *options, const struct tar_sink *sink,
	uint64_t *ret_members, struct hull_error *err);

/* ---- What overlayfs means in an upper directory ---- */

/* A character device 0/0. */
bool overlay_is_whiteout(const struct stat *st);

/* True if the directory hides what lower layers have in it. */
bool overlay_is_opaque(int dirfd);

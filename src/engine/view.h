/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's files seen from outside: what export, commit and diff read. All are directory fds
 * on which names are resolved by the caller, component by component or below the fd; closing them
 * lets go of everything.
 */
#pragma once

#include "engine/container.h"

#include <sys/stat.h>

/*
 * The root file system as the container sees it, running or not, but without what is mounted on it
 * (/proc, volumes ...).
 */
int view_root(
	struct engine *engine, const struct container *c, int *ret_fd, struct hull_error *err);

/* What the container has changed, in overlayfs's form, and its image below that. */
struct view_changes {
	int upper_fd;
	int lower_fd;
};

#define VIEW_CHANGES_INIT \
	{                 \
		-1, -1    \
	}

int view_changes_open(struct engine *engine, const struct container *c, struct view_changes *ret,
	struct hull_error *err);
void view_changes_close(struct view_changes *view);

#define _cleanup_view_changes_ _cleanup_(view_changes_close)

/*
 * True for what is in the upper directory only because something had to be there to mount on: an
 * empty /proc, /dev, /etc/hosts ... that the image does not have, and a directory of the image that
 * is there for nothing else. path is relative ("etc/hosts").
 */
bool view_is_mount_point(const struct view_changes *view, const char *path, const struct stat *st);

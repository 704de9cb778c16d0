/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system: its image's layers with its own upper directory on top. */
#pragma once

#include "engine/container.h"

/*
 * A detached mount of the root; closing the fd unmounts it. Read-only it is the layers alone, and
 * the container needs no directories yet.
 */
int rootfs_mount(struct engine *engine, const struct container *c, bool writable, int *ret_mount_fd,
	struct hull_error *err);

/*
 * The root of a container that does not run, read-only. Neither makes nor changes anything in its
 * directories, and syncs nothing when it is let go.
 */
int rootfs_mount_idle(struct engine *engine, const struct container *c, int *ret_mount_fd,
	struct hull_error *err);

/* The directory that holds what the container has changed. */
int rootfs_open_upper(
	struct engine *engine, const struct container *c, int *ret_fd, struct hull_error *err);

/* Once, after the container's directories were made: "/" gets the attributes the image gives it. */
int rootfs_prepare(struct engine *engine, const struct container *c, struct hull_error *err);

/* Lets go of layer mounts if too many are kept for nobody. Failures are not worth telling. */
void rootfs_release(struct engine *engine);

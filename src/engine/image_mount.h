/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images mounted read-only on the host, for people and programs to look into. Each mount has a
 * record in the run directory, so that it is known until it is unmounted (by whomever) or the host
 * goes down. An image that is mounted is not removed.
 */
#pragma once

#include "engine/engine.h"
#include "image/image.h"

struct image_mount {
	char *record; /* name of its file */
	char *id;     /* "sha256:..." */
	char *path;
};

/*
 * Mounts at dir, which must exist, or (NULL) at a place in the run directory, where an image is mounted
 * once however often that is asked for. *ret_path is heap.
 */
int image_mount(struct engine *engine, const struct image *image, const char *dir, char **ret_path,
	struct hull_error *err);

/* What is mounted; records of mounts that are gone are removed. */
int image_mount_list(
	struct engine *engine, struct image_mount **ret, size_t *ret_count, struct hull_error *err);
void image_mount_list_free(struct image_mount *mounts, size_t count);

/* HULL_ERROR_BUSY if something is open below it, unless force is set. */
int image_unmount(
	struct engine *engine, const struct image_mount *mount, bool force, struct hull_error *err);

/* 1 and where the image is mounted (heap), 0 if it is not: an image_users callback of the engine. */
int image_mount_find(
	void *engine, const struct digest *id, char **ret_path, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as archives and images, and what they have changed. */
#pragma once

#include "engine/container.h"
#include "image/image.h"

struct export_options {
	void (*progress)(void *data, uint64_t bytes);
	void *progress_data;
	const volatile int *canceled;
};

/* Writes the container's root file system to fd as a tar: docker export. */
int container_export(struct engine *engine, const struct container *c, int fd,
	const struct export_options *options, struct hull_error *err);

/* A path that differs from the image's. */
struct container_change {
	char kind; /* 'A'dded, 'C'hanged, 'D'eleted */
	char *path;
};

/* Sorted by path. Costs by what was changed, not by the size of the image. */
int container_diff(struct engine *engine, const struct container *c, struct container_change **ret,
	size_t *ret_count, struct hull_error *err);
void container_diff_free(struct container_change *changes, size_t count);

struct commit_options {
	const char *reference; /* name for the image, NULL = none */
	const char *author;
	const char *message;
	char *const *changes; /* Dockerfile instructions, as -c takes them */
	bool pause;	      /* freeze a running container meanwhile */
	struct export_options layer;
};

/* Makes an image of the container's image, its changes and its configuration: docker commit. */
int container_commit(struct engine *engine, struct container *c,
	const struct commit_options *options, struct digest *ret_id, struct hull_error *err);

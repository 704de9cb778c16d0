/* SPDX-License-Identifier: Apache-2.0 */
/* Making a container from an image: the user's choices over the image's. */
#pragma once

#include "engine/container.h"
#include "image/image.h"

/*
 * Completes a new container: c->config holds what the user chose (absent members: nothing chosen);
 * afterwards it holds what will be run. `entrypoint_given`: the user's entrypoint counts even if it
 * is empty, and the image's command goes.
 */
int create_from_image(struct container *c, const struct image *image, const char *image_name,
	bool entrypoint_given, struct hull_error *err);

/* The record of a container, whatever its state: row, endpoints of its networks, directories. */
int create_record(struct engine *engine, struct container *c, struct hull_error *err);

/* As above for one that is not started yet. */
int create_and_record(struct engine *engine, struct container *c, struct hull_error *err);

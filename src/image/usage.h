/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "image/image.h"

/* What images take on the disk, as Docker counts: sizes of files. */
struct image_usage_row {
	int64_t shared; /* in layers that other images have, too */
	int64_t unique;
	int64_t containers;
};

struct image_usage {
	struct image **images;	      /* as image_list() */
	struct image_usage_row *rows; /* one each */
	size_t count;
	int64_t layers_size; /* of all layers, each once */
	int64_t reclaimable; /* of layers of images that no container was made from */
};

/* *ret is zeroed by the caller and released whatever the result. */
int image_usage_get(struct image_store *store, struct image_usage *ret, struct hull_error *err);
void image_usage_done(struct image_usage *usage);

#define _cleanup_image_usage_ _cleanup_(image_usage_done)

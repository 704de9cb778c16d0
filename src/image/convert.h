/* SPDX-License-Identifier: Apache-2.0 */
/* Images in another form: packed otherwise, bytes kept as a registry or an archive will get them. */
#pragma once

#include "image/image.h"

struct image_convert_options {
	enum compress_form compression;
	bool estargz; /* gzip with a table of contents: the layers, and so the image's id, are others */
	int level; /* COMPRESS_LEVEL_DEFAULT or the form's */
	struct image_progress progress;
	const volatile int *canceled;
};

/*
 * Packs the layers of an image and keeps them beside it, with a manifest that names them: pushing and
 * saving then give exactly these bytes. Without estargz the image stays the one that it is, for its
 * id does not depend on packing, and what it was packed as before is forgotten. `name` is given to
 * the result.
 */
int image_convert(struct image_store *store, const struct image *image, const char *name,
	const struct image_convert_options *options, struct digest *ret_id, struct hull_error *err);

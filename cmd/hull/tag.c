/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"

#include "image/image.h"

static int run(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_ struct image *image = NULL;
	struct image_store *images = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_resolve(images, argv[0], &image, NULL, err);
	return r < 0 ? r : image_tag(images, &image->id, argv[1], err);
}

const struct cli_command hull_tag_command = {
	.name = "tag",
	.arguments = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
	.argument_values = "@image",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};

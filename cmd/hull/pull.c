/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"
#include "registry_options.h"

struct pull_options {
	char *platform;
	bool quiet;
	bool keep_blobs;
	struct hull_registry_options registry;
};

static const struct cli_option options[] = {
	{"platform", 0, CLI_STRING, offsetof(struct pull_options, platform), "string",
		"Take the image for this platform: os/arch[/variant]", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct pull_options, quiet), NULL,
		"Print nothing but the name", NULL},
	{"keep-blobs", 0, CLI_FLAG, offsetof(struct pull_options, keep_blobs), NULL,
		"Keep the layers as they came, too, so that a push elsewhere is the same to the bit",
		NULL},
	HULL_REGISTRY_OPTIONS(struct pull_options, registry),
};

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	struct pull_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	struct image_store *images = NULL;
	struct image_pull_result result;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_display_new(&display, stdout, o->quiet, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_pull_options pull_options = {
		.platform = o->platform,
		.registry = hull_registry_options(globals, &o->registry),
		.keep_blobs = o->keep_blobs,
		.progress = image_display_progress(display),
		.canceled = &hull_interrupted,
	};
	r = image_pull(images, argv[0], &pull_options, &result, err);
	if (r < 0)
		return r;
	image_display_free(TAKE_PTR(display));
	puts(result.name);
	image_pull_result_done(&result);
	return 0;
}

const struct cli_command hull_pull_command = {
	.name = "pull",
	.arguments = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Download an image from a registry",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct pull_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

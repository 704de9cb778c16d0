/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"

#include "cli/terminal.h"
#include "image/convert.h"

struct convert_options {
	char *compression;
	struct hull_opt_i64 level;
	bool quiet;
};

static const struct cli_option options[] = {
	{"compression", 0, CLI_STRING, offsetof(struct convert_options, compression), "string",
		"How to pack the layers: none, gzip, zstd or estargz", "none gzip zstd estargz", 0,
		"gzip"},
	{"compression-level", 0, CLI_I64, offsetof(struct convert_options, level), "number",
		"Level of the compression (default: gzip 6, zstd 3)", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct convert_options, quiet), NULL, "Show no progress",
		NULL},
};

static int parse_compression(
	const char *text, struct image_convert_options *ret, struct hull_error *err)
{
	ret->estargz = str_eq(text, "estargz");
	if (ret->estargz) {
		ret->compression = COMPRESS_GZIP;
		return 0;
	}
	if (compress_form_parse(text, &ret->compression, NULL) == 0)
		return 0;
	return error_set(err, HULL_ERROR_INVALID,
		"--compression \"%s\": want none, gzip, zstd or estargz", text);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct convert_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_ struct image *image = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	struct image_store *images = NULL;
	struct image_convert_options convert_options = {
		.level = o->level.set ? (int)o->level.value : COMPRESS_LEVEL_DEFAULT,
		.canceled = &hull_interrupted,
	};
	char text[DIGEST_TEXT_SIZE];
	struct digest id;
	int r = hull_use_libraries(context->globals, err);

	if (r == 0)
		r = parse_compression(o->compression, &convert_options, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_resolve(images, argv[0], &image, NULL, err);
	if (r == 0)
		r = image_display_new(
			&display, stderr, o->quiet || !terminal_is(STDERR_FILENO), err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	convert_options.progress = image_display_progress(display);
	r = image_convert(images, image, argv[1], &convert_options, &id, err);
	image_display_free(TAKE_PTR(display));
	if (r == 0)
		puts(digest_format(&id, text));
	return r;
}

const struct cli_command hull_image_convert_command = {
	.name = "convert",
	.arguments = "[OPTIONS] SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Pack an image's layers in another form, for push and save",
	.argument_values = "@image",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct convert_options),
	.min_args = 2,
	.max_args = 2,
	.run = run,
};

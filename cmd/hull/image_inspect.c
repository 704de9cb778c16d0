/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"

#include "cli/format.h"
#include "image/image.h"

struct inspect_options {
	char *format;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format the output with a Go template, or 'json'", NULL},
};

static int describe(
	struct image_store *images, const char *text, struct json_writer *w, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = image_resolve(images, text, &image, NULL, err);

	return r < 0 ? r : image_inspect_json(images, image, w, err);
}

/* Without a template all documents are one array; with one each is a line of its own. */
static int inspect(struct image_store *images, const struct inspect_options *o, int argc,
	char **argv, struct cli_context *context, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer all = JSON_WRITER_INIT(&text, 0);
	bool each = o->format && *o->format;
	int failed = 0;

	if (!each)
		json_begin_array(&all);
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		struct json_writer one = JSON_WRITER_INIT(&text, 0);

		if (each)
			buf_reset(&text);
		int r = describe(images, argv[i], each ? &one : &all, &e);
		if (r == 0 && each)
			r = format_document(buf_str(&text), text.len, o->format, stdout, &e);
		if (r == 0)
			continue;
		if (failed++)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		hull_error_done(err);
		error_move(err, &e);
	}
	if (!each) {
		json_end_array(&all);
		int r = format_document(
			buf_str(&text), text.len, NULL, stdout, failed ? NULL : err);
		if (r < 0)
			return r;
	}
	return failed ? -1 : 0;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	return r < 0 ? r : inspect(images, options_p, argc, argv, context, err);
}

const struct cli_command hull_image_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Display detailed information on one or more images",
	.argument_values = "@image",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

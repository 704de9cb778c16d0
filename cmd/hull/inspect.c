/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "cli/format.h"
#include "engine/container.h"
#include "engine/inspect.h"
#include "image/image.h"

struct inspect_options {
	char *format, *type;
	bool size;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format output using a custom template, or 'json'"},
	{"size", 's', CLI_FLAG, offsetof(struct inspect_options, size), NULL,
		"Display total file sizes if the type is container", NULL, CLI_UNSUPPORTED},
	{"type", 0, CLI_STRING, offsetof(struct inspect_options, type), "string",
		"Only inspect objects of the given type", "container image"},
};

static int inspect_image(
	struct engine *engine, const char *name, struct json_writer *w, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_store *images;

	int r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_resolve(images, name, &image, NULL, err);
	return r < 0 ? r : image_inspect_json(images, image, w, err);
}

/* A container first, then an image, as Docker looks. */
static int inspect_one(struct engine *engine, const struct inspect_options *o, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	if (!str_eq(o->type, "image")) {
		int r = container_load(engine, name, &c, &why);
		if (r == 0)
			return inspect_container(engine, c, w, err);
		if (why.kind != HULL_ERROR_NOT_FOUND || str_eq(o->type, "container")) {
			error_move(err, &why);
			return r;
		}
		hull_error_done(&why);
	}
	int r = inspect_image(engine, name, w, &why);
	if (r < 0 && why.kind == HULL_ERROR_NOT_FOUND && !o->type)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such object: %s", name);
	if (r < 0)
		error_move(err, &why);
	return r;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct json_writer array = JSON_WRITER_INIT(&all, 0);
	int failed = 0;

	if (o->type && !str_eq(o->type, "container") && !str_eq(o->type, "image"))
		return error_set(
			err, HULL_ERROR_INVALID, "\"%s\" is not a valid value for --type", o->type);
	int r = hull_engine_open(context, &engine, err);
	if (r < 0)
		return r;
	json_begin_array(&array);
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		_cleanup_buf_ struct buf one = BUF_INIT;
		struct json_writer w = JSON_WRITER_INIT(&one, 0);
		r = inspect_one(engine, o, argv[i], &w, &why);
		if (r == 0 && !str_empty(o->format))
			r = format_document(buf_str(&one), one.len, o->format, stdout, &why);
		if (r == 0) {
			json_raw(&array, buf_str(&one));
			continue;
		}
		if (failed)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		failed = r;
		error_move(err, &why);
	}
	json_end_array(&array);
	if (str_empty(o->format)) {
		r = format_document(buf_str(&all), all.len, NULL, stdout, failed ? NULL : err);
		if (r < 0)
			return r;
	}
	return failed;
}

const struct cli_command hull_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] NAME|ID [NAME|ID...]",
	.summary = "Return low-level information on containers and images",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

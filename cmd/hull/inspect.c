/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "documents.h"

#include "engine/container.h"
#include "engine/inspect.h"
#include "engine/inspect_network.h"
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
		"Only inspect objects of the given type", "container image network"},
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

static int inspect_container_named(
	struct engine *engine, const char *name, struct json_writer *w, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	int r = container_load(engine, name, &c, err);

	return r < 0 ? r : inspect_container(engine, c, w, err);
}

static int inspect_network_named(
	struct engine *engine, const char *name, struct json_writer *w, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_host *host;
	struct network *network;
	int r = engine_networks(engine, &host, err);

	if (r == 0)
		r = network_find(host, &arena, name, &network, err);
	return r < 0 ? r : inspect_network(engine, network, w, err);
}

/* The order in which Docker looks. */
static const struct {
	const char *type;
	int (*inspect)(struct engine *engine, const char *name, struct json_writer *w,
		struct hull_error *err);
} kinds[] = {
	{"container", inspect_container_named},
	{"image", inspect_image},
	{"network", inspect_network_named},
};

static int inspect_one(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	const struct inspect_options *o = data;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

		if (o->type && !str_eq(o->type, kinds[i].type))
			continue;
		int r = kinds[i].inspect(engine, name, w, &why);
		if (r == 0)
			return 0;
		if (why.kind != HULL_ERROR_NOT_FOUND || o->type) {
			error_move(err, &why);
			return r;
		}
	}
	return error_set(err, HULL_ERROR_NOT_FOUND, "No such object: %s", name);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = data;

	if (o->type && !str_eq(o->type, "container") && !str_eq(o->type, "image") &&
		!str_eq(o->type, "network"))
		return error_set(
			err, HULL_ERROR_INVALID, "\"%s\" is not a valid value for --type", o->type);
	return documents_print(context, argc, argv, o->format, inspect_one, o, err);
}

const struct cli_command hull_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] NAME|ID [NAME|ID...]",
	.summary = "Return low-level information on containers, images and networks",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

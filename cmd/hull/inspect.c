/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "documents.h"

#include "base/str.h"

struct inspect_options {
	char *format, *type;
	bool size;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format output using a custom template, or 'json'"},
	{"size", 's', CLI_FLAG, offsetof(struct inspect_options, size), NULL,
		"Display total file sizes if the type is container"},
	{"type", 0, CLI_STRING, offsetof(struct inspect_options, type), "string",
		"Only inspect objects of the given type", "container image network"},
};

/* The order in which Docker looks. */
static const struct {
	const char *type;
	document_fn *document;
} kinds[] = {
	{"container", document_of_container},
	{"image", document_of_image},
	{"network", document_of_network},
};

static int inspect_one(struct engine *engine, const void *data, const char *name,
	struct json_writer *w, struct hull_error *err)
{
	const struct inspect_options *o = data;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

		if (o->type && !str_eq(o->type, kinds[i].type))
			continue;
		int r = kinds[i].document(engine, &o->size, name, w, &why);
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

	bool known = !o->type;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		known |= str_eq(o->type, kinds[i].type);
	if (!known)
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

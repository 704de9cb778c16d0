/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"
#include "image_commands.h"

struct inspect_options {
	char *format;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format the output with a Go template, or 'json'", NULL},
};

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = data;

	return documents_print(context, argc, argv, o->format, document_of_image, NULL, err);
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

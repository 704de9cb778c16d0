/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"
#include "network_commands.h"

struct inspect_options {
	char *format;
	bool verbose;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format output using a custom template, or 'json'"},
	{"verbose", 'v', CLI_FLAG, offsetof(struct inspect_options, verbose), NULL,
		"Verbose output for diagnostics", NULL, CLI_IGNORED},
};

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = data;

	return documents_print(context, argc, argv, o->format, document_of_network, NULL, err);
}

const struct cli_command hull_network_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Display detailed information on one or more networks",
	.argument_values = "@network",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"
#include "output_file.h"

#include "engine/export.h"

struct export_cli {
	char *output;
};

static const struct cli_option options[] = {
	{"output", 'o', CLI_STRING, offsetof(struct export_cli, output), "string",
		"Write to a file instead of the standard output", "@file"},
};

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct export_cli *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_output_file_ struct output_file out = OUTPUT_FILE_INIT;
	const struct export_options export_options = {.canceled = &hull_interrupted};
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = output_file_open(&out, o->output, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	r = container_export(engine, c, out.fd, &export_options, err);
	return r < 0 ? r : output_file_commit(&out, err);
}

const struct cli_command hull_export_command = {
	.name = "export",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Export a container's filesystem as a tar archive",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct export_cli),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

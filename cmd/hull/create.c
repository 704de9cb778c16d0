/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "create_options.h"

#include "engine/create.h"

static int create_main(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct create_options *o = options;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int hold = -1;

	int r = create_check_cidfile(o, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = create_options_apply(context, engine, o, argc, argv, &c, &hold, err);
	if (r == 0)
		r = create_and_record(engine, c, err);
	if (r == 0)
		r = create_write_cidfile(o, c, err);
	if (r < 0)
		return r;
	puts(c->id);
	return 0;
}

static const struct cli_option create_options[] = {CREATE_OPTION_ROWS};

const struct cli_command hull_create_command = {
	.name = "create",
	.arguments = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create a new container",
	.argument_values = "@image",
	CLI_OPTIONS(create_options),
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL | CLI_EXIT_BY_KIND,
	.run = create_main,
};

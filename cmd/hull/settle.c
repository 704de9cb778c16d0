/* SPDX-License-Identifier: Apache-2.0 */
/* What hull-monitor executes over itself when its container has ended. */
#include "container_commands.h"
#include "hull.h"

#include "engine/settle.h"

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;

	/* The lock came along, as an open fd of this process. */
	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load_id(engine, argv[0], &c, err);
	if (r == 0 && container_is_running(c))
		r = settle(engine, c, NULL, err);
	return r;
}

const struct cli_command hull_settle_command = {
	.name = "__settle",
	.arguments = "ID",
	.summary = "Put the record of an ended container right",
	.min_args = 1,
	.max_args = 1,
	.flags = CLI_COMMAND_HIDDEN,
	.run = run,
};

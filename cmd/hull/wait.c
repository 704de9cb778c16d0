/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "each.h"

#include "engine/attach.h"

static int wait_one(struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	int64_t code;
	int r = attach_wait(engine, c, &code, err);

	if (r < 0)
		return r;
	printf("%lld\n", (long long)code);
	fflush(stdout);
	return 1;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	return each_container(context, argc, argv, wait_one, NULL, err);
}

const struct cli_command hull_wait_command = {
	.name = "wait",
	.arguments = "CONTAINER [CONTAINER...]",
	.summary = "Block until one or more containers stop, then print their exit codes",
	.argument_values = "@container",
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

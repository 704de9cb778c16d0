/* SPDX-License-Identifier: Apache-2.0 */
/* pause and unpause: all processes of a container frozen and thawed. */
#include "container_commands.h"
#include "each.h"

#include "engine/pause.h"

static int set_paused(
	struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	const bool *paused = data;

	return container_set_paused(engine, c, *paused, err);
}

static int pause_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	bool paused = true;

	return each_container(context, argc, argv, set_paused, &paused, err);
}

static int unpause_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	bool paused = false;

	return each_container(context, argc, argv, set_paused, &paused, err);
}

const struct cli_command hull_pause_command = {
	.name = "pause",
	.arguments = "CONTAINER [CONTAINER...]",
	.summary = "Pause all processes within one or more containers",
	.argument_values = "@running",
	.min_args = 1,
	.max_args = -1,
	.run = pause_run,
};

const struct cli_command hull_unpause_command = {
	.name = "unpause",
	.arguments = "CONTAINER [CONTAINER...]",
	.summary = "Unpause all processes within one or more containers",
	.argument_values = "@running",
	.min_args = 1,
	.max_args = -1,
	.run = unpause_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "engine/container.h"

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	/* inspect shows names with a slash, so it may be typed, too. */
	const char *name = argv[1][0] == '/' ? argv[1] + 1 : argv[1];

	if (!*argv[0] || !*name)
		return error_set(
			err, HULL_ERROR_INVALID, "neither the old nor the new name may be empty");
	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	return r < 0 ? r : container_rename(engine, c, name, err);
}

const struct cli_command hull_rename_command = {
	.name = "rename",
	.arguments = "CONTAINER NEW_NAME",
	.summary = "Rename a container",
	.argument_values = "@container",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};

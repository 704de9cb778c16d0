/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "cli/terminal.h"
#include "engine/export.h"

static int run(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	struct container_change *changes = NULL;
	size_t n = 0;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = container_diff(engine, c, &changes, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		printf("%c ", changes[i].kind);
		terminal_print_line(stdout, changes[i].path);
	}
	container_diff_free(changes, n);
	return 0;
}

const struct cli_command hull_diff_command = {
	.name = "diff",
	.arguments = "CONTAINER",
	.summary = "Inspect changes to files or directories on a container's filesystem",
	.argument_values = "@container",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

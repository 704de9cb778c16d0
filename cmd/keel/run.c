/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#define O(member) offsetof(struct launch_options, member)

static const struct cli_option options[] = {
	LAUNCH_OPTION_ROWS{
		"detach", 'd', CLI_FLAG, O(detach), NULL, "Do not wait for the container", NULL, 0},
	{"keep", 0, CLI_FLAG, O(keep), NULL, "Do not delete the container when it has ended", NULL,
		0},
	{"no-subreaper", 0, CLI_FLAG, O(no_subreaper), NULL,
		"Do not adopt orphans of the container", NULL, 0},
};

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_launch_ struct launch l = LAUNCH_INIT;

	l.globals = context->globals;
	l.options = data;
	l.id = argv[0];
	return launch_run(&l, err);
}

const struct cli_command keel_run_command = {
	.name = "run",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Create and start a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct launch_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

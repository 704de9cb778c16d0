/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

static const struct cli_option options[] = {
	LAUNCH_OPTION_ROWS
	/* go-runc passes it to create as it does to run. */
	{"detach", 'd', CLI_FLAG, offsetof(struct launch_options, detach), NULL, "", NULL,
		CLI_HIDDEN | CLI_IGNORED},
};

static int create(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_launch_ struct launch l = LAUNCH_INIT;

	l.globals = context->globals;
	l.options = data;
	l.id = argv[0];
	int r = launch_prepare(&l, true, false, err);
	return r < 0 ? r : launch_perform(&l, err);
}

const struct cli_command keel_create_command = {
	.name = "create",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Create a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct launch_options),
	.min_args = 1,
	.max_args = 1,
	.run = create,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

static int pause_container(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	enum container_status status;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0)
		r = container_record_status(&c, &status, err);
	if (r < 0)
		return r;
	if (status != CONTAINER_RUNNING && status != CONTAINER_CREATED)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	return container_pause(&c.ref, err);
}

const struct cli_command keel_pause_command = {
	.name = "pause",
	.arguments = "CONTAINER",
	.summary = "Suspend all processes of a container",
	.min_args = 1,
	.max_args = 1,
	.run = pause_container,
};

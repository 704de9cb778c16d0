/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

static int resume(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	enum container_status status;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0)
		r = container_record_status(&c, &status, err);
	if (r < 0)
		return r;
	if (status != CONTAINER_PAUSED)
		return error_set(err, HULL_ERROR_CONFLICT, "container not paused");
	return container_resume(&c.ref, err);
}

const struct cli_command keel_resume_command = {
	.name = "resume",
	.arguments = "CONTAINER",
	.summary = "Let the processes of a paused container go on",
	.min_args = 1,
	.max_args = 1,
	.run = resume,
};

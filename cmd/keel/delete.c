/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

struct delete_options {
	bool force;
};

static const struct cli_option options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct delete_options, force), NULL,
		"Kill the container first if it is running; a container that is not there is no error",
		NULL, 0},
};

static int delete (
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct delete_options *o = data;
	const struct keel_globals *globals = context->globals;
	_cleanup_keel_container_ struct keel_container c;
	enum container_status status;
	int r = keel_container_open(&c, globals, argv[0], err);

	if (r < 0 && o->force && err->kind == HULL_ERROR_NOT_FOUND) {
		/* What a creation that was killed has left goes as well. */
		hull_error_done(err);
		return c.root_fd >= 0 ? state_remove(c.root_fd, argv[0], err) : 0;
	}
	if (r == 0 && !o->force)
		r = keel_container_status(&c, &status, err);
	if (r < 0)
		return r;
	/* A created container runs none of the user's code: deleting it needs no force. */
	if (!o->force && status != CONTAINER_STOPPED && status != CONTAINER_CREATED)
		return error_set(err, HULL_ERROR_CONFLICT,
			"cannot delete container %s that is not stopped: %s", argv[0],
			container_status_names[status]);
	return keel_container_remove(&c, err);
}

const struct cli_command keel_delete_command = {
	.name = "delete",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Delete a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct delete_options),
	.min_args = 1,
	.max_args = 1,
	.run = delete,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

struct delete_options {
	bool force;
	bool regex;
};

static const struct cli_option options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct delete_options, force), NULL,
		"Kill the container first if it is running; a container that is not there is no error",
		NULL, 0},
	{"regex", 'r', CLI_FLAG, offsetof(struct delete_options, regex), NULL,
		"CONTAINER is a regular expression: all containers whose ids match", NULL, 0},
};

static int clear(
	const struct keel_globals *globals, int root_fd, const char *id, struct hull_error *err)
{
	enum hull_cgroup_manager manager;
	int r = keel_cgroup_manager(globals, &manager, err);

	return r < 0 ? r : container_record_clear(root_fd, id, manager, err);
}

static int delete_one(
	const struct keel_globals *globals, const char *id, void *data, struct hull_error *err)
{
	const struct delete_options *o = data;
	_cleanup_container_record_ struct container_record c;
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	int r = keel_container_open(&c, globals, id, &own);

	if (r < 0 && o->force && own.kind == HULL_ERROR_NOT_FOUND) {
		/* What a creation that was killed has left goes as well. */
		return c.root_fd >= 0 ? clear(globals, c.root_fd, id, err) : 0;
	}
	if (r == 0 && !o->force)
		r = container_record_check_deletable(&c, &own);
	if (r < 0) {
		error_move(err, &own);
		return r;
	}
	return keel_container_remove(&c, err);
}

static int delete (
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct delete_options *o = data;

	return keel_container_each(context->globals, argv[0], o->regex, delete_one, data, err);
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

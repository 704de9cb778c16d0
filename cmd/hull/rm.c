/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "each.h"

#include "engine/process.h"
#include "engine/rootfs.h"
#include "metadata/reserve.h"

#include <signal.h>

struct rm_options {
	bool force;
	bool volumes;
	bool link;
};

static const struct cli_option options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct rm_options, force), NULL,
		"Force the removal of a running container (uses SIGKILL)"},
	{"link", 'l', CLI_FLAG, offsetof(struct rm_options, link), NULL,
		"Remove the specified link", NULL, CLI_UNSUPPORTED},
	{"volumes", 'v', CLI_FLAG, offsetof(struct rm_options, volumes), NULL,
		"Remove anonymous volumes associated with the container", NULL, CLI_IGNORED},
};

static int end_if_running(
	struct engine *engine, const struct container *c, bool force, struct hull_error *err)
{
	if (!container_is_running(c))
		return 0;
	if (!force)
		return error_set(err, HULL_ERROR_CONFLICT,
			"cannot remove container \"%s\": container is %s: stop the container before "
			"removing or force remove",
			c->name, c->state);
	return container_stop(engine, c, SIGKILL, -1, err);
}

/* The lock makes sure that nobody starts what is being removed. 0 = somebody was faster. */
static int remove_idle(struct engine *engine, struct container *c, struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = container_lock_idle(engine, c, &lock, err);

	if (r <= 0)
		return r;
	r = container_delete(engine, c, err);
	return r < 0 ? r : 1;
}

static int remove_wanted(
	struct engine *engine, struct container *c, bool force, struct hull_error *err)
{
	_cleanup_container_ struct container *now = NULL;

	int r = end_if_running(engine, c, force, err);
	if (r == 0)
		r = remove_idle(engine, c, err);
	while (r == 0) {
		container_free(now);
		now = NULL;
		r = container_load(engine, c->id, &now, err);
		if (r == 0)
			r = end_if_running(engine, now, force, err);
		if (r == 0)
			r = remove_idle(engine, now, err);
	}
	return r < 0 ? r : 0;
}

static int remove_one(struct engine *engine, const char *name, void *data, struct hull_error *err)
{
	const struct rm_options *o = data;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	metadata_make_room(engine_root(engine));
	int r = container_load(engine, name, &c, err);
	if (r < 0)
		return o->force ? each_forgive_missing(r, err) : r;
	r = remove_wanted(engine, c, o->force, &why);
	/* --rm, or another rm, may have been faster. */
	if (r < 0 && why.kind != HULL_ERROR_NOT_FOUND) {
		error_move(err, &why);
		return r;
	}
	rootfs_release(engine);
	return 0;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;

	int r = each_name(context, argc, argv, remove_one, data, err);
	if (hull_engine_open(context, &engine, NULL) == 0)
		container_collect_garbage(engine);
	return r;
}

static const char *const aliases[] = {"remove", NULL};

const struct cli_command hull_rm_command = {
	.name = "rm",
	.aliases = aliases,
	.arguments = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Remove one or more containers",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

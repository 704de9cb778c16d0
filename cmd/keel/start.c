/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

/* A poststart hook that fails makes the start fail, and with it the container (specification 1.3). */
static int run_poststart(struct keel_container *c, struct hull_error *err)
{
	struct oci_spec *spec;
	struct oci_state state;

	if (!c->state->has_poststart)
		return 0;
	int r = keel_container_spec(c, &spec, err);
	if (r < 0)
		return r;
	keel_oci_state(c, CONTAINER_RUNNING, &state);
	r = hooks_run(spec, HOOK_POSTSTART, &state, err);
	if (r < 0)
		container_kill(&c->ref, SIGKILL, true, NULL);
	return r;
}

static int start(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_keel_container_ struct keel_container c;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r < 0)
		return r;
	_cleanup_free_ char *path = str_printf("%s/%s/start.sock", c.root, c.state->id);
	if (!path)
		return error_no_memory(err);
	r = container_start(path, err);
	if (r < 0)
		return r;
	unlinkat(c.dir_fd, "start.sock", 0);
	return run_poststart(&c, err);
}

const struct cli_command keel_start_command = {
	.name = "start",
	.arguments = "CONTAINER",
	.summary = "Start a created container",
	.min_args = 1,
	.max_args = 1,
	.run = start,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <signal.h>

#define O(member) offsetof(struct launch_options, member)

static const struct cli_option options[] = {
	LAUNCH_OPTION_ROWS{
		"detach", 'd', CLI_FLAG, O(detach), NULL, "Do not wait for the container", NULL, 0},
	{"keep", 0, CLI_FLAG, O(keep), NULL, "Do not delete the container when it has ended", NULL,
		0},
	{"no-subreaper", 0, CLI_FLAG, O(no_subreaper), NULL,
		"Do not adopt orphans of the container", NULL, 0},
};

/* After the end, or when something failed once it was running. */
static int remove_container(struct launch *l, struct hull_error *err)
{
	_cleanup_keel_container_ struct keel_container c;
	int r = keel_container_open(&c, l->globals, l->id, err);

	return r < 0 ? r : keel_container_remove(&c, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct launch_options *o = data;
	_cleanup_launch_ struct launch l = LAUNCH_INIT;

	l.globals = context->globals;
	l.options = o;
	l.id = argv[0];
	int r = launch_prepare(&l, false, false, err);
	if (r < 0)
		return r;
	if (!o->detach)
		foreground_prepare(!o->no_subreaper);
	r = launch_perform(&l, err);
	if (r < 0)
		return r;
	r = launch_poststart(&l, err);
	if (r < 0) {
		remove_container(&l, NULL);
		return r;
	}
	if (o->detach)
		return 0;
	int status = foreground_wait(&l.process, err);
	if (o->keep)
		return status;
	r = remove_container(&l, status < 0 ? NULL : err);
	return r < 0 && status >= 0 ? r : status;
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

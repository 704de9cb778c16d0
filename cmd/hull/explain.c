/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "create_options.h"
#include "hull.h"

#include "base/fd.h"
#include "engine/container.h"
#include "engine/rootfs.h"
#include "engine/start.h"

struct explain_options {
	bool brief, json;
};

static const struct cli_option options[] = {
	{"json", 0, CLI_FLAG, offsetof(struct explain_options, json), NULL,
		"Print the plan as JSON"},
	{"brief", 'b', CLI_FLAG, offsetof(struct explain_options, brief), NULL,
		"One line per step"},
};

/* `explain run OPTIONS IMAGE ...`: the container that `run` would make, without making it. */
static int describe_run(struct cli_context *context, struct engine *engine, int argc, char **argv,
	struct container **ret, int *ret_hold, struct hull_error *err)
{
	struct create_options o = {0};
	int n = 0;

	int r = cli_parse(&hull_run_command, &o, argc, argv, &n, err);
	if (r == 0 && n < 1)
		r = error_set(err, HULL_ERROR_INVALID, "explain run: an image is missing");
	if (r > 0)
		r = error_set(err, HULL_ERROR_INVALID, "see 'hull run --help'");
	if (r == 0) {
		argv[n] = NULL;
		r = create_options_apply(context, engine, &o, n, argv, ret, ret_hold, err);
	}
	cli_options_done(&hull_run_command, &o);
	return r;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct explain_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_close_ int hold = -1;
	enum plan_format format = o->json    ? PLAN_FORMAT_JSON
				  : o->brief ? PLAN_FORMAT_SHORT
					     : PLAN_FORMAT_TEXT;

	int r = hull_engine_open(context, &engine, err);
	if (r == 0 && str_eq(argv[0], "run"))
		r = describe_run(context, engine, argc - 1, argv + 1, &c, &hold, err);
	else if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = start_explain(engine, c, format, &out, err);
	if (c)
		rootfs_release(engine);
	if (r < 0)
		return r;
	r = fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
	return r < 0 ? error_errno(err, r, "write output") : 0;
}

const struct cli_command hull_explain_command = {
	.name = "explain",
	.arguments = "[OPTIONS] CONTAINER | run [OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Show what the kernel is asked to do to start a container",
	.description =
		"Prints the plan of a container's start, step by step: in words, as the system call, and "
		"as the shell command that a person could type. Nothing is started, and with `run` nothing "
		"is made. `hull run --trace FILE` records a real start with times.",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct explain_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.group = "Common Commands",
	.run = run,
};

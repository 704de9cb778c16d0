/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "base/fd.h"
#include "engine/container.h"
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

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct explain_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	enum plan_format format = o->json    ? PLAN_FORMAT_JSON
				  : o->brief ? PLAN_FORMAT_SHORT
					     : PLAN_FORMAT_TEXT;

	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = start_explain(engine, c, format, &out, err);
	if (r == 0)
		r = fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
	return r;
}

const struct cli_command hull_explain_command = {
	.name = "explain",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Show what the kernel is asked to do to start a container",
	.description =
		"Prints the plan of a container's start, step by step: in words, as the system call, and "
		"as the shell command that a person could type. Nothing is started; `hull create` makes "
		"a container to look at, and `hull run --trace FILE` records a real start with times.",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct explain_options),
	.min_args = 1,
	.max_args = 1,
	.group = "Common Commands",
	.run = run,
};

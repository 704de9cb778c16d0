/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "each.h"

#include "engine/parse.h"
#include "engine/process.h"

#include <signal.h>

struct kill_options {
	char *signal;
};

static const struct cli_option options[] = {
	{"signal", 's', CLI_STRING, offsetof(struct kill_options, signal), "string",
		"Signal to send to the container", NULL, 0, "KILL"},
};

static int kill_one(struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	const struct kill_options *o = data;
	int signal;

	int r = signal_option_parse(o->signal, &signal, err);
	if (r == 0 && !container_is_running(c))
		r = error_set(err, HULL_ERROR_CONFLICT,
			"cannot kill container: %s: container %s is not running", c->name, c->id);
	if (r < 0)
		return r;
	/* SIGKILL certainly ends it: come back when it has. */
	if (signal == SIGKILL)
		return container_stop(engine, c, SIGKILL, -1, err);
	return container_signal(engine, c, signal, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	return each_container(context, argc, argv, kill_one, data, err);
}

const struct cli_command hull_kill_command = {
	.name = "kill",
	.arguments = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Kill one or more running containers",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct kill_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* stop, and restart, which is stop and start. */
#include "container_commands.h"
#include "each.h"

#include "engine/parse.h"
#include "engine/process.h"
#include "engine/start.h"

struct stop_options {
	char *signal;
	struct hull_opt_i64 time; /* seconds */
};

static const struct cli_option options[] = {
	{"signal", 's', CLI_STRING, offsetof(struct stop_options, signal), "string",
		"Signal to send to the container"},
	{"timeout", 't', CLI_I64, offsetof(struct stop_options, time), "int",
		"Seconds to wait before killing the container (-1: wait for ever)"},
	{"time", 0, CLI_I64, offsetof(struct stop_options, time), "int", NULL, NULL, CLI_ALIAS},
};

static int stop_one(struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	const struct stop_options *o = data;
	int signal = container_stop_signal(c);

	int r = o->signal ? signal_option_parse(o->signal, &signal, err) : 0;
	if (r < 0)
		return r;
	return container_stop(
		engine, c, signal, o->time.set ? o->time.value : container_stop_timeout(c), err);
}

static int restart_one(
	struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	_cleanup_container_ struct container *stopped = NULL;
	const struct start_options start = {.owner = false};
	int owner = -1;

	int r = stop_one(engine, c, data, err);
	if (r == 0)
		r = container_load(engine, c->id, &stopped, err);
	return r < 0 ? r : start_and_record(engine, stopped, false, &start, &owner, err);
}

static int stop_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	return each_container(context, argc, argv, stop_one, data, err);
}

static int restart_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	int r = hull_seal(context, err);

	return r < 0 ? r : each_container(context, argc, argv, restart_one, data, err);
}

const struct cli_command hull_stop_command = {
	.name = "stop",
	.arguments = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Stop one or more running containers",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct stop_options),
	.min_args = 1,
	.max_args = -1,
	.run = stop_run,
};

const struct cli_command hull_restart_command = {
	.name = "restart",
	.arguments = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Restart one or more containers",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct stop_options),
	.min_args = 1,
	.max_args = -1,
	.run = restart_run,
};

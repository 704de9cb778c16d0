/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"
#include "sys/process.h"

struct kill_options {
	bool all;
	bool regex;
	int signal;
};

static const struct cli_option options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct kill_options, all), NULL,
		"Send the signal to all processes of the container", NULL, 0},
	{"regex", 'r', CLI_FLAG, offsetof(struct kill_options, regex), NULL,
		"CONTAINER is a regular expression: all containers whose ids match", NULL, 0},
};

static int kill_one(
	const struct keel_globals *globals, const char *id, void *data, struct hull_error *err)
{
	const struct kill_options *o = data;
	_cleanup_container_record_ struct container_record c;
	enum container_status status;
	int r = keel_container_open(&c, globals, id, err);

	if (r == 0 && !o->all)
		r = container_record_status(&c, &status, err);
	if (r < 0)
		return r;
	if (!o->all && status == CONTAINER_STOPPED)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	return container_kill(&c.ref, o->signal, o->all, err);
}

static int kill_container(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	struct kill_options *o = data;
	const char *name = argc > 1 ? argv[1] : "SIGTERM";

	o->signal = signal_parse(name);
	if (o->signal < 0)
		return error_set(err, HULL_ERROR_INVALID, "unknown signal \"%s\"", name);
	return keel_container_each(context->globals, argv[0], o->regex, kill_one, o, err);
}

const struct cli_command keel_kill_command = {
	.name = "kill",
	.arguments = "[OPTIONS] CONTAINER [SIGNAL]",
	.summary = "Send a signal (SIGTERM if none is given) to a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct kill_options),
	.min_args = 1,
	.max_args = 2,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = kill_container,
};

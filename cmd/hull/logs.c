/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "base/clock.h"
#include "engine/attach.h"
#include "engine/container.h"
#include "engine/logs.h"

struct logs_command_options {
	bool details, follow, timestamps;
	char *since, *until, *tail;
};

static const struct cli_option options[] = {
	{"details", 0, CLI_FLAG, offsetof(struct logs_command_options, details), NULL,
		"Show extra details provided to logs"},
	{"follow", 'f', CLI_FLAG, offsetof(struct logs_command_options, follow), NULL,
		"Follow log output"},
	{"since", 0, CLI_STRING, offsetof(struct logs_command_options, since), "string",
		"Show logs since timestamp (e.g. \"2013-01-02\", \"2013-01-02T13:23:37Z\") or "
		"relative (e.g. \"42m\")"},
	{"tail", 'n', CLI_STRING, offsetof(struct logs_command_options, tail), "string",
		"Number of lines to show from the end of the logs", NULL, 0, "all"},
	{"timestamps", 't', CLI_FLAG, offsetof(struct logs_command_options, timestamps), NULL,
		"Show timestamps"},
	{"until", 0, CLI_STRING, offsetof(struct logs_command_options, until), "string",
		"Show logs before a timestamp (e.g. \"2013-01-02\", \"2013-01-02T13:23:37Z\") or "
		"relative (e.g. \"42m\")"},
};

static int parse_time(const char *option, const char *text, int64_t *ret, struct hull_error *err)
{
	if (str_empty(text) || clock_parse_moment(text, clock_realtime_ns(), ret) == 0)
		return 0;
	return error_set(err, HULL_ERROR_INVALID,
		"invalid value for \"%s\": failed to parse value as time or duration: \"%s\"",
		option, text);
}

static int parse_options(
	const struct logs_command_options *o, struct logs_options *ret, struct hull_error *err)
{
	*ret = (struct logs_options)LOGS_OPTIONS_INIT;
	ret->timestamps = o->timestamps;
	ret->details = o->details;
	ret->follow = o->follow;
	if (!str_eq(o->tail, "all") && str_to_i64(o->tail, &ret->tail) < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid value for \"tail\": %s", o->tail);
	if (ret->tail < 0)
		ret->tail = LOGS_ALL;
	int r = parse_time("since", o->since, &ret->since, err);
	return r < 0 ? r : parse_time("until", o->until, &ret->until, err);
}

struct watched {
	struct engine *engine;
	const struct container *c;
};

static bool still_running(void *data)
{
	const struct watched *w = data;

	return container_is_locked(w->engine, w->c->id);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int end = -1;
	struct logs_options logs;

	int r = parse_options(data, &logs, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r < 0)
		return r;
	path = container_log_path(engine, c->id);
	if (!path)
		return error_no_memory(err);
	if (logs.follow && container_is_running(c))
		attach_connect(engine, c, false, &end, NULL);
	struct watched watched = {engine, c};
	const struct logs_follow follow = {
		.is_running = still_running, .data = &watched, .end_fd = end};
	return logs_read(path, &logs, &follow, stdout, stderr, err);
}

const struct cli_command hull_logs_command = {
	.name = "logs",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Fetch the logs of a container",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct logs_command_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

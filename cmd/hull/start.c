/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "each.h"
#include "foreground.h"
#include "streams.h"

#include "base/str.h"
#include "cli/terminal.h"
#include "engine/start.h"

struct start_command_options {
	bool attach, interactive;
	char *detach_keys;
};

static const struct cli_option options[] = {
	{"attach", 'a', CLI_FLAG, offsetof(struct start_command_options, attach), NULL,
		"Attach STDOUT/STDERR and forward signals"},
	{"detach-keys", 0, CLI_STRING, offsetof(struct start_command_options, detach_keys),
		"string", "Override the key sequence for detaching a container"},
	{"interactive", 'i', CLI_FLAG, offsetof(struct start_command_options, interactive), NULL,
		"Attach container's STDIN"},
};

static int check_paused(const struct container *c, struct hull_error *err)
{
	if (str_eq(c->state, "paused"))
		return error_set(err, HULL_ERROR_CONFLICT,
			"cannot start a paused container, try unpause instead");
	return 0;
}

static int start_one(struct engine *engine, struct container *c, void *data, struct hull_error *err)
{
	const struct start_options start = {.owner = false};
	int owner = -1;

	int r = check_paused(c, err);
	if (r < 0 || container_is_running(c))
		return r;
	return start_and_record(engine, c, false, &start, &owner, err);
}

static int start_attached(struct cli_context *context, const struct start_command_options *o,
	const char *name, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int owner = -1;
	struct start_options start = {.owner = true};
	struct foreground_options foreground = {
		.input = o->interactive,
		.sig_proxy = true,
		.detach_keys = o->detach_keys,
	};
	struct terminal_size size;

	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, name, &c, err);
	if (r == 0)
		r = check_paused(c, err);
	if (r == 0)
		r = streams_check_terminal(c->config->tty, o->interactive, err);
	if (r < 0)
		return r;
	if (container_is_running(c))
		return foreground_join(engine, c, &foreground, err);
	if (c->config->tty && terminal_size_get(STDIN_FILENO, &size) == 0) {
		start.rows = size.rows;
		start.columns = size.columns;
	}
	streams_block_signals();
	r = start_and_record(engine, c, false, &start, &owner, err);
	if (r < 0)
		return r;
	foreground.owner = true;
	return foreground_attach(engine, c, &foreground, owner, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct start_command_options *o = data;

	int r = hull_seal(context, err);
	if (r < 0)
		return r;
	if (!o->attach && !o->interactive)
		return each_container(context, argc, argv, start_one, data, err);
	if (argc > 1)
		return error_set(err, HULL_ERROR_INVALID,
			"you cannot start and attach multiple containers at once");
	return start_attached(context, o, argv[0], err);
}

const struct cli_command hull_start_command = {
	.name = "start",
	.arguments = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Start one or more stopped containers",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct start_command_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

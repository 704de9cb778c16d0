/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "create_options.h"
#include "foreground.h"
#include "streams.h"

#include "cli/terminal.h"
#include "engine/create.h"
#include "engine/start.h"

#include <strings.h>

/* True if -a was given and does not name the stream. */
static bool is_left_out(const struct create_options *o, const char *stream)
{
	char **s = o->attach;

	while (s && *s && strcasecmp(*s, stream) != 0)
		s++;
	return o->attach && !*s;
}

static int check_options(const struct create_options *o, struct hull_error *err)
{
	if (o->detach && o->attach)
		return error_set(err, HULL_ERROR_INVALID, "Conflicting options: -a and -d");
	for (char **s = o->attach; s && *s; s++) {
		if (strcasecmp(*s, "stdin") != 0 && strcasecmp(*s, "stdout") != 0 &&
			strcasecmp(*s, "stderr") != 0)
			return error_set(err, HULL_ERROR_INVALID,
				"-a %s: valid streams are STDIN, STDOUT and STDERR", *s);
	}
	return 0;
}

/* This one failure has 1 for its status, not 125: Docker's client ends before it is about a run. */
static int check_terminal(const struct cli_context *context, const struct create_options *o)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	if (o->detach || streams_check_terminal(o->tty, o->interactive, &why) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", context->program, hull_error_message(&why));
	return 1;
}

static bool is_recorded(struct engine *engine, const char *id)
{
	_cleanup_container_ struct container *c = NULL;

	return container_load(engine, id, &c, NULL) == 0;
}

static int run_main(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct create_options *o = options;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int owner = -1;
	_cleanup_close_ int hold = -1;
	struct start_options start = {.owner = !o->detach, .trace = o->trace, .warn = hull_warn};
	struct terminal_size size;

	int r = hull_seal(context, err);
	if (r == 0)
		r = check_options(o, err);
	if (r == 0)
		r = check_terminal(context, o);
	if (r == 0)
		r = create_check_cidfile(o, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = create_options_apply(context, engine, o, argc, argv, &c, &hold, err);
	if (r != 0)
		return r;
	if (o->tty && terminal_size_get(STDIN_FILENO, &size) == 0) {
		start.rows = size.rows;
		start.columns = size.columns;
	}
	if (!o->detach)
		streams_block_signals();
	r = start_and_record(engine, c, true, &start, &owner, err);
	cleanup_closep(&hold);
	/* What could not be started is there all the same, and scripts remove it by this file. */
	if (r < 0 && o->cidfile && is_recorded(engine, c->id))
		create_write_cidfile(o, c, NULL);
	if (r == 0)
		r = create_write_cidfile(o, c, err);
	if (r < 0)
		return r;
	if (o->detach) {
		puts(c->id);
		return 0;
	}
	/* Who sees nothing of the container can at least look for it. */
	if (is_left_out(o, "stdout") && is_left_out(o, "stderr"))
		puts(c->id);
	fflush(stdout);
	const struct foreground_options foreground = {
		.input = o->interactive && !is_left_out(o, "stdin"),
		.hide_stdout = is_left_out(o, "stdout"),
		.hide_stderr = is_left_out(o, "stderr"),
		.sig_proxy = o->sig_proxy,
		.detach_keys = o->detach_keys,
		.owner = true,
	};
	return foreground_attach(engine, c, &foreground, owner, err);
}

static const struct cli_option run_options[] = {
	{"detach", 'd', CLI_FLAG, offsetof(struct create_options, detach), NULL,
		"Run container in background and print container ID"},
	{"detach-keys", 0, CLI_STRING, offsetof(struct create_options, detach_keys), "string",
		"Override the key sequence for detaching a container"},
	{"sig-proxy", 0, CLI_FLAG, offsetof(struct create_options, sig_proxy), NULL,
		"Proxy received signals to the process", NULL, 0, "true"},
	{"trace", 0, CLI_STRING, offsetof(struct create_options, trace), "string",
		"Append to this file what the kernel was asked to do, with times", "@file"},
	CREATE_OPTION_ROWS,
};

const struct cli_command hull_run_command = {
	.name = "run",
	.arguments = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create and run a new container from an image",
	.argument_values = "@image",
	CLI_OPTIONS(run_options),
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL | CLI_EXIT_BY_KIND,
	.group = "Common Commands",
	.run = run_main,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"
#include "streams.h"

#include "cli/terminal.h"
#include "engine/exec.h"
#include "engine/parse.h"
#include "sys/process.h"

extern char **environ;

struct exec_command_options {
	bool detach, interactive, tty, privileged;
	char **env, **env_file;
	char *user, *workdir, *detach_keys;
};

#define ROW(letter, name, kind, member, metavar, help)                                           \
	{                                                                                        \
		name, letter, kind, offsetof(struct exec_command_options, member), metavar, help \
	}

static const struct cli_option options[] = {
	ROW('d', "detach", CLI_FLAG, detach, NULL, "Detached mode: run command in the background"),
	ROW(0, "detach-keys", CLI_STRING, detach_keys, "string",
		"Override the key sequence for detaching a container"),
	ROW('e', "env", CLI_STRV, env, "list", "Set environment variables"),
	ROW(0, "env-file", CLI_STRV, env_file, "list", "Read in a file of environment variables"),
	ROW('i', "interactive", CLI_FLAG, interactive, NULL,
		"Keep STDIN open even if not attached"),
	ROW(0, "privileged", CLI_FLAG, privileged, NULL, "Give extended privileges to the command"),
	ROW('t', "tty", CLI_FLAG, tty, NULL, "Allocate a pseudo-TTY"),
	ROW('u', "user", CLI_STRING, user, "string",
		"Username or UID (format: \"<name|uid>[:<group|gid>]\")"),
	ROW('w', "workdir", CLI_STRING, workdir, "string",
		"Working directory inside the container"),
};

static void pass_signal(void *data, int signal)
{
	const struct exec_session *session = data;

	process_pidfd_signal(session->process.pidfd, signal);
}

static int read_env(const struct exec_command_options *o, struct arena *arena, char ***ret,
	struct hull_error *err)
{
	int r = 0;

	for (char **p = o->env_file; r == 0 && p && *p; p++)
		r = env_file_load(arena, *p, environ, ret, err);
	for (char **e = o->env; r == 0 && e && *e; e++)
		r = env_option_parse(arena, *e, environ, ret, err);
	return r;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct exec_command_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_exec_session_ struct exec_session session = EXEC_SESSION_INIT;
	struct exec_options exec = {
		.args = argv + 1,
		.user = o->user,
		.working_dir = o->workdir,
		.tty = o->tty,
		.interactive = o->interactive,
		.privileged = o->privileged,
		.detach = o->detach,
		.warn = hull_warn,
	};
	struct terminal_size size;
	char **env = NULL;
	int code = 0, lost = 0;

	int r = hull_seal(context, err);
	if (r == 0 && !o->detach)
		r = streams_check_terminal(o->tty, o->interactive, err);
	if (r == 0)
		r = read_env(o, &arena, &env, err);
	exec.env = env;
	if (o->tty && terminal_size_get(STDIN_FILENO, &size) == 0) {
		exec.rows = size.rows;
		exec.columns = size.columns;
	}
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r < 0)
		return r;
	if (!o->detach)
		streams_block_signals();
	r = exec_start(engine, c, &exec, &session, err);
	if (r < 0 || o->detach)
		return r;
	const struct streams_options streams = {
		.input = o->interactive,
		.tty = o->tty,
		.detach_keys = o->detach_keys,
		.signal = pass_signal,
		.data = &session,
		.lost = &lost,
	};
	r = streams_exec(&streams, &session, &code, err);
	return r < 0 ? r : streams_status(code, lost);
}

const struct cli_command hull_exec_command = {
	.name = "exec",
	.arguments = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.summary = "Execute a command in a running container",
	.argument_values = "@running",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct exec_command_options),
	.min_args = 2,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL | CLI_EXIT_BY_COMMAND,
	.group = "Common Commands",
	.run = run,
};

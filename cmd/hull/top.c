/* SPDX-License-Identifier: Apache-2.0 */
/* top: ps(1) on the host, its lines cut down to the container's processes, as Docker does it. */
#include "container_commands.h"
#include "hull.h"

#include "base/fd.h"
#include "cli/terminal.h"
#include "engine/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* `choice` may be NULL: a last word for ps, which some of its options do not go with. */
static int run_ps(char **words, const char *choice, struct buf *out, struct hull_error *err)
{
	_cleanup_strv_ char **argv = NULL;
	posix_spawn_file_actions_t actions;
	int ends[2], status;
	pid_t pid;

	if (strv_append(&argv, "ps") < 0 || strv_extend(&argv, words) < 0 ||
		(choice && strv_append(&argv, choice) < 0))
		return error_no_memory(err);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	_cleanup_close_ int reading = ends[0];
	_cleanup_close_ int writing = ends[1];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, writing, STDOUT_FILENO);
	if (choice)
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int r = posix_spawnp(&pid, "ps", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return error_errno(err, r, "ps");
	cleanup_closep(&writing);
	r = fd_read_to_buf(reading, out, (size_t)16 << 20);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, HULL_ERROR_INVALID, "ps failed; are its options right?");
	return r < 0 ? error_errno(err, r, "ps") : 0;
}

/* By the pids if ps can: others would not be listed by options like -o. Else ps chooses. */
static int list(char **words, const pid_t *pids, size_t n, struct buf *out, struct hull_error *err)
{
	_cleanup_buf_ struct buf choice = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_printf(&choice, "%s%d", i ? "," : "-q", (int)pids[i]);
	if (buf_error(&choice) < 0)
		return error_no_memory(err);
	if (n > 0 && run_ps(words, buf_str(&choice), out, NULL) == 0)
		return 0;
	buf_reset(out);
	return run_ps(words, NULL, out, err);
}

/* The column of PID in the title line, -1 if there is none. */
static int pid_column(const char *line)
{
	_cleanup_strv_ char **titles = strv_split(line, " \t");
	int column = 0;

	strv_foreach (t, titles) {
		if (str_eq(*t, "PID"))
			return column;
		column++;
	}
	return -1;
}

static bool line_matches(const char *line, int column, const pid_t *pids, size_t n)
{
	const char *p = line;
	int64_t pid;

	for (int i = 0; i < column; i++) {
		p += strspn(p, " \t");
		p += strcspn(p, " \t");
	}
	p += strspn(p, " \t");
	_cleanup_free_ char *word = strndup(p, strcspn(p, " \t"));
	if (!word || str_to_i64(word, &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int print_lines(char *text, const pid_t *pids, size_t n, struct hull_error *err)
{
	int column = -1;
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (column < 0) {
			column = pid_column(line);
			if (column < 0)
				return error_set(err, HULL_ERROR_INVALID,
					"Couldn't find PID field in ps output");
			terminal_print_line(stdout, line);
		} else if (line_matches(line, column, pids, n)) {
			terminal_print_line(stdout, line);
		}
	}
	return 0;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ pid_t *pids = NULL;
	char *defaults[] = {(char *)"-ef", NULL};
	size_t n = 0;

	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = container_check_running(c, err);
	if (r == 0)
		r = container_process_await(engine, c, &p, err);
	if (r == 0)
		r = container_pids(&p.ref, &pids, &n, err);
	if (r == 0)
		r = list(argc > 1 ? argv + 1 : defaults, pids, n, &out, err);
	return r < 0 ? r : print_lines(out.data ? out.data : (char[]){""}, pids, n, err);
}

const struct cli_command hull_top_command = {
	.name = "top",
	.arguments = "CONTAINER [ps OPTIONS]",
	.summary = "Display the running processes of a container",
	.argument_values = "@running",
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = run,
};

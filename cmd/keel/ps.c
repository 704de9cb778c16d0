/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container: as a JSON array, or what ps(1) tells about them. */
#include "keel.h"
#include "base/fd.h"

#include <sys/wait.h>

struct ps_options {
	char *format;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct ps_options, format), "format",
		"Output: table or json", "table json", 0},
};

static void print_json(const pid_t *pids, size_t n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);

	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		json_i64(&w, pids[i]);
	json_end_array(&w);
	puts(buf_str(&out));
}

/* Runs ps(1) and returns its output. */
static int run_ps(char *const *arguments, struct buf *out, struct hull_error *err)
{
	_cleanup_strv_ char **argv = NULL;
	int ends[2], status;

	if (strv_append(&argv, "ps") < 0 || strv_extend(&argv, arguments) < 0)
		return error_no_memory(err);
	if (!arguments || !arguments[0]) {
		if (strv_append(&argv, "-ef") < 0)
			return error_no_memory(err);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	_cleanup_close_ int in = ends[0];
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execvp("ps", argv);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return error_errno(err, errno, "fork");
	int r = fd_read_to_buf(in, out, (size_t)16 << 20);
	waitpid(pid, &status, 0);
	if (r < 0)
		return error_errno(err, r, "ps");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, HULL_ERROR_IO, "ps: exit status %d",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

/* The index of the column "PID" in the head line, -1 if there is none. */
static int pid_column(const char *head)
{
	_cleanup_strv_ char **words = strv_split(head, " ");
	int i = 0;

	strv_foreach (word, words) {
		if (str_eq(*word, "PID"))
			return i;
		i++;
	}
	return -1;
}

static bool line_is_of(const char *line, int column, const pid_t *pids, size_t n)
{
	_cleanup_strv_ char **words = strv_split(line, " ");
	uint32_t pid;

	if ((int)strv_length(words) <= column || str_to_u32(words[column], &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((uint32_t)pids[i] == pid)
			return true;
	}
	return false;
}

static int print_table(char *const *arguments, const pid_t *pids, size_t n, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = run_ps(arguments, &out, err);

	if (r < 0)
		return r;
	_cleanup_strv_ char **lines = strv_split(buf_str(&out), "\n");
	int column = lines && lines[0] ? pid_column(lines[0]) : -1;
	if (column < 0)
		return error_set(err, HULL_ERROR_INVALID, "couldn't find PID field in ps output");
	puts(lines[0]);
	for (char **line = lines + 1; *line; line++) {
		if (line_is_of(*line, column, pids, n))
			puts(*line);
	}
	return 0;
}

static int ps(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct ps_options *o = data;
	_cleanup_container_record_ struct container_record c;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0)
		r = container_pids(&c.ref, &pids, &n, err);
	if (r < 0)
		return r;
	if (str_eq(o->format, "json")) {
		print_json(pids, n);
		return 0;
	}
	if (o->format && !str_eq(o->format, "table"))
		return error_set(err, HULL_ERROR_INVALID, "invalid format option");
	argv[argc] = NULL;
	return print_table(argv + 1, pids, n, err);
}

const struct cli_command keel_ps_command = {
	.name = "ps",
	.arguments = "[OPTIONS] CONTAINER [PS OPTIONS]",
	.summary = "List the processes of a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct ps_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = ps,
};

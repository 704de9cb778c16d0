/* SPDX-License-Identifier: Apache-2.0 */
/* cli_main() as a user sees it: what it prints where, and the exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/option.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

struct globals {
	bool debug;
	char *root;
};

struct run_options {
	bool rm;
	char *name;
	char **env;
};

static const struct cli_option root_rows[] = {
	{.name = "debug",
		.letter = 'D',
		.kind = CLI_FLAG,
		.offset = offsetof(struct globals, debug),
		.help = "Enable debug mode"},
	{.name = "root",
		.kind = CLI_STRING,
		.metavar = "string",
		.offset = offsetof(struct globals, root),
		.help = "Where data is kept",
		.default_value = "/srv"},
};

static const struct cli_option run_rows[] = {
	{.name = "rm",
		.kind = CLI_FLAG,
		.offset = offsetof(struct run_options, rm),
		.help = "Automatically remove the container and its associated anonymous volumes "
			"when it exits"},
	{.name = "name",
		.kind = CLI_STRING,
		.metavar = "string",
		.offset = offsetof(struct run_options, name),
		.help = "Assign a name"},
	{.name = "env",
		.letter = 'e',
		.kind = CLI_STRV,
		.metavar = "list",
		.offset = offsetof(struct run_options, env),
		.help = "Set environment variables"},
	{.name = "secret-thing", .kind = CLI_FLAG, .flags = CLI_HIDDEN | CLI_IGNORED},
};

static int run_run(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct globals *globals = context->globals;
	const struct run_options *o = options;

	if (strcmp(argv[0], "missing") == 0)
		return error_set(err, HULL_ERROR_NO_COMMAND, "start x: no such command");
	printf("%s root=%s rm=%d argc=%d debug=%d env=%zu\n", context->path, globals->root, o->rm,
		argc, context->debug, strv_length(o->env));
	return 7;
}

/* Output that leaves when its line is complete, as libcs do it at terminals (musl: at first). */
static int run_early(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	puts("a line");
	fflush(stdout);
	return argc;
}

static int run_late(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	puts("a line");
	return argc;
}

/* What the printers of tables and documents do. */
static int run_checked(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	puts("a line");
	return fflush(stdout) != 0 ? error_errno(err, errno, "write output") : 0;
}

static int run_ls(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	return error_errno(err, 2, "list");
}

static const struct cli_command run_command = {.name = "run",
	.arguments = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create and run a new container from an image",
	CLI_OPTIONS(run_rows),
	.options_size = sizeof(struct run_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL | CLI_EXIT_BY_KIND,
	.run = run_run,
	.group = "Common Commands"};
static const char *const ls_names[] = {"list", "ps", NULL};
static const struct cli_command ls_command = {
	.name = "ls", .aliases = ls_names, .summary = "List containers", .run = run_ls};
static const struct cli_command ps_command = {
	.name = "ps", .summary = "List containers", .run = run_ls};
static const struct cli_command *const container_commands[] = {&ls_command, &run_command, NULL};
static const struct cli_command container_command = {.name = "container",
	.summary = "Manage containers",
	.subcommands = container_commands,
	.group = "Management Commands"};
static const struct cli_command early_command = {.name = "early",
	.summary = "Write now",
	.max_args = -1,
	.flags = CLI_COMMAND_HIDDEN,
	.run = run_early};
static const struct cli_command checked_command = {.name = "checked",
	.summary = "Write and look",
	.flags = CLI_COMMAND_HIDDEN,
	.run = run_checked};
static const struct cli_command late_command = {.name = "late",
	.summary = "Write at the end",
	.max_args = -1,
	.flags = CLI_COMMAND_HIDDEN,
	.run = run_late};
static const struct cli_command *const root_commands[] = {&run_command, &container_command,
	&ps_command, &early_command, &late_command, &checked_command, NULL};
static const struct cli_command root = {.name = "hull",
	.summary = "Run containers",
	CLI_OPTIONS(root_rows),
	.subcommands = root_commands};

/* Runs cli_main() on the words with both outputs caught. */
struct outcome {
	int status;
	struct buf out, err;
};

static void outcome_done(struct outcome *o)
{
	buf_done(&o->out);
	buf_done(&o->err);
}

/* Puts what `to` refers to in the place of fd, which is returned. */
static int redirect(int fd, int to)
{
	int saved = dup(fd);

	assert_true(saved >= 0 && dup2(to, fd) == fd);
	return saved;
}

static void restore(int fd, int saved)
{
	assert_true(dup2(saved, fd) == fd);
	close(saved);
}

static int memory_open(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void memory_read(int fd, struct buf *content)
{
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_to_buf(fd, content, 0), 0);
	close(fd);
}

/* The standard output goes to out; o->out stays empty. */
static void run_into(struct outcome *o, int out, const char *const *words)
{
	char *argv[16] = {(char *)"hull"};
	struct globals globals = {0};
	int argc = 1, err = memory_open();

	memset(o, 0, sizeof(*o));
	for (; *words; words++)
		argv[argc++] = (char *)*words;
	fflush(stdout);
	int saved_out = redirect(STDOUT_FILENO, out), saved_err = redirect(STDERR_FILENO, err);

	o->status = cli_main(&root, &globals, &globals.debug, 125, argc, argv);
	fflush(stdout);
	clearerr(stdout);
	restore(STDOUT_FILENO, saved_out);
	restore(STDERR_FILENO, saved_err);
	memory_read(err, &o->err);
}

static void run(struct outcome *o, const char *const *words)
{
	int out = memory_open();

	run_into(o, out, words);
	memory_read(out, &o->out);
}

#define _cleanup_outcome_ _cleanup_(outcome_done)
#define RUN(...)	  run(&o, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_runs_the_command(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN("-D", "container", "run", "--rm", "-e", "A", "busybox", "-x");
	assert_string_equal(
		buf_str(&o.out), "hull container run root=/srv rm=1 argc=2 debug=1 env=1\n");
	assert_string_equal(buf_str(&o.err), "");
	assert_int_equal(o.status, 7);
}

static void test_root_help(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN();
	assert_int_equal(o.status, 0);
	assert_string_equal(buf_str(&o.out),
		"Usage:  hull [OPTIONS] COMMAND\n\n"
		"Run containers\n\n"
		"Common Commands:\n"
		"  run         Create and run a new container from an image\n\n"
		"Management Commands:\n"
		"  container   Manage containers\n\n"
		"Commands:\n"
		"  ps          List containers\n\n"
		"Global Options:\n"
		"  -D, --debug         Enable debug mode\n"
		"      --root string   Where data is kept (default \"/srv\")\n\n"
		"Run 'hull COMMAND --help' for more information on a command.\n");
}

static void test_command_help(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN("run", "--help");
	assert_int_equal(o.status, 0);
	assert_string_equal(buf_str(&o.out),
		"Usage:  hull run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"
		"Create and run a new container from an image\n\n"
		"Aliases:\n"
		"  hull container run, hull run\n\n"
		"Options:\n"
		"  -e, --env list      Set environment variables\n"
		"      --name string   Assign a name\n"
		"      --rm            Automatically remove the container and its associated\n"
		"                      anonymous volumes when it exits\n");
}

static void test_other_names(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN("help", "container", "list");
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(buf_str(&o.out),
		"Aliases:\n  hull container ls, hull container list, hull container ps, hull ps\n"));
}

static void test_version(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN("--version");
	assert_int_equal(o.status, 0);
	assert_string_equal(buf_str(&o.out), "hull version " HULL_VERSION "\n");
}

static void test_errors(void **state)
{
	static const struct {
		const char *words[5];
		int status;
		const char *message;
	} cases[] = {
		{{"run", "--foo"}, 125, "unknown flag: --foo\nSee 'hull run --help'.\n"},
		{{"--foo", "run"}, 125, "unknown flag: --foo\nSee 'hull --help'.\n"},
		{{"foo"}, 1, "hull: 'foo' is not a hull command.\nSee 'hull --help'.\n"},
		{{"container", "foo", "x"}, 1,
			"hull: 'container foo' is not a hull command.\nSee 'hull container --help'.\n"},
		{{"help", "foo"}, 1, "hull: 'foo' is not a hull command.\nSee 'hull --help'.\n"},
		{{"run"}, 1,
			"\"hull run\" requires at least 1 argument.\nSee 'hull run --help'.\n\n"
			"Usage:  hull run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"
			"Create and run a new container from an image\n"},
		{{"ps", "x"}, 1,
			"\"hull ps\" accepts no arguments.\nSee 'hull ps --help'.\n\n"
			"Usage:  hull ps\n\nList containers\n"},
		{{"ps"}, 1, "hull: list: No such file or directory\n"},
		{{"run", "missing"}, 127, "hull: start x: no such command\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o;

		run(&o, cases[i].words);
		assert_string_equal(buf_str(&o.err), cases[i].message);
		assert_string_equal(buf_str(&o.out), "");
		assert_int_equal(o.status, cases[i].status);
	}
}

static void test_debug_tells_where(void **state)
{
	_cleanup_outcome_ struct outcome o;

	RUN("--debug", "ps");
	assert_non_null(strstr(buf_str(&o.err), "test-program.c:"));
	assert_non_null(strstr(buf_str(&o.err), "(not-found, ENOENT)"));
}

static void test_lost_output(void **state)
{
	static const struct {
		const char *words[4];
		const char *message;
		int status;
	} cases[] = {
		{{"late"}, "hull: write to standard output: No space left on device\n", 1},
		{{"late", "1", "2"}, "hull: write to standard output: No space left on device\n",
			2},
		{{"early"}, "hull: not all of the output could be written\n", 1},
		{{"early", "1", "2"}, "hull: not all of the output could be written\n", 2},
		/* It has told already. */
		{{"checked"}, "hull: write output: No space left on device\n", 1},
		{{"ps"}, "hull: list: No such file or directory\n", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
		_cleanup_outcome_ struct outcome o;

		run_into(&o, full, cases[i].words);
		assert_string_equal(buf_str(&o.err), cases[i].message);
		assert_int_equal(o.status, cases[i].status);
	}
}

/* As in `hull ps | head -1`, for callers who ignore SIGPIPE and pass that on. */
static void test_reader_gone(void **state)
{
	static const char *const words[][2] = {{"late"}, {"early"}, {"checked"}};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		_cleanup_outcome_ struct outcome o;
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		close(ends[0]);
		run_into(&o, ends[1], words[i]);
		close(ends[1]);
		assert_string_equal(buf_str(&o.err), "");
		assert_int_equal(o.status, 0);
	}
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_the_command),
		cmocka_unit_test(test_root_help),
		cmocka_unit_test(test_command_help),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_debug_tells_where),
		cmocka_unit_test(test_lost_output),
		cmocka_unit_test(test_reader_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

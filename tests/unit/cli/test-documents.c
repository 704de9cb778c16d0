/* SPDX-License-Identifier: Apache-2.0 */
/* Completion candidates, completion scripts and man pages, all from one small program's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/complete.h"
#include "cli/option.h"

#include <string.h>
#include <unistd.h>

struct globals {
	char *root;
	FILE *out;
};

struct run_options {
	bool tty;
	char *pull, *file;
	char **env;
};

static const struct cli_option root_rows[] = {
	{.name = "root",
		.kind = CLI_STRING,
		.metavar = "directory",
		.offset = offsetof(struct globals, root),
		.help = "Where data is kept",
		.values = "@directory"},
};

static const struct cli_option run_rows[] = {
	{.name = "tty",
		.letter = 't',
		.kind = CLI_FLAG,
		.offset = offsetof(struct run_options, tty),
		.help = "Allocate a pseudo-TTY"},
	{.name = "pull",
		.letter = 'p',
		.kind = CLI_STRING,
		.metavar = "string",
		.offset = offsetof(struct run_options, pull),
		.help = "Pull image before running",
		.values = "always missing never",
		.default_value = "missing"},
	{.name = "env-file",
		.kind = CLI_STRING,
		.metavar = "file",
		.offset = offsetof(struct run_options, file),
		.help = "Read in a file of variables",
		.values = "@file"},
	{.name = "environment-file", .flags = CLI_ALIAS},
	{.name = "env_x",
		.kind = CLI_STRV,
		.metavar = "list",
		.offset = offsetof(struct run_options, env),
		.help = "Set *variables*"},
	{.name = "hidden", .kind = CLI_FLAG, .flags = CLI_HIDDEN | CLI_IGNORED},
	{.name = "isolation", .kind = CLI_STRING, .flags = CLI_UNSUPPORTED},
};

static int run_nothing(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	return 0;
}

static int run_complete(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct globals *globals = context->globals;

	fprintf(globals->out, "%s-of-%s\n", argv[0], globals->root ? globals->root : "default");
	return 0;
}

static const struct cli_command run_command = {.name = "run",
	.arguments = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create and run a new container",
	.argument_values = "@image",
	CLI_OPTIONS(run_rows),
	.options_size = sizeof(struct run_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = run_nothing};
static const struct cli_command rm_command = {.name = "rm",
	.summary = "Remove containers",
	.argument_values = "@container",
	.min_args = 1,
	.max_args = 2,
	.run = run_nothing};
static const struct cli_command complete_command = {
	.name = "__complete", .max_args = 1, .run = run_complete, .flags = CLI_COMMAND_HIDDEN};
static const struct cli_command *const container_commands[] = {&rm_command, &run_command, NULL};
static const struct cli_command container_command = {
	.name = "container", .summary = "Manage containers", .subcommands = container_commands};
static const struct cli_command *const root_commands[] = {
	&run_command, &container_command, &complete_command, &cli_completion_command, NULL};
static const struct cli_command root = {.name = "hull",
	.summary = "Run containers",
	CLI_OPTIONS(root_rows),
	.subcommands = root_commands};

static void candidates(struct buf *text, const char *const *words)
{
	struct globals globals = {0};
	struct cli_context context = {.program = "hull", .root = &root, .globals = &globals};
	char *argv[16] = {NULL}, *data = NULL;
	size_t n = 0;
	int argc = 0;

	globals.out = open_memstream(&data, &n);
	for (; *words; words++)
		argv[argc++] = (char *)*words;
	cli_print_candidates(&context, argc, argv, globals.out);
	fclose(globals.out);
	buf_puts(text, data);
	free(data);
}

static void test_candidates(void **state)
{
	static const char commands[] =
		"run\tCreate and run a new container\n"
		"container\tManage containers\n"
		"completion\tPrint a completion script for bash, zsh or fish\n"
		":none\n";
	static const char options[] = "--tty\tAllocate a pseudo-TTY\n"
				      "--pull\tPull image before running\n"
				      "--env-file\tRead in a file of variables\n"
				      "--environment-file\tRead in a file of variables\n"
				      "--env_x\tSet *variables*\n"
				      "--help\tPrint usage\n:none\n";
	static const char pull[] = "always\nmissing\nnever\n:none\n";
	static const struct {
		const char *words[8];
		const char *output;
	} cases[] = {
		{{""}, commands},
		{{"help", ""}, commands},
		{{"--root", "/x", "r"}, commands},
		{{"--root", ""}, ":directory\n"},
		{{"--root="}, ":directory\n"},
		{{"nope", ""}, ":none\n"},
		{{"container", ""},
			"rm\tRemove containers\nrun\tCreate and run a new container\n:none\n"},
		{{"run", "--"}, options},
		{{"run", "-"}, options},
		{{"run", "--pull", ""}, pull},
		{{"run", "--pull=al"}, pull},
		{{"run", "-tp", ""}, pull},
		{{"run", "-pnever", ""}, "image-of-default\n:none\n"},
		{{"run", "--pull=always", ""}, "image-of-default\n:none\n"},
		{{"run", "-t", "--env_x", "A", ""}, "image-of-default\n:none\n"},
		{{"run", "--env_x", ""}, ":none\n"},
		{{"run", "--env-file", ""}, ":file\n"},
		{{"run", "--environment-file", ""}, ":file\n"},
		{{"run", "busybox", "-"}, ":file\n"},
		{{"run", "--", "-"}, "image-of-default\n:none\n"},
		{{"--root=/r", "container", "rm", "a"}, "container-of-/r\n:none\n"},
		{{"container", "rm", "a", "b"}, "container-of-default\n:none\n"},
		{{"container", "rm", "a", "b", "c"}, ":none\n"},
		{{"completion", ""}, "bash\nzsh\nfish\n:none\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		candidates(&text, cases[i].words);
		assert_string_equal(buf_str(&text), cases[i].output);
	}
}

static void test_scripts(void **state)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		char *text = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&text, &n);

		assert_int_equal(cli_print_completion(&root, shells[i], out, NULL), 0);
		fclose(out);
		assert_non_null(strstr(text, "completion --candidates"));
		assert_non_null(strstr(text, "hull"));
		assert_null(strstr(text, "_@"));
		free(text);
	}
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_true(cli_print_completion(&root, "csh", stdout, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
}

static void man(const char *path, const char *extra, struct buf *ret)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_int_equal(cli_print_man(&root, path, extra, out, NULL), 0);
	fclose(out);
	buf_puts(ret, text);
	free(text);
}

static void test_man_of_a_command(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	man("container run", "# EXAMPLES\n\nAn example.", &text);
	assert_string_equal(buf_str(&text),
		"hull-container-run(1) \"hull " HULL_VERSION "\" \"hull manual\"\n\n"
		"# NAME\n\nhull-container-run - create and run a new container\n\n"
		"# SYNOPSIS\n\n*hull container run* \\[OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"
		"The same command has these names: *hull container run*, *hull run*.\n\n"
		"# DESCRIPTION\n\nCreate and run a new container.\n\n"
		"# OPTIONS\n\n"
		"*-t*, *--tty*\n\tAllocate a pseudo-TTY.\n\n"
		"*-p*, *--pull* _string_\n\tPull image before running. The default is *missing*. "
		"One of: always missing never.\n\n"
		"*--env-file* _file_, *--environment-file* _file_\n"
		"\tRead in a file of variables.\n\n"
		"*--env\\_x* _list_\n\tSet \\*variables\\*.\n\n"
		"These options of Docker are known and refused: *--isolation*.\n\n"
		"# EXAMPLES\n\nAn example.\n\n"
		"# SEE ALSO\n\n*hull*(1), *hull-container*(1)\n");
}

static void test_man_of_the_program(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	man("", NULL, &text);
	assert_non_null(strstr(buf_str(&text), "*hull-container*(1)\n\tManage containers.\n"));
	assert_non_null(strstr(buf_str(&text), "# GLOBAL OPTIONS\n\n*--root* _directory_\n"));
	assert_null(strstr(buf_str(&text), "__complete"));
	assert_true(cli_print_man(&root, "container nope", NULL, stdout, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_man_of_a_command),
		cmocka_unit_test(test_man_of_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

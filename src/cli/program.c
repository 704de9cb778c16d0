/* SPDX-License-Identifier: Apache-2.0 */
/* A whole program made of a command table: from argv to exit status. */
#include "cli/option.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* What the walk down the tree carries along. */
struct walk {
	struct cli_context context;
	struct buf path; /* "hull image", then "hull image ls" */
	bool *debug;
	int usage_status;
};

static void print_error(const struct cli_context *context, const struct hull_error *err)
{
	fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
	if (!context->debug || !err->file)
		return;
	fprintf(stderr, "%s: made at %s:%d (%s", context->program, err->file, err->line,
		hull_error_kind_name(err->kind));
	if (err->errnum)
		fprintf(stderr, ", %s", error_name(err->errnum));
	fputs(")\n", stderr);
}

static int fail(const struct walk *walk, const struct hull_error *err)
{
	const struct cli_command *command = walk->context.command;

	print_error(&walk->context, err);
	int code = error_kind_exit_code(err->kind);
	if (command->flags & CLI_EXIT_BY_KIND)
		return code;
	return (command->flags & CLI_EXIT_BY_COMMAND) && code > 125 ? code : 1;
}

static int usage_error(const struct walk *walk, const struct hull_error *err)
{
	fprintf(stderr, "%s\nSee '%s --help'.\n", hull_error_message(err), buf_str(&walk->path));
	return walk->usage_status;
}

static int print_version(const struct walk *walk)
{
	const struct cli_command *root = walk->context.root;

	if (root->version)
		puts(root->version);
	else
		printf("%s version %s\n", walk->context.program, HULL_VERSION);
	return 0;
}

static int print_help(const struct walk *walk)
{
	cli_print_help(walk->context.root, walk->context.command, buf_str(&walk->path), stdout);
	return 0;
}

static bool count_fits(const struct cli_command *command, int argc)
{
	return argc >= command->min_args && (command->max_args < 0 || argc <= command->max_args);
}

/* A wrong number of positionals, in Docker's words. */
static int count_error(const struct walk *walk, int argc)
{
	const struct cli_command *command = walk->context.command;
	const char *path = buf_str(&walk->path);
	int min = command->min_args, max = command->max_args;
	bool few = argc < min;
	int limit = few ? min : max;

	if (max == 0)
		fprintf(stderr, "\"%s\" accepts no arguments.\n", path);
	else
		fprintf(stderr, "\"%s\" requires %s %d argument%s.\n", path,
			min == max ? "exactly"
			: few	   ? "at least"
				   : "at most",
			limit, limit == 1 ? "" : "s");
	const char *arguments = cli_usage_arguments(command);

	fprintf(stderr, "See '%s --help'.\n\nUsage:  %s%s%s\n", path, path, *arguments ? " " : "",
		arguments);
	if (command->summary)
		fprintf(stderr, "\n%s\n", command->summary);
	return 1;
}

/* "hull: 'image foo' is not a hull command." */
static int unknown_command(const struct walk *walk, const char *word)
{
	const char *program = walk->context.program;
	const char *below = buf_str(&walk->path) + strlen(program);

	below += *below == ' ';
	fprintf(stderr, "%s: '%s%s%s' is not a %s command.\nSee '%s --help'.\n", program, below,
		*below ? " " : "", word, program, buf_str(&walk->path));
	return 1;
}

/* Runs the command that the walk has reached with the words after its name. */
static int run_leaf(struct walk *walk, int argc, char **argv, struct hull_error *err)
{
	const struct cli_command *command = walk->context.command;
	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	int n = argc, r = 0, status;

	if (!options)
		return error_no_memory(err);
	if (!(command->flags & CLI_NO_PARSE))
		r = cli_parse(command, options, argc, argv, &n, err);
	if (r == CLI_HELP)
		status = print_help(walk);
	else if (r < 0)
		status = usage_error(walk, err);
	else if (!(command->flags & CLI_NO_PARSE) && !count_fits(command, n))
		status = count_error(walk, n);
	else
		status = command->run(&walk->context, options, n, argv, err);
	cli_options_done(command, options);
	return status;
}

static void descend(struct walk *walk, const struct cli_command *command, const char *name)
{
	walk->context.command = command;
	buf_printf(&walk->path, " %s", name);
}

/* `hull help image ls` is `hull image ls --help`. */
static int help_command(struct walk *walk, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const struct cli_command *sub = cli_find(walk->context.command, argv[i]);

		if (!sub)
			return unknown_command(walk, argv[i]);
		descend(walk, sub, argv[i]);
	}
	return print_help(walk);
}

static int walk_tree(struct walk *walk, int argc, char **argv, struct hull_error *err);

/* The options of the top command or of a group, then the name of what is below it. */
static int walk_group(
	struct walk *walk, void *options, int argc, char **argv, struct hull_error *err)
{
	struct cli_command head = *walk->context.command;
	bool top = walk->context.command == walk->context.root;
	int n;

	head.flags |= CLI_STOP_AT_POSITIONAL;
	int r = cli_parse(&head, options, argc, argv, &n, err);
	if (top && walk->debug)
		walk->context.debug = *walk->debug;
	if (r < 0)
		return usage_error(walk, err);
	if (r == CLI_VERSION && top)
		return print_version(walk);
	if (r == CLI_HELP || r == CLI_VERSION || n == 0)
		return print_help(walk);

	const struct cli_command *sub = cli_find(walk->context.command, argv[0]);

	if (!sub && top && str_eq(argv[0], "help"))
		return help_command(walk, n - 1, argv + 1);
	if (!sub)
		return unknown_command(walk, argv[0]);
	descend(walk, sub, argv[0]);
	return walk_tree(walk, n - 1, argv + 1, err);
}

static int walk_tree(struct walk *walk, int argc, char **argv, struct hull_error *err)
{
	const struct cli_command *command = walk->context.command;

	if (buf_error(&walk->path) < 0)
		return error_no_memory(err);
	walk->context.path = buf_str(&walk->path);
	if (!command->subcommands)
		return run_leaf(walk, argc, argv, err);
	if (command == walk->context.root)
		return walk_group(walk, walk->context.globals, argc, argv, err);

	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	if (!options)
		return error_no_memory(err);
	int r = walk_group(walk, options, argc, argv, err);

	cli_options_done(command, options);
	return r;
}

/* True if nobody is left to read the standard output. */
static bool reader_is_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

/*
 * Output that could not be written is a failure that scripts must see; a status of the command's
 * own (a container's) stays. Most of it was written before: then the stream remembers that writing
 * failed, but not why. Who reads no more (head -1) has seen enough.
 */
static int finish_output(const struct walk *walk, int status)
{
	const char *program = walk->context.program;
	int why = fflush(stdout) != 0 ? errno : 0;

	if (!ferror(stdout) || reader_is_gone())
		return status;
	if (why)
		fprintf(stderr, "%s: write to standard output: %s\n", program, error_text(why));
	else
		fprintf(stderr, "%s: not all of the output could be written\n", program);
	return status ? status : 1;
}

int cli_main(const struct cli_command *root, void *globals, bool *debug, int usage_status, int argc,
	char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct walk walk = {
		.context = {.program = root->name,
			.root = root,
			.command = root,
			.globals = globals},
		.debug = debug,
		.usage_status = usage_status,
	};

	buf_puts(&walk.path, root->name);
	int r = walk_tree(&walk, argc > 0 ? argc - 1 : 0, argv + (argc > 0), &err);

	if (r < 0 && err.errnum == EPIPE && reader_is_gone())
		r = 0;
	r = r < 0 ? fail(&walk, &err) : finish_output(&walk, r);
	cli_options_done(root, globals);
	buf_done(&walk.path);
	return r;
}

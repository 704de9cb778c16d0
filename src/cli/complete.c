/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may come next on a command line. The scripts of the shells are thin: they hand over the
 * words typed so far and show what is printed here, so all shells complete alike and from the same
 * tables that the parser uses.
 *
 * Output: one candidate per line, "value<tab>description", then ":none", ":file" or ":directory",
 * which tells the script whether to offer names of files as well. Candidates are not filtered by
 * what is typed of the last word; shells do that. For "--name=value" they are values only.
 */
#include "cli/complete.h"

#include "base/cleanup.h"

struct line {
	struct cli_context *context;
	const struct cli_command *command; /* reached so far */
	const struct cli_option *pending;  /* the last word is the value of this one */
	int positionals;
	bool ended; /* options have ended: "--", or a positional of `run` */
	FILE *out;
};

static bool is_shown(const struct cli_option *option)
{
	return option->name && !(option->flags & (CLI_HIDDEN | CLI_UNSUPPORTED));
}

static const struct cli_option *find_option(const struct cli_command *command, const char *word)
{
	bool is_long = word[1] == '-';
	size_t n = is_long ? strcspn(word + 2, "=") : 0;

	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name)
			continue;
		if (is_long ? strlen(option->name) == n && !strncmp(option->name, word + 2, n)
			    : option->letter && option->letter == word[1])
			return option;
	}
	return NULL;
}

/* The option of this word if its value is the next word: "--name", "-n", "-tn". */
static const struct cli_option *find_pending(const struct cli_command *command, const char *word)
{
	const struct cli_option *option;

	if (word[1] == '-') {
		option = strchr(word, '=') ? NULL : find_option(command, word);
		return option && !cli_kind_is_flag(cli_option_target(command, option)->kind)
			       ? option
			       : NULL;
	}
	for (const char *p = word + 1; *p && *p != '='; p++) {
		const char letter[] = {'-', *p, '\0'};

		option = find_option(command, letter);
		if (option && !cli_kind_is_flag(cli_option_target(command, option)->kind))
			return p[1] ? NULL : option;
	}
	return NULL;
}

/* Takes in one word before the last; false if nothing can be told about what follows. */
static bool advance(struct line *line, const char *word)
{
	if (line->pending) {
		line->pending = NULL;
		return true;
	}
	if (!line->ended && word[0] == '-' && word[1]) {
		if (str_eq(word, "--"))
			line->ended = true;
		else
			line->pending = find_pending(line->command, word);
		return true;
	}
	if (!line->command->subcommands) {
		line->positionals++;
		line->ended |= (line->command->flags & CLI_STOP_AT_POSITIONAL) != 0;
		return true;
	}
	const struct cli_command *sub = cli_find(line->command, word);

	if (!sub)
		return line->command == line->context->root && str_eq(word, "help");
	line->command = sub;
	line->ended = false;
	return true;
}

/* `PROGRAM __complete kind`, run right here. Its failure only means that there are no candidates. */
static void run_dynamic(const struct line *line, const char *kind)
{
	const struct cli_command *command = cli_find(line->context->root, "__complete");
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char *argv[] = {(char *)kind, NULL};

	if (!command)
		return;
	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	if (options)
		(void)command->run(line->context, options, 1, argv, &err);
}

/* The candidates of a table's values text; returns the directive. */
static const char *print_values(const struct line *line, const char *values)
{
	const char *directive = "none";
	_cleanup_strv_ char **words = values ? strv_split(values, " ") : NULL;

	strv_foreach (word, words) {
		if ((*word)[0] != '@')
			fprintf(line->out, "%s\n", *word);
		else if (str_eq(*word, "@file"))
			directive = "file";
		else if (str_eq(*word, "@directory"))
			directive = "directory";
		else if (!str_eq(*word, "@none"))
			run_dynamic(line, *word + 1);
	}
	return directive;
}

static void print_options(const struct line *line)
{
	for (size_t i = 0; i < line->command->n_options; i++) {
		const struct cli_option *option = &line->command->options[i];

		if (is_shown(option))
			fprintf(line->out, "--%s\t%s\n", option->name,
				cli_option_target(line->command, option)->help);
	}
	fprintf(line->out, "--help\tPrint usage\n");
}

static void print_commands(const struct line *line)
{
	for (size_t i = 0; line->command->subcommands[i]; i++) {
		const struct cli_command *sub = line->command->subcommands[i];

		if (!(sub->flags & CLI_COMMAND_HIDDEN))
			fprintf(line->out, "%s\t%s\n", sub->name, sub->summary ? sub->summary : "");
	}
}

static const char *print_positional(const struct line *line)
{
	const struct cli_command *command = line->command;

	if (command->max_args >= 0 && line->positionals >= command->max_args)
		return "none";
	/* What follows the image of `run` is a command line of the container's own. */
	if (line->positionals > 0 && (command->flags & CLI_STOP_AT_POSITIONAL))
		return "file";
	return print_values(line, command->argument_values);
}

static const char *print_last(const struct line *line, const char *last)
{
	const struct cli_option *option;

	if (line->pending)
		return print_values(line, cli_option_target(line->command, line->pending)->values);
	if (line->ended || last[0] != '-') {
		if (!line->command->subcommands)
			return print_positional(line);
		print_commands(line);
		return "none";
	}
	if (!strchr(last, '=')) {
		print_options(line);
		return "none";
	}
	option = find_option(line->command, last);
	return option ? print_values(line, cli_option_target(line->command, option)->values)
		      : "none";
}

/* The global options on the line being completed count: "--root DIR" says whose containers. */
static void parse_globals(struct cli_context *context, int argc, char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct cli_command head = *context->root;
	int n;

	if (!words)
		return;
	for (int i = 0; i < argc; i++)
		words[i] = argv[i];
	head.flags |= CLI_STOP_AT_POSITIONAL;
	(void)cli_parse(&head, context->globals, argc, words, &n, &err);
}

void cli_print_candidates(struct cli_context *context, int argc, char **argv, FILE *out)
{
	struct line line = {.context = context, .command = context->root, .out = out};
	const char *directive = "none";
	bool known = argc > 0;

	parse_globals(context, argc, argv);
	for (int i = 0; known && i + 1 < argc; i++)
		known = advance(&line, argv[i]);
	if (known)
		directive = print_last(&line, argv[argc - 1]);
	fprintf(out, ":%s\n", directive);
}

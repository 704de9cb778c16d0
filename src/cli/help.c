/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --help, laid out as Docker's: usage line, summary, other names, commands by group, options
 * sorted by name with their texts aligned and wrapped to the width of the terminal.
 */
#include "cli/option.h"

#include "base/buf.h"

#include <sys/ioctl.h>

enum { WIDTH_DEFAULT = 80, TEXT_WIDTH_MIN = 24, COMMAND_WIDTH_MIN = 11 };

static size_t output_width(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);

	if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_DEFAULT;
}

/* Prints text from column `indent` on, breaking at spaces so that no line passes the width. */
static void print_wrapped(const char *text, size_t indent, size_t width, FILE *out)
{
	size_t room = width > indent + TEXT_WIDTH_MIN ? width - indent - 1 : TEXT_WIDTH_MIN;

	for (;;) {
		size_t n = strcspn(text, "\n");

		if (n > room) {
			size_t cut = room;

			while (cut > 0 && text[cut] != ' ')
				cut--;
			n = cut ? cut : strcspn(text, " \n");
		}
		fprintf(out, "%.*s\n", (int)n, text);
		text += n;
		if (*text)
			text++;
		if (!*text)
			return;
		fprintf(out, "%*s", (int)indent, "");
	}
}

static bool has_options(const struct cli_command *command)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (command->options[i].name &&
			!(command->options[i].flags & (CLI_HIDDEN | CLI_ALIAS | CLI_UNSUPPORTED)))
			return true;
	return false;
}

const char *cli_usage_arguments(const struct cli_command *command)
{
	if (command->arguments)
		return command->arguments;
	if (command->subcommands)
		return has_options(command) ? "[OPTIONS] COMMAND" : "COMMAND";
	return has_options(command) ? "[OPTIONS]" : "";
}

/* Other names: every command of the tree that runs the same function with the same options. */

static bool same_command(const struct cli_command *a, const struct cli_command *b)
{
	return a == b || (a->run && a->run == b->run && a->options == b->options);
}

static void collect_names(const struct cli_command *parent, const char *path,
	const struct cli_command *wanted, char ***names)
{
	for (size_t i = 0; parent->subcommands && parent->subcommands[i]; i++) {
		const struct cli_command *sub = parent->subcommands[i];

		if (!sub->subcommands || (sub->flags & CLI_COMMAND_HIDDEN))
			continue;
		_cleanup_free_ char *sub_path = str_printf("%s %s", path, sub->name);
		if (sub_path)
			collect_names(sub, sub_path, wanted, names);
	}
	for (size_t i = 0; parent->subcommands && parent->subcommands[i]; i++) {
		const struct cli_command *sub = parent->subcommands[i];

		if (!same_command(sub, wanted) || (sub->flags & CLI_COMMAND_HIDDEN))
			continue;
		strv_append_printf(names, "%s %s", path, sub->name);
		for (size_t a = 0; sub->aliases && sub->aliases[a]; a++)
			strv_append_printf(names, "%s %s", path, sub->aliases[a]);
	}
}

char **cli_command_names(const struct cli_command *root, const struct cli_command *command)
{
	char **names = NULL;

	collect_names(root, root->name, command, &names);
	return names;
}

static void print_names(
	const struct cli_command *root, const struct cli_command *command, size_t width, FILE *out)
{
	_cleanup_strv_ char **names =
		root && root != command ? cli_command_names(root, command) : NULL;

	if (strv_length(names) < 2)
		return;
	_cleanup_free_ char *text = strv_join(names, ", ");
	if (!text)
		return;
	fputs("\nAliases:\n  ", out);
	print_wrapped(text, 2, width, out);
}

/* The left column of an option: "  -m, --memory bytes". */
static void format_option(const struct cli_option *option, struct buf *text)
{
	if (option->letter)
		buf_printf(text, "  -%c, --%s", option->letter, option->name);
	else
		buf_printf(text, "      --%s", option->name);
	if (option->kind == CLI_OPTIONAL_STRING)
		buf_printf(text, "[=%s]", option->metavar ? option->metavar : "string");
	else if (!cli_kind_is_flag(option->kind))
		buf_printf(text, " %s", option->metavar ? option->metavar : "value");
}

static void format_option_help(const struct cli_option *option, struct buf *text)
{
	bool quoted = option->kind == CLI_STRING || option->kind == CLI_STRV ||
		      option->kind == CLI_OPTIONAL_STRING;

	buf_puts(text, option->help ? option->help : "");
	if (option->default_value && *option->default_value)
		buf_printf(text, quoted ? " (default \"%s\")" : " (default %s)",
			option->default_value);
}

static int compare_options(const void *a, const void *b)
{
	const struct cli_option *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static bool is_shown(const struct cli_option *option)
{
	return option->name && !(option->flags & (CLI_HIDDEN | CLI_ALIAS | CLI_UNSUPPORTED));
}

/* The rows between two headings, sorted; returns the index after them. */
static size_t print_section(
	const struct cli_command *command, size_t start, size_t column, size_t width, FILE *out)
{
	_cleanup_free_ const struct cli_option **rows = calloc(command->n_options, sizeof(*rows));
	size_t n = 0, i = start;

	for (; i < command->n_options && command->options[i].name; i++)
		if (rows && is_shown(&command->options[i]))
			rows[n++] = &command->options[i];
	if (n)
		qsort(rows, n, sizeof(*rows), compare_options);
	for (size_t k = 0; k < n; k++) {
		_cleanup_buf_ struct buf left = BUF_INIT, text = BUF_INIT;

		format_option(rows[k], &left);
		format_option_help(rows[k], &text);
		fprintf(out, "%-*s", (int)column, buf_str(&left));
		print_wrapped(buf_str(&text), column, width, out);
	}
	return i;
}

static void print_options(
	const struct cli_command *command, const char *title, size_t width, FILE *out)
{
	size_t column = 0;

	for (size_t i = 0; i < command->n_options; i++) {
		_cleanup_buf_ struct buf left = BUF_INIT;

		if (!is_shown(&command->options[i]))
			continue;
		format_option(&command->options[i], &left);
		if (left.len > column)
			column = left.len;
	}
	if (!column)
		return;
	for (size_t i = 0; i < command->n_options;) {
		if (i == 0 && command->options[0].name) {
			fprintf(out, "\n%s:\n", title);
		} else {
			fprintf(out, "\n%s:\n", command->options[i].help);
			i++;
		}
		i = print_section(command, i, column + 3, width, out);
	}
}

/* Docker's three groups; a command may name another one. */
static const char *group_of(const struct cli_command *command, bool mixed)
{
	if (command->group)
		return command->group;
	return command->subcommands && mixed ? "Management Commands" : "Commands";
}

static void print_commands(const struct cli_command *command, FILE *out)
{
	_cleanup_strv_ char **groups = NULL;
	size_t column = COMMAND_WIDTH_MIN;
	bool leaf = false, tree = false;

	for (size_t i = 0; command->subcommands[i]; i++) {
		const struct cli_command *sub = command->subcommands[i];

		if (sub->flags & CLI_COMMAND_HIDDEN)
			continue;
		*(sub->subcommands ? &tree : &leaf) = true;
		if (strlen(sub->name) > column)
			column = strlen(sub->name);
	}
	/* Named groups come in the table's order, then the management commands, then the rest. */
	for (size_t i = 0; command->subcommands[i]; i++) {
		const char *group = command->subcommands[i]->group;

		if (group && !(command->subcommands[i]->flags & CLI_COMMAND_HIDDEN) &&
			!strv_contains(groups, group))
			strv_append(&groups, group);
	}
	if (leaf && tree && !strv_contains(groups, "Management Commands"))
		strv_append(&groups, "Management Commands");
	if (!strv_contains(groups, "Commands"))
		strv_append(&groups, "Commands");

	strv_foreach (group, groups) {
		bool begun = false;

		for (size_t i = 0; command->subcommands[i]; i++) {
			const struct cli_command *sub = command->subcommands[i];

			if ((sub->flags & CLI_COMMAND_HIDDEN) ||
				!str_eq(group_of(sub, leaf && tree), *group))
				continue;
			if (!begun)
				fprintf(out, "\n%s:\n", *group);
			begun = true;
			fprintf(out, "  %-*s %s\n", (int)column, sub->name,
				sub->summary ? sub->summary : "");
		}
	}
}

void cli_print_help(const struct cli_command *root, const struct cli_command *command,
	const char *path, FILE *out)
{
	const char *arguments = cli_usage_arguments(command);
	size_t width = output_width(out);

	fprintf(out, "Usage:  %s%s%s\n", path, *arguments ? " " : "", arguments);
	if (command->summary)
		fprintf(out, "\n%s\n", command->summary);
	print_names(root, command, width, out);
	if (command->subcommands)
		print_commands(command, out);
	print_options(command, root == command ? "Global Options" : "Options", width, out);
	if (command->subcommands)
		fprintf(out, "\nRun '%s COMMAND --help' for more information on a command.\n",
			path);
}

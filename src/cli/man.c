/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages as scdoc text, from the tables. */
#include "cli/option.h"

#include "base/buf.h"
#include "base/fd.h"

#include <ctype.h>

/* Plain text for scdoc: its marks lose their meaning. */
static void put_text(FILE *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (strchr("\\*_", *p) || (p == text && strchr("#-.|[]`", *p)))
			fputc('\\', out);
		fputc(*p, out);
	}
}

static void put_bold(FILE *out, const char *text)
{
	fputc('*', out);
	for (const char *p = text; *p; p++) {
		if (*p == '\\' || *p == '*' || *p == '_')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('*', out);
}

/* A table's one line as a sentence: with a period. */
static void put_sentence(FILE *out, const char *text)
{
	size_t n = strlen(text);

	put_text(out, text);
	if (n && !strchr(".!?:", text[n - 1]))
		fputc('.', out);
}

/* "hull image ls" is the page hull-image-ls. */
static char *page_name(const char *path)
{
	char *name = strdup(path);

	for (char *p = name ? strchr(name, ' ') : NULL; p; p = strchr(p, ' '))
		*p = '-';
	return name;
}

static void put_option_name(
	FILE *out, const struct cli_option *option, const struct cli_option *target)
{
	const char *metavar = target->metavar ? target->metavar : "value";

	if (option->letter)
		fprintf(out, "*-%c*, ", option->letter);
	fputs("*--", out);
	for (const char *p = option->name; *p; p++)
		fprintf(out, *p == '_' ? "\\%c" : "%c", *p);
	fputc('*', out);
	if (target->kind == CLI_OPTIONAL_STRING)
		fprintf(out, "[=_%s_]", metavar);
	else if (!cli_kind_is_flag(target->kind))
		fprintf(out, " _%s_", metavar);
}

static void put_option(FILE *out, const struct cli_command *command, size_t i)
{
	const struct cli_option *option = &command->options[i];

	put_option_name(out, option, option);
	for (size_t k = i + 1; k < command->n_options; k++) {
		const struct cli_option *alias = &command->options[k];

		if (!(alias->flags & CLI_ALIAS))
			break;
		if (alias->flags & CLI_HIDDEN)
			continue;
		fputs(", ", out);
		put_option_name(out, alias, option);
	}
	fputs("\n\t", out);
	put_sentence(out, option->help ? option->help : "");
	if (option->default_value && *option->default_value) {
		fputs(" The default is ", out);
		put_bold(out, option->default_value);
		fputc('.', out);
	}
	/* A text such as "(always|missing|never)" says it already. */
	if (option->values && option->values[0] != '@' && !cli_kind_is_flag(option->kind) &&
		!(option->help && strchr(option->help, '|'))) {
		fputs(" One of: ", out);
		put_text(out, option->values);
		fputc('.', out);
	}
	if (option->flags & CLI_IGNORED)
		fputs(" Accepted for compatibility, without effect.", out);
	fputs("\n\n", out);
}

static bool is_documented(const struct cli_option *option)
{
	return option->name && !(option->flags & (CLI_HIDDEN | CLI_ALIAS | CLI_UNSUPPORTED));
}

static void put_options(FILE *out, const struct cli_command *command, const char *title)
{
	bool begun = false, refused = false;

	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (!begun && (is_documented(option) || !option->name)) {
			fprintf(out, "# %s\n\n", title);
			begun = true;
		}
		if (!option->name)
			fprintf(out, "## %s\n\n", option->help);
		else if (is_documented(option))
			put_option(out, command, i);
	}
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name || !(option->flags & CLI_UNSUPPORTED))
			continue;
		fputs(refused ? ", " : "These options of Docker are known and refused: ", out);
		fprintf(out, "*--%s*", option->name);
		refused = true;
	}
	if (refused)
		fputs(".\n\n", out);
}

static void put_commands(FILE *out, const struct cli_command *command, const char *path)
{
	fputs("# COMMANDS\n\n", out);
	for (size_t i = 0; command->subcommands[i]; i++) {
		const struct cli_command *sub = command->subcommands[i];

		if (sub->flags & CLI_COMMAND_HIDDEN)
			continue;
		_cleanup_free_ char *page = page_name(path);

		fprintf(out, "*%s-%s*(1)\n\t", page ? page : path, sub->name);
		put_sentence(out, sub->summary ? sub->summary : "");
		fputs("\n\n", out);
	}
}

static void put_head(FILE *out, const struct cli_command *root, const struct cli_command *command,
	const char *path, const char *page)
{
	const char *summary = command->summary ? command->summary : "";
	const char *arguments = cli_usage_arguments(command);
	_cleanup_strv_ char **names = cli_command_names(root, command);

	fprintf(out, "%s(1) \"%s %s\" \"%s manual\"\n\n# NAME\n\n%s - ", page, root->name,
		HULL_VERSION, root->name, page);
	if (*summary) {
		fputc(tolower((unsigned char)summary[0]), out);
		put_text(out, summary + 1);
	}
	fputs("\n\n# SYNOPSIS\n\n", out);
	put_bold(out, path);
	fputc(' ', out);
	put_text(out, arguments);
	fputs("\n\n", out);
	if (strv_length(names) > 1) {
		fputs("The same command has these names: ", out);
		strv_foreach (name, names) {
			if (name != names)
				fputs(", ", out);
			put_bold(out, *name);
		}
		fputs(".\n\n", out);
	}
}

static void put_see_also(FILE *out, const struct cli_command *root,
	const struct cli_command *command, const char *page)
{
	const char *dash = strrchr(page, '-');

	if (command == root)
		return;
	fputs("# SEE ALSO\n\n", out);
	fprintf(out, "*%s*(1)", root->name);
	if ((size_t)(dash - page) != strlen(root->name))
		fprintf(out, ", *%.*s*(1)", (int)(dash - page), page);
	fputc('\n', out);
}

/* The command with that path below root; *ret_path gets the path with root's name before it. */
static const struct cli_command *find_path(
	const struct cli_command *root, const char *path, struct buf *ret_path)
{
	const struct cli_command *command = root;
	_cleanup_strv_ char **words = path ? strv_split(path, " ") : NULL;

	buf_puts(ret_path, root->name);
	strv_foreach (word, words) {
		command = cli_find(command, *word);
		if (!command)
			return NULL;
		buf_printf(ret_path, " %s", command->name);
	}
	return command;
}

int cli_print_man(const struct cli_command *root, const char *path, const char *extra, FILE *out,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf full = BUF_INIT;
	const struct cli_command *command = find_path(root, path, &full);

	if (!command)
		return error_set(err, HULL_ERROR_NOT_FOUND, "no command \"%s\"", path);
	_cleanup_free_ char *page = page_name(buf_str(&full));
	if (!page)
		return error_no_memory(err);
	put_head(out, root, command, buf_str(&full), page);
	fputs("# DESCRIPTION\n\n", out);
	if (command->description)
		fprintf(out, "%s\n\n", command->description);
	else
		put_sentence(out, command->summary ? command->summary : "");
	fputs("\n\n", out);
	if (command->subcommands)
		put_commands(out, command, buf_str(&full));
	put_options(out, command, command == root ? "GLOBAL OPTIONS" : "OPTIONS");
	if (extra)
		fprintf(out, "%s\n\n", extra);
	put_see_also(out, root, command, page);
	return 0;
}

struct man_options {
	char *extra;
};

static int run_man(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct man_options *o = options;
	_cleanup_buf_ struct buf path = BUF_INIT, extra = BUF_INIT;

	for (int i = 0; i < argc; i++)
		buf_printf(&path, "%s%s", i ? " " : "", argv[i]);
	if (o->extra) {
		int r = file_read_at(AT_FDCWD, o->extra, &extra, 1 << 20);

		if (r < 0)
			return error_errno(err, r, "%s", o->extra);
	}
	return cli_print_man(
		context->root, buf_str(&path), o->extra ? buf_str(&extra) : NULL, stdout, err);
}

static const struct cli_option man_options[] = {
	{.name = "extra",
		.kind = CLI_STRING,
		.offset = offsetof(struct man_options, extra),
		.metavar = "file",
		.help = "Hand-written scdoc text to put after the options",
		.values = "@file"},
};

const struct cli_command cli_man_command = {
	.name = "__man",
	.summary = "Print the man page of a command as scdoc text",
	CLI_OPTIONS(man_options),
	.options_size = sizeof(struct man_options),
	.max_args = -1,
	.flags = CLI_COMMAND_HIDDEN,
	.run = run_man,
};

static void print_paths(const struct cli_command *command, const char *prefix)
{
	for (size_t i = 0; command->subcommands && command->subcommands[i]; i++) {
		const struct cli_command *sub = command->subcommands[i];

		if (sub->flags & CLI_COMMAND_HIDDEN)
			continue;
		_cleanup_free_ char *path =
			str_printf("%s%s%s", prefix, *prefix ? " " : "", sub->name);

		if (!path)
			continue;
		puts(path);
		print_paths(sub, path);
	}
}

static int run_commands(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	print_paths(context->root, "");
	return 0;
}

const struct cli_command cli_commands_command = {
	.name = "__commands",
	.summary = "Print the paths of all commands",
	.flags = CLI_COMMAND_HIDDEN,
	.run = run_commands,
};

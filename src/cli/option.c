/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of a command line by its table. The rules are those of the pflag library behind Docker,
 * since scripts depend on them: no abbreviations, a value may be attached or be the next word even
 * if it starts with a dash, a flag takes a value only with "=".
 *
 * Positionals are compacted to the front of argv while the scan runs ahead of them, so nothing
 * is allocated except the vectors of CLI_STRV.
 */
#include "cli/option.h"

#include "base/buf.h"

#include <hull/option.h>

#include <errno.h>
#include <limits.h>

bool cli_kind_is_flag(enum cli_kind kind)
{
	return kind == CLI_FLAG || kind == CLI_OPT_FLAG || kind == CLI_OPTIONAL_STRING;
}

const struct cli_option *cli_option_target(
	const struct cli_command *command, const struct cli_option *option)
{
	while ((option->flags & CLI_ALIAS) && option > command->options)
		option--;
	return option;
}

static const struct cli_option *find_long(
	const struct cli_command *command, const char *name, size_t n)
{
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (option->name && strlen(option->name) == n && !memcmp(option->name, name, n))
			return option;
	}
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_command *command, char letter)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (command->options[i].name && command->options[i].letter == letter)
			return &command->options[i];
	return NULL;
}

/* The option as the user knows it: "-c, --cpu-shares". */
static int bad_value(const struct cli_option *option, const char *value, const char *expected,
	struct hull_error *err)
{
	char letter[5] = "";

	if (option->letter) {
		letter[0] = '-';
		letter[1] = option->letter;
		letter[2] = ',';
		letter[3] = ' ';
	}
	return error_set(err, HULL_ERROR_INVALID, "invalid argument \"%s\" for \"%s--%s\" flag: %s",
		value, letter, option->name, expected);
}

static int set_number(const struct cli_option *shown, enum cli_kind kind, char *dest,
	const char *value, struct hull_error *err)
{
	struct hull_opt_i64 *i64 = (void *)dest;
	struct hull_opt_u64 *u64 = (void *)dest;
	int64_t number;
	int r;

	switch (kind) {
	case CLI_INT:
		r = str_to_i64(value, &number);
		if (r == 0 && (number < INT_MIN || number > INT_MAX))
			r = -ERANGE;
		if (r == 0)
			*(int *)(void *)dest = (int)number;
		break;
	case CLI_I64:
		r = str_to_i64(value, &i64->value);
		i64->set = r == 0;
		break;
	case CLI_U64:
		r = str_to_u64(value, &u64->value);
		u64->set = r == 0;
		break;
	case CLI_SIZE:
		r = str_to_size(value, &u64->value);
		u64->set = r == 0;
		if (r == -EINVAL)
			return bad_value(shown, value, "expected a size such as 64m or 1.5g", err);
		break;
	default:
		r = str_to_duration(value, &i64->value);
		i64->set = r == 0;
		if (r == -EINVAL)
			return bad_value(
				shown, value, "expected a duration such as 10s or 1m30s", err);
		break;
	}
	if (r == -ERANGE)
		return bad_value(shown, value, "value out of range", err);
	if (r < 0)
		return bad_value(shown, value, "expected a whole number", err);
	return 0;
}

/* `shown` is the row that the user named, `option` the one whose kind and offset count. */
static int set_value(const struct cli_option *shown, const struct cli_option *option, void *dest,
	char *value, struct hull_error *err)
{
	char *at = (char *)dest + option->offset;
	bool flag;

	switch (option->kind) {
	case CLI_FLAG:
	case CLI_OPT_FLAG:
		if (str_to_bool(value, &flag) < 0)
			return bad_value(shown, value, "expected true or false", err);
		if (option->kind == CLI_FLAG)
			*(bool *)(void *)at = flag;
		else
			*(struct hull_opt_bool *)(void *)at = (struct hull_opt_bool){true, flag};
		return 0;
	case CLI_STRING:
	case CLI_OPTIONAL_STRING:
		*(char **)(void *)at = value;
		return 0;
	case CLI_STRV:
		return strv_append((char ***)(void *)at, value) < 0 ? error_no_memory(err) : 0;
	default:
		return set_number(shown, option->kind, at, value, err);
	}
}

static bool is_listed(const char *values, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = values; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == n && !memcmp(p, value, n))
			return true;
	return false;
}

/* "only these are supported: debug, info" */
static int not_listed(const struct cli_option *shown, const char *values, const char *value,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_puts(&text, strchr(values, ' ') ? "only these are supported: " : "supported is only: ");
	for (const char *p = values; *p; p++)
		buf_puts(&text, *p == ' ' ? ", " : (const char[]){*p, '\0'});
	return bad_value(shown, value, buf_str(&text), err);
}

static int apply(const struct cli_command *command, const struct cli_option *shown, void *dest,
	char *value, struct hull_error *err)
{
	const struct cli_option *option = cli_option_target(command, shown);

	if ((shown->flags | option->flags) & CLI_UNSUPPORTED)
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "flag --%s is not supported", shown->name);
	if ((option->flags & CLI_ONE_OF) && *value && !is_listed(option->values, value))
		return not_listed(shown, option->values, value, err);
	if ((shown->flags | option->flags) & CLI_IGNORED)
		return 0;
	return set_value(shown, option, dest, value, err);
}

/* What a flag is set to when it stands alone. */
static char *bare_value(enum cli_kind kind)
{
	static char yes[] = "true", empty[] = "";

	return kind == CLI_OPTIONAL_STRING ? empty : yes;
}

/* One "--name", "--name=value" or "--name value"; *index moves past a separate value. */
static int parse_long(const struct cli_command *command, void *dest, int argc, char **argv,
	int *index, struct hull_error *err)
{
	char *name = argv[*index] + 2, *value = strchr(name, '=');
	size_t n = value ? (size_t)(value - name) : strlen(name);
	const struct cli_option *option = find_long(command, name, n);

	if (!option) {
		if (n == 4 && !memcmp(name, "help", 4))
			return CLI_HELP;
		if (n == 7 && !memcmp(name, "version", 7) && command->subcommands)
			return CLI_VERSION;
		return error_set(err, HULL_ERROR_INVALID, "unknown flag: --%.*s", (int)n, name);
	}
	enum cli_kind kind = cli_option_target(command, option)->kind;

	if (value)
		value++;
	else if (cli_kind_is_flag(kind))
		value = bare_value(kind);
	else if (*index + 1 < argc)
		value = argv[++*index];
	else
		return error_set(
			err, HULL_ERROR_INVALID, "flag needs an argument: --%s", option->name);
	return apply(command, option, dest, value, err);
}

/* One word of letters: "-abc", "-n value", "-nvalue", "-n=value". */
static int parse_letters(const struct cli_command *command, void *dest, int argc, char **argv,
	int *index, struct hull_error *err)
{
	char *word = argv[*index];

	for (char *p = word + 1; *p; p++) {
		const struct cli_option *option = find_letter(command, *p);

		if (!option) {
			if (*p == 'h')
				return CLI_HELP;
			if (*p == 'v' && command->subcommands)
				return CLI_VERSION;
			return error_set(err, HULL_ERROR_INVALID,
				"unknown shorthand flag: '%c' in %s", *p, word);
		}
		enum cli_kind kind = cli_option_target(command, option)->kind;
		char *value = NULL;

		if (p[1] == '=')
			value = p + 2;
		else if (cli_kind_is_flag(kind))
			value = NULL;
		else if (p[1])
			value = p + 1;
		else if (*index + 1 < argc)
			value = argv[++*index];
		else
			return error_set(err, HULL_ERROR_INVALID,
				"flag needs an argument: '%c' in %s", *p, word);

		int r = apply(command, option, dest, value ? value : bare_value(kind), err);
		if (r < 0)
			return r;
		if (value)
			break;
	}
	return 0;
}

/* Default texts are constants; CLI_STRING only points at them and nobody writes through it. */
static int apply_defaults(const struct cli_command *command, void *dest, struct hull_error *err)
{
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name || !option->default_value ||
			(option->flags & (CLI_ALIAS | CLI_IGNORED)))
			continue;
		int r = set_value(option, option, dest, (char *)option->default_value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cli_parse(const struct cli_command *command, void *dest, int argc, char **argv, int *ret_argc,
	struct hull_error *err)
{
	int n = 0, r = apply_defaults(command, dest, err);

	*ret_argc = 0;
	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];
		bool ends = str_eq(word, "--");
		bool positional = word[0] != '-' || !word[1];

		if (ends || (positional && (command->flags & CLI_STOP_AT_POSITIONAL))) {
			for (i += ends; i < argc; i++)
				argv[n++] = argv[i];
			break;
		}
		if (positional) {
			argv[n++] = argv[i];
			continue;
		}
		r = word[1] == '-' ? parse_long(command, dest, argc, argv, &i, err)
				   : parse_letters(command, dest, argc, argv, &i, err);
		if (r != 0)
			return r;
	}
	if (n < argc)
		argv[n] = NULL;
	*ret_argc = n;
	return 0;
}

void cli_options_done(const struct cli_command *command, void *dest)
{
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *option = &command->options[i];

		if (!option->name || option->kind != CLI_STRV ||
			(option->flags & (CLI_ALIAS | CLI_UNSUPPORTED | CLI_IGNORED)))
			continue;
		char ***v = (void *)((char *)dest + option->offset);

		strv_free(*v);
		*v = NULL;
	}
}

const struct cli_command *cli_find(const struct cli_command *command, const char *name)
{
	for (size_t i = 0; command->subcommands && command->subcommands[i]; i++) {
		const struct cli_command *sub = command->subcommands[i];

		if (str_eq(sub->name, name))
			return sub;
		for (size_t a = 0; sub->aliases && sub->aliases[a]; a++)
			if (str_eq(sub->aliases[a], name))
				return sub;
	}
	return NULL;
}

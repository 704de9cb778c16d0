/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: the input is the words, each ended by a zero byte. Whatever they are, parsing must
 * keep the positionals in order and free what it took.
 */
#include "cli/option.h"
#include <hull/option.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct options {
	bool a, b;
	struct hull_opt_bool c;
	char *s, *o;
	char **v;
	int i;
	struct hull_opt_i64 n, d;
	struct hull_opt_u64 u, z;
};

#define ROW(member, ...)                                                \
	{                                                               \
		.offset = offsetof(struct options, member), __VA_ARGS__ \
	}

static const struct cli_option rows[] = {
	ROW(a, .name = "all", .letter = 'a', .kind = CLI_FLAG),
	ROW(b, .name = "b", .letter = 'b', .kind = CLI_FLAG),
	ROW(c, .name = "proxy", .kind = CLI_OPT_FLAG, .default_value = "true"),
	ROW(s, .name = "name", .letter = 's', .kind = CLI_STRING),
	ROW(o, .name = "init", .letter = 'o', .kind = CLI_OPTIONAL_STRING),
	ROW(v, .name = "env", .letter = 'e', .kind = CLI_STRV),
	{.name = "environment", .flags = CLI_ALIAS},
	ROW(i, .name = "last", .letter = 'n', .kind = CLI_INT),
	ROW(n, .name = "delta", .kind = CLI_I64),
	ROW(d, .name = "time", .letter = 't', .kind = CLI_DURATION),
	ROW(u, .name = "shares", .letter = 'c', .kind = CLI_U64),
	ROW(z, .name = "memory", .letter = 'm', .kind = CLI_SIZE),
	{.name = NULL, .help = "Others"},
	{.name = "no", .kind = CLI_STRING, .flags = CLI_UNSUPPORTED},
	{.name = "old", .kind = CLI_FLAG, .flags = CLI_IGNORED},
};

static const struct cli_command spread = {.name = "spread", CLI_OPTIONS(rows)};
static const struct cli_command stopping = {
	.name = "stopping", CLI_OPTIONS(rows), .flags = CLI_STOP_AT_POSITIONAL};

/* Positionals are some of the words, in their order. */
static void check_order(char *const *all, int n, char *const *found, int n_found)
{
	int i = 0;

	for (int k = 0; k < n_found; k++, i++) {
		while (i < n && all[i] != found[k])
			i++;
		if (i == n)
			abort();
	}
}

static void parse(const struct cli_command *command, char *const *words, int n)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct options options = {0};
	char *argv[257];
	int left;

	memcpy(argv, words, ((size_t)n + 1) * sizeof(*argv));
	int r = cli_parse(command, &options, n, argv, &left, &err);

	if (r < 0 && !err.message)
		abort();
	if (r == 0)
		check_order(words, n, argv, left);
	cli_options_done(command, &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	char *words[257] = {NULL};
	int n = 0;

	if (!text || size > 4096)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size && n < 256; i += strlen(text + i) + 1)
		words[n++] = text + i;
	parse(&spread, words, n);
	parse(&stopping, words, n);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/option.h"
#include <hull/option.h>

#include <string.h>

struct options {
	bool tty, interactive;
	struct hull_opt_bool proxy;
	char *name, *init, *level;
	char **env;
	int last;
	struct hull_opt_i64 timeout, delta;
	struct hull_opt_u64 memory, shares;
};

#define ROW(member, ...)                                                \
	{                                                               \
		.offset = offsetof(struct options, member), __VA_ARGS__ \
	}

static const struct cli_option rows[] = {
	ROW(tty, .name = "tty", .letter = 't', .kind = CLI_FLAG),
	ROW(interactive, .name = "interactive", .letter = 'i', .kind = CLI_FLAG),
	ROW(proxy, .name = "sig-proxy", .kind = CLI_OPT_FLAG, .default_value = "true"),
	ROW(name, .name = "name", .kind = CLI_STRING),
	ROW(init, .name = "init", .kind = CLI_OPTIONAL_STRING),
	ROW(env, .name = "env", .letter = 'e', .kind = CLI_STRV),
	{.name = "environment", .flags = CLI_ALIAS},
	{.name = "environ", .flags = CLI_ALIAS | CLI_HIDDEN},
	ROW(last, .name = "last", .letter = 'n', .kind = CLI_INT, .default_value = "-1"),
	ROW(timeout, .name = "timeout", .kind = CLI_DURATION),
	ROW(delta, .name = "delta", .kind = CLI_I64),
	ROW(memory, .name = "memory", .letter = 'm', .kind = CLI_SIZE),
	ROW(shares, .name = "cpu-shares", .letter = 'c', .kind = CLI_U64),
	{.name = NULL, .help = "Windows Options"},
	{.name = "isolation", .kind = CLI_STRING, .flags = CLI_UNSUPPORTED},
	{.name = "disable-content-trust",
		.kind = CLI_FLAG,
		.default_value = "true",
		.flags = CLI_IGNORED},
	{.name = "restart", .kind = CLI_STRING, .values = "no", .flags = CLI_IGNORED | CLI_ONE_OF},
	ROW(level, .name = "log-level", .letter = 'l', .kind = CLI_STRING,
		.values = "debug info warn", .flags = CLI_ONE_OF),
};

static const struct cli_command spread = {
	.name = "spread",
	CLI_OPTIONS(rows),
	.options_size = sizeof(struct options),
};

static const struct cli_command stopping = {
	.name = "stopping",
	CLI_OPTIONS(rows),
	.options_size = sizeof(struct options),
	.flags = CLI_STOP_AT_POSITIONAL,
};

/* One parse: the words, what came of it. */
struct parse {
	struct options o;
	char *argv[16];
	int argc;
	int result;
	struct hull_error err;
};

static void parse(struct parse *p, const struct cli_command *command, const char *const *words)
{
	int n = 0;

	memset(p, 0, sizeof(*p));
	for (; words[n]; n++)
		p->argv[n] = (char *)words[n];
	p->result = cli_parse(command, &p->o, n, p->argv, &p->argc, &p->err);
}

static void parse_done(struct parse *p)
{
	cli_options_done(&spread, &p->o);
	hull_error_done(&p->err);
}

#define _cleanup_parse_ _cleanup_(parse_done)
#define WORDS(...)	((const char *const[]){__VA_ARGS__, NULL})

static void test_forms_of_values(void **state)
{
	static const char *const forms[][3] = {
		{"--name=a", NULL},
		{"--name", "a", NULL},
	};
	static const char *const letters[][3] = {{"-m", "1k", NULL}, {"-m1k", NULL},
		{"-m=1k", NULL}, {"--memory=1k", NULL}, {"-tm", "1k", NULL}, {"-tim1k", NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_parse_ struct parse p;

		parse(&p, &spread, forms[i]);
		assert_int_equal(p.result, 0);
		assert_string_equal(p.o.name, "a");
		assert_int_equal(p.argc, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		_cleanup_parse_ struct parse p;

		parse(&p, &spread, letters[i]);
		assert_int_equal(p.result, 0);
		assert_true(p.o.memory.set);
		assert_int_equal(p.o.memory.value, 1024);
	}
}

static void test_value_may_look_like_an_option(void **state)
{
	_cleanup_parse_ struct parse p;

	parse(&p, &spread, WORDS("--name", "--tty", "-e", "-x", "--delta", "-5"));
	assert_int_equal(p.result, 0);
	assert_string_equal(p.o.name, "--tty");
	assert_string_equal(p.o.env[0], "-x");
	assert_false(p.o.tty);
	assert_int_equal(p.o.delta.value, -5);
}

static void test_flags(void **state)
{
	_cleanup_parse_ struct parse p, q, r;

	parse(&p, &spread, WORDS("-it", "--sig-proxy=false"));
	assert_int_equal(p.result, 0);
	assert_true(p.o.tty && p.o.interactive);
	assert_true(p.o.proxy.set);
	assert_false(p.o.proxy.value);

	parse(&q, &spread, WORDS("-t", "--tty=0", "-i=false"));
	assert_int_equal(q.result, 0);
	assert_false(q.o.tty || q.o.interactive);
	assert_true(q.o.proxy.value);

	parse(&r, &spread, WORDS("--tty", "false"));
	assert_int_equal(r.result, 0);
	assert_true(r.o.tty);
	assert_int_equal(r.argc, 1);
	assert_string_equal(r.argv[0], "false");
}

static void test_optional_string(void **state)
{
	_cleanup_parse_ struct parse p, q;

	parse(&p, &spread, WORDS("--init", "x"));
	assert_string_equal(p.o.init, "");
	assert_int_equal(p.argc, 1);
	parse(&q, &spread, WORDS("--init=/sbin/x"));
	assert_string_equal(q.o.init, "/sbin/x");
}

static void test_list_and_aliases(void **state)
{
	_cleanup_parse_ struct parse p;

	parse(&p, &spread, WORDS("-e", "A=1", "--environment=B=2", "--environ", "C", "--env="));
	assert_int_equal(p.result, 0);
	assert_int_equal(strv_length(p.o.env), 4);
	assert_string_equal(p.o.env[1], "B=2");
	assert_string_equal(p.o.env[2], "C");
	assert_string_equal(p.o.env[3], "");
}

static void test_numbers(void **state)
{
	_cleanup_parse_ struct parse p, q;

	parse(&p, &spread,
		WORDS("-n", "3", "--timeout=1m30s", "-c", "18446744073709551615", "-m", "1.5g"));
	assert_int_equal(p.result, 0);
	assert_int_equal(p.o.last, 3);
	assert_int_equal(p.o.timeout.value, 90000000000);
	assert_true(p.o.shares.value == UINT64_MAX);
	assert_int_equal(p.o.memory.value, 1610612736);

	parse(&q, &spread, WORDS("x"));
	assert_int_equal(q.o.last, -1);
	assert_false(q.o.timeout.set || q.o.shares.set || q.o.memory.set || q.o.delta.set);
}

static void test_positionals(void **state)
{
	_cleanup_parse_ struct parse p, q, r;

	parse(&p, &spread, WORDS("a", "-t", "b", "--name", "n", "-", "c"));
	assert_int_equal(p.argc, 4);
	assert_string_equal(p.argv[0], "a");
	assert_string_equal(p.argv[1], "b");
	assert_string_equal(p.argv[2], "-");
	assert_string_equal(p.argv[3], "c");
	assert_null(p.argv[4]);
	assert_true(p.o.tty);

	parse(&q, &stopping, WORDS("-i", "image", "-t", "--", "--foo"));
	assert_int_equal(q.result, 0);
	assert_true(q.o.interactive);
	assert_false(q.o.tty);
	assert_int_equal(q.argc, 4);
	assert_string_equal(q.argv[2], "--");

	parse(&r, &stopping, WORDS("-i", "--", "--image", "--"));
	assert_int_equal(r.argc, 2);
	assert_string_equal(r.argv[0], "--image");
	assert_string_equal(r.argv[1], "--");
}

static void test_errors(void **state)
{
	static const struct {
		const char *words[3];
		const char *message;
	} cases[] = {
		{{"--foo"}, "unknown flag: --foo"},
		{{"--foo=1"}, "unknown flag: --foo"},
		{{"--ttyx"}, "unknown flag: --ttyx"},
		{{"--tt"}, "unknown flag: --tt"},
		{{"--=x"}, "unknown flag: --"},
		{{"-tz"}, "unknown shorthand flag: 'z' in -tz"},
		{{"--name"}, "flag needs an argument: --name"},
		{{"-tm"}, "flag needs an argument: 'm' in -tm"},
		{{"-c", "x"},
			"invalid argument \"x\" for \"-c, --cpu-shares\" flag: expected a whole number"},
		{{"-c", "-1"},
			"invalid argument \"-1\" for \"-c, --cpu-shares\" flag: expected a whole number"},
		{{"-n", "2147483648"},
			"invalid argument \"2147483648\" for \"-n, --last\" flag: value out of range"},
		{{"--tty=maybe"},
			"invalid argument \"maybe\" for \"-t, --tty\" flag: expected true or false"},
		{{"--timeout", "soon"},
			"invalid argument \"soon\" for \"--timeout\" flag: expected a "
			"duration such as 10s or 1m30s"},
		{{"-mx"},
			"invalid argument \"x\" for \"-m, --memory\" flag: expected a size such as "
			"64m or 1.5g"},
		{{"--isolation=default"}, "flag --isolation is not supported"},
		{{"--restart", "always"},
			"invalid argument \"always\" for \"--restart\" flag: supported is only: no"},
		{{"--restart=n"},
			"invalid argument \"n\" for \"--restart\" flag: supported is only: no"},
		{{"--restart=no "},
			"invalid argument \"no \" for \"--restart\" flag: supported is only: no"},
		{{"-l", "inf"},
			"invalid argument \"inf\" for \"-l, --log-level\" flag: only these are "
			"supported: debug, info, warn"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_parse_ struct parse p;

		parse(&p, &spread, cases[i].words);
		assert_true(p.result < 0);
		assert_string_equal(hull_error_message(&p.err), cases[i].message);
	}
}

static void test_requests(void **state)
{
	static const char *const help[][3] = {{"--help"}, {"-h"}, {"-th"}, {"a", "--help"}};

	for (size_t i = 0; i < ARRAY_SIZE(help); i++) {
		_cleanup_parse_ struct parse p;

		parse(&p, &spread, help[i]);
		assert_int_equal(p.result, CLI_HELP);
	}
	_cleanup_parse_ struct parse p, q;

	parse(&p, &stopping, WORDS("a", "--help"));
	assert_int_equal(p.result, 0);
	parse(&q, &spread, WORDS("--version"));
	assert_true(q.result < 0);
}

static void test_ignored_and_heading(void **state)
{
	_cleanup_parse_ struct parse p;

	parse(&p, &spread, WORDS("--disable-content-trust", "--disable-content-trust=false", "x"));
	assert_int_equal(p.result, 0);
	assert_int_equal(p.argc, 1);
	assert_false(p.o.tty);
}

static void test_one_of(void **state)
{
	_cleanup_parse_ struct parse p, q;

	parse(&p, &spread, WORDS("--restart=no", "--restart=", "-l", "debug", "-lwarn"));
	assert_int_equal(p.result, 0);
	assert_string_equal(p.o.level, "warn");
	parse(&q, &spread, WORDS("--log-level", ""));
	assert_int_equal(q.result, 0);
	assert_string_equal(q.o.level, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_of_values),
		cmocka_unit_test(test_value_may_look_like_an_option),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_optional_string),
		cmocka_unit_test(test_list_and_aliases),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_positionals),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_ignored_and_heading),
		cmocka_unit_test(test_one_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

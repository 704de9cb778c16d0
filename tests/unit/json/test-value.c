/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "json/value.h"

#include <string.h>

static void parse(struct arena *arena, struct json_value *value, const char *text)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (json_value_parse(arena, value, text, strlen(text), NULL, "test", &err) < 0)
		fail_msg("%s: %s", text, hull_error_message(&err));
}

static void test_round_trip(void **state)
{
	static const char *const texts[] = {"null", "true", "false", "0", "-1",
		"18446744073709551615", "1.5", "\"a\\u0001\\\"b\"", "[]", "{}",
		"[1,[2,{\"a\":null}],\"x\"]", "{\"b\":1,\"a\":{\"c\":[true,false]}}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct json_writer w = JSON_WRITER_INIT(&out, 0);
		struct json_value value;

		parse(&arena, &value, texts[i]);
		json_value_write(&w, &value);
		assert_string_equal(buf_str(&out), texts[i]);
	}
}

static void test_access(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value v;
	int64_t number;
	double real;

	parse(&arena, &v,
		"{\"State\":{\"Health\":{\"Log\":[1,2]},\"Pid\":42},\"Name\":\"web\","
		"\"Load\":0.25,\"Big\":9223372036854775808}");
	assert_string_equal(json_value_string(json_value_get(&v, "Name")), "web");
	assert_true(json_value_i64(json_value_path(&v, "State", "Pid", NULL), &number));
	assert_int_equal(number, 42);
	assert_int_equal(json_value_path(&v, "State", "Health", "Log", NULL)->count, 2);
	assert_null(json_value_path(&v, "State", "Pid", "Deeper", NULL));
	assert_null(json_value_get(&v, "name"));
	assert_null(json_value_string(json_value_get(&v, "State")));
	assert_false(json_value_i64(json_value_get(&v, "Big"), &number));
	assert_false(json_value_i64(json_value_get(&v, "Load"), &number));
	assert_true(json_value_double(json_value_get(&v, "Load"), &real));
	assert_true(real == 0.25);
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"1", "1.0", true},
		{"1", "2", false},
		{"9007199254740993", "9007199254740992", false},
		{"\"a\"", "\"\\u0061\"", true},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
		{"{\"a\":1}", "{\"b\":1}", false},
		{"[1,2]", "[2,1]", false},
		{"[]", "{}", false},
		{"null", "false", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct json_value a, b;

		parse(&arena, &a, cases[i].a);
		parse(&arena, &b, cases[i].b);
		assert_int_equal(json_value_equal(&a, &b), cases[i].equal);
	}
}

static void test_refuses(void **state)
{
	static const char *const texts[] = {
		"", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "nul", "1 2"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct json_value value;

		assert_true(json_value_parse(&arena, &value, texts[i], strlen(texts[i]), NULL,
				    "test", &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

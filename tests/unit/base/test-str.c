/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

#include <errno.h>

static void test_copy(void **state)
{
	char field[4] = "ab";

	assert_int_equal(str_copy(field, sizeof(field), "abcd"), -ENAMETOOLONG);
	assert_string_equal(field, "ab");
	assert_int_equal(str_copy(field, sizeof(field), "xyz"), 0);
	assert_string_equal(field, "xyz");
	assert_int_equal(str_copy(field, sizeof(field), ""), 0);
	assert_string_equal(field, "");
	assert_int_equal(str_copy(field, 0, ""), -ENAMETOOLONG);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"-5", 0, -5},
		{"9223372036854775807", 0, INT64_MAX},
		{"9223372036854775808", -ERANGE, 0},
		{"", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"-", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = 0;

		assert_int_equal(str_to_i64(cases[i].text, &value), cases[i].result);
		if (!cases[i].result)
			assert_int_equal(value, cases[i].value);
	}
	uint64_t natural;

	assert_int_equal(str_to_u64("18446744073709551615", &natural), 0);
	assert_true(natural == UINT64_MAX);
	assert_int_equal(str_to_u64("18446744073709551616", &natural), -ERANGE);
	assert_int_equal(str_to_u64("-1", &natural), -EINVAL);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"1024", 0, 1024},
		{"50m", 0, 50 << 20},
		{"1.5G", 0, 3ull << 29},
		{"64KiB", 0, 65536},
		{"10MB", 0, 10 << 20},
		{"1b", 0, 1},
		{"m", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(str_to_size(cases[i].text, &value), cases[i].result);
		if (!cases[i].result)
			assert_int_equal(value, cases[i].value);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{"10", 0, 10000000000},
		{"1h30m", 0, 5400000000000},
		{"500ms", 0, 500000000},
		{"1.5s", 0, 1500000000},
		{"", -EINVAL, 0},
		{"1y", -EINVAL, 0},
		{"s", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = 0;

		assert_int_equal(str_to_duration(cases[i].text, &value), cases[i].result);
		if (!cases[i].result)
			assert_int_equal(value, cases[i].value);
	}
}

static void test_vectors(void **state)
{
	_cleanup_strv_ char **parts = strv_split("a,,b;c", ",;"), **env = NULL;
	_cleanup_free_ char *joined = strv_join(parts, "-");

	assert_int_equal(strv_length(parts), 3);
	assert_string_equal(joined, "a-b-c");
	assert_true(strv_contains(parts, "b"));
	assert_false(strv_contains(parts, "d"));

	assert_int_equal(env_set(&env, "PATH=/bin"), 0);
	assert_int_equal(env_set(&env, "PATHS=x"), 0);
	assert_int_equal(env_set(&env, "PATH=/sbin"), 0);
	assert_int_equal(strv_length(env), 2);
	assert_string_equal(env_get(env, "PATH"), "/sbin");
	assert_null(env_get(env, "PAT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

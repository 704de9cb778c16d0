/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "json/json.h"

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

#define N 3
static const struct json_pair pairs[N] = {
	{(char[]){"tier"}, (char[]){"front"}},
	{(char[]){"tier2"}, (char[]){""}},
	{(char[]){"a.b"}, (char[]){"x=y"}},
};

static void test_have(void **state)
{
	static const char *const have[] = {
		"tier", "tier=front", "tier2", "tier2=", "a.b", "a.b=x=y"};
	static const char *const have_not[] = {"", "=", "tie", "tier=", "tier=fron", "tier=fronts",
		"tier3", "a.b=x", "a.b=x=", "front", "TIER"};

	for (size_t i = 0; i < ARRAY_SIZE(have); i++)
		assert_true(json_pairs_have(pairs, N, have[i]));
	for (size_t i = 0; i < ARRAY_SIZE(have_not); i++)
		assert_false(json_pairs_have(pairs, N, have_not[i]));
	assert_false(json_pairs_have(NULL, 0, "tier"));
}

static void test_match(void **state)
{
	char **some = LIST("tier", "a.b=x=y"), **missing = LIST("tier", "b"),
	     **others = LIST("b", "tier=back");

	assert_true(json_pairs_match(pairs, N, NULL, NULL));
	assert_true(json_pairs_match(pairs, N, some, others));
	assert_false(json_pairs_match(pairs, N, missing, NULL));
	assert_false(json_pairs_match(pairs, N, some, missing));
	assert_false(json_pairs_match(NULL, 0, some, NULL));
	assert_true(json_pairs_match(NULL, 0, NULL, some));
}

static void test_join(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	json_pairs_join(&out, NULL, 0);
	assert_int_equal(out.len, 0);
	json_pairs_join(&out, pairs, N);
	assert_string_equal(buf_str(&out), "tier=front,tier2=,a.b=x=y");
}

static void test_settle(void **state)
{
	struct json_pair list[] = {{(char[]){"a"}, (char[]){"1"}}, {(char[]){"b"}, (char[]){"2"}},
		{(char[]){"a"}, (char[]){"3"}}, {(char[]){"ab"}, (char[]){"4"}}};
	size_t n = ARRAY_SIZE(list);
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_int_equal(json_pairs_settle(list, &n), 0);
	json_pairs_join(&out, list, n);
	assert_string_equal(buf_str(&out), "a=3,b=2,ab=4");
	n = 0;
	assert_int_equal(json_pairs_settle(NULL, &n), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_have),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_settle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

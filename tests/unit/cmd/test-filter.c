/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "filter.h"

#include "base/str.h"

#include <errno.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

/* Things are texts here: "color" looks at the first character, "has" for characters. */
static int match_color(const void *thing, const char *value, struct hull_error *err)
{
	return ((const char *)thing)[0] == value[0];
}

static int check_color(const char *value)
{
	return strlen(value) == 1 ? 0 : -EINVAL;
}

static int match_has(const void *thing, const char *value, struct hull_error *err)
{
	if (str_eq(value, "fail"))
		return error_set(err, HULL_ERROR_NOT_FOUND, "no such thing");
	return strstr(thing, value) != NULL;
}

static const struct filter known[] = {
	{"color", match_color, check_color},
	{"has", match_has, .every = true},
};

static int match(const char *thing, char *const *wanted, struct hull_error *err)
{
	const struct filters filters = {known, ARRAY_SIZE(known), wanted};

	assert_int_equal(filters_check(&filters, err), 0);
	return filters_match(&filters, thing, err);
}

static void test_match(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(match("red", NULL, &err), 1);
	assert_int_equal(match("red", LIST(NULL), &err), 1);
	assert_int_equal(match("red", LIST("color=r"), &err), 1);
	assert_int_equal(match("red", LIST("color=b"), &err), 0);
	assert_int_equal(match("red", LIST("color=b", "color=r"), &err), 1);
	assert_int_equal(match("red", LIST("has=e", "has=d"), &err), 1);
	assert_int_equal(match("red", LIST("has=e", "has=x"), &err), 0);
	assert_int_equal(match("red", LIST("color=r", "has=x"), &err), 0);
	assert_int_equal(match("red", LIST("color=b", "has=e"), &err), 0);
	assert_int_equal(match("r=", LIST("has=r="), &err), 1);
}

static void test_errors(void **state)
{
	static const char *const wrong[] = {
		"size=1", "color", "colors=r", "color=red", "", "=", "has"};
	_cleanup_error_ struct hull_error failed = HULL_ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		const struct filters filters = {known, ARRAY_SIZE(known), LIST("has=e", wrong[i])};
		_cleanup_free_ char *message = str_printf("invalid filter '%s'", wrong[i]);

		assert_true(filters_check(&filters, &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_string_equal(hull_error_message(&err), message);
	}
	assert_true(match("red", LIST("has=fail"), &failed) < 0);
	assert_int_equal(failed.kind, HULL_ERROR_NOT_FOUND);
}

static void test_value(void **state)
{
	const struct filters filters = {
		known, ARRAY_SIZE(known), LIST("has=1", "color=r", "has=2")};
	const struct filters none = {known, ARRAY_SIZE(known), NULL};

	assert_string_equal(filters_value(&filters, "has"), "2");
	assert_string_equal(filters_value(&filters, "color"), "r");
	assert_null(filters_value(&filters, "size"));
	assert_null(filters_value(&none, "has"));
}

static void test_pattern(void **state)
{
	assert_true(filter_match_pattern("web1", "web"));
	assert_true(filter_match_pattern("web1", "^web1$"));
	assert_true(filter_match_pattern("web1", "^(web|db)[0-9]+$"));
	assert_false(filter_match_pattern("web1", "^eb"));
	assert_false(filter_match_pattern("web1", "web2"));
	/* What is no expression is still a text. */
	assert_true(filter_match_pattern("a(b", "a(b"));
	assert_false(filter_match_pattern("xa(b", "a(b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

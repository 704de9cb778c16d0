/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "engine/capabilities.h"
#include "sys/capability.h"

#include <sys/prctl.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static bool available(const char *name)
{
	return prctl(PR_CAPBSET_READ, capability_parse(name), 0, 0, 0) == 1;
}

static char **resolve(struct arena *arena, char **add, char **drop, bool privileged)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char **set = NULL;

	if (capabilities_resolve(arena, add, drop, privileged, &set, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return set;
}

static void expect_error(char **add, char **drop, const char *message)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char **set = NULL;

	assert_true(capabilities_resolve(&arena, add, drop, false, &set, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_string_equal(hull_error_message(&err), message);
	assert_null(set);
}

static void test_default(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char **set = resolve(&arena, NULL, NULL, false);
	size_t expected = 0;

	for (const char *const *name = capabilities_default; *name; name++) {
		assert_int_equal(strv_contains(set, *name), available(*name));
		expected += available(*name);
	}
	assert_int_equal(strv_length(set), expected);
	for (size_t i = 1; i < expected; i++)
		assert_true(capability_parse(set[i - 1]) < capability_parse(set[i]));
}

static void test_add_and_drop(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	char **set = resolve(&arena, NULL, LIST("chown", "CAP_KILL", "Cap_Sys_Time"), false);
	assert_false(strv_contains(set, "CAP_CHOWN"));
	assert_false(strv_contains(set, "CAP_KILL"));

	if (!available("CAP_CHOWN") || !available("CAP_SYS_PTRACE"))
		skip();
	set = resolve(&arena, LIST("sys_ptrace", "SYS_PTRACE"), NULL, false);
	assert_true(strv_contains(set, "CAP_SYS_PTRACE"));
	assert_true(strv_contains(set, "CAP_CHOWN"));
	set = resolve(&arena, LIST("chown"), LIST("all"), false);
	assert_int_equal(strv_length(set), 1);
	assert_string_equal(set[0], "CAP_CHOWN");
	set = resolve(&arena, LIST("chown"), LIST("CHOWN"), false);
	assert_true(strv_contains(set, "CAP_CHOWN"));
}

static void test_all(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char **everything = resolve(&arena, NULL, NULL, true);
	size_t n = strv_length(everything);

	strv_foreach (name, everything)
		assert_true(available(*name));
	for (int c = 0; capability_name(c); c++)
		assert_int_equal(strv_contains(everything, capability_name(c)),
			available(capability_name(c)));
	assert_int_equal(strv_length(resolve(&arena, LIST("ALL"), NULL, false)), n);
	assert_int_equal(strv_length(resolve(&arena, LIST("All"), LIST("ALL"), false)), n);
	assert_int_equal(strv_length(resolve(&arena, NULL, LIST("chown"), true)), n);
	assert_int_equal(strv_length(resolve(&arena, NULL, LIST("ALL"), false)), 0);
	char **most = resolve(&arena, LIST("ALL"), LIST("chown"), false);
	assert_false(strv_contains(most, "CAP_CHOWN"));
	assert_int_equal(strv_length(most), n - available("CAP_CHOWN"));
}

static void test_errors(void **state)
{
	expect_error(LIST("foo"), NULL, "invalid CapAdd: unknown capability: \"CAP_FOO\"");
	expect_error(NULL, LIST("cap_foo"), "invalid CapDrop: unknown capability: \"CAP_FOO\"");
	expect_error(LIST(""), NULL, "invalid CapAdd: unknown capability: \"CAP_\"");
	expect_error(LIST("NET_ADMIN,NET_RAW"), NULL,
		"invalid CapAdd: unknown capability: \"CAP_NET_ADMIN,NET_RAW\"");
	for (int c = 0; capability_name(c); c++) {
		if (available(capability_name(c)))
			continue;
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		char **set = NULL;
		assert_true(capabilities_resolve(
				    &arena, LIST(capability_name(c)), NULL, false, &set, NULL) < 0);
		/* Dropping what cannot be had anyway is fine. */
		resolve(&arena, NULL, LIST(capability_name(c)), false);
	}
}

static void test_known(void **state)
{
	assert_true(capability_name_is_known("CAP_NET_ADMIN"));
	assert_true(capability_name_is_known("net_admin"));
	assert_true(capability_name_is_known("all"));
	assert_false(capability_name_is_known("CAP_ALL"));
	assert_false(capability_name_is_known(""));
	assert_false(capability_name_is_known("CAP_"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_add_and_drop),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "engine/security.h"

static void test_options(void **state)
{
	static const struct {
		const char *options[4];
		struct security_options want;
	} cases[] = {
		{{NULL}, {0}},
		{{"no-new-privileges"}, {.no_new_privileges = true}},
		{{"no-new-privileges=true"}, {.no_new_privileges = true}},
		{{"no-new-privileges", "no-new-privileges:false"}, {0}},
		{{"seccomp=unconfined", "systempaths=unconfined"},
			{.seccomp = "unconfined", .all_paths = true}},
		{{"seccomp:/a:b=c", "apparmor=mine", "label=disable"},
			{.seccomp = "/a:b=c", .apparmor = "mine"}},
		{{"label:type:svirt_t", "apparmor:unconfined"}, {.apparmor = "unconfined"}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct security_options got;

		assert_int_equal(
			security_options_parse((char *const *)cases[i].options, &got, NULL), 0);
		assert_int_equal(got.no_new_privileges, cases[i].want.no_new_privileges);
		assert_int_equal(got.all_paths, cases[i].want.all_paths);
		assert_true(str_eq(got.seccomp, cases[i].want.seccomp));
		assert_true(str_eq(got.apparmor, cases[i].want.apparmor));
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "foo", "foo=bar", "no-new-privileges=x",
		"no-new-privilegesx", "systempaths=x", "systempaths", "seccomp",
		"seccomp=", "apparmor:", "labels=disable", "label", "writable-cgroups=true"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		const char *const options[] = {"label=disable", bad[i], NULL};
		struct security_options got;

		if (security_options_parse((char *const *)options, &got, &err) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		_cleanup_free_ char *want = str_printf("invalid --security-opt: \"%s\"", bad[i]);
		assert_string_equal(hull_error_message(&err), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

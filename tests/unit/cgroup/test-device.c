/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "cgroup/device.h"

static const struct hull_cgroup_device all_denied = {.allow = false};

static void make_list(struct device_list *list, const struct hull_cgroup_device *devices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct device_rule rule = device_rule_parse(&devices[i]);

		assert_int_equal(device_rule_check(&devices[i], NULL), 0);
		assert_int_equal(device_list_add(list, &rule, NULL), 0);
	}
}

static void check_transition(
	const char *from, const struct hull_cgroup_device *devices, size_t n, const char *expected)
{
	_cleanup_(device_list_done) struct device_list before = {0};
	_cleanup_(device_list_done) struct device_list after = {0};
	_cleanup_buf_ struct buf lines = BUF_INIT;

	make_list(&after, devices, n);
	if (from)
		assert_int_equal(device_list_parse(&before, from, NULL), 0);
	device_list_transition(from ? &before : NULL, &after, &lines);
	assert_string_equal(buf_str(&lines), expected);
}

#define CHAR(allowing, ma, mi, how)                                                   \
	{                                                                             \
		.allow = (allowing), .type = (char *)"c", .major = {(ma) >= 0, (ma)}, \
		.minor = {(mi) >= 0, (mi)}, .access = (char *)(how)                   \
	}

static void test_fresh(void **state)
{
	const struct hull_cgroup_device devices[] = {all_denied, CHAR(true, -1, -1, "m"),
		CHAR(true, 1, 3, "rwm"), CHAR(true, 136, -1, "")};

	(void)state;
	check_transition(NULL, devices, ARRAY_SIZE(devices),
		"deny a\nallow c *:* m\nallow c 1:3 rwm\nallow c 136:* rwm\n");
}

static void test_differences(void **state)
{
	const struct hull_cgroup_device devices[] = {
		all_denied, CHAR(true, 1, 3, "rwm"), CHAR(true, 1, 5, "r")};

	(void)state;
	/* What is there stays, what is new comes before what goes. */
	check_transition(
		"c 1:3 rwm\nc 1:5 rw\nc 9:9 rwm\n", devices, 3, "deny c 1:5 w\ndeny c 9:9 rwm\n");
	check_transition("c 1:3 r\n", devices, 3, "allow c 1:3 wm\nallow c 1:5 r\n");
	check_transition("c 1:3 rwm\nc 1:5 r\n", devices, 3, "");
	check_transition("a *:* rwm\n", devices, 3, "deny a\nallow c 1:3 rwm\nallow c 1:5 r\n");
}

static void test_allowing_default(void **state)
{
	const struct hull_cgroup_device devices[] = {{.allow = true}, CHAR(false, 1, 3, "w")};

	(void)state;
	check_transition("a *:* rwm\n", devices, 2, "allow a\ndeny c 1:3 w\n");
}

static void test_rules_undo_rules(void **state)
{
	const struct hull_cgroup_device devices[] = {all_denied, CHAR(true, 1, 3, "rwm"),
		CHAR(true, 1, 5, "rwm"), CHAR(false, 1, -1, "w"), CHAR(false, 1, 5, "rm")};

	(void)state;
	check_transition(NULL, devices, ARRAY_SIZE(devices), "deny a\nallow c 1:3 rm\n");
}

static void test_what_v1_cannot_say(void **state)
{
	const struct hull_cgroup_device wide = CHAR(true, 1, -1, "rwm"),
					hole = CHAR(false, 1, 3, "w");
	_cleanup_(device_list_done) struct device_list list = {0};
	struct hull_error err = HULL_ERROR_INIT;
	struct device_rule rule = device_rule_parse(&hole);

	(void)state;
	make_list(&list, &wide, 1);
	assert_true(device_list_add(&list, &rule, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_UNSUPPORTED);
	assert_string_equal(hull_error_message(&err),
		"devices: deny c 1:3 w: cgroup v1 cannot except it from c 1:* rwm: "
		"Operation not supported");
	hull_error_done(&err);
}

static void test_bad_rules(void **state)
{
	const struct hull_cgroup_device bad[] = {{.type = (char *)"d"}, {.type = (char *)""},
		{.type = (char *)"cc"}, {.type = (char *)"p"}, {.access = (char *)"rx"},
		{.major = {true, INT64_MAX}}};
	_cleanup_(device_list_done) struct device_list list = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(device_rule_check(&bad[i], NULL) < 0);
	assert_true(device_list_parse(&list, "nonsense\n", NULL) < 0);
	assert_true(device_list_parse(&list, "c 1:3 x\n", NULL) < 0);
	assert_int_equal(device_list_parse(&list, "", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_allowing_default),
		cmocka_unit_test(test_rules_undo_rules),
		cmocka_unit_test(test_what_v1_cannot_say),
		cmocka_unit_test(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

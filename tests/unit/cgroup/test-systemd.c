/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "cgroup/systemd_unit.h"

static void check_name(const char *path, bool user, const char *unit, const char *slice)
{
	_cleanup_(unit_name_done) struct unit_name name = {0};
	struct hull_error err = HULL_ERROR_INIT;

	if (unit_name_parse(path, user, &name, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_string_equal(name.unit, unit);
	if (slice)
		assert_string_equal(name.slice, slice);
	else
		assert_null(name.slice);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ":", "a:b", "system.slice:hull:", "a/b", "x:y:a/b",
		"x:y:z", "-a.slice", "a-.slice", "a--b.slice", ".slice", "a b.scope"};
	struct unit_name name = {0};

	(void)state;
	check_name("system.slice:hull:web", false, "hull-web.scope", "system.slice");
	check_name(":hull:web", false, "hull-web.scope", "system.slice");
	check_name(":hull:web", true, "hull-web.scope", "user.slice");
	check_name("machine.slice::web", false, "web.scope", "machine.slice");
	check_name("::batch.slice", false, "batch.slice", NULL);
	check_name("my-cgroup-abc.slice", false, "my-cgroup-abc.slice", NULL);
	check_name("web.scope", false, "web.scope", "system.slice");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (unit_name_parse(bad[i], false, &name, NULL) == 0)
			fail_msg("accepted: %s", bad[i]);
}

static void check_slice(const char *slice, const char *expected)
{
	_cleanup_free_ char *path = NULL;

	assert_int_equal(unit_slice_path(slice, &path, NULL), 0);
	assert_string_equal(path, expected);
}

static void test_slices(void **state)
{
	char *path;

	(void)state;
	check_slice("my-cgroup-abc.slice", "/my.slice/my-cgroup.slice/my-cgroup-abc.slice");
	check_slice("system.slice", "/system.slice");
	check_slice("-.slice", "/");
	assert_true(unit_slice_path("a--b.slice", &path, NULL) < 0);
	assert_true(unit_slice_path("a.scope", &path, NULL) < 0);
}

static const struct unit_property *find(const struct unit_properties *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->items[i].name, name))
			return &list->items[i];
	fail_msg("no %s", name);
	return NULL;
}

static void test_resources(void **state)
{
	_cleanup_(unit_properties_done) struct unit_properties list = {.arena = ARENA_INIT};
	const struct hull_cgroup_resources resources = {.memory.limit = {true, 1000},
		.memory.swap = {true, 1500},
		.cpu.quota = {true, 12345},
		.cpu.period = {true, 100000},
		.cpu.shares = {true, 1024},
		.cpu.cpus = (char *)"0,9",
		.pids.limit = {true, -1}};

	(void)state;
	assert_int_equal(unit_add_resources(&list, true, &resources, NULL), 0);
	assert_int_equal(find(&list, "MemoryMax")->number, 1000);
	assert_int_equal(find(&list, "MemorySwapMax")->number, 500);
	assert_int_equal(find(&list, "CPUWeight")->number, 100);
	assert_int_equal(find(&list, "CPUQuotaPerSecUSec")->number, 130000);
	assert_int_equal(find(&list, "CPUQuotaPeriodUSec")->number, 100000);
	assert_true(find(&list, "TasksMax")->number == UINT64_MAX);
	assert_int_equal(find(&list, "AllowedCPUs")->n_bytes, 2);
	assert_memory_equal(find(&list, "AllowedCPUs")->bytes, "\1\2", 2);
}

static void test_devices(void **state)
{
	_cleanup_(unit_properties_done) struct unit_properties list = {.arena = ARENA_INIT};
	struct hull_cgroup_device devices[] = {{.allow = false},
		{.allow = true, .type = (char *)"c", .access = (char *)"m"},
		{.allow = true, .type = (char *)"c", .major = {true, 1}, .minor = {true, 3}}};
	const struct hull_cgroup_resources resources = {.devices = devices, .n_devices = 3};

	(void)state;
	assert_int_equal(unit_add_resources(&list, true, &resources, NULL), 0);
	assert_string_equal(find(&list, "DevicePolicy")->text, "strict");
	char **pairs = find(&list, "DeviceAllow")->texts;
	assert_int_equal(strv_length(pairs), 4);
	assert_string_equal(pairs[0], "char-*");
	assert_string_equal(pairs[1], "m");
	assert_string_equal(pairs[2], "/dev/char/1:3");
	assert_string_equal(pairs[3], "rwm");
}

static void test_texts(void **state)
{
	_cleanup_(unit_properties_done) struct unit_properties list = {.arena = ARENA_INIT};
	static const struct hull_cgroup_property good[] = {{(char *)"A", (char *)"true"},
		{(char *)"B", (char *)"uint64 18446744073709551615"}, {(char *)"C", (char *)"-5"},
		{(char *)"D", (char *)"'a text'"}, {(char *)"E", (char *)"['a', 'b']"},
		{(char *)"F", (char *)"[]"}};
	static const char *const bad[] = {"", "'open", "[1]", "['a'", "uint64 -x", "maybe", "'a'b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(unit_add_text(&list, &good[i], NULL), 0);
	assert_int_equal(find(&list, "A")->type, PROPERTY_BOOL);
	assert_true(find(&list, "B")->number == UINT64_MAX);
	assert_int_equal((int64_t)find(&list, "C")->number, -5);
	assert_string_equal(find(&list, "D")->text, "a text");
	assert_string_equal(find(&list, "E")->texts[1], "b");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct hull_cgroup_property property = {(char *)"X", (char *)bad[i]};
		if (unit_add_text(&list, &property, NULL) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

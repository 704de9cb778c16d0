/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "runtime/mount_option.h"
#include "sys/mount_api.h"

#include <sys/mount.h>

static struct mount_flags parse(struct arena *arena, const char *options)
{
	_cleanup_strv_ char **list = strv_split(options, " ");
	struct mount_flags f;

	assert_int_equal(mount_flags_parse(arena, list, &f), 0);
	return f;
}

/* The lookup is a binary search. */
static void test_sorted(void **state)
{
	for (size_t i = 1; i < n_mount_options; i++)
		assert_true(strcmp(mount_options[i - 1].name, mount_options[i].name) < 0);
}

static void test_in_order(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct mount_flags f = parse(&arena, "ro nosuid rw");

	assert_int_equal(f.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(f.clear, MOUNT_ATTR_RDONLY);
	f = parse(&arena, "rw ro");
	assert_int_equal(f.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(f.clear, 0);
	f = parse(&arena, "rro rrw rnoexec");
	assert_int_equal(f.set_recursive, MOUNT_ATTR_NOEXEC);
	assert_int_equal(f.clear_recursive, MOUNT_ATTR_RDONLY);
	assert_int_equal(f.set, 0);
}

static void test_access_times(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct mount_flags f = parse(&arena, "noatime");

	assert_int_equal(f.set, MOUNT_ATTR_NOATIME);
	assert_int_equal(f.clear, MOUNT_ATTR__ATIME);
	f = parse(&arena, "noatime strictatime");
	assert_int_equal(f.set, MOUNT_ATTR_STRICTATIME);
	f = parse(&arena, "strictatime relatime");
	assert_int_equal(f.set, 0);
	assert_int_equal(f.clear, MOUNT_ATTR__ATIME);
}

static void test_special(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct mount_flags f = parse(
		&arena, "rbind rslave idmap tmpcopyup sync sync size=5 unknown defaults silent");

	assert_true(f.bind && f.bind_recursive && f.idmap && !f.idmap_recursive && f.copy_up);
	assert_int_equal(f.propagation, MS_SLAVE);
	assert_true(f.propagation_recursive);
	_cleanup_free_ char *data = strv_join(f.data, ",");
	assert_string_equal(data, "sync,size=5,unknown");
	f = parse(&arena, "private shared");
	assert_int_equal(f.propagation, MS_SHARED);
	assert_false(f.propagation_recursive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_access_times),
		cmocka_unit_test(test_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

	assert_int_equal(mount_flags_parse(arena, list, NULL, &f, NULL), 0);
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

/* A superblock flag that is taken back is gone, wherever it stood. */
static void test_taken_back(void **state)
{
	static const struct {
		const char *options, *data;
	} cases[] = {{"lazytime nolazytime", ""}, {"sync dirsync async", "dirsync"},
		{"async sync", "sync"}, {"mand x=1 nomand", "x=1"},
		{"nolazytime lazytime", "lazytime"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct mount_flags f = parse(&arena, cases[i].options);
		assert_true(!f.data || f.data[0]);
		_cleanup_free_ char *data = f.data ? strv_join(f.data, ",") : strdup("");
		assert_string_equal(data, cases[i].data);
	}
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	assert_int_equal(parse(&arena, "iversion").classic, MS_I_VERSION);
	assert_int_equal(parse(&arena, "iversion noiversion").classic, 0);
	assert_true(parse(&arena, "remount ro").remount);
	struct mount_flags f = parse(&arena, "copy-symlink dest-nofollow src-nofollow");
	assert_true(f.copy_symlink && f.nofollow_target && f.nofollow_source && !f.unknown);
}

static void test_id_map(void **state)
{
	static char *const good[] = {(char *)"idmap=uids=0-1000-10#10-5-1;gids=0-@", NULL};
	struct oci_id_mapping own[] = {{0, 100000, 5}, {5, 200000, 10}};
	struct oci_linux linux_part = {
		.uid_mappings = own, .n_uid_mappings = 2, .gid_mappings = own, .n_gid_mappings = 2};
	static const char *const refused[] = {"idmap=", "idmap=uids=0-0-1", "idmap=gids=0-0-1",
		"idmap=uids=0-0;gids=0-0-1", "idmap=uids=0-0-0;gids=0-0-1",
		"idmap=uids=0-0-1#;gids=0-0-1", "idmap=uids=a-0-1;gids=0-0-1",
		"idmap=uids=0-0-1;gids=0-0-1;uids=0-0-1", "idmap=uids=0-0-1;gids=@0-0-1;x",
		"idmap=uids=0-0-1-1;gids=0-0-1", "idmap=uids=@0-14-2;gids=0-0-1",
		"idmap=uids=@0-3-4;gids=0-0-1", "idmap=uids=0-0-4294967296;gids=0-0-1"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct mount_flags f;

	assert_true(mount_flags_parse(&arena, good, &linux_part, &f, NULL) < 0);
	char *list[] = {(char *)"idmap=uids=0-1000-10#10-5-1;gids=@7-6-3#0-1-2", NULL};
	assert_int_equal(mount_flags_parse(&arena, list, &linux_part, &f, NULL), 0);
	assert_true(f.idmap && f.n_uid_map == 2 && f.n_gid_map == 2);
	assert_int_equal(f.uid_map[0].host_id, 1000);
	assert_int_equal(f.uid_map[1].container_id, 10);
	assert_int_equal(f.gid_map[0].container_id, 7);
	assert_int_equal(f.gid_map[0].host_id, 200001);
	assert_int_equal(f.gid_map[1].host_id, 1);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		list[0] = (char *)refused[i];
		if (mount_flags_parse(&arena, list, &linux_part, &f, &err) >= 0)
			fail_msg("%s", refused[i]);
		assert_non_null(strstr(hull_error_message(&err), "invalid option"));
	}
	/* Relative to a user namespace that is not there. */
	list[0] = (char *)"idmap=uids=@0-0-1;gids=0-0-1";
	assert_true(mount_flags_parse(&arena, list, NULL, &f, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_access_times),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_id_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "runtime/limit.h"
#include "runtime/state.h"

#include <sys/stat.h>

static void test_ids(void **state)
{
	static const char *const good[] = {"a", "0", "_x", "+x", "-x", "a.b-c_d+e", "A9"};
	static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "ä", "a%"};
	char longest[1026];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(container_id_check(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(container_id_check(bad[i], NULL) < 0);
	memset(longest, 'a', 1025);
	longest[1025] = '\0';
	assert_true(container_id_check(longest, NULL) < 0);
	longest[1024] = '\0';
	assert_int_equal(container_id_check(longest, NULL), 0);
}

static void test_life(void **unused)
{
	char path[] = "/tmp/state-XXXXXX";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct runtime_state *loaded, state = {.oci_version = (char *)"1.3.0",
					      .id = (char *)"web",
					      .pid = 42,
					      .start_time = 99,
					      .bundle = (char *)"/b",
					      .cgroup = (char *)"{\"manager\":\"cgroupfs\"}",
					      .own_pid_namespace = true};
	int root, dir;

	assert_non_null(mkdtemp(path));
	assert_int_equal(state_root_open(path, true, &root, NULL), 0);
	assert_int_equal(state_create(root, "web", &dir, NULL), 0);
	/* Reserved and not finished: nobody can use it, nobody can take it. */
	assert_true(state_load(&arena, root, "web", &loaded, NULL, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_NOT_FOUND);
	int again;
	assert_true(state_create(root, "web", &again, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_EXISTS);

	assert_int_equal(state_save(dir, &state, NULL), 0);
	close(dir);
	assert_int_equal(state_load(&arena, root, "web", &loaded, NULL, NULL), 0);
	assert_int_equal(loaded->pid, 42);
	assert_int_equal(loaded->start_time, 99);
	assert_true(loaded->own_pid_namespace);
	assert_string_equal(loaded->cgroup, "{\"manager\":\"cgroupfs\"}");

	_cleanup_strv_ char **ids = NULL;
	assert_int_equal(state_create(root, "api", &dir, NULL), 0);
	close(dir);
	assert_int_equal(mkdirat(root, ".cache", 0700), 0);
	assert_int_equal(state_list(root, &ids, NULL), 0);
	assert_int_equal(strv_length(ids), 2);
	assert_string_equal(ids[0], "api");

	assert_int_equal(state_remove(root, "web", NULL), 0);
	assert_int_equal(state_remove(root, "web", NULL), 0);
	assert_true(state_load(&arena, root, "web", &loaded, NULL, &err) < 0);
	assert_string_equal(hull_error_message(&err), "container \"web\" does not exist");
	close(root);
	assert_int_equal(dir_remove_tree_at(AT_FDCWD, path), 0);
}

static void test_lists(void **state)
{
	unsigned long set[2];

	assert_int_equal(limit_parse_list("0-3,7", set, 128), 0);
	assert_int_equal(set[0], 0x8f);
	assert_int_equal(limit_parse_list("64", set, 128), 0);
	assert_int_equal(set[1], 1);
	assert_int_equal(limit_parse_list("128", set, 128), -ERANGE);
	assert_int_equal(limit_parse_list("3-1", set, 128), -EINVAL);
	assert_int_equal(limit_parse_list("a", set, 128), -EINVAL);
	assert_int_equal(limit_parse_list("1;2", set, 128), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

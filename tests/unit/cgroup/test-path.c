/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "cgroup/group.h"

static bool path_ok(const char *path)
{
	struct hull_error err = HULL_ERROR_INIT;
	int r = cgroup_path_check(path, &err);

	/* Whoever refuses has to say why, in one line. */
	if (r < 0) {
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_null(strchr(hull_error_message(&err), '\n'));
	}
	hull_error_done(&err);
	return r == 0;
}

static void test_paths(void **state)
{
	static const char *const good[] = {"/", "/a", "a", "a/b/", "/a.slice/b:c_d@1.scope", "/ä",
		"/a b", "...", "/cgroupx", "memory.slice"};
	static const char *const bad[] = {"", "//", "/a//b", "..", "/a/..", "/a/../b", "./a", "a/.",
		"/a\nb", "/a\tb", "/\177", "/cgroup.procs", "tasks", "/a/release_agent"};
	char text[PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!path_ok(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (path_ok(bad[i]))
			fail_msg("accepted: %s", bad[i]);
	memset(text, 'a', sizeof(text));
	text[NAME_MAX] = '\0';
	assert_true(path_ok(text));
	text[NAME_MAX] = 'a';
	text[NAME_MAX + 1] = '\0';
	assert_false(path_ok(text));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? 'a' : '/';
	text[PATH_MAX + 1] = '\0';
	assert_false(path_ok(text));
	text[PATH_MAX - 1] = '\0';
	assert_true(path_ok(text));
}

static void test_names(void **state)
{
	struct hull_error err = HULL_ERROR_INIT;

	(void)state;
	assert_int_equal(cgroup_name_check("web", NULL), 0);
	assert_true(cgroup_name_check("a/b", &err) < 0);
	assert_string_equal(hull_error_message(&err), "cgroup name: a/b: no / allowed");
	assert_true(cgroup_name_check("", &err) < 0);
	assert_int_equal(cgroup_file_check("cgroup.procs", NULL), 0);
	assert_true(cgroup_file_check("../x", &err) < 0);
	assert_true(cgroup_file_check("..", &err) < 0);
	hull_error_done(&err);
}

/* A host of two hierarchies, the caller at different places in them. */
static void fill_host(struct hull_cgroup_host *host)
{
	*host = (struct hull_cgroup_host){.n_hierarchies = 2, .v2 = 1};
	host->hierarchies[0] = (struct hull_cgroup_hierarchy){.version = 1,
		.name = "memory",
		.mount_point = "/m",
		.own_path = "/",
		.controllers = HULL_CGROUP_BIT(HULL_CGROUP_MEMORY),
		.fd = -1};
	host->hierarchies[1] = (struct hull_cgroup_hierarchy){.version = 2,
		.name = "",
		.mount_point = "/u",
		.own_path = "/own/group",
		.controllers = HULL_CGROUP_BIT(HULL_CGROUP_PIDS),
		.fd = -1};
	for (size_t c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++)
		host->by_controller[c] = -1;
}

static void check_places(const char *path, const char *first, const char *first_full,
	const char *second, const char *second_full)
{
	struct hull_cgroup_host host;
	struct hull_cgroup *group = NULL;

	fill_host(&host);
	assert_int_equal(group_new_at(&host, 3, path, &group, NULL), 0);
	assert_int_equal(hull_cgroup_n_places(group), 2);
	assert_string_equal(hull_cgroup_place(group, 0).path, first);
	assert_string_equal(hull_cgroup_place(group, 0).full_path, first_full);
	assert_string_equal(hull_cgroup_place(group, 1).path, second);
	assert_string_equal(hull_cgroup_place(group, 1).full_path, second_full);
	assert_string_equal(hull_cgroup_controller_path(group, HULL_CGROUP_MEMORY), first_full);
	assert_null(hull_cgroup_controller_path(group, HULL_CGROUP_CPU));
	hull_cgroup_free(group);
}

static void test_places(void **state)
{
	(void)state;
	check_places("/a/b", "/a/b", "/m/a/b", "/a/b", "/u/a/b");
	check_places("/a/", "/a", "/m/a", "/a", "/u/a");
	check_places("a", "/a", "/m/a", "/own/group/a", "/u/own/group/a");
	check_places("/", "/", "/m", "/", "/u");
}

static void test_selection(void **state)
{
	struct hull_cgroup_host host;
	struct hull_cgroup *group = NULL;

	(void)state;
	fill_host(&host);
	assert_int_equal(group_hierarchies(&host, 0), 3);
	assert_int_equal(group_hierarchies(&host, HULL_CGROUP_BIT(HULL_CGROUP_MEMORY)), 1);
	assert_int_equal(group_hierarchies(&host, HULL_CGROUP_BIT(HULL_CGROUP_PIDS)), 2);
	assert_int_equal(group_new_at(&host, 3, "/a", &group, NULL), 0);
	assert_string_equal(group_place_of_file(group, "memory.stat")->full_path, "/m/a");
	assert_string_equal(group_place_of_file(group, "memory.pressure")->full_path, "/u/a");
	assert_string_equal(group_place_of_file(group, "cgroup.procs")->full_path, "/u/a");
	assert_string_equal(group_place_of_file(group, "pids.max")->full_path, "/u/a");
	hull_cgroup_free(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_selection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

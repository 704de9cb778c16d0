/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "cgroup/restore.h"

#include <stdio.h>

static void test_old_values(void **state)
{
	static const struct {
		const char *file, *written, *content, *expected;
	} cases[] = {
		{"memory.max", "1048576", "max\n", "max"},
		{"cpu.max", "10000 100000", "max 100000\n", "max 100000"},
		{"cpuset.cpus", "0", "\n", "\n"},
		{"cpuset.cpus", "0", "", "\n"},
		{"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "0"},
		{"io.max", "8:0 rbps=1", "8:16 rbps=2 wbps=max\n8:0 rbps=3 wbps=max\n",
			"8:0 rbps=3 wbps=max"},
		{"io.max", "8:0 rbps=1", "8:16 rbps=2 wbps=max\n",
			"8:0 rbps=max wbps=max riops=max wiops=max"},
		{"io.max", "8:0 rbps=1", "", "8:0 rbps=max wbps=max riops=max wiops=max"},
		{"blkio.throttle.read_bps_device", "8:0 1", "8:0 5\n", "8:0 5"},
		{"blkio.throttle.read_bps_device", "8:0 1", "", "8:0 0"},
		{"io.weight", "default 50", "default 100\n8:0 200\n", "default 100"},
		{"io.weight", "8:16 50", "default 100\n8:0 200\n", "8:16 default"},
		{"io.bfq.weight", "50", "default 100\n8:0 200\n", "default 100"},
		{"net_prio.ifpriomap", "eth0 5", "lo 0\neth0 3\n", "eth0 3"},
		{"rdma.max", "mlx5_0 hca_handle=1", "mlx5_0 hca_handle=max hca_object=7\n",
			"mlx5_0 hca_handle=max hca_object=7"},
		/* What cannot be put back by writing what was read. */
		{"cgroup.subtree_control", "+cpu", "memory\n", NULL},
		{"some.file", "1", "first\nsecond\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char content[256], text[128];

		snprintf(content, sizeof(content), "%s", cases[i].content);
		const char *value = old_value_text(cases[i].file, cases[i].written, content, text);
		if (!str_eq(value ? value : "(none)",
			    cases[i].expected ? cases[i].expected : "(none)"))
			fail_msg("%s, %s over %s: %s", cases[i].file, cases[i].written,
				cases[i].content, value ? value : "(none)");
	}
}

/* Which systemd has a unit is known again when the group is loaded. */
static void test_manager(void **state)
{
	struct hull_cgroup_host host = {.n_hierarchies = 1, .v2 = 0};
	const struct hull_cgroup_place place = {"", "/user.slice/a.scope", NULL};
	struct hull_cgroup *group;

	(void)state;
	host.hierarchies[0] = (struct hull_cgroup_hierarchy){
		.version = 2, .name = "", .mount_point = "/c", .own_path = "/", .fd = -1};
	assert_int_equal(hull_cgroup_load_places(&host, &place, 1, HULL_CGROUP_MANAGER_SYSTEMD_USER,
				 "a.scope", &group, NULL),
		0);
	assert_int_equal(hull_cgroup_manager(group), HULL_CGROUP_MANAGER_SYSTEMD_USER);
	assert_string_equal(hull_cgroup_unit(group), "a.scope");
	hull_cgroup_free(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_values),
		cmocka_unit_test(test_manager),
	};

	return cmocka_run_group_tests_name("cgroup-restore", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "cgroup/host.h"

#include <sys/stat.h>

/* A machine made of plain directories. */
struct machine {
	char root[64];
	char mountinfo[96], self_cgroup[96];
};

static int machine_setup(void **state)
{
	static struct machine machine;

	snprintf(machine.root, sizeof(machine.root), "/tmp/hull-cgroup.XXXXXX");
	if (!mkdtemp(machine.root))
		return -1;
	snprintf(machine.mountinfo, sizeof(machine.mountinfo), "%s/mountinfo", machine.root);
	snprintf(machine.self_cgroup, sizeof(machine.self_cgroup), "%s/cgroup", machine.root);
	*state = &machine;
	return 0;
}

static int machine_teardown(void **state)
{
	struct machine *machine = *state;

	return dir_remove_tree_at(AT_FDCWD, machine->root);
}

static void make_directory(const struct machine *machine, const char *name, const char *controllers)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", machine->root, name);
	assert_int_equal(dir_make_parents_at(AT_FDCWD, path, 0755), 0);
	mkdir(path, 0755);
	if (!controllers)
		return;
	snprintf(path, sizeof(path), "%s/%s/cgroup.controllers", machine->root, name);
	assert_int_equal(
		file_replace_at(AT_FDCWD, path, controllers, strlen(controllers), 0644, false), 0);
}

/* Writes both files; @ in mountinfo stands for the root. */
static void describe(const struct machine *machine, const char *mountinfo, const char *membership)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (const char *p = mountinfo; *p; p++) {
		if (*p == '@')
			buf_puts(&text, machine->root);
		else
			buf_putc(&text, *p);
	}
	assert_int_equal(
		file_replace_at(AT_FDCWD, machine->mountinfo, text.data, text.len, 0644, false), 0);
	assert_int_equal(file_replace_at(AT_FDCWD, machine->self_cgroup, membership,
				 strlen(membership), 0644, false),
		0);
}

static struct hull_cgroup_host *open_machine(const struct machine *machine)
{
	const struct cgroup_sources sources = {machine->mountinfo, machine->self_cgroup, true};
	struct hull_error err = HULL_ERROR_INIT;
	struct hull_cgroup_host *host = NULL;

	if (cgroup_host_open_from(&sources, &host, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return host;
}

static void test_unified(void **state)
{
	struct machine *machine = *state;
	const struct hull_cgroup_hierarchy *h;

	make_directory(machine, "v2", "cpuset cpu io memory hugetlb pids rdma misc\n");
	describe(machine,
		"22 1 0:20 / / rw - ext4 /dev/vda rw\n"
		"30 22 0:26 / @/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
		"0::/user.slice/user-0.slice\n");
	struct hull_cgroup_host *host = open_machine(machine);
	assert_int_equal(hull_cgroup_host_mode(host), HULL_CGROUP_MODE_UNIFIED);
	assert_int_equal(hull_cgroup_host_hierarchies(host, &h), 1);
	assert_int_equal(h[0].version, 2);
	assert_string_equal(h[0].name, "");
	assert_string_equal(h[0].own_path, "/user.slice/user-0.slice");
	assert_true(h[0].controllers & HULL_CGROUP_BIT(HULL_CGROUP_MEMORY));
	assert_true(h[0].controllers & HULL_CGROUP_BIT(HULL_CGROUP_FREEZER));
	assert_true(h[0].controllers & HULL_CGROUP_BIT(HULL_CGROUP_DEVICES));
	assert_false(h[0].controllers & HULL_CGROUP_BIT(HULL_CGROUP_NET_CLS));
	hull_cgroup_host_close(host);
}

static void test_legacy_comounts_and_names(void **state)
{
	struct machine *machine = *state;
	const struct hull_cgroup_hierarchy *h;

	make_directory(machine, "cpu,cpuacct", NULL);
	make_directory(machine, "odd place", NULL);
	make_directory(machine, "systemd", NULL);
	describe(machine,
		"30 22 0:26 / @/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		"31 22 0:27 / @/odd\\040place rw - cgroup cgroup rw,memory\n"
		"32 22 0:28 / @/systemd rw - cgroup systemd "
		"rw,xattr,release_agent=/lib/systemd/agent,name=systemd\n"
		"33 22 0:29 / @/not-there rw - cgroup cgroup rw,pids\n",
		"3:memory:/a\n2:cpu,cpuacct:/b/c\n1:name=systemd:/init.scope\n");
	struct hull_cgroup_host *host = open_machine(machine);
	assert_int_equal(hull_cgroup_host_mode(host), HULL_CGROUP_MODE_LEGACY);
	assert_int_equal(hull_cgroup_host_hierarchies(host, &h), 3);
	assert_string_equal(h[0].name, "cpu,cpuacct");
	assert_string_equal(h[0].own_path, "/b/c");
	assert_int_equal(h[0].controllers,
		HULL_CGROUP_BIT(HULL_CGROUP_CPU) | HULL_CGROUP_BIT(HULL_CGROUP_CPUACCT));
	assert_true(str_ends_with(h[1].mount_point, "/odd place"));
	assert_string_equal(h[1].own_path, "/a");
	assert_string_equal(h[2].name, "name=systemd");
	assert_string_equal(h[2].own_path, "/init.scope");
	assert_int_equal(h[2].controllers, 0);
	hull_cgroup_host_close(host);
}

static void test_split_between_versions(void **state)
{
	struct machine *machine = *state;
	const struct hull_cgroup_hierarchy *h;

	make_directory(machine, "memory", NULL);
	make_directory(machine, "freezer", NULL);
	make_directory(machine, "unified", "cpuset cpu io pids\n");
	describe(machine,
		"29 22 0:25 / @/unified rw - cgroup2 cgroup2 rw\n"
		"30 22 0:26 / @/memory rw - cgroup cgroup rw,memory\n"
		"31 22 0:27 / @/freezer rw - cgroup cgroup rw,freezer\n",
		"2:freezer:/\n1:memory:/\n0::/\n");
	struct hull_cgroup_host *host = open_machine(machine);
	assert_int_equal(hull_cgroup_host_mode(host), HULL_CGROUP_MODE_HYBRID);
	assert_int_equal(hull_cgroup_host_hierarchies(host, &h), 3);
	/* v2 comes last, wherever it was mounted, and has what v1 has not taken. */
	assert_int_equal(h[2].version, 2);
	assert_int_equal(host->by_controller[HULL_CGROUP_MEMORY], 0);
	assert_int_equal(host->by_controller[HULL_CGROUP_FREEZER], 1);
	assert_int_equal(host->by_controller[HULL_CGROUP_CPU], 2);
	assert_int_equal(host->by_controller[HULL_CGROUP_DEVICES], 2);
	assert_int_equal(host->by_controller[HULL_CGROUP_NET_CLS], -1);
	hull_cgroup_host_close(host);
}

/* In a container without a cgroup namespace only its own part is mounted. */
static void test_partial_mounts(void **state)
{
	struct machine *machine = *state;
	const struct hull_cgroup_hierarchy *h;

	make_directory(machine, "pids", NULL);
	make_directory(machine, "whole", NULL);
	make_directory(machine, "part", NULL);
	describe(machine,
		"30 22 0:26 /docker/abc @/pids rw - cgroup cgroup rw,pids\n"
		"31 22 0:27 /docker/abc @/part rw - cgroup cgroup rw,memory\n"
		"32 22 0:27 / @/whole rw - cgroup cgroup rw,memory\n",
		"2:memory:/docker/abc\n1:pids:/docker/abc/x\n");
	struct hull_cgroup_host *host = open_machine(machine);
	assert_int_equal(hull_cgroup_host_hierarchies(host, &h), 2);
	assert_string_equal(h[0].own_path, "/x");
	assert_true(str_ends_with(h[1].mount_point, "/whole"));
	assert_string_equal(h[1].own_path, "/docker/abc");
	hull_cgroup_host_close(host);
}

static void test_none(void **state)
{
	struct machine *machine = *state;

	describe(machine, "22 1 0:20 / / rw - ext4 /dev/vda rw\n", "");
	struct hull_cgroup_host *host = open_machine(machine);
	struct hull_error err = HULL_ERROR_INIT;
	struct hull_cgroup *group = NULL;
	assert_int_equal(hull_cgroup_host_mode(host), HULL_CGROUP_MODE_NONE);
	assert_true(hull_cgroup_create(host, "/x", NULL, &group, &err) < 0);
	assert_string_equal(
		hull_error_message(&err), "cgroup /x: no cgroup file system is mounted");
	hull_error_done(&err);
	hull_cgroup_host_close(host);
}

/* The table may be far longer than any buffer, and single lines too. */
static void test_very_many_mounts(void **state)
{
	struct machine *machine = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct hull_cgroup_hierarchy *h;

	make_directory(machine, "v2", "memory\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text,
			"%d 22 0:%d / /mnt/%d rw shared:1 - overlay o rw,lowerdir=/a:/b\n", i + 100,
			i, i);
	buf_puts(&text, "99999 22 0:9 / /big rw - overlay o rw,lowerdir=");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "/l");
	buf_puts(&text, "\n7 22 0:7 / @/v2 rw - cgroup2 cgroup2 rw\n");
	describe(machine, buf_str(&text), "0::/\n");
	struct hull_cgroup_host *host = open_machine(machine);
	assert_int_equal(hull_cgroup_host_hierarchies(host, &h), 1);
	assert_int_equal(hull_cgroup_host_mode(host), HULL_CGROUP_MODE_UNIFIED);
	hull_cgroup_host_close(host);
}

static void test_lines_that_are_none_of_ours(void **state)
{
	static const char *const lines[] = {
		"",
		" - cgroup",
		" - cgroup cgroup",
		"1 2 3 - cgroup2 cgroup2 rw",
		"30 22 0:26 / /x rw - cgroupfs x rw",
		"30 22 0:26 / /x\\040-\\040cgroup2 rw - tmpfs x rw",
		"30 22 0:26 / /x rw - cgroup cgroup",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[128];
		struct cgroup_mount mount;

		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_false(cgroup_mount_parse(line, strlen(line), &mount));
	}
}

static void test_membership(void **state)
{
	static const char text[] = "12:cpu,cpuacct:/a\n11:name=x:y:/b\n3:cpu:/c\n0::/d e\n";
	const char *path;

	(void)state;
	assert_int_equal(cgroup_membership_find(text, "cpu", &path), 2);
	assert_memory_equal(path, "/c", 2);
	assert_int_equal(cgroup_membership_find(text, "cpu,cpuacct", &path), 2);
	assert_memory_equal(path, "/a", 2);
	assert_int_equal(cgroup_membership_find(text, "name=x:y", &path), 2);
	assert_int_equal(cgroup_membership_find(text, "", &path), 4);
	assert_memory_equal(path, "/d e", 4);
	assert_int_equal(cgroup_membership_find(text, "memory", &path), -1);
	assert_int_equal(cgroup_membership_find("", "memory", &path), -1);
	assert_int_equal(cgroup_membership_find("::", "", &path), -1);
}

static void test_controllers(void **state)
{
	enum hull_cgroup_controller c;

	(void)state;
	for (unsigned int i = 0; i < HULL_CGROUP_CONTROLLER_MAX; i++) {
		const char *name = hull_cgroup_controller_name((enum hull_cgroup_controller)i);
		assert_int_equal(hull_cgroup_controller_parse(name, &c), 0);
		assert_int_equal(c, i);
	}
	assert_int_equal(hull_cgroup_controller_parse("blkio", &c), 0);
	assert_int_equal(c, HULL_CGROUP_IO);
	assert_true(hull_cgroup_controller_parse("", &c) < 0);
	assert_true(hull_cgroup_controller_parse("cpus", &c) < 0);
	assert_int_equal(cgroup_file_controller("cpuset.cpus"), HULL_CGROUP_CPUSET);
	assert_int_equal(cgroup_file_controller("blkio.weight"), HULL_CGROUP_IO);
	assert_int_equal(cgroup_file_controller("cgroup.procs"), HULL_CGROUP_CONTROLLER_MAX);
	assert_int_equal(cgroup_file_controller("memory"), HULL_CGROUP_CONTROLLER_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unified, machine_setup, machine_teardown),
		cmocka_unit_test_setup_teardown(
			test_legacy_comounts_and_names, machine_setup, machine_teardown),
		cmocka_unit_test_setup_teardown(
			test_split_between_versions, machine_setup, machine_teardown),
		cmocka_unit_test_setup_teardown(
			test_partial_mounts, machine_setup, machine_teardown),
		cmocka_unit_test_setup_teardown(test_none, machine_setup, machine_teardown),
		cmocka_unit_test_setup_teardown(
			test_very_many_mounts, machine_setup, machine_teardown),
		cmocka_unit_test(test_lines_that_are_none_of_ours),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_controllers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

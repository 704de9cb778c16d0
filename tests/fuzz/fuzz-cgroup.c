/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel prints about cgroups: the first byte chooses the parser, the rest is its text.
 * In a container others decide what is in these files: mount points, names of groups, a cgroup file
 * system that is no such thing.
 */
#include "cgroup/device.h"
#include "cgroup/group.h"
#include "cgroup/stat.h"
#include "cgroup/systemd_unit.h"

#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is found must lie within the text. */
static void check_membership(const char *text, size_t n)
{
	static const char *const names[] = {"", "memory", "cpu,cpuacct", "name=systemd"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *path;
		ssize_t found = cgroup_membership_find(text, names[i], &path);

		if (found >= 0 && (*path != '/' || path < text || path + found > text + n))
			abort();
	}
}

static void check_mount(char *text, size_t n)
{
	struct cgroup_mount mount;

	if (!cgroup_mount_parse(text, n, &mount))
		return;
	if ((mount.version != 1 && mount.version != 2) || !mount.root || !mount.mount_point)
		abort();
	cgroup_mount_hierarchy_name(mount.options);
}

static void check_stats(const char *text)
{
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	char size[16];

	stat_parse_cpu(text, 1, &stats.cpu);
	stat_parse_cpu(text, 2, &stats.cpu);
	stat_parse_cpuacct(text, &stats.cpu);
	stat_parse_memory(text, 1, &stats.memory);
	stat_parse_memory(text, 2, &stats.memory);
	stat_parse_memory_events(text, &stats.memory);
	stat_parse_pressure(text, &stats.io_pressure);
	stat_parse_io_v1(text, false, &stats);
	stat_parse_io_v2(text, &stats);
	stat_parse_rdma(text, true, &stats);
	stat_page_size(text, size);
	hull_cgroup_stats_done(&stats);
}

static void check_devices(const char *text)
{
	_cleanup_(device_list_done) struct device_list list = {0};
	_cleanup_(device_list_done) struct device_list again = {0};
	_cleanup_buf_ struct buf lines = BUF_INIT;

	if (device_list_parse(&list, text, NULL) < 0)
		return;
	device_list_transition(&again, &list, &lines);
}

/* A path that is accepted has no way out of its hierarchy. */
static void check_path(const char *text)
{
	if (cgroup_path_check(text, NULL) == 0 && (strstr(text, "/../") || str_eq(text, "..")))
		abort();
}

static void check_unit(const char *text)
{
	struct unit_name name = {0};
	_cleanup_(unit_properties_done) struct unit_properties list = {.arena = ARENA_INIT};
	const struct hull_cgroup_property property = {(char *)"Name", (char *)text};
	char *path = NULL;

	if (unit_name_parse(text, false, &name, NULL) == 0 && strchr(name.unit, '/'))
		abort();
	unit_name_done(&name);
	unit_slice_path(text, &path, NULL);
	free(path);
	unit_add_text(&list, &property, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t n = size - 1;
	char *text = malloc(n + 1);
	if (!text)
		return 0;
	if (n)
		memcpy(text, data + 1, n);
	text[n] = '\0';
	switch (data[0] % 6) {
	case 0:
		check_mount(text, n);
		break;
	case 1:
		check_membership(text, strlen(text));
		break;
	case 2:
		check_stats(text);
		break;
	case 3:
		check_devices(text);
		break;
	case 4:
		check_path(text);
		break;
	default:
		check_unit(text);
	}
	free(text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/host.h"

#include "base/str.h"

/* One row per controller: its name, and the one v1 has for it if that differs. */
static const struct {
	const char *name;
	const char *v1_name;
} controllers[HULL_CGROUP_CONTROLLER_MAX] = {
	[HULL_CGROUP_CPU] = {"cpu", NULL},
	[HULL_CGROUP_CPUACCT] = {"cpuacct", NULL},
	[HULL_CGROUP_CPUSET] = {"cpuset", NULL},
	[HULL_CGROUP_MEMORY] = {"memory", NULL},
	[HULL_CGROUP_IO] = {"io", "blkio"},
	[HULL_CGROUP_PIDS] = {"pids", NULL},
	[HULL_CGROUP_DEVICES] = {"devices", NULL},
	[HULL_CGROUP_FREEZER] = {"freezer", NULL},
	[HULL_CGROUP_NET_CLS] = {"net_cls", NULL},
	[HULL_CGROUP_NET_PRIO] = {"net_prio", NULL},
	[HULL_CGROUP_PERF_EVENT] = {"perf_event", NULL},
	[HULL_CGROUP_HUGETLB] = {"hugetlb", NULL},
	[HULL_CGROUP_RDMA] = {"rdma", NULL},
	[HULL_CGROUP_MISC] = {"misc", NULL},
	[HULL_CGROUP_DMEM] = {"dmem", NULL},
};

static const char *const mode_names[] = {
	[HULL_CGROUP_MODE_NONE] = "none",
	[HULL_CGROUP_MODE_LEGACY] = "legacy",
	[HULL_CGROUP_MODE_HYBRID] = "hybrid",
	[HULL_CGROUP_MODE_UNIFIED] = "unified",
};

const char *hull_cgroup_mode_name(enum hull_cgroup_mode mode)
{
	return (size_t)mode < ARRAY_SIZE(mode_names) ? mode_names[mode] : "unknown";
}

const char *hull_cgroup_controller_name(enum hull_cgroup_controller controller)
{
	return (size_t)controller < ARRAY_SIZE(controllers) ? controllers[controller].name
							    : "unknown";
}

static enum hull_cgroup_controller controller_find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		const char *names[] = {controllers[i].name, controllers[i].v1_name};

		for (size_t k = 0; k < ARRAY_SIZE(names) && names[k]; k++)
			if (strlen(names[k]) == n && memcmp(names[k], name, n) == 0)
				return (enum hull_cgroup_controller)i;
	}
	return HULL_CGROUP_CONTROLLER_MAX;
}

int hull_cgroup_controller_parse(const char *name, enum hull_cgroup_controller *ret)
{
	enum hull_cgroup_controller c = controller_find(name, strlen(name));

	if (c == HULL_CGROUP_CONTROLLER_MAX)
		return -EINVAL;
	*ret = c;
	return 0;
}

uint32_t cgroup_controllers_parse(const char *list, const char *separators)
{
	uint32_t mask = 0;

	for (const char *p = list + strspn(list, separators); *p; p += strspn(p, separators)) {
		size_t n = strcspn(p, separators);
		enum hull_cgroup_controller c = controller_find(p, n);

		if (c != HULL_CGROUP_CONTROLLER_MAX)
			mask |= HULL_CGROUP_BIT(c);
		p += n;
	}
	return mask;
}

enum hull_cgroup_controller cgroup_file_controller(const char *file)
{
	size_t n = strcspn(file, ".");

	return file[n] ? controller_find(file, n) : HULL_CGROUP_CONTROLLER_MAX;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd as the one who owns the tree. It is asked for a transient scope (with a process) or slice
 * (without), and tells where the group is; files are then written as in any other group. What
 * systemd knows is told to it as well, since it would write its own idea of it otherwise.
 *
 * On v1 systemd makes the group only in the hierarchies that it uses; the others we make ourselves.
 */
#include "cgroup/systemd.h"
#include "cgroup/resource.h"
#include "cgroup/systemd_bus.h"
#include "cgroup/systemd_unit.h"

#include "base/str.h"

#define TIMEOUT_MS 30000

DEFINE_CLEANUP(struct systemd_bus *, bus_closep, systemd_bus_close)

/* True if limits of memory and cpu are v2's. */
static bool uses_v2(const struct hull_cgroup_host *host)
{
	return host->v2 >= 0 && host->by_controller[HULL_CGROUP_MEMORY] == host->v2;
}

static int add_unit(struct unit_properties *list, const struct unit_name *name,
	const struct hull_cgroup_create_options *options, bool v2, struct hull_error *err)
{
	static const char *const accounting_v1[] = {
		"CPUAccounting", "MemoryAccounting", "TasksAccounting", "BlockIOAccounting", NULL};
	static const char *const accounting_v2[] = {
		"CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting", NULL};
	const char *const *accounting = v2 ? accounting_v2 : accounting_v1;
	int r = unit_property_string(
		list, "Description", options->description ? options->description : name->unit, err);

	if (r == 0 && name->slice)
		r = unit_property_string(list, "Slice", name->slice, err);
	if (r == 0 && name->slice)
		r = unit_property_number(list, "PIDs", PROPERTY_PIDS, (uint64_t)options->pid, err);
	if (r == 0 && name->slice && options->delegate)
		r = unit_property_number(list, "Delegate", PROPERTY_BOOL, true, err);
	for (; r == 0 && *accounting; accounting++)
		r = unit_property_number(list, *accounting, PROPERTY_BOOL, true, err);
	if (r == 0)
		r = unit_property_number(list, "DefaultDependencies", PROPERTY_BOOL, false, err);
	if (r == 0 && options->resources)
		r = unit_add_resources(list, v2, options->resources, err);
	for (size_t i = 0; r == 0 && i < options->n_properties; i++)
		r = unit_add_text(list, &options->properties[i], err);
	return r;
}

/* The group object of a unit that has been started, filled in where systemd leaves gaps. */
static int adopt(const struct hull_cgroup_host *host, struct systemd_bus *bus,
	const struct unit_name *name, const struct hull_cgroup_create_options *options,
	struct hull_cgroup **ret, struct hull_error *err)
{
	_cleanup_group_ struct hull_cgroup *group = NULL;
	_cleanup_free_ char *path = NULL;
	int r = systemd_bus_group(bus, name->unit, &path, err);

	if (r < 0)
		return r;
	/* A slice without processes may not have been made yet. */
	if (!*path && !name->slice) {
		free(TAKE_PTR(path));
		r = unit_slice_path(name->unit, &path, err);
		if (r < 0)
			return r;
	}
	r = group_new_at(host, group_hierarchies(host, options->controllers), path, &group, err);
	if (r < 0)
		return r;
	group->manager = options->manager;
	if (str_set(&group->unit, name->unit) < 0)
		return error_no_memory(err);
	/* Where systemd has made it, it is there already; that it is new, systemd has seen to. */
	r = group_make(group, options->controllers, options->flags & ~HULL_CGROUP_CREATE_NEW,
		options->resources, err);
	if (r == 0 && options->resources)
		r = resources_apply(group, options->resources,
			options->flags & HULL_CGROUP_CREATE_TOLERANT ? HULL_CGROUP_APPLY_TOLERANT
								     : 0,
			err);
	/* v2 has the process already, by systemd's hand. */
	if (r == 0 && options->pid)
		r = hull_cgroup_add(
			group, options->pid, name->slice ? HULL_CGROUP_ADD_SKIP_V2 : 0, err);
	if (r < 0) {
		group_unmake(group);
		return r;
	}
	*ret = TAKE_PTR(group);
	return 0;
}

int systemd_create(const struct hull_cgroup_host *host, const char *path,
	const struct hull_cgroup_create_options *options, struct hull_cgroup **ret,
	struct hull_error *err)
{
	_cleanup_(unit_name_done) struct unit_name name = {0};
	_cleanup_(unit_properties_done) struct unit_properties properties = {.arena = ARENA_INIT};
	_cleanup_(bus_closep) struct systemd_bus *bus = NULL;
	_cleanup_group_ struct hull_cgroup *home = NULL;
	bool user = options->manager == HULL_CGROUP_MANAGER_SYSTEMD_USER;
	int timeout = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;

	int r = unit_name_parse(path, user, &name, err);
	if (r < 0)
		return r;
	if (name.slice && options->pid <= 0)
		return error_set(err, HULL_ERROR_INVALID, "%s: a scope needs a process", name.unit);
	if (options->resources) {
		r = hull_cgroup_resources_check(options->resources, err);
		if (r < 0)
			return r;
	}
	r = add_unit(&properties, &name, options, uses_v2(host), err);
	if (r == 0 && options->pid)
		r = group_new_of_process(host, options->pid, &home, err);
	if (r == 0)
		r = systemd_bus_open(user, &bus, err);
	if (r == 0)
		r = systemd_bus_start(bus, name.unit, &properties, timeout, err);
	if (r < 0)
		return r;
	r = adopt(host, bus, &name, options, ret, err);
	if (r < 0) {
		/* Stopping a scope kills who is in it. */
		if (home)
			hull_cgroup_add(home, options->pid, HULL_CGROUP_ADD_NEWBORN, NULL);
		systemd_bus_stop(bus, name.unit, timeout, NULL);
	}
	return r;
}

static bool on_user_bus(const struct hull_cgroup *cgroup)
{
	return cgroup->manager == HULL_CGROUP_MANAGER_SYSTEMD_USER;
}

int systemd_set(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	struct hull_error *err)
{
	_cleanup_(unit_properties_done) struct unit_properties properties = {.arena = ARENA_INIT};
	_cleanup_(bus_closep) struct systemd_bus *bus = NULL;

	int r = hull_cgroup_resources_check(resources, err);
	if (r == 0)
		r = unit_add_resources(&properties, uses_v2(cgroup->host), resources, err);
	if (r < 0 || properties.n == 0)
		return r;
	r = systemd_bus_open(on_user_bus(cgroup), &bus, err);
	return r < 0 ? r : systemd_bus_set(bus, cgroup->unit, &properties, err);
}

int systemd_delete(struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	_cleanup_(bus_closep) struct systemd_bus *bus = NULL;
	int r = systemd_bus_open(on_user_bus(cgroup), &bus, err);

	return r < 0 ? r : systemd_bus_stop(bus, cgroup->unit, timeout_ms, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces. Which process makes or joins which:
 *
 * - A pid namespace concerns only children, so a new one comes from the clone, and one to join is
 *   entered by the caller for the moment of the clone.
 * - A new user namespace comes from the clone too: it must exist before the others, which it owns.
 *   One to join is entered by an intermediate process, from which the child is cloned as a sibling
 *   (CLONE_PARENT), since a caller could not come back.
 * - Everything else is made or joined by the child itself. Networks are expensive to make, and the
 *   caller has other things to do meanwhile.
 * - A new cgroup namespace takes the cgroup of that moment as its root: it comes after joining.
 */
#include "runtime/id_map.h"
#include "runtime/op.h"
#include "base/str.h"

#include <sched.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const uint64_t clone_flags[OCI_NAMESPACE_MAX] = {
	[OCI_NAMESPACE_PID] = CLONE_NEWPID,
	[OCI_NAMESPACE_NETWORK] = CLONE_NEWNET,
	[OCI_NAMESPACE_MOUNT] = CLONE_NEWNS,
	[OCI_NAMESPACE_IPC] = CLONE_NEWIPC,
	[OCI_NAMESPACE_UTS] = CLONE_NEWUTS,
	[OCI_NAMESPACE_USER] = CLONE_NEWUSER,
	[OCI_NAMESPACE_CGROUP] = CLONE_NEWCGROUP,
	[OCI_NAMESPACE_TIME] = CLONE_NEWTIME,
};

uint64_t compile_clone_flag(int type)
{
	return clone_flags[type];
}

bool compile_has_new_namespace(const struct plan *plan, enum oci_namespace_type type)
{
	const struct oci_namespace *ns = oci_spec_namespace(plan->spec, type);

	return ns && str_empty(ns->path);
}

static int open_namespaces(struct plan *plan, int slots[OCI_NAMESPACE_MAX], struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;

	for (int i = 0; i < OCI_NAMESPACE_MAX; i++)
		slots[i] = -1;
	for (size_t i = 0; l && i < l->n_namespaces; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];
		if (str_empty(ns->path))
			continue;
		struct op *op = plan_add(plan, OP_OPEN_NAMESPACE, false, err);
		if (!op)
			return -ENOMEM;
		op->slot = slots[ns->type] = plan_slot(plan);
		op->path = ns->path;
		op->flags = clone_flags[ns->type];
	}
	return 0;
}

static int add_clone(struct plan *plan, const int slots[OCI_NAMESPACE_MAX], struct hull_error *err)
{
	struct op_clone *clone = arena_new(&plan->arena, struct op_clone);
	struct op *op = plan_add(plan, OP_CLONE, false, err);

	if (!op)
		return -ENOMEM;
	if (!clone)
		return error_no_memory(err);
	clone->pid_namespace_slot = slots[OCI_NAMESPACE_PID];
	clone->user_namespace_slot = slots[OCI_NAMESPACE_USER];
	if (compile_has_new_namespace(plan, OCI_NAMESPACE_PID))
		clone->flags |= CLONE_NEWPID;
	if (compile_has_new_namespace(plan, OCI_NAMESPACE_USER))
		clone->flags |= CLONE_NEWUSER;
	op->clone = clone;
	return 0;
}

static int add_id_maps(struct plan *plan, struct hull_error *err)
{
	struct op_id_map *map = arena_new(&plan->arena, struct op_id_map);
	struct op *op = plan_add(plan, OP_WRITE_ID_MAPS, false, err);

	if (!op)
		return -ENOMEM;
	if (!map)
		return error_no_memory(err);
	*map = (struct op_id_map){.uid = plan->spec->linux->uid_mappings,
		.n_uid = plan->spec->linux->n_uid_mappings,
		.gid = plan->spec->linux->gid_mappings,
		.n_gid = plan->spec->linux->n_gid_mappings};
	op->id_map = map;
	int r = id_map_check(map, "linux", err);
	if (r == 0)
		r = compile_send(plan, false, MESSAGE_MAPPED, err);
	if (r == 0)
		r = compile_receive(plan, true, MESSAGE_MAPPED, err);
	return r;
}

static int add_joins(struct plan *plan, const int slots[OCI_NAMESPACE_MAX], struct hull_error *err)
{
	for (int type = 0; type < OCI_NAMESPACE_MAX; type++) {
		if (slots[type] < 0 || type == OCI_NAMESPACE_PID || type == OCI_NAMESPACE_USER)
			continue;
		struct op *op = plan_add(plan, OP_JOIN_NAMESPACE, true, err);
		if (!op)
			return -ENOMEM;
		op->slot = slots[type];
		op->path = oci_spec_namespace(plan->spec, (enum oci_namespace_type)type)->path;
		op->flags = clone_flags[type];
	}
	return 0;
}

static int add_unshare(struct plan *plan, struct hull_error *err)
{
	static const enum oci_namespace_type types[] = {
		OCI_NAMESPACE_MOUNT, OCI_NAMESPACE_NETWORK, OCI_NAMESPACE_IPC, OCI_NAMESPACE_UTS};
	uint64_t flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (compile_has_new_namespace(plan, types[i]))
			flags |= clone_flags[types[i]];
	}
	/* Without a mount namespace of the container's own, its mounts would be the host's. */
	if (!oci_spec_namespace(plan->spec, OCI_NAMESPACE_MOUNT))
		return error_set(err, HULL_ERROR_INVALID,
			"linux.namespaces: a container needs a mount namespace");
	if (flags) {
		struct op *op = plan_add(plan, OP_UNSHARE, true, err);
		if (!op)
			return -ENOMEM;
		op->flags = flags;
	}
	if (compile_has_new_namespace(plan, OCI_NAMESPACE_TIME)) {
		struct op *op = plan_add(plan, OP_TIME_OFFSETS, true, err);
		if (!op)
			return -ENOMEM;
		op->time_offsets = plan->spec->linux->time_offsets;
	}
	return 0;
}

static bool has_links(const struct plan *plan)
{
	return plan->spec->linux->n_net_devices || plan->options.n_network;
}

static int add_network_steps(struct plan *plan, bool child, struct hull_error *err)
{
	for (size_t i = 0; i < plan->options.n_network; i++) {
		const struct plan_network_step *step = &plan->options.network[i];
		if (step->child != child)
			continue;
		struct op *op = plan_add(plan, OP_NETWORK, child, err);
		struct op_network *network = arena_new(&plan->arena, struct op_network);
		if (!op)
			return -ENOMEM;
		if (!network)
			return error_no_memory(err);
		network->step = step;
		network->data = arena_memdup(&plan->arena, step->data, step->length);
		if (step->sysctl)
			op->path = arena_printf(&plan->arena, "sys/%s", step->sysctl);
		if ((step->length && !network->data) || (step->sysctl && !op->path))
			return error_no_memory(err);
		op->source = step->value;
		op->network = network;
	}
	return 0;
}

/* Network devices move in or are made as soon as there is a namespace for them, while the child mounts. */
int compile_links(struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;

	if (!has_links(plan))
		return 0;
	if (!oci_spec_namespace(plan->spec, OCI_NAMESPACE_NETWORK))
		return error_set(err, HULL_ERROR_INVALID,
			"network devices need a network namespace of the container's own");
	int r = compile_receive(plan, false, MESSAGE_NAMESPACES, err);
	for (size_t i = 0; r == 0 && i < l->n_net_devices; i++) {
		struct op *op = plan_add(plan, OP_MOVE_LINK, false, err);
		if (!op)
			return -ENOMEM;
		op->source = l->net_devices[i].host_name;
		op->path = str_empty(l->net_devices[i].name) ? l->net_devices[i].host_name
							     : l->net_devices[i].name;
	}
	if (r == 0)
		r = add_network_steps(plan, false, err);
	if (r == 0)
		r = compile_send(plan, false, MESSAGE_LINKS, err);
	return r;
}

int compile_links_inside(struct plan *plan, struct hull_error *err)
{
	if (!has_links(plan))
		return 0;
	int r = compile_receive(plan, true, MESSAGE_LINKS, err);
	return r < 0 ? r : add_network_steps(plan, true, err);
}

static int add_become_root(struct plan *plan, struct hull_error *err)
{
	if (!oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER))
		return 0;
	return plan_add(plan, OP_BECOME_ROOT, true, err) ? 0 : -ENOMEM;
}

/*
 * Without privileges everything that concerns the caller's files and cgroup happens as soon as the
 * child has its mount namespace, and before it becomes root inside: until then it is still the
 * caller's user, to whom these belong.
 */
static int add_unprivileged(
	struct plan *plan, const int slots[OCI_NAMESPACE_MAX], struct hull_error *err)
{
	int r = add_joins(plan, slots, err);

	if (r == 0)
		r = add_unshare(plan, err);
	if (r == 0)
		r = compile_root_open(plan, true, err);
	if (r == 0)
		r = compile_binds_open(plan, true, err);
	return r == 0 ? add_become_root(plan, err) : r;
}

static int add_privileged(
	struct plan *plan, const int slots[OCI_NAMESPACE_MAX], struct hull_error *err)
{
	int r = add_become_root(plan, err);

	if (r == 0)
		r = add_joins(plan, slots, err);
	return r == 0 ? add_unshare(plan, err) : r;
}

int compile_namespaces(struct plan *plan, bool cgroup_created, struct hull_error *err)
{
	bool unprivileged = plan->options.unprivileged;
	int slots[OCI_NAMESPACE_MAX];

	if (!plan->spec->linux)
		return error_set(err, HULL_ERROR_INVALID, "linux: missing");
	plan->new_cgroup_namespace = compile_has_new_namespace(plan, OCI_NAMESPACE_CGROUP);
	int r = open_namespaces(plan, slots, err);
	if (r == 0)
		r = compile_mount_options(plan, err);
	if (r == 0 && !unprivileged)
		r = compile_binds_open(plan, false, err);
	if (r == 0 && unprivileged)
		r = compile_oom_score(plan, err);
	if (r == 0)
		r = add_clone(plan, slots, err);
	if (r == 0 && unprivileged)
		r = compile_cgroup_join(plan, cgroup_created, err);
	if (r == 0 && compile_has_new_namespace(plan, OCI_NAMESPACE_USER))
		r = add_id_maps(plan, err);
	if (r == 0)
		r = unprivileged ? add_unprivileged(plan, slots, err)
				 : add_privileged(plan, slots, err);
	if (r == 0 && has_links(plan))
		r = compile_send(plan, true, MESSAGE_NAMESPACES, err);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A further process in a running container: the same operations in another order. The caller opens
 * what it needs of the host; the child walks into the cgroup, then into all namespaces at once
 * through the first process's pidfd (Linux 5.8), and ends like any container's process.
 */
#include "runtime/op.h"
#include "base/str.h"

#include <sched.h>

/* The namespaces that the container does not share with us. */
static uint64_t joined_flags(const struct oci_spec *spec)
{
	uint64_t flags = 0;

	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++)
		flags |= compile_clone_flag(spec->linux->namespaces[i].type);
	return flags;
}

int compile_clone_inside(struct plan *plan, uint64_t flags, struct hull_error *err)
{
	struct op_clone *clone = arena_new(&plan->arena, struct op_clone);
	struct op *op = plan_add(plan, OP_CLONE, false, err);

	if (!op)
		return -ENOMEM;
	if (!clone)
		return error_no_memory(err);
	bool pid = flags & CLONE_NEWPID, user = flags & CLONE_NEWUSER;
	clone->pid_namespace_slot = pid ? SLOT_ROOT : -1;
	/* Only a caller that is root over both may enter a pid namespace without the user's. */
	clone->user_namespace_slot = user && geteuid() != 0 ? SLOT_ROOT : -1;
	op->clone = clone;
	return 0;
}

int compile_join(struct plan *plan, uint64_t flags, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_JOIN_NAMESPACE, true, err);
	if (!op)
		return -ENOMEM;
	op->slot = SLOT_ROOT;
	op->flags = flags;
	return 0;
}

static int add_join(struct plan *plan, uint64_t flags, struct hull_error *err)
{
	/* The child is born in the pid namespace, and perhaps in the user namespace. */
	flags &= ~(uint64_t)CLONE_NEWPID;
	if (geteuid() != 0)
		flags &= ~(uint64_t)CLONE_NEWUSER;
	return flags ? compile_join(plan, flags, err) : 0;
}

static int add_beside(struct plan *plan, struct hull_error *err)
{
	int r = geteuid() == 0 ? compile_oom_score(plan, err) : 0;

	if (r == 0)
		r = compile_resctrl(plan, err);
	return r < 0 ? r : compile_filter(plan, err);
}

static int compile(struct plan *plan, struct hull_error *err)
{
	uint64_t flags = joined_flags(plan->spec);

	if (plan->target_cgroup && !plan_add(plan, OP_OPEN_CGROUP, false, err))
		return -ENOMEM;
	int r = compile_initial_affinity(plan, err);
	if (r == 0 && geteuid() != 0)
		r = compile_oom_score(plan, err);
	if (r == 0)
		r = compile_clone_inside(plan, flags, err);
	if (r == 0)
		r = add_beside(plan, err);
	if (r == 0 && plan->target_cgroup && !plan_add(plan, OP_JOIN_CGROUP, true, err))
		r = -ENOMEM;
	/* Before joining: from then on the container's processes can see the child. */
	if (r == 0 && !plan_add(plan, OP_SESSION, true, err))
		r = -ENOMEM;
	if (r == 0)
		r = add_join(plan, flags, err);
	if (r == 0 && (flags & CLONE_NEWUSER) && !plan_add(plan, OP_BECOME_ROOT, true, err))
		r = -ENOMEM;
	if (r == 0)
		r = compile_terminal(plan, err);
	return r == 0 ? compile_process(plan, err) : r;
}

static int plan_init(struct plan *plan, const struct oci_process *process,
	const struct plan_target *target, const struct plan_exec_options *options,
	struct hull_error *err)
{
	plan->exec = true;
	plan->spec = target->spec;
	plan->process = process;
	plan->options = (struct plan_options){.rootfs_fd = -1,
		.stdio = {options->stdio[0], options->stdio[1], options->stdio[2]},
		.preserve_fds = options->preserve_fds,
		.start_socket = -1,
		.seccomp_cache_fd = options->seccomp_cache_fd,
		.trace = options->trace,
		.debug = options->debug,
		.warn = options->warn,
		.userdata = options->userdata};
	plan->n_slots = 1;
	plan->target_pidfd = target->pidfd;
	plan->terminal = process->terminal;
	plan->seccomp = target->spec->linux ? target->spec->linux->seccomp : NULL;
	plan->id = arena_strdup(&plan->arena, target->id);
	plan->bundle = target->bundle;
	plan->target_cgroup =
		str_empty(target->cgroup) ? NULL : arena_strdup(&plan->arena, target->cgroup);
	plan->sub_cgroups = options->sub_cgroups;
	plan->target_pid = target->pid;
	if (!plan->id || (!str_empty(target->cgroup) && !plan->target_cgroup))
		return error_no_memory(err);
	return 0;
}

int plan_compile_exec(const struct oci_process *process, const struct plan_target *target,
	const struct plan_exec_options *options, struct plan **ret, struct hull_error *err)
{
	int r = oci_process_check(process, err);

	if (r < 0)
		return r;
	if (target->pidfd < 0)
		return error_set(err, HULL_ERROR_INVALID, "exec without a pidfd");
	_cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return error_no_memory(err);
	r = plan_init(plan, process, target, options, err);
	if (r == 0)
		r = compile_state(plan, err);
	if (r == 0)
		r = compile(plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

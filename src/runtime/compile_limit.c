/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, priorities and policies of a process. Names that the tables do not know, numbers out of
 * range and combinations that mean nothing are refused here, before anything is done: the kernel
 * would say "Invalid argument" for all of them.
 */
#include "runtime/op.h"
#include "runtime/limit.h"
#include "base/str.h"

#define fail(err, ...) error_set((err), HULL_ERROR_INVALID, __VA_ARGS__)

static int check_name(
	const struct limit_name *names, const char *name, const char *what, struct hull_error *err)
{
	if (limit_parse(names, name) >= 0)
		return 0;
	return fail(err, "%s: unknown name \"%.100s\"", what, name);
}

static int check_rlimits(const struct oci_process *p, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_rlimits; i++)
		r = check_name(limit_rlimits, p->rlimits[i].type, "process.rlimits", err);
	return r;
}

static int check_scheduler(const struct oci_scheduler *s, struct hull_error *err)
{
	int r = check_name(limit_scheduler_policies, s->policy, "process.scheduler.policy", err);

	strv_foreach (flag, s->flags) {
		if (r == 0)
			r = check_name(
				limit_scheduler_flags, *flag, "process.scheduler.flags", err);
	}
	if (r < 0)
		return r;
	bool deadline = str_eq(s->policy, "SCHED_DEADLINE");
	bool realtime = str_eq(s->policy, "SCHED_FIFO") || str_eq(s->policy, "SCHED_RR");
	if (s->nice.value < -20 || s->nice.value > 19)
		return fail(err, "process.scheduler.nice: must be between -20 and 19");
	if (s->priority.value && !realtime)
		return fail(err, "process.scheduler.priority: scheduler.priority can only be "
				 "specified for SchedFIFO or SchedRR policy");
	if (realtime && (s->priority.value < 1 || s->priority.value > 99))
		return fail(err, "process.scheduler.priority: must be between 1 and 99");
	if (!deadline && (s->runtime || s->deadline || s->period))
		return fail(err, "process.scheduler: scheduler runtime/deadline/period can only be "
				 "specified for SchedDeadline policy");
	/* A period of 0 is the deadline's. */
	if (deadline &&
		(!s->runtime || s->runtime > s->deadline || (s->period && s->deadline > s->period)))
		return fail(err, "process.scheduler: SCHED_DEADLINE needs runtime <= deadline <= "
				 "period");
	return 0;
}

static int check_io_priority(const struct oci_io_priority *io, struct hull_error *err)
{
	if (limit_parse(limit_io_classes, io->class) < 0)
		return fail(err, "process.ioPriority.class: invalid ioPriority.Class: \"%.100s\"",
			io->class);
	if (io->priority.value < 0 || io->priority.value > 7)
		return fail(err, "process.ioPriority.priority: must be between 0 and 7");
	return 0;
}

static int check_cpus(const char *list, const char *field, struct hull_error *err)
{
	unsigned long cpus[LIMIT_CPUS_MAX / (8 * sizeof(unsigned long))];

	if (str_empty(list) || limit_parse_list(list, cpus, LIMIT_CPUS_MAX) == 0)
		return 0;
	return fail(err, "process.execCPUAffinity.%s: not a list of CPUs: \"%.100s\"", field, list);
}

static int check_memory_policy(const struct oci_memory_policy *m, struct hull_error *err)
{
	unsigned long nodes[LIMIT_NODES_MAX / (8 * sizeof(unsigned long))] = {0};
	size_t n = 0;

	if (limit_parse(limit_memory_modes, m->mode) < 0)
		return fail(err, "linux.memoryPolicy.mode: invalid memory policy mode \"%.100s\"",
			m->mode);
	strv_foreach (flag, m->flags) {
		if (limit_parse(limit_memory_flags, *flag) < 0)
			return fail(err,
				"linux.memoryPolicy.flags: invalid memory policy flag \"%.100s\"",
				*flag);
	}
	if (!str_empty(m->nodes) && limit_parse_list(m->nodes, nodes, LIMIT_NODES_MAX) < 0)
		return fail(err, "linux.memoryPolicy.nodes: invalid memory policy node \"%.100s\"",
			m->nodes);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		n += (size_t)__builtin_popcountl(nodes[i]);
	bool none = str_eq(m->mode, "MPOL_DEFAULT") || str_eq(m->mode, "MPOL_LOCAL");
	if (none && n)
		return fail(err,
			"linux.memoryPolicy.nodes: memory policy mode requires 0 nodes but got %zu",
			n);
	if (!none && !str_eq(m->mode, "MPOL_PREFERRED") && n == 0)
		return fail(err,
			"linux.memoryPolicy.nodes: memory policy mode requires at least one "
			"node but got 0");
	if (strv_contains(m->flags, "MPOL_F_STATIC_NODES") &&
		strv_contains(m->flags, "MPOL_F_RELATIVE_NODES"))
		return fail(err, "linux.memoryPolicy.flags: invalid memory policy flag: "
				 "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES together");
	return 0;
}

static int check_personality(
	const struct plan *plan, const struct oci_personality *p, struct hull_error *err)
{
	int r = check_name(limit_personalities, p->domain, "linux.personality.domain", err);

	/* The specification has the field and no value for it. */
	strv_foreach (flag, p->flags) {
		_cleanup_free_ char *text =
			str_printf("linux.personality.flags: ignoring unknown flag \"%s\"", *flag);
		if (r == 0 && text && plan->options.warn)
			plan->options.warn(plan->options.userdata, text);
	}
	return r;
}

static int check_process(const struct oci_process *p, struct hull_error *err)
{
	int r = check_rlimits(p, err);

	if (r == 0 && p->scheduler)
		r = check_scheduler(p->scheduler, err);
	if (r == 0 && p->io_priority)
		r = check_io_priority(p->io_priority, err);
	if (r == 0 && p->exec_cpu_affinity)
		r = check_cpus(p->exec_cpu_affinity->initial, "initial", err);
	if (r == 0 && p->exec_cpu_affinity)
		r = check_cpus(p->exec_cpu_affinity->final, "final", err);
	return r;
}

/*
 * Where an exec runs before and after it enters the container's cgroup. What the caller begins with,
 * the child inherits, and a kernel since 6.2 keeps even in a cpuset: without a final set, all CPUs of
 * the cgroup are asked for again. A container's first process has no such field.
 */
int compile_initial_affinity(struct plan *plan, struct hull_error *err)
{
	const struct oci_cpu_affinity *a = plan->process->exec_cpu_affinity;

	if (!a || str_empty(a->initial))
		return 0;
	struct op *op = plan_add(plan, OP_AFFINITY, false, err);
	if (!op)
		return -ENOMEM;
	op->path = a->initial;
	return 0;
}

static int compile_final_affinity(struct plan *plan, struct hull_error *err)
{
	const struct oci_cpu_affinity *a = plan->exec ? plan->process->exec_cpu_affinity : NULL;

	if (!a || (str_empty(a->final) && str_empty(a->initial)))
		return 0;
	return compile_add(
		plan, OP_AFFINITY, str_empty(a->final) ? LIMIT_ALL_CPUS : a->final, NULL, err);
}

int compile_resctrl(struct plan *plan, struct hull_error *err)
{
	const struct oci_intel_rdt *rdt = plan->spec->linux ? plan->spec->linux->intel_rdt : NULL;
	_cleanup_free_ char *root = NULL;
	_cleanup_(resctrl_done) struct resctrl names = {0};

	if (!rdt)
		return 0;
	int r = resctrl_find(&root, err);
	if (r == 0)
		r = resctrl_name(root, plan->id, rdt, &names, err);
	if (r < 0)
		return r;
	struct op *op = plan_add(plan, OP_RESCTRL, false, err);
	if (!op)
		return -ENOMEM;
	op->path = arena_strdup(&plan->arena, names.group);
	plan->resctrl = arena_strdup(&plan->arena, root);
	return op->path && plan->resctrl ? 0 : error_no_memory(err);
}

int compile_limits(struct plan *plan, struct hull_error *err)
{
	const struct oci_process *p = plan->process;
	const struct oci_linux *l = plan->spec->linux;
	int r = check_process(p, err);

	if (r == 0 && l->personality)
		r = check_personality(plan, l->personality, err);
	if (r == 0 && l->memory_policy)
		r = check_memory_policy(l->memory_policy, err);
	if (r == 0 && l->personality)
		r = compile_add(plan, OP_PERSONALITY, l->personality->domain, l->personality, err);
	if (r == 0 && l->memory_policy)
		r = compile_add(
			plan, OP_MEMORY_POLICY, l->memory_policy->mode, l->memory_policy, err);
	if (r == 0 && p->scheduler)
		r = compile_add(plan, OP_SCHEDULER, p->scheduler->policy, p->scheduler, err);
	if (r == 0 && p->io_priority)
		r = compile_add(plan, OP_IO_PRIORITY, p->io_priority->class, p->io_priority, err);
	return r == 0 ? compile_final_affinity(plan, err) : r;
}

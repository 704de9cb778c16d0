/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling, memory policy, personality and resource limits. Names are looked up here, in tables
 * in read-only memory, so that a plan can be printed with the names that the spec used; what the
 * tables do not know is refused when the plan is compiled (compile_limit.c).
 */
#include "runtime/perform.h"
#include "runtime/limit.h"
#include "base/str.h"

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#define LIMIT_TEXT_SIZE 24

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE /* Linux 6.9 */
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif

const struct limit_name limit_rlimits[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
	{NULL, 0},
};

const struct limit_name limit_scheduler_policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_ISO", 4},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
	{NULL, 0},
};

const struct limit_name limit_scheduler_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
	{NULL, 0},
};

const struct limit_name limit_io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
	{NULL, 0},
};

const struct limit_name limit_memory_modes[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
	{NULL, 0},
};

const struct limit_name limit_memory_flags[] = {
	{"MPOL_F_STATIC_NODES", 1 << 15},
	{"MPOL_F_RELATIVE_NODES", 1 << 14},
	{"MPOL_F_NUMA_BALANCING", 1 << 13},
	{NULL, 0},
};

const struct limit_name limit_personalities[] = {
	{"LINUX", PER_LINUX},
	{"LINUX32", PER_LINUX32},
	{NULL, 0},
};

int limit_parse(const struct limit_name *names, const char *name)
{
	for (; names->name; names++) {
		if (str_eq(names->name, name))
			return names->value;
	}
	return -EINVAL;
}

static uint64_t parse_flags(const struct limit_name *names, char *const *flags)
{
	uint64_t all = 0;

	strv_foreach (flag, flags) {
		int value = limit_parse(names, *flag);
		if (value > 0)
			all |= (uint64_t)value;
	}
	return all;
}

int limit_parse_list(const char *list, unsigned long *set, size_t bits)
{
	const size_t word = 8 * sizeof(unsigned long);

	memset(set, 0, (bits + word - 1) / word * sizeof(unsigned long));
	for (const char *p = list; *p;) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;
		if (end == p)
			return -EINVAL;
		if (*end == '-') {
			p = end + 1;
			last = strtoul(p, &end, 10);
			if (end == p || last < first)
				return -EINVAL;
		}
		if (last >= bits)
			return -ERANGE;
		for (unsigned long i = first; i <= last; i++)
			set[i / word] |= 1UL << (i % word);
		if (*end && *end != ',')
			return -EINVAL;
		p = *end ? end + 1 : end;
	}
	return 0;
}

int perform_personality(struct performance *p, const struct op *op)
{
	return personality((unsigned long)limit_parse(limit_personalities, op->path)) < 0 ? -errno
											  : 0;
}

int perform_memory_policy(struct performance *p, const struct op *op)
{
	const struct oci_memory_policy *policy = op->data;
	unsigned long nodes[LIMIT_NODES_MAX / (8 * sizeof(unsigned long))];
	int mode = limit_parse(limit_memory_modes, policy->mode) |
		   (int)parse_flags(limit_memory_flags, policy->flags);
	bool empty = str_empty(policy->nodes);
	int r = empty ? 0 : limit_parse_list(policy->nodes, nodes, LIMIT_NODES_MAX);

	if (r < 0)
		return op_step(p, r, "nodes %s", policy->nodes);
	/* The kernel takes one bit less than it is told. */
	long set = syscall(
		SYS_set_mempolicy, mode, empty ? NULL : nodes, empty ? 0 : LIMIT_NODES_MAX + 1);
	return set < 0 ? -errno : 0;
}

int perform_scheduler(struct performance *p, const struct op *op)
{
	const struct oci_scheduler *s = op->data;
	struct sched_attr attr = {.size = sizeof(attr),
		.sched_policy = (uint32_t)limit_parse(limit_scheduler_policies, s->policy),
		.sched_flags = parse_flags(limit_scheduler_flags, s->flags),
		.sched_nice = (int32_t)s->nice.value,
		.sched_priority = (uint32_t)s->priority.value,
		.sched_runtime = s->runtime,
		.sched_deadline = s->deadline,
		.sched_period = s->period};

	if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0)
		return 0;
	int r = -errno;
	const struct hull_cgroup_resources *limits = p->plan->resources;
	/* The kernel admits deadlines to whole scheduling domains only. */
	if (r == -EPERM && limits && !str_empty(limits->cpu.cpus))
		return op_step(p, r, "process scheduler can't be used together with AllowedCPUs");
	return r;
}

int perform_io_priority(struct performance *p, const struct op *op)
{
	const struct oci_io_priority *io = op->data;
	int class = limit_parse(limit_io_classes, io->class);
	int value = IOPRIO_PRIO_VALUE(class, (int)io->priority.value);

	return syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, value) < 0 ? -errno : 0;
}

int perform_affinity(struct performance *p, const struct op *op)
{
	unsigned long cpus[LIMIT_CPUS_MAX / (8 * sizeof(unsigned long))];
	int r = limit_parse_list(op->path, cpus, LIMIT_CPUS_MAX);

	if (r < 0)
		return r;
	return syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus) < 0 ? -errno : 0;
}

static const char *limit_text(rlim_t limit, char text[LIMIT_TEXT_SIZE])
{
	if (limit == RLIM_INFINITY)
		return "unlimited";
	snprintf(text, LIMIT_TEXT_SIZE, "%llu", (unsigned long long)limit);
	return text;
}

/*
 * Of either side: the caller's is for the child. Whoever may not raise a hard limit gets what there
 * is, and a warning, as users in unprivileged surroundings need it.
 */
int perform_rlimit(struct performance *p, const struct op *op)
{
	const struct oci_rlimit *l = op->rlimit;
	struct rlimit wanted = {.rlim_cur = l->soft, .rlim_max = l->hard}, now;
	int resource = limit_parse(limit_rlimits, l->type);
	pid_t pid = op->child ? 0 : p->pid;

	if (syscall(SYS_prlimit64, pid, resource, &wanted, NULL) == 0)
		return 0;
	if (errno != EPERM || syscall(SYS_prlimit64, pid, resource, NULL, &now) < 0)
		return -errno;
	wanted.rlim_max = now.rlim_max;
	if (wanted.rlim_cur > wanted.rlim_max)
		wanted.rlim_cur = wanted.rlim_max;
	if (syscall(SYS_prlimit64, pid, resource, &wanted, NULL) < 0)
		return -errno;
	char asked[LIMIT_TEXT_SIZE], kept[LIMIT_TEXT_SIZE];
	snprintf(p->detail, sizeof(p->detail),
		"no permission to raise the hard limit to %s, left at %s",
		limit_text(l->hard, asked), limit_text(now.rlim_max, kept));
	if (op->child)
		child_warn(p, -EPERM);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor: the kernel's own work of one container start, and nothing else.
 *
 * The program makes the namespaces, cgroups and mounts that a runtime must make, executes a
 * program in them, waits for it and removes the cgroups. It reads no configuration, keeps no
 * state, checks nothing and protects nothing; it takes the cheapest call that has the same
 * effect. What a runtime takes longer than this on the same machine is the runtime's own doing.
 *
 * One start is a list of steps, performed by the parent, then by the child up to execve, then by
 * the parent again. Each step belongs to a feature that --with and --without switch, and the time
 * between the ends of two steps is the cost of the later one (the clocks live in memory that
 * parent and child share). The child shares the parent's memory until execve where that is
 * possible, as vfork does: copying page tables is no necessary work.
 *
 * cgroup v1: one directory per mounted hierarchy, which the child enters by itself through files
 * that the parent opened: nobody waits for anybody. cgroup v2: CLONE_INTO_CGROUP; the device
 * filter, a BPF program there, is left out.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_STACK_SIZE (256 * 1024)
#define EXIT_SETUP	 125

static const struct {
	const char *name;
	const char *text;
	bool on;
	enum feature needs;
} features[FEATURE_MAX] = {
	[FEATURE_CGROUPS] = {"cgroups", "a cgroup in each hierarchy", true},
	[FEATURE_DEVICES] = {"devices", "v1 device rules: deny all, allow the usual", true,
		FEATURE_CGROUPS},
	[FEATURE_NET] = {"net", "network namespace", true},
	[FEATURE_PID] = {"pid", "pid namespace", true},
	[FEATURE_IPC] = {"ipc", "ipc namespace", true},
	[FEATURE_UTS] = {"uts", "uts namespace, host name", true},
	[FEATURE_CGROUP_NS] = {"cgroup-ns", "cgroup namespace", true},
	[FEATURE_PROC] = {"proc", "/proc", true},
	[FEATURE_DEV] = {"dev", "/dev: tmpfs, nodes, links", true},
	[FEATURE_PTS] = {"pts", "/dev/pts", true, FEATURE_DEV},
	[FEATURE_SHM] = {"shm", "/dev/shm", true, FEATURE_DEV},
	[FEATURE_MQUEUE] = {"mqueue", "/dev/mqueue", true, FEATURE_DEV},
	[FEATURE_SYS] = {"sys", "/sys", true},
	[FEATURE_CGROUPFS] = {"cgroupfs", "/sys/fs/cgroup, read-only", false, FEATURE_SYS},
	[FEATURE_MASKED] = {"masked", "masked paths", true, FEATURE_PROC},
	[FEATURE_READONLY] = {"readonly", "read-only paths", true, FEATURE_PROC},
	[FEATURE_LOOPBACK] = {"loopback", "lo up", true, FEATURE_NET},
	[FEATURE_KEYRING] = {"keyring", "a session keyring", true},
	[FEATURE_CREDENTIALS] = {"credentials", "capabilities, groups, limits, no_new_privs", true},
	[FEATURE_SECCOMP] = {"seccomp", "a small filter, compiled beforehand", false},
	[FEATURE_SHARED_MEMORY] = {"vfork", "share memory until execve", true},
};

bool start_has(const struct start *s, enum feature f)
{
	for (; f != FEATURE_ALWAYS; f = features[f].needs) {
		if (!(s->features >> f & 1))
			return false;
	}
	return true;
}

static const struct step parent_steps[] = {
	{FEATURE_CGROUPS, "make cgroups", cgroups_make},
	{FEATURE_DEVICES, "device rules", cgroups_allow_devices},
	{FEATURE_ALWAYS, "open root", root_open},
	{0, NULL, NULL},
};

static const struct step child_steps[] = {
	{FEATURE_CGROUPS, "join cgroups", cgroups_join},
	{FEATURE_CGROUP_NS, "cgroup namespace", cgroup_namespace_make},
	{FEATURE_ALWAYS, "attach root", root_attach},
	{FEATURE_PROC, "mount proc", mount_proc},
	{FEATURE_DEV, "mount dev", mount_dev},
	{FEATURE_DEV, "device nodes", make_devices},
	{FEATURE_PTS, "mount devpts", mount_pts},
	{FEATURE_SHM, "mount shm", mount_shm},
	{FEATURE_MQUEUE, "mount mqueue", mount_mqueue},
	{FEATURE_SYS, "mount sysfs", mount_sys},
	{FEATURE_CGROUPFS, "mount cgroups", mount_cgroups},
	{FEATURE_ALWAYS, "pivot root", root_pivot},
	{FEATURE_MASKED, "mask paths", mask_paths},
	{FEATURE_READONLY, "read-only paths", protect_paths},
	{FEATURE_UTS, "host name", set_hostname},
	{FEATURE_LOOPBACK, "lo up", loopback_up},
	{FEATURE_KEYRING, "session keyring", keyring_join},
	{FEATURE_CREDENTIALS, "credentials", credentials_drop},
	{FEATURE_SECCOMP, "seccomp filter", seccomp_load},
	{FEATURE_ALWAYS, "close fds", fds_close},
	{0, NULL, NULL},
};

/* Steps after the child's execve. */
static const struct step end_steps[] = {
	{FEATURE_ALWAYS, "execve, run, exit", container_wait},
	{FEATURE_CGROUPS, "remove cgroups", cgroups_remove},
	{FEATURE_ALWAYS, "close root", root_close},
	{0, NULL, NULL},
};

/* Entering a running container. */
static const struct step enter_parent_steps[] = {
	{FEATURE_CGROUPS, "open cgroups", cgroups_open},
	{FEATURE_ALWAYS, "join namespaces", namespaces_join},
	{0, NULL, NULL},
};

static const struct step enter_child_steps[] = {
	{FEATURE_CGROUPS, "join cgroups", cgroups_join},
	{FEATURE_CREDENTIALS, "credentials", credentials_drop},
	{FEATURE_SECCOMP, "seccomp filter", seccomp_load},
	{FEATURE_ALWAYS, "close fds", fds_close},
	{0, NULL, NULL},
};

static const struct step enter_end_steps[] = {
	{FEATURE_ALWAYS, "execve, run, exit", container_wait},
	{FEATURE_CGROUPS, "close cgroups", cgroups_close},
	{0, NULL, NULL},
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void clocks_mark(struct clocks *c, const char *name)
{
	uint64_t now = now_ns();

	if (c->n < STEPS_MAX) {
		c->names[c->n] = name;
		c->ns[c->n++] = now - c->last;
	}
	c->last = now;
}

static int perform(struct start *s, const struct step *steps)
{
	for (const struct step *step = steps; step->name; step++) {
		if (!start_has(s, step->feature))
			continue;
		if (step->run(s) < 0) {
			dprintf(2, "floor: %s: %s: %s\n", step->name, s->subject, strerror(errno));
			return -1;
		}
		clocks_mark(s->clocks, step->name);
	}
	return 0;
}

static int child_main(void *arg)
{
	struct start *s = arg;

	clocks_mark(s->clocks, "clone");
	if (perform(s, s->enter ? enter_child_steps : child_steps) < 0)
		_exit(EXIT_SETUP);
	execve(s->args[0], s->args, s->env);
	dprintf(2, "floor: execve %s: %s\n", s->args[0], strerror(errno));
	_exit(EXIT_SETUP);
}

static uint64_t namespace_flags(const struct start *s)
{
	uint64_t flags = CLONE_NEWNS;

	if (s->enter)
		return 0;
	if (start_has(s, FEATURE_NET))
		flags |= CLONE_NEWNET;
	if (start_has(s, FEATURE_PID))
		flags |= CLONE_NEWPID;
	if (start_has(s, FEATURE_IPC))
		flags |= CLONE_NEWIPC;
	if (start_has(s, FEATURE_UTS))
		flags |= CLONE_NEWUTS;
	return flags;
}

/* The C library has no wrapper for clone3, so a shared stack is out of reach with it. */
static pid_t start_into_cgroup(struct start *s)
{
	struct clone_args args = {
		.flags = namespace_flags(s) | CLONE_VFORK | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)s->cgroups->fds[0],
	};
	long pid;

	if (start_has(s, FEATURE_CGROUP_NS) && !s->enter)
		args.flags |= CLONE_NEWCGROUP;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child_main(s);
	return (pid_t)pid;
}

static pid_t start_child(struct start *s)
{
	static char stack[CHILD_STACK_SIZE] __attribute__((aligned(16)));
	uint64_t flags = namespace_flags(s) | CLONE_VFORK | SIGCHLD;

	if (start_has(s, FEATURE_CGROUPS) && s->cgroups->unified)
		return start_into_cgroup(s);
	if (start_has(s, FEATURE_SHARED_MEMORY))
		flags |= CLONE_VM;
	return clone(child_main, stack + sizeof(stack), (int)flags, s);
}

int container_wait(struct start *s)
{
	int status;

	while (waitpid(s->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	s->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

/* One whole start; fills the clocks. 0, or -1 after a message. */
static int start_run(struct start *s)
{
	struct clocks *c = s->clocks;

	c->n = 0;
	c->last = now_ns();
	if (perform(s, s->enter ? enter_parent_steps : parent_steps) < 0)
		return -1;
	s->pid = start_child(s);
	if (s->pid < 0) {
		fprintf(stderr, "floor: clone: %s\n", strerror(errno));
		return -1;
	}
	if (perform(s, s->enter ? enter_end_steps : end_steps) < 0)
		return -1;
	return s->status == EXIT_SETUP ? -1 : 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_u64);
	return n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : 0;
}

static uint64_t clocks_total(const struct clocks *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->n; i++)
		sum += c->ns[i];
	return sum;
}

/* A pause lets the kernel finish what it does behind a start (network namespaces above all). */
static void settle(void)
{
	struct timespec pause = {0, 10 * 1000 * 1000};

	nanosleep(&pause, NULL);
}

static void print_row(const char *name, uint64_t *values, size_t n)
{
	double middle = (double)median(values, n); /* sorts them */

	printf("%-24s %10.1f %10.1f %10.1f\n", name, middle / 1e3, (double)values[0] / 1e3,
		(double)values[(n - 1) * 9 / 10] / 1e3);
}

static int explain(struct start *s, size_t rounds)
{
	uint64_t *samples = calloc(rounds * (STEPS_MAX + 1), sizeof(*samples));
	uint64_t *totals = samples ? samples + rounds * STEPS_MAX : NULL;
	size_t n = 0;

	if (!samples)
		return -1;
	for (size_t i = 0; i < rounds; i++) {
		if (start_run(s) < 0)
			return -1;
		n = s->clocks->n;
		for (size_t j = 0; j < n; j++)
			samples[j * rounds + i] = s->clocks->ns[j];
		totals[i] = clocks_total(s->clocks);
		settle();
	}
	printf("%-24s %10s %10s %10s\n", "STEP", "MEDIAN us", "MIN us", "P90 us");
	for (size_t j = 0; j < n; j++)
		print_row(s->clocks->names[j], samples + j * rounds, rounds);
	print_row("all", totals, rounds);
	free(samples);
	return 0;
}

/* What a start costs without each feature, all variants taking turns. */
static int leave_out(struct start *s, size_t rounds)
{
	uint64_t *samples = calloc(rounds * FEATURE_MAX, sizeof(*samples));
	uint64_t all = s->features, base;

	if (!samples)
		return -1;
	for (size_t i = 0; i < rounds; i++) {
		/* The first variant, FEATURE_ALWAYS, leaves nothing out. */
		for (unsigned f = 0; f < FEATURE_MAX; f++) {
			if (f != FEATURE_ALWAYS && !(all >> f & 1))
				continue;
			s->features = f == FEATURE_ALWAYS ? all : all & ~(UINT64_C(1) << f);
			if (start_run(s) < 0)
				return -1;
			samples[f * rounds + i] = clocks_total(s->clocks);
			settle();
		}
	}
	s->features = all;
	base = median(samples, rounds);
	printf("%-14s %10s %10s\n", "WITHOUT", "MEDIAN us", "SAVES us");
	printf("%-14s %10.1f\n", "(nothing)", (double)base / 1e3);
	for (unsigned f = 1; f < FEATURE_MAX; f++) {
		uint64_t middle;

		if (!(all >> f & 1))
			continue;
		middle = median(samples + f * rounds, rounds);
		printf("%-14s %10.1f %10.1f  %s\n", features[f].name, (double)middle / 1e3,
			((double)base - (double)middle) / 1e3, features[f].text);
	}
	free(samples);
	return 0;
}

static int switch_features(struct start *s, const char *names, bool on)
{
	char *copy = strdup(names), *rest = copy, *name;

	while (copy && (name = strsep(&rest, ","))) {
		unsigned f = 1;

		while (f < FEATURE_MAX && strcmp(features[f].name, name) != 0)
			f++;
		if (f == FEATURE_MAX) {
			fprintf(stderr, "floor: no such feature: %s\n", name);
			free(copy);
			return -1;
		}
		if (on)
			s->features |= UINT64_C(1) << f;
		else
			s->features &= ~(UINT64_C(1) << f);
	}
	free(copy);
	return copy ? 0 : -1;
}

static void usage(void)
{
	puts("Usage: floor [OPTION...] --root DIR|--enter PID [COMMAND [ARG...]]\n"
	     "Performs the bare kernel work of a container start; COMMAND defaults to /bin/true.\n\n"
	     "  --root DIR           root file system, bound; with --upper: lower directories a:b\n"
	     "  --upper DIR          overlay over --root; upper and work directory are made in DIR\n"
	     "  --enter PID          enter the container of this process instead of making one\n"
	     "  --with NAME,...      add features\n"
	     "  --without NAME,...   leave features out\n"
	     "  --explain            print the median time of each step\n"
	     "  --leave-out          print what leaving out each feature saves\n"
	     "  -n ROUNDS            starts to measure for these two (default 200)\n\n"
	     "Features (* = by default):");
	for (unsigned f = 1; f < FEATURE_MAX; f++)
		printf(" %c %-12s %s\n", features[f].on ? '*' : ' ', features[f].name,
			features[f].text);
}

enum { MODE_ONCE, MODE_EXPLAIN, MODE_LEAVE_OUT };

enum { OPTION_ROOT = 1, OPTION_UPPER, OPTION_ENTER, OPTION_WITH, OPTION_WITHOUT };

/* Returns the mode, or -1 (wrong usage). */
static int parse_options(struct start *s, int argc, char *argv[], size_t *rounds)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, OPTION_ROOT},
		{"upper", required_argument, NULL, OPTION_UPPER},
		{"enter", required_argument, NULL, OPTION_ENTER},
		{"with", required_argument, NULL, OPTION_WITH},
		{"without", required_argument, NULL, OPTION_WITHOUT},
		{"explain", no_argument, NULL, 'e'},
		{"leave-out", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int mode = MODE_ONCE, c;

	while ((c = getopt_long(argc, argv, "+n:h", options, NULL)) >= 0) {
		if (c == OPTION_ROOT)
			s->root = optarg;
		else if (c == OPTION_UPPER)
			s->upper = optarg;
		else if (c == OPTION_ENTER)
			s->enter = (pid_t)strtol(optarg, NULL, 10);
		else if (c == 'n')
			*rounds = strtoul(optarg, NULL, 10);
		else if (c == 'e')
			mode = MODE_EXPLAIN;
		else if (c == 'l')
			mode = MODE_LEAVE_OUT;
		else if (c == OPTION_WITH || c == OPTION_WITHOUT) {
			if (switch_features(s, optarg, c == OPTION_WITH) < 0)
				return -1;
		} else {
			return -1;
		}
	}
	/* after entering once this program is in the container and cannot do so again */
	if (s->enter > 0)
		return mode == MODE_ONCE ? mode : -1;
	return s->root && *rounds ? mode : -1;
}

int main(int argc, char *argv[])
{
	static char *default_args[] = {(char *)"/bin/true", NULL};
	static char *env[] = {(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
				      "/sbin:/bin",
		NULL};
	struct cgroups cgroups = {0};
	struct start s = {.cgroups = &cgroups, .args = default_args, .env = env, .subject = ""};
	size_t rounds = 200;
	int mode, r;

	for (unsigned f = 1; f < FEATURE_MAX; f++)
		s.features |= (uint64_t)features[f].on << f;
	mode = parse_options(&s, argc, argv, &rounds);
	if (mode < 0) {
		usage();
		return 2;
	}
	if (optind < argc)
		s.args = argv + optind;
	s.clocks = mmap(
		NULL, sizeof(*s.clocks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.clocks == MAP_FAILED || cgroups_find(&cgroups) < 0) {
		perror("floor");
		return EXIT_SETUP;
	}
	if (mode == MODE_ONCE)
		r = start_run(&s);
	else
		r = mode == MODE_EXPLAIN ? explain(&s, rounds) : leave_out(&s, rounds);
	/* what a failed start has left; a good one has left nothing */
	if (r < 0 && !s.enter)
		cgroups_remove(&s);
	return r < 0 ? EXIT_SETUP : s.status;
}

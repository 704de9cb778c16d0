/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a group, over and over, through libhull-cgroup: create it in five controllers, set ten
 * limits, put a process in, read all statistics, take the process out, delete. Prints the rounds per
 * second, and the time of each step in microseconds. bench/cgroup compares it with others.
 */
#include "base/clock.h"
#include "base/str.h"
#include <hull/cgroup.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum step { CREATE, APPLY, ADD, STAT, LEAVE, DELETE, STEPS };

static const char *const step_names[STEPS] = {
	[CREATE] = "create",
	[APPLY] = "ten limits",
	[ADD] = "add a process",
	[STAT] = "all statistics",
	[LEAVE] = "take it out",
	[DELETE] = "delete",
};

#define CONTROLLERS                                                                       \
	(HULL_CGROUP_BIT(HULL_CGROUP_CPU) | HULL_CGROUP_BIT(HULL_CGROUP_CPUSET) |         \
		HULL_CGROUP_BIT(HULL_CGROUP_MEMORY) | HULL_CGROUP_BIT(HULL_CGROUP_PIDS) | \
		HULL_CGROUP_BIT(HULL_CGROUP_CPUACCT))

struct bench {
	struct hull_cgroup_host *host;
	struct hull_cgroup *home; /* where the process goes back to */
	pid_t pid;
	struct hull_cgroup_stats stats;
	int64_t spent_ns[STEPS];
	int64_t since_ns;
};

static void lap(struct bench *b, enum step step)
{
	int64_t now = clock_monotonic_ns();

	b->spent_ns[step] += now - b->since_ns;
	b->since_ns = now;
}

static int one_round(struct bench *b, struct hull_error *err)
{
	static const struct hull_cgroup_resources limits_v1 = {
		.memory = {.limit = {true, 64 << 20},
			.swap = {true, 128 << 20},
			.reservation = {true, 32 << 20},
			.swappiness = {true, 60}},
		.cpu = {.shares = {true, 512},
			.period = {true, 100000},
			.quota = {true, 50000},
			.cpus = (char *)"0",
			.mems = (char *)"0"},
		.pids = {.limit = {true, 100}},
	};
	struct hull_cgroup_resources limits = limits_v1;
	const struct hull_cgroup_create_options options = {.controllers = CONTROLLERS};
	struct hull_cgroup *group;

	/* v2 has no swappiness; the burst makes it ten again. */
	if (hull_cgroup_host_mode(b->host) == HULL_CGROUP_MODE_UNIFIED) {
		limits.memory.swappiness.set = false;
		limits.cpu.burst = (struct hull_opt_u64){true, 1000};
	}
	b->since_ns = clock_monotonic_ns();
	int r = hull_cgroup_create(b->host, "/hull-bench/round", &options, &group, err);
	if (r < 0)
		return r;
	lap(b, CREATE);
	if ((r = hull_cgroup_apply(group, &limits, 0, err)) == 0) {
		lap(b, APPLY);
		r = hull_cgroup_add(group, b->pid, HULL_CGROUP_ADD_NEWBORN, err);
		lap(b, ADD);
	}
	if (r == 0) {
		r = hull_cgroup_stat(group, 0, &b->stats, err);
		lap(b, STAT);
		hull_cgroup_add(b->home, b->pid, HULL_CGROUP_ADD_NEWBORN, NULL);
		lap(b, LEAVE);
	}
	int d = hull_cgroup_delete(group, 0, 1000, r < 0 ? NULL : err);
	lap(b, DELETE);
	hull_cgroup_free(group);
	return r < 0 ? r : d;
}

static int run(struct bench *b, unsigned int rounds, struct hull_error *err)
{
	const struct hull_cgroup_create_options options = {.controllers = CONTROLLERS};
	int r = hull_cgroup_create(b->host, "/hull-bench", &options, &b->home, err);

	if (r == 0)
		r = hull_cgroup_add(b->home, b->pid, HULL_CGROUP_ADD_NEWBORN, err);
	int64_t started = clock_monotonic_ns();
	for (unsigned int i = 0; r == 0 && i < rounds; i++)
		r = one_round(b, err);
	int64_t total = clock_monotonic_ns() - started;
	if (r < 0)
		return r;
	printf("%.0f rounds per second\n", rounds * 1e9 / (double)total);
	for (int step = 0; step < STEPS; step++)
		printf("%-16s %8.1f us\n", step_names[step],
			(double)b->spent_ns[step] / 1e3 / rounds);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench b = {.stats = HULL_CGROUP_STATS_INIT};
	struct hull_error err = HULL_ERROR_INIT;
	uint32_t rounds = 500;

	if (argc > 2 || (argc == 2 && (str_to_u32(argv[1], &rounds) < 0 || rounds == 0))) {
		fprintf(stderr, "usage: cgroup-loop [ROUNDS]\n");
		return 2;
	}
	int r = hull_cgroup_host_open(&b.host, &err);
	if (r == 0 && (b.pid = fork()) == 0) {
		for (;;)
			pause();
	}
	if (r == 0)
		r = run(&b, rounds, &err);
	if (b.pid > 0) {
		kill(b.pid, SIGKILL);
		waitpid(b.pid, NULL, 0);
	}
	if (b.home)
		hull_cgroup_delete(b.home, HULL_CGROUP_DELETE_RECURSIVE, 1000, NULL);
	if (r < 0)
		fprintf(stderr, "cgroup-loop: %s\n", hull_error_message(&err));
	hull_cgroup_stats_done(&b.stats);
	hull_cgroup_free(b.home);
	hull_cgroup_host_close(b.host);
	hull_error_done(&err);
	return r < 0 ? 1 : 0;
}

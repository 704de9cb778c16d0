/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits for any of the runs; its slot, or -1. */
static int wait_slot(const struct measure *m, struct test_case *c, pid_t *pids)
{
	int status;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid < 0 && errno == EINTR);
	for (unsigned i = 0; i < m->parallel; i++) {
		if (pid > 0 && pids[i] == pid) {
			pids[i] = 0;
			if (!c->failed)
				case_check(m, c, status);
			return (int)i;
		}
	}
	return -1;
}

/*
 * One turn: keeps P runs in flight until the time is over, then lets them end. The rate is that of
 * all runs over the whole time, so that a command gains nothing by leaving work behind its last run.
 */
static void run_turn(struct measure *m, struct test_case *c, bool keep)
{
	uint64_t begin = now_ns(), end = begin + m->seconds * UINT64_C(1000000000);
	pid_t pids[PARALLEL_MAX] = {0};
	uint64_t done = 0;
	unsigned running = 0;

	for (; running < m->parallel && !c->failed; running++)
		pids[running] = case_spawn(m, c, running);
	while (running > 0) {
		int slot = wait_slot(m, c, pids);

		if (slot < 0)
			break;
		done++;
		running--;
		if (now_ns() < end && !c->failed) {
			pids[slot] = case_spawn(m, c, (unsigned)slot);
			running += pids[slot] > 0;
		}
	}
	if (keep && !c->failed)
		c->wall[c->n_samples++] =
			done * UINT64_C(1000000000000) / (now_ns() - begin); /* per 1000 s */
}

void measure_throughput(struct measure *m)
{
	for (size_t round = 0; round < m->warmup + m->rounds; round++) {
		for (size_t i = 0; i < m->n_cases; i++) {
			if (m->cases[i].failed)
				continue;
			run_turn(m, &m->cases[i], round >= m->warmup);
			/* the kernel's work behind one turn is not to slow down the next */
			pause_ms(m->settle_ms);
		}
	}
}

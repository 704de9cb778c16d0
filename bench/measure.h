/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of measure; see measure.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CASES_MAX    32
#define ARGS_MAX     64
#define BASES_MAX    4
#define PARALLEL_MAX 64

struct test_case {
	const char *name;
	char **args; /* in argv */
	size_t n_args;
	bool failed;
	uint64_t spent; /* ns */
	size_t n_samples;
	uint64_t *wall; /* ns; with --parallel: runs per second, times 1000 */
	uint64_t *cpu;	/* ns, user and system, of the command and the children it waited for */
	long max_rss_kib;
};

struct measure {
	size_t rounds;
	size_t warmup;
	unsigned settle_ms;
	unsigned parallel; /* 0: one at a time */
	unsigned seconds;
	unsigned limit;	   /* seconds that one case may take in all; its later runs are left out */
	const char *after; /* a shell command that follows each run, outside its time, or NULL */
	const char *group;
	const char *json; /* a file to append to, or NULL */
	const char *bases[BASES_MAX];
	size_t n_bases;
	struct test_case cases[CASES_MAX];
	size_t n_cases;
	int null_fd;
	int stderr_fd; /* what the last command, or all of them with --parallel, complained about */
	unsigned next_id;
};

uint64_t now_ns(void);
void pause_ms(unsigned ms);

/* What {id} and {slot} stand for in one run. */
struct run {
	unsigned id;
	unsigned slot;
};

/* Starts one run; -1 after a message, the case then counts as failed. */
pid_t case_spawn(struct measure *m, struct test_case *c, unsigned slot);

/* Looks at the wait status of a run and reports a failure. */
void case_check(const struct measure *m, struct test_case *c, int status);

void measure_times(struct measure *m);
void measure_throughput(struct measure *m); /* measure-throughput.c */
int print_results(struct measure *m);	    /* measure-print.c; -1: the JSON file failed */

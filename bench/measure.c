/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure: runs commands in turn and compares how long they take.
 *
 *	measure [OPTION...] --case NAME COMMAND [ARG...] [--case NAME COMMAND [ARG...]]...
 *
 * Two ways of measuring. By default one command runs at a time, each once per round, in an order
 * shuffled anew in each round: a drift of the machine, or work that the kernel does behind one
 * command (it takes network namespaces apart long after their last process), then hits all of
 * them alike. With --parallel P each command in turn runs for some seconds with P of it in flight,
 * several times over, and what counts is how many end per second.
 *
 * Commands are spawned as by vfork, so that the time is not that of copying this process, with
 * /dev/null as standard input and output. {id} in an argument becomes a number that is different
 * in each run, {slot} one below P that no two commands in flight share. A command that fails is reported with what it wrote to standard error, left out of
 * all further rounds, and makes the exit status 1.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void pause_ms(unsigned ms)
{
	struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	if (ms > 0)
		nanosleep(&pause, NULL);
}

/* Appends to out, which is big enough. */
static char *append(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

/* A copy of arg with {id} and {slot} replaced; NULL if memory is out. */
static char *expand(const char *arg, const struct run *run)
{
	char id[16], slot[16], *text = malloc(strlen(arg) * 4 + 1), *out = text;

	snprintf(id, sizeof(id), "%u", run->id);
	snprintf(slot, sizeof(slot), "%u", run->slot);
	while (text && *arg) {
		if (strncmp(arg, "{id}", 4) == 0) {
			out = append(out, id, strlen(id));
			arg += 4;
		} else if (strncmp(arg, "{slot}", 6) == 0) {
			out = append(out, slot, strlen(slot));
			arg += 6;
		} else {
			*out++ = *arg++;
		}
	}
	if (text)
		*out = '\0';
	return text;
}

pid_t case_spawn(struct measure *m, struct test_case *c, unsigned slot)
{
	const struct run run = {m->next_id++, slot};
	posix_spawn_file_actions_t actions;
	char *args[ARGS_MAX + 1];
	size_t n = 0;
	pid_t pid = -1;
	int r;

	for (; n < c->n_args; n++)
		args[n] = expand(c->args[n], &run);
	args[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, m->null_fd, 0);
	posix_spawn_file_actions_adddup2(&actions, m->null_fd, 1);
	posix_spawn_file_actions_adddup2(&actions, m->stderr_fd, 2);
	r = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	while (n > 0)
		free(args[--n]);
	if (r == 0)
		return pid;
	fprintf(stderr, "measure: %s: %s: %s\n", c->name, c->args[0], strerror(r));
	c->failed = true;
	return -1;
}

void case_check(const struct measure *m, struct test_case *c, int status)
{
	char text[2048];
	ssize_t n;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	n = pread(m->stderr_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	fprintf(stderr, "measure: %s: left out: %s %d\n%s", c->name,
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), text);
	c->failed = true;
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000000U + (uint64_t)tv.tv_usec * 1000U;
}

/* Clean-up after a run, with its {id}; whether it works is its own business. */
static void run_after(struct measure *m, const struct run *run)
{
	struct test_case after = {.name = "after", .n_args = 3};
	char *args[] = {(char *)"sh", (char *)"-c", NULL};
	unsigned next = m->next_id;
	pid_t pid;

	if (!m->after)
		return;
	args[2] = expand(m->after, run);
	after.args = args;
	pid = args[2] ? case_spawn(m, &after, run->slot) : -1;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	free(args[2]);
	m->next_id = next;
}

/* One run by itself. The time is from before the spawn until the process has been reaped. */
static void case_time(struct measure *m, struct test_case *c, bool keep)
{
	const struct run run = {m->next_id, 0};
	uint64_t begin, end;
	struct rusage usage;
	int status;
	pid_t pid;

	if (ftruncate(m->stderr_fd, 0) < 0 || lseek(m->stderr_fd, 0, SEEK_SET) < 0)
		return;
	begin = now_ns();
	pid = case_spawn(m, c, 0);
	if (pid < 0)
		return;
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	end = now_ns();
	case_check(m, c, status);
	run_after(m, &run);
	c->spent += end - begin;
	if (c->failed || !keep)
		return;
	c->wall[c->n_samples] = end - begin;
	c->cpu[c->n_samples++] = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
	if (usage.ru_maxrss > c->max_rss_kib)
		c->max_rss_kib = usage.ru_maxrss;
}

/* Fisher-Yates with a xorshift generator: the same order in each run of the program. */
static void shuffle(size_t *order, size_t n, uint64_t *state)
{
	for (size_t i = n; i > 1; i--) {
		size_t j, swap = order[i - 1];

		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		j = (size_t)(*state % i);
		order[i - 1] = order[j];
		order[j] = swap;
	}
}

void measure_times(struct measure *m)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t limit = m->limit * UINT64_C(1000000000);
	size_t order[CASES_MAX];

	for (size_t i = 0; i < m->n_cases; i++)
		order[i] = i;
	for (size_t round = 0; round < m->warmup + m->rounds; round++) {
		shuffle(order, m->n_cases, &state);
		for (size_t i = 0; i < m->n_cases; i++) {
			struct test_case *c = &m->cases[order[i]];

			if (c->failed || (c->n_samples > 0 && c->spent > limit))
				continue;
			case_time(m, c, round >= m->warmup || c->spent > limit);
			pause_ms(m->settle_ms);
		}
	}
}

static int parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	if (errno || end == text || *end || *ret > max) {
		fprintf(stderr, "measure: not a number up to %lu: %s\n", max, text);
		return -1;
	}
	return 0;
}

/* The cases from argv[at] on. */
static int parse_cases(struct measure *m, int argc, char *argv[], int at)
{
	while (at < argc) {
		struct test_case *c = &m->cases[m->n_cases];

		if (strcmp(argv[at], "--case") != 0 || at + 2 >= argc || m->n_cases == CASES_MAX)
			return -1;
		*c = (struct test_case){.name = argv[at + 1], .args = argv + at + 2};
		for (at += 2; at < argc && strcmp(argv[at], "--case") != 0; at++) {
			if (c->n_args++ == ARGS_MAX)
				return -1;
		}
		if (c->n_args == 0)
			return -1;
		m->n_cases++;
	}
	return m->n_cases > 0 ? 0 : -1;
}

static void usage(void)
{
	puts("Usage: measure [OPTION...] --case NAME COMMAND [ARG...] [--case ...]...\n\n"
	     "  -n, --rounds N        runs of each command (default 100)\n"
	     "  -w, --warmup N        further runs at the start that do not count (default 3)\n"
	     "  -s, --settle MS       pause after each run (default 10)\n"
	     "  -l, --limit SECONDS   time that the runs of one command may take (default 60)\n"
	     "  -p, --parallel P      measure throughput with P commands in flight\n"
	     "  -t, --seconds S       length of a turn with --parallel (default 2)\n"
	     "  -a, --after COMMAND   shell command after each run, not part of its time\n"
	     "  -b, --base NAME       print ratios to this case (may be given several times)\n"
	     "  -g, --group TITLE     heading of the table\n"
	     "  -j, --json FILE       append one JSON object per case to FILE as well");
}

enum { OPTION_CASE = 1 };

static int parse_options(struct measure *m, int argc, char *argv[])
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'n'},
		{"warmup", required_argument, NULL, 'w'},
		{"settle", required_argument, NULL, 's'},
		{"limit", required_argument, NULL, 'l'},
		{"parallel", required_argument, NULL, 'p'},
		{"seconds", required_argument, NULL, 't'},
		{"after", required_argument, NULL, 'a'},
		{"base", required_argument, NULL, 'b'},
		{"group", required_argument, NULL, 'g'},
		{"json", required_argument, NULL, 'j'},
		{"case", required_argument, NULL, OPTION_CASE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	unsigned long n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+n:w:s:l:p:t:a:b:g:j:h", options, NULL)) >= 0) {
		if (strchr("nwslpt", c) && parse_number(optarg, 1000000, &n) < 0)
			return -1;
		if (c == OPTION_CASE)
			return parse_cases(m, argc, argv, optind - 2);
		else if (c == 'n')
			m->rounds = n;
		else if (c == 'w')
			m->warmup = n;
		else if (c == 's')
			m->settle_ms = (unsigned)n;
		else if (c == 'l')
			m->limit = (unsigned)n;
		else if (c == 'p')
			m->parallel = (unsigned)n;
		else if (c == 't')
			m->seconds = (unsigned)n;
		else if (c == 'a')
			m->after = optarg;
		else if (c == 'j')
			m->json = optarg;
		else if (c == 'g')
			m->group = optarg;
		else if (c == 'b' && m->n_bases < BASES_MAX)
			m->bases[m->n_bases++] = optarg;
		else
			return -1;
	}
	return -1;
}

int main(int argc, char *argv[])
{
	static struct measure m = {.rounds = 100,
		.warmup = 3,
		.settle_ms = 10,
		.seconds = 2,
		.limit = 60,
		.group = ""};
	bool failed = false;

	if (parse_options(&m, argc, argv) < 0 || m.rounds == 0 || m.parallel > PARALLEL_MAX) {
		usage();
		return 2;
	}
	m.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	m.stderr_fd = memfd_create("stderr", MFD_CLOEXEC);
	for (size_t i = 0; i < m.n_cases; i++) {
		m.cases[i].wall = calloc(m.rounds, sizeof(uint64_t));
		m.cases[i].cpu = calloc(m.rounds, sizeof(uint64_t));
		if (!m.cases[i].wall || !m.cases[i].cpu)
			return 2;
	}
	if (m.null_fd < 0 || m.stderr_fd < 0) {
		perror("measure");
		return 2;
	}
	m.next_id = (unsigned)getpid() * 100000U;
	if (m.parallel > 0)
		measure_throughput(&m);
	else
		measure_times(&m);
	if (print_results(&m) < 0) {
		fprintf(stderr, "measure: %s: %s\n", m.json, strerror(errno));
		return 2;
	}
	for (size_t i = 0; i < m.n_cases; i++)
		failed = failed || m.cases[i].failed;
	return failed;
}

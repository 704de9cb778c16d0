/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: tells from inside a container what a process there sees, as one JSON document.
 *
 *	probe [--output FILE] [--wait] [--exit STATUS] [--call NUMBER]... [KEY...]
 *
 * Without keys it reports everything. --call makes a system call without arguments, whose errno
 * stands under "calls". --output writes the document to FILE under a temporary name
 * first, so that a test which waits for the file never reads half of it. --wait then sleeps until
 * SIGTERM or SIGINT (and exits 0); --exit ends with that status. It is one static program without
 * any library, so that it runs in an empty rootfs, and it changes nothing that it looks at: fds
 * are listed before the first one is opened.
 */
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS_MAX 16

static long calls[CALLS_MAX];
static size_t n_calls;

static void write_calls(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	for (size_t i = 0; i < n_calls; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%ld", calls[i]);
		errno = 0;
		syscall(calls[i], 0, 0, 0, 0, 0, 0);
		report_number(r, number, errno);
	}
	report_end(r, '}');
}

static const struct section call_sections[] = {
	{"calls", write_calls},
	{NULL, NULL},
};

static const struct section *const all_sections[] = {
	process_sections,
	filesystem_sections,
	network_sections,
	call_sections,
};

#define N_LISTS (sizeof(all_sections) / sizeof(all_sections[0]))

static bool is_wanted(const char *key, char *const *keys)
{
	if (!*keys)
		return true;
	for (; *keys; keys++) {
		if (strcmp(*keys, key) == 0)
			return true;
	}
	return false;
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < N_LISTS; i++) {
		for (const struct section *s = all_sections[i]; s->key; s++) {
			if (strcmp(s->key, key) == 0)
				return true;
		}
	}
	return false;
}

static void write_report(FILE *out, char *const *keys)
{
	struct report r = {out, true};

	report_begin(&r, NULL, '{');
	for (size_t i = 0; i < N_LISTS; i++) {
		for (const struct section *s = all_sections[i]; s->key; s++) {
			if (is_wanted(s->key, keys))
				s->write(&r, s->key);
		}
	}
	report_end(&r, '}');
	fputc('\n', out);
}

/*
 * The document is built in memory and written at once: a program that lists its own fds, mounts
 * and files must not have opened its output yet.
 */
static int deliver(const char *path, char *const *keys)
{
	char *text = NULL, *temporary = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size), *out = stdout;
	int r = 0;

	if (!memory)
		return -1;
	write_report(memory, keys);
	if (fclose(memory) != 0)
		return -1;
	if (path) {
		if (asprintf(&temporary, "%s.new", path) < 0)
			return -1;
		out = fopen(temporary, "we");
		if (!out)
			return -1;
	}
	if (fwrite(text, 1, size, out) != size || fflush(out) != 0)
		r = -1;
	if (path && (fclose(out) != 0 || r < 0 || rename(temporary, path) < 0))
		r = -1;
	free(temporary);
	free(text);
	return r;
}

static void wait_for_end(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Blocked, so that PID 1 gets them although the default action would be ignored there. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwait(&set, &sig);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"wait", no_argument, NULL, 'w'},
		{"exit", required_argument, NULL, 'e'},
		{"call", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	const char *output = NULL;
	bool wait = false;
	int status = 0, c;

	while ((c = getopt_long(argc, argv, "+o:we:c:", options, NULL)) >= 0) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'w':
			wait = true;
			break;
		case 'e':
			status = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			if (n_calls == CALLS_MAX)
				return 2;
			calls[n_calls++] = strtol(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	for (int i = optind; i < argc; i++) {
		if (!is_known(argv[i])) {
			fprintf(stderr, "probe: unknown key %s\n", argv[i]);
			return 2;
		}
	}
	if (deliver(output, argv + optind) < 0) {
		fprintf(stderr, "probe: %s: %s\n", output ? output : "output", strerror(errno));
		return 1;
	}
	if (wait)
		wait_for_end();
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with a group each and one host between them: create, limit, read, list, delete, and errors
 * on the way. Built with the thread sanitizer, which reports every unguarded access to shared state
 * and then fails the test. Needs a cgroup file system that it may write to.
 */
#include <hull/cgroup.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS	15

struct worker {
	pthread_t thread;
	const struct hull_cgroup_host *host;
	unsigned int number;
	int rounds; /* that went well */
	char message[256];
};

static int use_group(struct hull_cgroup *group, struct hull_error *err)
{
	static const struct hull_cgroup_resources limits = {
		.memory = {.limit = {true, 64 << 20}}, .pids = {.limit = {true, 100}}};
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	struct hull_cgroup *child = NULL;
	pid_t *pids = NULL;
	size_t n;
	int r = hull_cgroup_apply(group, &limits, 0, err);

	if (r == 0)
		r = hull_cgroup_stat(group, 0, &stats, err);
	if (r == 0)
		r = hull_cgroup_processes(group, HULL_CGROUP_RECURSIVE, &pids, &n, err);
	if (r == 0)
		r = hull_cgroup_create_child(group, "below", &child, err);
	hull_cgroup_free(child);
	hull_cgroup_stats_done(&stats);
	free(pids);
	return r;
}

static int one_round(struct worker *w, struct hull_error *err)
{
	const struct hull_cgroup_create_options options = {
		.controllers =
			HULL_CGROUP_BIT(HULL_CGROUP_MEMORY) | HULL_CGROUP_BIT(HULL_CGROUP_PIDS)};
	struct hull_cgroup *group;
	char path[64];

	snprintf(path, sizeof(path), "/hull-threads-%d-%u", (int)getpid(), w->number);
	int r = hull_cgroup_create(w->host, path, &options, &group, err);
	if (r < 0)
		return r;
	r = use_group(group, err);
	if (r == 0 && hull_cgroup_write(group, "pids.max", "many", err) == 0)
		r = -1;
	hull_error_done(err);
	int d = hull_cgroup_delete(group, HULL_CGROUP_DELETE_RECURSIVE, 5000, err);
	hull_cgroup_free(group);
	return r < 0 ? r : d;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct hull_error err = HULL_ERROR_INIT;

	while (w->rounds < ROUNDS && one_round(w, &err) == 0)
		w->rounds++;
	if (w->rounds < ROUNDS)
		snprintf(w->message, sizeof(w->message), "%s", hull_error_message(&err));
	hull_error_done(&err);
	return NULL;
}

int main(void)
{
	struct worker workers[THREADS] = {0};
	struct hull_cgroup_host *host;
	int status = 0;

	if (hull_cgroup_host_open(&host, NULL) < 0)
		return 77;
	struct worker probe = {.host = host, .number = THREADS};
	struct hull_error err = HULL_ERROR_INIT;
	if (one_round(&probe, &err) < 0) {
		printf("no groups can be made here: %s\n", hull_error_message(&err));
		hull_error_done(&err);
		hull_cgroup_host_close(host);
		return 77;
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i].host = host;
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return 1;
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].rounds < ROUNDS) {
			fprintf(stderr, "thread %u, round %d: %s\n", i, workers[i].rounds,
				workers[i].message);
			status = 1;
		}
	}
	hull_cgroup_host_close(host);
	return status;
}

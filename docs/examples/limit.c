/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits itself by libhull-cgroup: limit GROUP
 *
 *	cc limit.c $(pkg-config --cflags --libs libhull-cgroup) -o limit
 */
#include <hull/cgroup.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct hull_cgroup_resources limits = {
		.memory = {.limit = {true, 64 << 20}, .reservation = {true, 32 << 20}},
		.cpu = {.shares = {true, 512}, .quota = {true, 50000}, .period = {true, 100000}},
		.pids = {.limit = {true, argc > 2 ? -7 : 100}}, /* a second argument: a mistake */
	};
	struct hull_cgroup_create_options options = {
		.controllers = HULL_CGROUP_BIT(HULL_CGROUP_CPU) |
			       HULL_CGROUP_BIT(HULL_CGROUP_MEMORY) |
			       HULL_CGROUP_BIT(HULL_CGROUP_PIDS)};
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	struct hull_error err = HULL_ERROR_INIT;
	struct hull_cgroup_host *host = NULL;
	struct hull_cgroup *home = NULL, *group = NULL;

	if (argc < 2)
		return 2;
	setbuf(stdout, NULL);
	int r = hull_cgroup_host_open(&host, &err);
	if (r == 0 && (r = hull_cgroup_load_pid(host, 0, &home, &err)) == 0)
		r = hull_cgroup_create(host, argv[1], &options, &group, &err);
	if (r == 0 && puts("limiting") && (r = hull_cgroup_apply(group, &limits, 0, &err)) == 0 &&
		puts("joining") && (r = hull_cgroup_add(group, 0, 0, &err)) == 0 &&
		puts("reading") && (r = hull_cgroup_stat(group, 0, &stats, &err)) == 0)
		printf("%llu of %llu processes\n", (unsigned long long)stats.pids.current,
			(unsigned long long)stats.pids.limit);
	if (home && puts("leaving"))
		hull_cgroup_add(home, 0, 0, NULL);
	if (group && hull_cgroup_delete(group, 0, 1000, r < 0 ? NULL : &err) < 0)
		r = -1;
	if (r < 0)
		fprintf(stderr, "limit: %s\n", hull_error_message(&err));
	hull_cgroup_stats_done(&stats);
	hull_cgroup_free(group);
	hull_cgroup_free(home);
	hull_cgroup_host_close(host);
	hull_error_done(&err);
	return r < 0;
}

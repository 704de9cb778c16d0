/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of one place. */
#pragma once

#include "cgroup/group.h"

/* A growing list of ids. */
struct pid_list {
	pid_t *pids;
	size_t n, size;
};

void pid_list_done(struct pid_list *list);

/* Adds the ids in the group (THREADS: of threads; RECURSIVE: below too). 0 or -errno; a group that
 * is gone has none. */
int place_list(const struct group_place *place, unsigned int flags, struct pid_list *list);

/* 1 if a process is in the group or below, 0 if not (or it is gone), or -errno. */
int place_populated(const struct group_place *place);

/* Moves every process of one group into another, until none is left. */
int place_move_all(
	const struct group_place *from, const struct group_place *to, struct hull_error *err);

/* Calls fn with the path (below the hierarchy) of each group below, children before their parents, and of
 * the group itself last. fn returns 0 or -errno, which ends it. */
int place_walk(const struct group_place *place,
	int (*fn)(const struct group_place *place, void *data), void *data);

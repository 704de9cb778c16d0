/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group as this folder sees it: a path in each of some hierarchies. Files are reached by one path
 * relative to the hierarchy's directory, without opening the group: most groups have one or two
 * files written per hierarchy, and then an open directory costs more calls than it saves.
 */
#pragma once

#include "cgroup/host.h"

struct group_place {
	const struct hull_cgroup_hierarchy *hierarchy;
	const char *path; /* without the leading slash; "." is the root */
	const char *full_path;
	size_t made; /* how many components at its end we created: what a failed creation removes */
};

struct hull_cgroup {
	const struct hull_cgroup_host *host;
	enum hull_cgroup_manager manager;
	char *unit;	  /* systemd: its name */
	int dirfd;	  /* of the v2 directory, -1 = not opened yet */
	uint32_t enabled; /* v2: switchable controllers that the group has; read when needed */
	bool enabled_known;
	char *strings; /* what the places point into */
	size_t n_places;
	struct group_place places[];
};

/* Checks a group's path, one component of it, or the name of a control file. */
int cgroup_path_check(const char *path, struct hull_error *err);
int cgroup_file_check(const char *file, struct hull_error *err);
int cgroup_name_check(const char *name, struct hull_error *err);

/*
 * A group object over the hierarchies in `mask` (bits are indexes into the host's list), with the
 * path of each from path_of; nothing is created.
 */
int group_new(const struct hull_cgroup_host *host, uint32_t mask, const char *const *paths,
	struct hull_cgroup **ret, struct hull_error *err);

/* The same for a path as users give it: absolute, or below the caller's own group. */
int group_new_at(const struct hull_cgroup_host *host, uint32_t mask, const char *path,
	struct hull_cgroup **ret, struct hull_error *err);

/* The group that a process is in (0: the caller), without asking whether it is still there. */
int group_new_of_process(const struct hull_cgroup_host *host, pid_t pid, struct hull_cgroup **ret,
	struct hull_error *err);

/* The hierarchies that take part for these controllers (0 = all): theirs, the named ones, v2. */
uint32_t group_hierarchies(const struct hull_cgroup_host *host, uint32_t controllers);

/* The place that has the controller, NULL if the group is not in its hierarchy. */
const struct group_place *group_place_of(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller);

/* The place in the v2 tree, NULL if there is none. */
const struct group_place *group_place_v2(const struct hull_cgroup *cgroup);

/* The place that has a file: by its controller, v2 (else the first) for "cgroup." files. */
const struct group_place *group_place_of_file(const struct hull_cgroup *cgroup, const char *file);

/* Makes the directories of all places; on failure removes what it made. */
int group_make(struct hull_cgroup *cgroup, uint32_t controllers, unsigned int flags,
	const struct hull_cgroup_resources *resources, struct hull_error *err);

/* Removes the components that group_make() made, leaf first, as far as they are unused. */
void group_unmake(struct hull_cgroup *cgroup);

/* Enables controllers on the way down to a v2 place, and for the place itself. */
int group_enable_v2(
	struct hull_cgroup *cgroup, uint32_t wanted, unsigned int flags, struct hull_error *err);

/* The switchable controllers that the group has in its v2 place; 0 if it has none. */
uint32_t group_enabled_v2(struct hull_cgroup *cgroup);

DEFINE_CLEANUP(struct hull_cgroup *, group_freep, hull_cgroup_free)
#define _cleanup_group_ _cleanup_(group_freep)

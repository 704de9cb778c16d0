/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's cgroup is, as JSON: the manager, systemd's unit, and the directory in each
 * hierarchy. With it a later process finds the group without looking at mounts, and an exec can
 * join it without libhull-cgroup at all.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include <hull/cgroup.h>

#include <stdbool.h>

struct cgroup_place {
	int version;
	char *hierarchy;
	char *path;
	char *full_path;
};

struct cgroup_places {
	char *path;  /* as it was asked for */
	int manager; /* enum hull_cgroup_manager */
	char *unit;
	struct cgroup_place *places;
	size_t n_places;
};

/* Heap string. */
int cgroup_places_format(const struct hull_cgroup_host *host, const struct hull_cgroup *cgroup,
	const char *path, char **ret, struct hull_error *err);

int cgroup_places_parse(
	struct arena *arena, const char *text, struct cgroup_places *ret, struct hull_error *err);

/* Opens the host and the group that a text tells of. */
int cgroup_places_open(const char *text, struct hull_cgroup_host **ret_host,
	struct hull_cgroup **ret, struct hull_error *err);

/*
 * 1 if the processes of the group are frozen, 0 if not or if it has no freezer. What `state` asks
 * each time: one file is read, by the recorded path, and nothing of the host is opened for it.
 */
int cgroup_places_frozen(const char *text, struct hull_error *err);

/*
 * Opens the file of the freezer for writing: *ret_value, a constant, written there lets the group
 * run again. HULL_ERROR_UNSUPPORTED if it has no freezer.
 */
int cgroup_places_open_thaw(
	const char *text, int *ret_fd, const char **ret_value, struct hull_error *err);

/*
 * Removes an empty group by its recorded paths: true if it is gone. What the end of nearly every
 * container takes, with nothing of the host opened for it; otherwise the group is to be opened.
 */
bool cgroup_places_remove_empty(const char *text);

DEFINE_CLEANUP(struct hull_cgroup_host *, cgroup_host_closep, hull_cgroup_host_close)
DEFINE_CLEANUP(struct hull_cgroup *, cgroup_freep, hull_cgroup_free)
#define _cleanup_cgroup_host_ _cleanup_(cgroup_host_closep)
#define _cleanup_cgroup_      _cleanup_(cgroup_freep)

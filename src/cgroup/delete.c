/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing groups. rmdir answers EBUSY for two reasons: there are groups below, which we remove if
 * asked to, or processes, for which we wait. A task that was killed stays in its group until it
 * has left the kernel, so a short wait is normal. All hierarchies hold the same processes, so it is
 * the first one that waits, and nothing is removed half.
 */
#include "cgroup/file.h"
#include "cgroup/systemd.h"
#include "cgroup/task.h"
#include "cgroup/wait.h"

#include "base/str.h"

#include <sys/stat.h>

static int remove_one(const struct group_place *place, void *data)
{
	(void)data;
	if (unlinkat(place->hierarchy->fd, place->path, AT_REMOVEDIR) < 0 && errno != ENOENT &&
		errno != ENODEV)
		return -errno;
	return 0;
}

/* A kernfs directory has two links and one more for each directory in it. */
static bool has_children(const struct group_place *place)
{
	struct stat st;

	return fstatat(place->hierarchy->fd, place->path, &st, 0) == 0 && st.st_nlink > 2;
}

static int busy_error(const struct group_place *place, struct hull_error *err)
{
	_cleanup_(pid_list_done) struct pid_list list = {0};

	if (place_list(place, HULL_CGROUP_RECURSIVE, &list) == 0 && list.n > 0)
		return error_errno(err, EBUSY, "rmdir %s: %zu process%s in it", place->full_path,
			list.n, list.n == 1 ? "" : "es");
	return error_errno(err, EBUSY, "rmdir %s", place->full_path);
}

static int place_delete(const struct group_place *place, unsigned int flags,
	struct deadline *deadline, struct hull_error *err)
{
	if (str_eq(place->path, "."))
		return error_set(err, HULL_ERROR_INVALID,
			"rmdir %s: it is the root of its hierarchy", place->full_path);
	for (;;) {
		int r = remove_one(place, NULL);
		if (r == -EBUSY && has_children(place)) {
			if (!(flags & HULL_CGROUP_DELETE_RECURSIVE))
				return error_errno(
					err, EBUSY, "rmdir %s: groups below it", place->full_path);
			r = place_walk(place, remove_one, NULL);
		}
		if (r == 0)
			return 0;
		if (r != -EBUSY)
			return error_errno(err, r, "rmdir %s", place->full_path);
		if (!deadline_pause(deadline))
			return busy_error(place, err);
	}
}

/* True if there was nobody to kill: then looking for processes would have cost the most. */
static bool removed_at_once(const struct hull_cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->n_places; i++)
		if (str_eq(cgroup->places[i].path, ".") || remove_one(&cgroup->places[i], NULL) < 0)
			return false;
	return true;
}

int hull_cgroup_delete(
	struct hull_cgroup *cgroup, unsigned int flags, int timeout_ms, struct hull_error *err)
{
	struct deadline deadline = deadline_in(timeout_ms);

	if ((flags & HULL_CGROUP_DELETE_KILL) && !cgroup->unit && removed_at_once(cgroup))
		return 0;
	if (flags & HULL_CGROUP_DELETE_KILL) {
		int r = hull_cgroup_kill(cgroup, timeout_ms, err);
		if (r < 0)
			return r;
	}
	if (cgroup->unit) {
		int r = systemd_delete(cgroup, timeout_ms, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < cgroup->n_places; i++) {
		int r = place_delete(&cgroup->places[i], flags, &deadline, err);
		if (r < 0)
			return r;
	}
	return 0;
}

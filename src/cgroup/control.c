/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing, signalling, killing, waiting for the end.
 *
 * A task that v1's freezer has stopped does not see a SIGKILL before it is thawed; one that v2 has
 * stopped does. So killing without cgroup.kill is: freeze (nobody forks away from under the list),
 * signal, thaw, and again until nobody is left.
 */
#include "cgroup/file.h"
#include "cgroup/task.h"
#include "cgroup/wait.h"

#include "base/str.h"

#include <poll.h>
#include <signal.h>

/* ---- Freezer ---- */

/* v1's freezer where a hierarchy has it, else the v2 tree; NULL if neither. */
static const struct group_place *freezer_place(const struct hull_cgroup *cgroup)
{
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_FREEZER);

	return place ? place : group_place_v2(cgroup);
}

/* 1 if every task is stopped, 0 if not, or -errno. */
static int freezer_frozen(const struct group_place *place)
{
	char text[256];
	uint64_t frozen = 0;
	bool v1 = place->hierarchy->version == 1;
	ssize_t n = place_get(place, v1 ? "freezer.state" : "cgroup.events", text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (v1)
		return str_eq(text, "FROZEN");
	keyed_u64(text, "frozen", &frozen);
	return frozen != 0;
}

static int freezer_put(const struct group_place *place, bool freeze)
{
	if (place->hierarchy->version == 1)
		return place_put(place, "freezer.state", freeze ? "FROZEN" : "THAWED");
	return place_put(place, "cgroup.freeze", freeze ? "1" : "0");
}

/* Sleeps until cgroup.events of a v2 group may have changed; false if the time is up. */
static bool wait_events(int events_fd, struct deadline *deadline)
{
	struct pollfd fd = {.fd = events_fd, .events = POLLPRI};

	if (events_fd < 0)
		return deadline_pause(deadline);
	int left = deadline_left_ms(deadline);
	if (left == 0)
		return false;
	poll(&fd, 1, left);
	return true;
}

/*
 * Opens cgroup.events for waiting. kernfs notifies of what changes after the last read of this fd,
 * so whoever waits looks at the state after this and before poll.
 */
static int open_events(const struct group_place *place)
{
	char text[256];

	if (place->hierarchy->version != 2)
		return -1;
	int fd = place_open(place, "cgroup.events", O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text)) < 0)
		cleanup_closep(&fd);
	return fd;
}

/* After a wake-up by poll, the fd has to be read for the next one to come. */
static void rearm_events(int fd)
{
	char text[256];

	if (fd >= 0 && pread(fd, text, sizeof(text), 0) < 0)
		return; /* the group is gone: the next look at its state says so */
}

static int freezer_set(
	const struct hull_cgroup *cgroup, bool freeze, int timeout_ms, struct hull_error *err)
{
	const struct group_place *place = freezer_place(cgroup);
	const char *file, *value;

	if (!place)
		return error_set(err, HULL_ERROR_UNSUPPORTED, "the cgroup has no freezer");
	bool v1 = place->hierarchy->version == 1;
	file = v1 ? "freezer.state" : "cgroup.freeze";
	value = v1 ? (freeze ? "FROZEN" : "THAWED") : freeze ? "1" : "0";
	_cleanup_close_ int events = open_events(place);
	struct deadline deadline = deadline_in(timeout_ms);
	int r = place_write(place, file, value, err);
	if (r < 0)
		return r;
	for (;;) {
		int frozen = freezer_frozen(place);
		if (frozen < 0)
			return place_error(place, file, value, frozen, err);
		if (frozen == (freeze ? 1 : 0))
			return 0;
		if (!wait_events(events, &deadline))
			break;
		rearm_events(events);
		/* v1 stays FREEZING if a task was on its way into the kernel; asking again helps. */
		if (v1 && freeze)
			freezer_put(place, true);
	}
	if (freeze)
		freezer_put(place, false);
	return error_errno(err, ETIMEDOUT, "%s/%s: %s", place->full_path, file, value);
}

int hull_cgroup_freeze(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	return freezer_set(cgroup, true, timeout_ms, err);
}

int hull_cgroup_thaw(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	return freezer_set(cgroup, false, timeout_ms, err);
}

int hull_cgroup_frozen(const struct hull_cgroup *cgroup, struct hull_error *err)
{
	const struct group_place *place = freezer_place(cgroup);

	if (!place)
		return 0;
	int r = freezer_frozen(place);
	/* The root group of a v1 hierarchy and of v2 has no such file, and is never frozen. */
	if (r == -ENOENT && str_eq(place->path, "."))
		return 0;
	return r < 0 ? error_errno(err, r, "%s", place->full_path) : r;
}

/* ---- Signals ---- */

int hull_cgroup_signal(const struct hull_cgroup *cgroup, int signal, struct hull_error *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;
	int r = hull_cgroup_processes(cgroup, HULL_CGROUP_RECURSIVE, &pids, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			return error_errno(
				err, errno, "signal %d to process %d", signal, (int)pids[i]);
	return (int)n;
}

static int thaw_one(const struct group_place *place, void *data)
{
	(void)data;
	freezer_put(place, false);
	return 0;
}

/* One round without cgroup.kill: how many processes there were. */
static int kill_round(const struct hull_cgroup *cgroup, struct hull_error *err)
{
	const struct group_place *freezer = freezer_place(cgroup);

	/* Best effort: signals work on a group that does not freeze, only a fork may escape. */
	if (freezer)
		freezer_put(freezer, true);
	int n = hull_cgroup_signal(cgroup, SIGKILL, err);
	if (freezer)
		place_walk(freezer, thaw_one, NULL);
	return n;
}

int hull_cgroup_wait_empty(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	const struct group_place *v2 = group_place_v2(cgroup);
	_cleanup_close_ int events = v2 ? open_events(v2) : -1;
	struct deadline deadline = deadline_in(timeout_ms);

	for (;;) {
		int populated = hull_cgroup_populated(cgroup, err);
		if (populated <= 0)
			return populated;
		/* While v2 has processes it tells of the last one's end; after that, v1 is asked. */
		bool told = events >= 0 && place_populated(v2) > 0;
		if (!wait_events(told ? events : -1, &deadline))
			return error_errno(err, ETIMEDOUT, "%s: not empty",
				cgroup->places[cgroup->n_places - 1].full_path);
		rearm_events(events);
	}
}

int hull_cgroup_kill(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	const struct group_place *v2 = group_place_v2(cgroup);
	struct deadline deadline = deadline_in(timeout_ms);

	/* Present from Linux 5.14 on; the rounds below do without it. */
	if (v2)
		place_put(v2, "cgroup.kill", "1");
	int left = hull_cgroup_populated(cgroup, err);
	if (left <= 0)
		return left;
	for (;;) {
		const struct group_place *freezer = group_place_of(cgroup, HULL_CGROUP_FREEZER);
		bool v1_frozen = freezer && freezer->hierarchy->version == 1;

		/* cgroup.kill has signalled all that v2 knows; the rest, and what v1 froze, by hand. */
		if (!v2 || v1_frozen || place_populated(v2) <= 0) {
			int n = kill_round(cgroup, err);
			if (n < 0)
				return n;
		}
		int slice = deadline_left_ms(&deadline);
		if (slice < 0 || slice > 50)
			slice = 50;
		int r = hull_cgroup_wait_empty(cgroup, slice, err);
		if (r != -ETIMEDOUT || deadline_left_ms(&deadline) == 0)
			return r;
		hull_error_done(err);
		if (v2)
			place_put(v2, "cgroup.kill", "1");
	}
}

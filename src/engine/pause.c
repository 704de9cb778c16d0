/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A freeze for a while must not outlive its command. So before anything is frozen, the monitor of
 * the container gets what it needs to thaw it: the file of the freezer, open, and what to write
 * there. It does so when our connection closes, however that happens. The pause lock goes with it:
 * the monitor lets go of it only after that, so that nobody's pause is undone by a late thaw.
 */
#include "engine/pause.h"

#include "base/fd.h"
#include "base/str.h"
#include "engine/attach.h"
#include "runtime/cgroup_place.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>

/* In the run directory. */
#define PAUSE_LOCK "pause.lock"

/* The monitor answers at once unless its log's disk makes it wait. */
#define MONITOR_PATIENCE_S 10

/* Takes the lock; *ret_now is the row as it is then. HULL_ERROR_CONFLICT if that run has ended. */
static int lock_pause(struct engine *engine, const struct container *c, int *ret_fd,
	struct container **ret_now, struct hull_error *err)
{
	_cleanup_container_ struct container *now = NULL;
	_cleanup_free_ char *dir = container_run_dir(engine, c->id);
	_cleanup_free_ char *path = dir ? str_printf("%s/" PAUSE_LOCK, dir) : NULL;

	if (!path)
		return error_no_memory(err);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno != ENOENT)
		return error_errno(err, errno, "%s", path);
	if (fd >= 0 && flock(fd, LOCK_EX) < 0)
		return error_errno(err, errno, "pause lock of container %s", c->name);
	int r = container_load_id(engine, c->id, &now, err);
	if (r < 0)
		return r;
	if (fd < 0 || now->run != c->run || !container_is_running(now))
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s is not running", c->id);
	*ret_fd = TAKE_FD(fd);
	*ret_now = TAKE_PTR(now);
	return 0;
}

/* ---- For a person ---- */

/*
 * The row says "paused" before anything is frozen and until everything has thawed: whoever is killed
 * in between leaves a container that unpause puts right.
 */
static int pause_all(struct engine *engine, struct container *c, const struct container_ref *ref,
	struct hull_error *err)
{
	int r = container_set_state(engine, c, "paused", err);

	if (r == 0)
		r = container_pause(ref, err);
	if (r < 0 && str_eq(c->state, "paused"))
		container_set_state(engine, c, "running", NULL);
	return r;
}

int container_set_paused(
	struct engine *engine, struct container *c, bool paused, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_container_ struct container *now = NULL;
	_cleanup_close_ int lock = -1;

	int r = container_check_running(c, err);
	if (r == 0)
		r = lock_pause(engine, c, &lock, &now, err);
	if (r < 0)
		return r;
	if (paused == str_eq(now->state, "paused"))
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s is %s paused", c->id,
			paused ? "already" : "not");
	r = container_process_await(engine, c, &p, err);
	if (r < 0)
		return r;
	if (paused)
		return pause_all(engine, c, &p.ref, err);
	r = container_resume(&p.ref, err);
	return r < 0 ? r : container_set_state(engine, c, "running", err);
}

/* ---- For a while ---- */

/* 0 when the monitor has the means to thaw. */
static int entrust(int sock, int thaw_fd, const char *text, int lock_fd)
{
	const struct timeval patience = {.tv_sec = MONITOR_PATIENCE_S};
	const int fds[MONITOR_HOLD_FDS] = {thaw_fd, lock_fd};
	char packet[1 + MONITOR_HOLD_TEXT_MAX], answer = 0;
	size_t n = strlen(text);

	packet[0] = MONITOR_HOLD;
	memcpy(packet + 1, text, n);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	int r = fd_send(sock, packet, 1 + n, fds, MONITOR_HOLD_FDS);
	if (r < 0)
		return r;
	ssize_t got = fd_receive(sock, &answer, 1, NULL, NULL);
	if (got < 0)
		return got == -EAGAIN ? -ETIMEDOUT : (int)got;
	return got == 1 && answer == MONITOR_HELD ? 0 : -ECONNRESET;
}

static int freeze(struct engine *engine, const struct container *c, struct pause *pause,
	struct hull_error *err)
{
	_cleanup_close_ int thaw_fd = -1;
	const char *text;
	int r = container_process_await(engine, c, &pause->process, err);

	if (r == 0)
		r = container_open_thaw(&pause->process.ref, &thaw_fd, &text, err);
	if (r == 0)
		r = attach_connect(engine, c, false, &pause->monitor_fd, err);
	if (r < 0)
		return r;
	r = entrust(pause->monitor_fd, thaw_fd, text, pause->lock_fd);
	if (r < 0)
		return error_errno_kind(err, HULL_ERROR_CONFLICT, r,
			"monitor of container %s does not hold the pause", c->name);
	return container_pause(&pause->process.ref, err);
}

int pause_begin(
	struct engine *engine, const struct container *c, struct pause *ret, struct hull_error *err)
{
	_cleanup_container_ struct container *now = NULL;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	if (!container_is_running(c))
		return 0;
	int r = lock_pause(engine, c, &ret->lock_fd, &now, &why);
	if (r < 0 && why.kind == HULL_ERROR_CONFLICT)
		return 0;
	if (r < 0) {
		error_move(err, &why);
		return r;
	}
	return str_eq(now->state, "paused") ? 0 : freeze(engine, c, ret, err);
}

/* The monitor would do it a moment later; whoever ends in peace leaves a container that runs. */
void pause_end(struct pause *pause)
{
	if (pause->monitor_fd >= 0)
		container_resume(&pause->process.ref, NULL);
	cleanup_closep(&pause->monitor_fd);
	cleanup_closep(&pause->lock_fd);
	container_process_done(&pause->process);
	*pause = (struct pause)PAUSE_INIT;
}

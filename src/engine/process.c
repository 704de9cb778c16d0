/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/process.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/process.h"

#include <poll.h>
#include <time.h>

#define STOP_TIMEOUT_DEFAULT 10
/* How long killing may take before it is called a failure: the kernel, not the process, decides. */
#define KILL_TIMEOUT_MS 30000
/* How long a start may take before those who wait for it give up. */
#define START_PATIENCE_NS (30 * NS_PER_SECOND)

void container_process_done(struct container_process *p)
{
	arena_done(&p->arena);
}

static int open_run_dir(const struct engine *engine, const char *id)
{
	_cleanup_free_ char *path = container_run_dir(engine, id);

	if (!path)
		return -ENOMEM;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int container_process_load(const struct engine *engine, const struct container *c,
	struct container_process *ret, struct hull_error *err)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_close_ int dir = open_run_dir(engine, c->id);
	long long pid;
	unsigned long long start_time;
	int used = 0;

	int r = dir < 0 ? dir : file_read_line_at(dir, PROCESS_FILE, &line);
	if (r == -ENOENT)
		return error_set(err, HULL_ERROR_NOT_FOUND, "container %s has no process", c->id);
	if (r < 0)
		return error_errno(err, r, "process record of container %s", c->id);
	if (sscanf(line, "%lld %llu %n", &pid, &start_time, &used) != 2 || !used || pid <= 1)
		return error_set(
			err, HULL_ERROR_IO, "process record of container %s is malformed", c->id);
	ret->ref = (struct container_ref){
		.id = c->id,
		.pid = (pid_t)pid,
		.start_time = start_time,
		.cgroup = line[used] ? arena_strdup(&ret->arena, line + used) : NULL,
		.own_pid_namespace = !str_eq(c->config->pid_mode, "host"),
	};
	return 0;
}

/* 1 while the run of the container that c tells of goes on. */
static int is_this_run(struct engine *engine, const struct container *c, struct hull_error *err)
{
	bool running = false;
	int64_t run = 0;
	int r = container_look(engine, c->id, &run, &running, err);

	return r < 0 ? r : r > 0 && running && run == c->run && container_is_locked(engine, c->id);
}

int container_process_await(struct engine *engine, const struct container *c,
	struct container_process *ret, struct hull_error *err)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	int64_t since = clock_monotonic_ns();

	for (;;) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		int r = container_process_load(engine, c, ret, &why);
		if (r == 0)
			return 0;
		if (why.kind != HULL_ERROR_NOT_FOUND) {
			error_move(err, &why);
			return r;
		}
		r = is_this_run(engine, c, err);
		if (r < 0)
			return r;
		if (r == 0)
			return error_set(
				err, HULL_ERROR_CONFLICT, "Container %s is not running", c->id);
		if (clock_monotonic_ns() - since > START_PATIENCE_NS)
			return error_set(err, HULL_ERROR_BUSY,
				"container %s is still being started", c->name);
		nanosleep(&pause, NULL);
	}
}

int container_process_save(
	int run_dir_fd, const struct runtime_process *process, struct hull_error *err)
{
	_cleanup_free_ char *line = str_printf("%d %llu %s\n", process->pid,
		(unsigned long long)process->start_time, process->cgroup ? process->cgroup : "");

	if (!line)
		return error_no_memory(err);
	int r = file_replace_at(run_dir_fd, PROCESS_FILE, line, strlen(line), 0600, false);
	return r < 0 ? error_errno(err, r, "process record") : 0;
}

char *container_cgroup_path(const struct container *c)
{
	const char *parent = c->config->cgroup_parent;

	if (str_empty(parent))
		return str_printf("/hull-%s", c->id);
	return str_printf("%s%s/hull-%s", *parent == '/' ? "" : "/", parent, c->id);
}

int container_spec_load(const struct engine *engine, const struct container *c, struct arena *arena,
	struct oci_spec **ret, struct hull_error *err)
{
	_cleanup_close_ int dir = open_run_dir(engine, c->id);

	if (dir < 0)
		return error_errno(err, dir, "run directory of container %s", c->id);
	return oci_spec_load_at(arena, dir, CONFIG_FILE, ret, err);
}

int container_check_running(const struct container *c, struct hull_error *err)
{
	if (!container_is_running(c))
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s is not running", c->id);
	return 0;
}

int container_signal(
	struct engine *engine, const struct container *c, int signal, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};

	int r = container_check_running(c, err);
	if (r == 0)
		r = container_process_await(engine, c, &p, err);
	if (r < 0)
		return r;
	return container_kill(&p.ref, signal, false, err);
}

int64_t container_stop_timeout(const struct container *c)
{
	return c->config->stop_timeout.set ? c->config->stop_timeout.value : STOP_TIMEOUT_DEFAULT;
}

int container_stop_signal(const struct container *c)
{
	int signal =
		str_empty(c->config->stop_signal) ? SIGTERM : signal_parse(c->config->stop_signal);

	return signal > 0 ? signal : SIGTERM;
}

/* 1 when the process has ended, 0 after the time. */
static int wait_for_end(int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* Nothing that is left of it gets a say; an end that comes first is what was wanted. */
static int kill_all(const struct container_process *p, int pidfd, const struct container *c,
	struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	int r = container_kill(&p->ref, SIGKILL, true, &why);

	if (wait_for_end(pidfd, r < 0 ? 0 : KILL_TIMEOUT_MS) > 0)
		return 0;
	if (r == 0)
		return error_set(err, HULL_ERROR_TIMEOUT,
			"container %s does not end, not even by SIGKILL", c->name);
	error_move(err, &why);
	return r;
}

int container_stop(struct engine *engine, const struct container *c, int signal, int64_t timeout_s,
	struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	if (!container_is_running(c))
		return 0;
	int r = container_process_await(engine, c, &p, &why);
	if (r < 0 && why.kind == HULL_ERROR_CONFLICT)
		return container_wait_settled(engine, c, err);
	if (r < 0) {
		error_move(err, &why);
		return r;
	}
	_cleanup_close_ int pidfd = container_open_pidfd(&p.ref, err);
	if (pidfd == -ESRCH)
		return container_wait_settled(engine, c, err);
	if (pidfd < 0)
		return pidfd;
	if (str_eq(c->state, "paused"))
		container_resume(&p.ref, NULL);
	r = process_pidfd_signal(pidfd, signal);
	if (r < 0 && r != -ESRCH)
		return error_errno(err, r, "stop container %s", c->name);
	int timeout_ms = timeout_s < 0 || timeout_s > INT32_MAX / 1000 ? -1 : (int)timeout_s * 1000;
	if (wait_for_end(pidfd, timeout_ms) == 0) {
		r = kill_all(&p, pidfd, c, err);
		if (r < 0)
			return r;
	}
	return container_wait_settled(engine, c, err);
}

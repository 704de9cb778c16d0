/* SPDX-License-Identifier: Apache-2.0 */
/* libhull-runtime: processes in containers. */
#include "runtime/library.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/str.h"
#include "sys/process.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* How long another parent gets to reap its child, so that the kernel tells its status. */
#define REAP_TIMEOUT_MS 100

/* The first version of the kernel's struct pidfd_info, Linux 6.13; the exit code is 6.15's. */
struct exit_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define EXIT_INFO_MASK 8U
#define EXIT_INFO_GET  _IOWR(0xff, 11, struct exit_info)

pid_t hull_process_pid(const struct hull_process *process)
{
	return process->process.pid;
}

int hull_process_pidfd(const struct hull_process *process)
{
	return process->process.pidfd;
}

int hull_process_take_console(struct hull_process *process)
{
	return TAKE_FD(process->process.console_fd);
}

int hull_process_kill(const struct hull_process *process, int signal, struct hull_error *err)
{
	int r = process_pidfd_signal(process->process.pidfd, signal);

	if (r == -ESRCH)
		return error_set(
			err, HULL_ERROR_CONFLICT, "process %d has ended", process->process.pid);
	return r < 0 ? error_errno(err, r, "signal %d to process %d", signal, process->process.pid)
		     : 0;
}

static int wait_end(int pidfd, int timeout_ms)
{
	int64_t deadline = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int n = poll(&p, 1, timeout_ms);
		if (n >= 0)
			return n;
		if (errno != EINTR)
			return -errno;
		if (timeout_ms < 0)
			continue;
		int64_t left = deadline - clock_monotonic_ns();
		timeout_ms = left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
	}
}

/* The end of somebody else's child: what the kernel keeps of it as long as the pidfd is open. */
static int status_of_stranger(int pidfd)
{
	struct exit_info info = {.mask = EXIT_INFO_MASK};
	struct pollfd reaped = {.fd = pidfd};

	poll(&reaped, 1, REAP_TIMEOUT_MS);
	if (ioctl(pidfd, EXIT_INFO_GET, &info) < 0 || !(info.mask & EXIT_INFO_MASK))
		return -1;
	return info.exit_code;
}

static int collect(struct hull_process *process, struct hull_error *err)
{
	siginfo_t info = {0};
	int r;

	do {
		r = waitid((idtype_t)P_PIDFD, (id_t)process->process.pidfd, &info, WEXITED);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno != ECHILD)
		return error_errno(err, errno, "wait for process %d", process->process.pid);
	if (r < 0)
		process->status = status_of_stranger(process->process.pidfd);
	else if (info.si_code == CLD_EXITED)
		process->status = (info.si_status & 0xff) << 8;
	else
		process->status = info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
	process->ended = true;
	return 0;
}

int hull_process_wait(
	struct hull_process *process, int timeout_ms, int *ret_status, struct hull_error *err)
{
	if (!process->ended) {
		int r = wait_end(process->process.pidfd, timeout_ms);
		if (r == 0)
			return error_errno(
				err, ETIMEDOUT, "wait for process %d", process->process.pid);
		r = r < 0 ? error_errno(err, r, "wait for process %d", process->process.pid)
			  : collect(process, err);
		if (r < 0)
			return r;
	}
	if (ret_status)
		*ret_status = process->status;
	return 0;
}

void hull_process_free(struct hull_process *process)
{
	if (process)
		runtime_process_done(&process->process);
	free(process);
}

/* ---- exec ---- */

/* Like the first process, with another command and without its terminal. */
static int process_like_first(struct arena *arena, const struct oci_spec *spec,
	const char *const *args, struct oci_process *ret, struct hull_error *err)
{
	if (!spec->process)
		return error_set(err, HULL_ERROR_INVALID, "process: missing");
	*ret = *spec->process;
	ret->terminal = false;
	ret->console_size = NULL;
	ret->args = NULL;
	for (const char *const *arg = args; *arg; arg++) {
		if (arena_strv_append(arena, &ret->args, *arg) < 0)
			return error_no_memory(err);
	}
	return 0;
}

static int make_process(struct arena *arena, const struct oci_spec *spec, const char *const *args,
	const char *json, struct oci_process *ret, struct hull_error *err)
{
	if (!args == !json)
		return error_set(err, HULL_ERROR_INVALID,
			"exec: exactly one of a command and a process document must be given");
	if (args)
		return process_like_first(arena, spec, args, ret, err);
	return json_parse(arena, &oci_process_table, ret, json, strlen(json), NULL, "process", err);
}

static int check_options(const struct hull_exec_options *o, struct hull_error *err)
{
	if (o->preserve_fds < 0)
		return error_set(err, HULL_ERROR_INVALID, "preserve_fds: must not be negative");
	if (o->cgroup && (!*o->cgroup || path_has_dotdot(o->cgroup)))
		return error_set(err, HULL_ERROR_INVALID, "bad sub cgroup path: %s", o->cgroup);
	return 0;
}

int hull_container_exec(const struct hull_container *container, const char *const *args,
	const char *json, const struct hull_exec_options *options, struct hull_process **ret,
	struct hull_error *err)
{
	static const struct hull_exec_options defaults = HULL_EXEC_OPTIONS_INIT;
	const struct hull_exec_options *o = options ? options : &defaults;
	const struct container_record *record = &container->record;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct plan_exec_options exec = PLAN_EXEC_OPTIONS_INIT;
	struct oci_process process = {0};
	struct oci_spec *spec;
	int r = check_options(o, err);

	if (r == 0)
		r = container_record_check_exec(record, o->ignore_paused, err);
	if (r == 0)
		r = oci_spec_load_at(&arena, record->dir_fd, "config.json", &spec, err);
	if (r == 0)
		r = library_check_sealed(container->runtime, spec, err);
	if (r == 0)
		r = make_process(&arena, spec, args, json, &process, err);
	if (r < 0)
		return r;
	struct hull_process *made = calloc(1, sizeof(*made));
	if (!made)
		return error_no_memory(err);
	*made = (struct hull_process)HULL_PROCESS_INIT;
	memcpy(exec.stdio, o->stdio, sizeof(exec.stdio));
	exec.preserve_fds = o->preserve_fds;
	exec.sub_cgroups = o->cgroup ? (char *[]){(char *)o->cgroup, NULL} : NULL;
	exec.warn = container->runtime->warn;
	exec.userdata = container->runtime->userdata;
	r = container_record_exec(record, spec, &process, &exec, &made->process, err);
	if (r < 0) {
		hull_process_free(made);
		return r;
	}
	*ret = made;
	return 0;
}

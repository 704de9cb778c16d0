/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/container.h"
#include "runtime/cgroup_place.h"
#include "runtime/perform.h"
#include "runtime/resctrl.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/unix_socket.h"
#include "sys/process.h"

#include <sys/socket.h>
#include <sys/stat.h>

#define FREEZE_TIMEOUT_MS 10000

const char *const container_status_names[] = {
	[CONTAINER_CREATING] = "creating",
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_STOPPED] = "stopped",
	NULL,
};

/*
 * The pidfd is opened first and compared afterwards: if the start time is the recorded one then,
 * the pidfd cannot be another process's.
 */
int container_open_pidfd(const struct container_ref *ref, struct hull_error *err)
{
	uint64_t start;

	if (ref->pid <= 0)
		return -ESRCH;
	_cleanup_close_ int fd = process_pidfd_open(ref->pid);
	if (fd == -ESRCH || fd == -EINVAL)
		return -ESRCH;
	if (fd < 0)
		return error_errno(err, fd, "process %d", ref->pid);
	int state = process_state(ref->pid, &start);
	if (state == 'Z' || state == 'X' || state == -ESRCH)
		return -ESRCH;
	if (state < 0)
		return error_errno(err, state, "process %d", ref->pid);
	if (ref->start_time && start != ref->start_time)
		return -ESRCH;
	return TAKE_FD(fd);
}

static int is_frozen(const struct container_ref *ref, struct hull_error *err)
{
	return str_empty(ref->cgroup) ? 0 : cgroup_places_frozen(ref->cgroup, err);
}

int container_status(const struct container_ref *ref, bool started, enum container_status *ret,
	struct hull_error *err)
{
	_cleanup_close_ int pidfd = container_open_pidfd(ref, err);

	if (pidfd == -ESRCH) {
		*ret = CONTAINER_STOPPED;
		return 0;
	}
	if (pidfd < 0)
		return pidfd;
	if (!started) {
		*ret = CONTAINER_CREATED;
		return 0;
	}
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	int r = is_frozen(ref, &own);
	/* It may have ended, and its cgroup with it, since we looked. */
	if (r < 0 && own.kind == HULL_ERROR_NOT_FOUND)
		r = 0;
	if (r < 0) {
		error_move(err, &own);
		return r;
	}
	*ret = r ? CONTAINER_PAUSED : CONTAINER_RUNNING;
	return 0;
}

static int connect_start(const char *path, struct hull_error *err)
{
	int sock = unix_connect(path, SOCK_SEQPACKET, 0);

	if (sock == -ENOENT || sock == -ECONNREFUSED)
		return error_set(err, HULL_ERROR_CONFLICT,
			"cannot start a container that is not in the created state");
	return sock < 0 ? error_errno(err, sock, "%s", path) : sock;
}

static int start_error(const struct message *m, struct hull_error *err)
{
	enum hull_error_kind kind = (enum hull_error_kind)m->kind;

	if (m->errnum == 0)
		return error_set(err, kind ? kind : HULL_ERROR_IO, "%s", m->text);
	return error_errno_kind(err, kind, m->errnum, "%s", m->text);
}

int container_start(const char *socket_path, struct hull_error *err)
{
	_cleanup_close_ int sock = connect_start(socket_path, err);
	bool executing = false;

	if (sock < 0)
		return sock;
	for (;;) {
		struct message m;
		int r = message_receive(sock, &m, NULL, NULL);
		if (r < 0)
			return error_errno(err, r, "start");
		if (r == 0 && executing)
			return 0;
		if (r == 0)
			return error_set(err, HULL_ERROR_CONFLICT,
				"the container ended or was started by someone else");
		m.text[sizeof(m.text) - 1] = '\0';
		if (m.type == MESSAGE_ERROR)
			return start_error(&m, err);
		executing |= m.type == MESSAGE_EXECUTING;
	}
}

static bool is_in(pid_t pid, const struct stat *namespace)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &st) == 0 && st.st_ino == namespace->st_ino &&
	       st.st_dev == namespace->st_dev;
}

/*
 * Where a container has no cgroup (rootless), its pid namespace tells its processes, except those of
 * further pid namespaces inside. Calls fn for each pid until it fails.
 */
static int each_in_namespace(const struct container_ref *ref,
	int (*fn)(pid_t pid, const struct stat *namespace, void *data), void *data,
	struct hull_error *err)
{
	struct stat own;
	char path[64];
	uint32_t pid;

	if (!ref->own_pid_namespace)
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "the container has no cgroup of its own");
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", ref->pid);
	if (stat(path, &own) < 0)
		return errno == ENOENT
			       ? error_set(err, HULL_ERROR_CONFLICT, "container not running")
			       : error_errno(err, errno, "%s", path);
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	if (!proc)
		return error_errno(err, errno, "/proc");
	for (struct dirent *e; (e = readdir(proc));) {
		if (str_to_u32(e->d_name, &pid) < 0 || !is_in((pid_t)pid, &own))
			continue;
		int r = fn((pid_t)pid, &own, data);
		if (r < 0)
			return error_errno(err, r, "process %u", pid);
	}
	return 0;
}

struct pid_list {
	pid_t *pids;
	size_t n;
};

static int add_pid(pid_t pid, const struct stat *namespace, void *data)
{
	struct pid_list *list = data;
	pid_t *larger = reallocarray(list->pids, list->n + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	list->pids = larger;
	list->pids[list->n++] = pid;
	return 0;
}

/* The pid may be another process's by now; what the pidfd is of, stays. */
static int send_signal(pid_t pid, const struct stat *namespace, void *data)
{
	_cleanup_close_ int pidfd = process_pidfd_open(pid);
	int r = pidfd < 0		? pidfd
		: is_in(pid, namespace) ? process_pidfd_signal(pidfd, *(const int *)data)
					: 0;

	return r == -ESRCH ? 0 : r;
}

int container_kill(const struct container_ref *ref, int signal, bool all, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;
	/* Without a pid namespace of its own the others would survive the first process. */
	bool every = all || (signal == SIGKILL && !ref->own_pid_namespace);
	int r;

	if (every && !str_empty(ref->cgroup)) {
		r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
		if (r < 0)
			return r;
		if (signal == SIGKILL)
			return hull_cgroup_kill(cgroup, FREEZE_TIMEOUT_MS, err);
		r = hull_cgroup_signal(cgroup, signal, err);
		return r < 0 ? r : 0;
	}
	_cleanup_close_ int pidfd = container_open_pidfd(ref, err);
	if (pidfd == -ESRCH)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	if (pidfd < 0)
		return pidfd;
	if (every && ref->own_pid_namespace && signal != SIGKILL)
		return each_in_namespace(ref, send_signal, &signal, err);
	r = process_pidfd_signal(pidfd, signal);
	if (r == -ESRCH)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	if (r < 0)
		return error_errno(err, r, "signal %d", signal);
	/* What is frozen dies only when it thaws (v1; v2 lets SIGKILL through). */
	if (signal == SIGKILL && !str_empty(ref->cgroup) && is_frozen(ref, NULL) > 0)
		return container_resume(ref, err);
	return 0;
}

int container_pause(const struct container_ref *ref, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;

	if (str_empty(ref->cgroup))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"cannot pause a container without a cgroup of its own");
	int r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
	return r < 0 ? r : hull_cgroup_freeze(cgroup, FREEZE_TIMEOUT_MS, err);
}

int container_resume(const struct container_ref *ref, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;

	if (str_empty(ref->cgroup))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"cannot resume a container without a cgroup of its own");
	int r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
	return r < 0 ? r : hull_cgroup_thaw(cgroup, FREEZE_TIMEOUT_MS, err);
}

int container_open_thaw(
	const struct container_ref *ref, int *ret_fd, const char **ret_text, struct hull_error *err)
{
	if (str_empty(ref->cgroup))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"cannot pause a container without a cgroup of its own");
	return cgroup_places_open_thaw(ref->cgroup, ret_fd, ret_text, err);
}

int container_destroy(const struct container_ref *ref, int timeout_ms, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;
	_cleanup_close_ int pidfd = container_open_pidfd(ref, err);

	if (pidfd < 0 && pidfd != -ESRCH)
		return pidfd;
	if (pidfd >= 0)
		process_pidfd_signal(pidfd, SIGKILL);
	resctrl_remove(ref->resctrl);
	if (str_empty(ref->cgroup) || cgroup_places_remove_empty(ref->cgroup))
		return 0;
	int r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
	if (r < 0)
		return r;
	return hull_cgroup_delete(
		cgroup, HULL_CGROUP_DELETE_RECURSIVE | HULL_CGROUP_DELETE_KILL, timeout_ms, err);
}

int container_pids(
	const struct container_ref *ref, pid_t **ret, size_t *ret_count, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;

	if (str_empty(ref->cgroup)) {
		struct pid_list list = {0};
		int e = each_in_namespace(ref, add_pid, &list, err);
		if (e < 0) {
			free(list.pids);
			return e;
		}
		*ret = list.pids;
		*ret_count = list.n;
		return 0;
	}
	int r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
	if (r < 0)
		return r;
	return hull_cgroup_processes(cgroup, HULL_CGROUP_RECURSIVE, ret, ret_count, err);
}

int container_update(const struct container_ref *ref, const struct hull_cgroup_resources *resources,
	struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;

	if (str_empty(ref->cgroup))
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "the container has no cgroup of its own");
	int r = cgroup_places_open(ref->cgroup, &host, &cgroup, err);
	return r < 0 ? r : hull_cgroup_apply(cgroup, resources, 0, err);
}

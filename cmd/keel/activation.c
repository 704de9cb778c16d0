/* SPDX-License-Identifier: Apache-2.0 */
#include "activation.h"
#include "base/arena.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/checkpoint.h"

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NOTIFY_NAME	   "notify.sock"
#define NOTIFY_MAX	   4096
#define BARRIER_TIMEOUT_MS 5000
#define FD_FIRST	   3

int preserved_fds_check(int n, struct hull_error *err)
{
	if (n < 0 || n > 65536)
		return error_set(err, HULL_ERROR_INVALID, "invalid --preserve-fds %d", n);
	/* A number that is free would be taken by a file of ours. */
	for (int fd = FD_FIRST; fd < FD_FIRST + n; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"please check that preserved-fd %d actually exists", fd);
	}
	return 0;
}

int listen_fds_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint32_t number, count;

	if (!pid || !fds || str_to_u32(pid, &number) < 0 || number != (uint32_t)getpid())
		return 0;
	return str_to_u32(fds, &count) == 0 && count < 65536 ? (int)count : 0;
}

static int add_variable(struct arena *arena, struct oci_spec *spec, const char *name,
	const char *value, struct hull_error *err)
{
	struct oci_process *p = spec->process;
	char **copy = NULL;
	char *assignment = arena_printf(arena, "%s=%s", name, value);

	if (!assignment)
		return error_no_memory(err);
	strv_foreach (entry, p->env) {
		const char *rest = str_after(*entry, name);
		if (rest && *rest == '=')
			continue;
		if (arena_strv_append(arena, &copy, *entry) < 0)
			return error_no_memory(err);
	}
	if (arena_strv_append(arena, &copy, assignment) < 0)
		return error_no_memory(err);
	p->env = copy;
	return 0;
}

int listen_fds_add(struct arena *arena, struct oci_spec *spec, int count, struct hull_error *err)
{
	const char *names = getenv("LISTEN_FDNAMES");
	char number[16];

	if (count == 0 || !spec->process)
		return 0;
	snprintf(number, sizeof(number), "%d", count);
	int r = add_variable(arena, spec, "LISTEN_FDS", number, err);
	if (r == 0)
		r = add_variable(arena, spec, "LISTEN_PID", "1", err);
	if (r == 0 && names)
		r = add_variable(arena, spec, "LISTEN_FDNAMES", names, err);
	return r;
}

/* ---- readiness ---- */

static const char *manager_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return str_empty(path) ? NULL : path;
}

int notify_add(struct arena *arena, struct oci_spec *spec, int dir_fd, const char *path,
	struct hull_error *err)
{
	char **options = NULL;

	if (!manager_socket() || !spec->process)
		return 0;
	if (mkdirat(dir_fd, "notify", 0755) < 0 || fchmodat(dir_fd, "notify", 0755, 0) < 0)
		return error_errno(err, errno, "notify socket directory");
	struct oci_mount *mounts = arena_array(arena, spec->n_mounts + 1, sizeof(*mounts));
	char *source = arena_printf(arena, "%s/notify", path);
	char *destination = arena_strdup(arena, CONTAINER_NOTIFY_DIR),
	     *type = arena_strdup(arena, "bind");
	if (!mounts || !source || !destination || !type ||
		arena_strv_append(arena, &options, "bind") < 0 ||
		arena_strv_append(arena, &options, "nosuid") < 0 ||
		arena_strv_append(arena, &options, "noexec") < 0 ||
		arena_strv_append(arena, &options, "nodev") < 0 ||
		arena_strv_append(arena, &options, "ro") < 0)
		return error_no_memory(err);
	if (spec->n_mounts)
		memcpy(mounts, spec->mounts, spec->n_mounts * sizeof(*mounts));
	mounts[spec->n_mounts] = (struct oci_mount){
		.destination = destination, .type = type, .source = source, .options = options};
	spec->mounts = mounts;
	spec->n_mounts++;
	return add_variable(
		arena, spec, "NOTIFY_SOCKET", CONTAINER_NOTIFY_DIR "/" NOTIFY_NAME, err);
}

int notify_listen(int dir_fd, int *ret, struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*ret = -1;
	if (!manager_socket())
		return 0;
	_cleanup_close_ int dir = openat(dir_fd, "notify", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : error_errno(err, errno, "notify socket directory");
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return error_errno(err, errno, "notify socket");
	unlinkat(dir, NOTIFY_NAME, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NOTIFY_NAME, dir);
	/* Whoever the container's user is may speak. */
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		fchmodat(dir, NOTIFY_NAME, 0777, 0) < 0)
		return error_errno(err, errno, "notify socket");
	*ret = TAKE_FD(sock);
	return 0;
}

static int connect_manager(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = manager_socket();
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || !path || str_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return -EINVAL;
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract address */
	else
		n++;
	return connect(sock, (struct sockaddr *)&address, n) < 0 ? -errno : TAKE_FD(sock);
}

/*
 * The manager finds out by our pid whom a message is from: we must not be gone before it has read
 * it. It closes the fd that it gets with BARRIER=1 when it has come to that.
 */
static void wait_for_manager(int sock)
{
	static const char text[] = "BARRIER=1";
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	int r = fd_send(sock, text, strlen(text), &ends[1], 1);
	close(ends[1]);
	struct pollfd p = {.fd = ends[0]};
	if (r == 0)
		poll(&p, 1, BARRIER_TIMEOUT_MS);
	close(ends[0]);
}

/* What a container may tell about itself; not, above all, which process the service is. */
static bool may_pass(const char *line)
{
	static const char *const names[] = {"READY=", "STATUS=", "RELOADING=", "STOPPING=",
		"ERRNO=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC="};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_after(line, names[i]))
			return true;
	}
	return false;
}

int notify_pass(int sock, pid_t main_pid)
{
	char message[NOTIFY_MAX + 1];
	_cleanup_buf_ struct buf out = BUF_INIT;
	bool ready = false;
	ssize_t n = recv(sock, message, NOTIFY_MAX, MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	message[n] = '\0';
	_cleanup_strv_ char **lines = strv_split(message, "\n");
	strv_foreach (line, lines) {
		if (!may_pass(*line))
			continue;
		buf_printf(&out, "%s\n", *line);
		ready |= str_eq(*line, "READY=1");
	}
	if (ready && main_pid > 0)
		buf_printf(&out, "MAINPID=%d\n", main_pid);
	_cleanup_close_ int manager = out.len ? connect_manager() : -1;
	if (manager < 0)
		return ready;
	if (send(manager, out.data, out.len, MSG_NOSIGNAL) >= 0 && ready)
		wait_for_manager(manager);
	return ready;
}

void notify_wait(int sock, pid_t main_pid, int pidfd)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if ((fds[0].revents & POLLIN) && notify_pass(sock, main_pid))
			return;
		if (fds[1].revents && !(fds[0].revents & POLLIN))
			return;
	}
}

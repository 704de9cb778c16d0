/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONFIG_MAX ((size_t)16 << 20)

void launch_done(struct launch *l)
{
	plan_free(l->plan);
	runtime_process_done(&l->process);
	if (l->reserved)
		state_remove(l->root_fd, l->id, NULL);
	cleanup_closep(&l->root_fd);
	cleanup_closep(&l->dir_fd);
	cleanup_closep(&l->cache_fd);
	cleanup_closep(&l->start_socket);
	buf_done(&l->config);
	free(l->bundle);
	free(l->root);
	arena_done(&l->arena);
}

static char *absolute_path(const char *path)
{
	if (str_empty(path))
		return getcwd(NULL, 0);
	if (path[0] == '/')
		return path_clean(path);
	_cleanup_free_ char *here = getcwd(NULL, 0);
	_cleanup_free_ char *joined = here ? path_join(here, path) : NULL;
	return joined ? path_clean(joined) : NULL;
}

static int read_config(struct launch *l, struct hull_error *err)
{
	_cleanup_free_ char *path = NULL;
	const char *config = l->options->config;

	l->bundle = absolute_path(l->options->bundle);
	if (!l->bundle)
		return error_errno(err, errno, "bundle");
	if (config) {
		path = strdup(config);
	} else {
		path = path_join(l->bundle, "config.json");
	}
	if (!path)
		return error_no_memory(err);
	int r = file_read_at(AT_FDCWD, path, &l->config, CONFIG_MAX);
	if (r == -E2BIG)
		return error_set(
			err, HULL_ERROR_LIMIT, "%s: longer than %zu bytes", path, CONFIG_MAX);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	return oci_spec_parse(
		&l->arena, buf_str(&l->config), l->config.len, "config.json", &l->spec, err);
}

/* The socket that a created container waits on; reached through the directory's fd, so that the
 * length of the path does not matter. */
static int listen_start(struct launch *l, struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start.sock",
		l->dir_fd);
	l->start_socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (l->start_socket < 0)
		return error_errno(err, errno, "start socket");
	if (bind(l->start_socket, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(l->start_socket, 4) < 0)
		return error_errno(err, errno, "start socket");
	return 0;
}

static int open_cache(struct launch *l)
{
	if (dir_make_parents_at(l->root_fd, ".cache/seccomp", 0700) < 0)
		return -1;
	return openat(l->root_fd, ".cache/seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int reserve(struct launch *l, bool wait_for_start, struct hull_error *err)
{
	l->root = keel_root_path(l->globals);
	if (!l->root)
		return error_no_memory(err);
	int r = state_root_open(l->root, true, &l->root_fd, err);
	if (r == 0)
		r = state_create(l->root_fd, l->id, &l->dir_fd, err);
	if (r < 0)
		return r;
	l->reserved = true;
	if (l->spec->linux && l->spec->linux->seccomp)
		l->cache_fd = open_cache(l);
	return wait_for_start ? listen_start(l, err) : 0;
}

static int check_terminal(const struct launch *l, bool detached, struct hull_error *err)
{
	bool terminal = l->spec->process && l->spec->process->terminal;

	if (detached && terminal && !l->options->console_socket)
		return error_set(err, HULL_ERROR_INVALID,
			"cannot allocate tty if keel will detach without setting console socket");
	if (l->options->console_socket && !(detached && terminal))
		return error_set(err, HULL_ERROR_INVALID,
			"cannot use console socket if keel will not detach or allocate tty");
	return 0;
}

int launch_prepare(struct launch *l, bool wait_for_start, bool dry, struct hull_error *err)
{
	struct plan_options o = PLAN_OPTIONS_INIT;
	int r = container_id_check(l->id, err);

	if (r == 0)
		r = read_config(l, err);
	if (r == 0 && !dry)
		r = check_terminal(l, wait_for_start || l->options->detach, err);
	if (r == 0)
		r = keel_cgroup_manager(l->globals, &o.cgroup_manager, err);
	if (r == 0 && !dry)
		r = reserve(l, wait_for_start, err);
	if (r < 0)
		return r;
	o.id = l->id;
	o.bundle = l->bundle;
	o.preserve_fds = l->options->preserve_fds;
	o.start_socket = l->start_socket;
	o.cgroup_parent_default = "";
	o.seccomp_cache_fd = l->cache_fd;
	o.no_pivot = l->options->no_pivot;
	o.no_new_keyring = l->options->no_new_keyring;
	o.rootless = keel_is_rootless(l->globals);
	o.trace = l->options->trace;
	o.warn = keel_warn;
	o.userdata = (void *)l->globals;
	return plan_compile(l->spec, &o, &l->plan, err);
}

static char *owner_name(struct arena *arena)
{
	uid_t uid = geteuid();

	/* The one user who needs no look into /etc/passwd. */
	return uid == 0 ? arena_strdup(arena, "root") : arena_printf(arena, "%u", uid);
}

static int save_state(struct launch *l, struct hull_error *err)
{
	char created[CLOCK_TEXT_SIZE];
	const struct oci_spec *spec = l->spec;
	const struct oci_namespace *pid = oci_spec_namespace(spec, OCI_NAMESPACE_PID);

	clock_format_rfc3339(clock_realtime_ns(), created);
	struct runtime_state state = {.oci_version = (char *)OCI_VERSION,
		.id = (char *)l->id,
		.pid = l->process.pid,
		.start_time = l->process.start_time,
		.bundle = l->bundle,
		.rootfs = spec->root->path[0] == '/'
				  ? spec->root->path
				  : arena_printf(&l->arena, "%s/%s", l->bundle, spec->root->path),
		.cgroup = l->process.cgroup,
		.created = created,
		.owner = owner_name(&l->arena),
		.own_pid_namespace = pid && str_empty(pid->path),
		.rootless = keel_is_rootless(l->globals),
		.has_poststart = spec->hooks && spec->hooks->poststart.count,
		.has_poststop = spec->hooks && spec->hooks->poststop.count,
		.annotations = spec->annotations,
		.n_annotations = spec->n_annotations};
	_cleanup_close_ int fd =
		openat(l->dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, buf_str(&l->config), l->config.len);
	if (r < 0)
		return error_errno(err, r, "config.json");
	return state_save(l->dir_fd, &state, err);
}

int pid_file_write(const char *path, pid_t pid, struct hull_error *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	int r = file_replace_at(AT_FDCWD, path, text, (size_t)n, 0644, false);

	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

int socket_send_fd(const char *path, int fd, const char *what, struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int dir = -1;
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return error_errno(err, errno, "socket");
	/* A path that is too long for an address is reached through its directory. */
	if (str_copy(address.sun_path, sizeof(address.sun_path), path) < 0) {
		const char *base = path_base(path);
		_cleanup_free_ char *parent = strndup(path, (size_t)(base - path));
		dir = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		if (dir < 0)
			return error_errno(err, errno, "%s", path);
		int n = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
			dir, base);
		if ((size_t)n >= sizeof(address.sun_path))
			return error_errno(err, ENAMETOOLONG, "%s", path);
	}
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, errno, "connect to %s", path);
	int r = fd_send(sock, what, strlen(what), &fd, 1);
	return r < 0 ? error_errno(err, r, "send to %s", path) : 0;
}

/* What must be there before anybody hears of the container. */
static int publish(struct launch *l, struct hull_error *err)
{
	const struct launch_options *o = l->options;
	int r = save_state(l, err);

	if (r == 0 && o->console_socket && l->process.console_fd >= 0) {
		r = socket_send_fd(o->console_socket, l->process.console_fd, "/dev/ptmx", err);
		cleanup_closep(&l->process.console_fd);
	}
	if (r == 0 && o->pidfd_socket)
		r = socket_send_fd(o->pidfd_socket, l->process.pidfd, "pidfd", err);
	if (r == 0 && o->pid_file)
		r = pid_file_write(o->pid_file, l->process.pid, err);
	return r;
}

int launch_perform(struct launch *l, struct hull_error *err)
{
	int r = plan_perform(l->plan, &l->process, err);

	if (r < 0)
		return r;
	r = publish(l, err);
	if (r < 0) {
		struct container_ref ref = {.id = l->id,
			.pid = l->process.pid,
			.start_time = l->process.start_time,
			.cgroup = l->process.cgroup};
		container_destroy(&ref, 10000, NULL);
		return r;
	}
	l->reserved = false;
	return 0;
}

int launch_poststart(struct launch *l, struct hull_error *err)
{
	struct oci_state state = {.oci_version = (char *)OCI_VERSION,
		.id = (char *)l->id,
		.status = (char *)"running",
		.pid = l->process.pid,
		.bundle = l->bundle,
		.annotations = l->spec->annotations,
		.n_annotations = l->spec->n_annotations};

	return hooks_run(l->spec, HOOK_POSTSTART, &state, err);
}

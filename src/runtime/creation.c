/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/creation.h"
#include "runtime/id_map.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/process.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIG_MAX	((size_t)16 << 20)
#define UNDO_TIMEOUT_MS 10000

void creation_done(struct creation *c)
{
	plan_free(c->plan);
	runtime_process_done(&c->process);
	cleanup_closep(&c->dir_fd);
	cleanup_closep(&c->cache_fd);
	cleanup_closep(&c->start_socket);
	/* Last, for it needs files to be free if it was these that there were too few of. */
	if (c->reserved)
		state_remove(c->root_fd, c->id, NULL);
	cleanup_closep(&c->root_fd);
	buf_done(&c->config);
	free(c->bundle);
	arena_done(&c->arena);
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

static int set_bundle(struct creation *c, const char *bundle, struct hull_error *err)
{
	c->bundle = absolute_path(bundle);
	return c->bundle ? 0 : error_errno(err, errno, "bundle");
}

static int parse(struct creation *c, struct hull_error *err)
{
	return oci_spec_parse(
		&c->arena, buf_str(&c->config), c->config.len, "config.json", &c->spec, err);
}

int creation_load(
	struct creation *c, const char *bundle, const char *config, struct hull_error *err)
{
	int r = set_bundle(c, bundle, err);

	if (r < 0)
		return r;
	_cleanup_free_ char *path = config ? strdup(config) : path_join(c->bundle, "config.json");
	if (!path)
		return error_no_memory(err);
	r = file_read_at(AT_FDCWD, path, &c->config, CONFIG_MAX);
	if (r == -E2BIG)
		return error_set(
			err, HULL_ERROR_LIMIT, "%s: longer than %zu bytes", path, CONFIG_MAX);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	return parse(c, err);
}

int creation_parse(struct creation *c, const char *bundle, const char *text, size_t length,
	struct hull_error *err)
{
	int r = set_bundle(c, bundle, err);

	if (r < 0)
		return r;
	if (length > CONFIG_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "config.json: longer than %zu bytes", CONFIG_MAX);
	buf_append(&c->config, text, length);
	return buf_error(&c->config) ? error_no_memory(err) : parse(c, err);
}

/* The socket that a created container waits on; reached through the directory's fd, so that the
 * length of the path does not matter. */
static int listen_start(struct creation *c, struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start.sock",
		c->dir_fd);
	c->start_socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->start_socket < 0)
		return error_errno(err, errno, "start socket");
	if (bind(c->start_socket, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(c->start_socket, 4) < 0)
		return error_errno(err, errno, "start socket");
	return 0;
}

static int open_cache(struct creation *c)
{
	if (dir_make_parents_at(c->root_fd, SECCOMP_CACHE, 0700) < 0)
		return -1;
	return openat(c->root_fd, SECCOMP_CACHE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int creation_reserve(struct creation *c, const char *root, const char *id, bool wait_for_start,
	struct hull_error *err)
{
	c->id = arena_strdup(&c->arena, id);
	c->root = arena_strdup(&c->arena, root);
	if (!c->id || !c->root)
		return error_no_memory(err);
	int r = state_root_open(root, true, &c->root_fd, err);
	if (r == 0)
		r = state_create(c->root_fd, id, &c->dir_fd, err);
	if (r < 0)
		return r;
	c->reserved = true;
	if (c->spec->linux && c->spec->linux->seccomp)
		c->cache_fd = open_cache(c);
	return wait_for_start ? listen_start(c, err) : 0;
}

/* The root of a user namespace other than the first has somebody else's ids. */
static bool is_in_user_namespace(void)
{
	_cleanup_buf_ struct buf map = BUF_INIT;
	unsigned int inside, outside, count;

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", &map, 65536) < 0)
		return false;
	return sscanf(buf_str(&map), "%u %u %u", &inside, &outside, &count) != 3 || inside != 0 ||
	       outside != 0 || count != UINT32_MAX;
}

static bool decide_rootless(enum creation_rootless rootless)
{
	if (rootless != CREATION_ROOTLESS_AUTO)
		return rootless == CREATION_ROOTLESS_TRUE;
	return geteuid() != 0 || is_in_user_namespace();
}

/* What the container's record must hold is the spec that was performed. */
static int add_user_namespace(struct creation *c, struct hull_error *err)
{
	if (!c->spec->linux || oci_spec_namespace(c->spec, OCI_NAMESPACE_USER))
		return 0;
	int r = id_map_add_default(&c->arena, c->spec, err);
	if (r < 0)
		return r;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	json_struct(&w, &oci_spec_table, c->spec);
	if (buf_error(&text))
		return error_no_memory(err);
	buf_done(&c->config);
	c->config = text;
	text = (struct buf)BUF_INIT;
	return 0;
}

/* The spec as it is performed: for whatever happens to the container later. */
static int write_config(struct creation *c, struct hull_error *err)
{
	_cleanup_close_ int fd =
		openat(c->dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, buf_str(&c->config), c->config.len);
	if (r < 0)
		return error_errno(err, r, "write %s/%s/config.json", c->root, c->id);
	return 0;
}

static char *owner_name(struct arena *arena)
{
	uid_t uid = geteuid();

	/* The one user who needs no look into /etc/passwd. */
	return uid == 0 ? arena_strdup(arena, "root") : arena_printf(arena, "%u", uid);
}

/* Written before anything of the container's is executed: without it nobody could find it if this
 * process were killed now. */
static int record(void *data, const struct runtime_process *process, struct hull_error *err)
{
	struct creation *c = data;
	char created[CLOCK_TEXT_SIZE];
	const struct oci_spec *spec = c->spec;
	const struct oci_namespace *pid = oci_spec_namespace(spec, OCI_NAMESPACE_PID);

	clock_format_rfc3339(clock_realtime_ns(), created);
	struct runtime_state state = {.oci_version = (char *)OCI_VERSION,
		.id = c->id,
		.pid = process->pid,
		.start_time = process->start_time,
		.bundle = c->bundle,
		.rootfs = spec->root->path[0] == '/'
				  ? spec->root->path
				  : arena_printf(&c->arena, "%s/%s", c->bundle, spec->root->path),
		.cgroup = process->cgroup,
		.resctrl = process->resctrl,
		.created = created,
		.owner = owner_name(&c->arena),
		.own_pid_namespace = pid && str_empty(pid->path),
		.rootless = c->rootless,
		.has_poststart = spec->hooks && spec->hooks->poststart.count,
		.has_poststop = spec->hooks && spec->hooks->poststop.count,
		.annotations = spec->annotations,
		.n_annotations = spec->n_annotations};
	int r = state_save(c->dir_fd, &state, err);
	if (r < 0)
		return error_wrap(err, r, "write state of %s", c->id);
	c->recorded = true;
	return 0;
}

int creation_compile(struct creation *c, const struct plan_options *options,
	enum creation_rootless rootless, struct hull_error *err)
{
	struct plan_options o = *options;

	c->rootless = decide_rootless(rootless);
	if (c->id)
		o.id = c->id;
	o.bundle = c->bundle;
	o.start_socket = c->start_socket;
	o.cgroup_parent_default = "";
	o.seccomp_cache_fd = c->cache_fd;
	o.rootless = c->rootless;
	o.unprivileged = !mount_permitted();
	if (o.cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD && c->rootless && geteuid() != 0)
		o.cgroup_manager = HULL_CGROUP_MANAGER_SYSTEMD_USER;
	o.placed = record;
	o.placed_data = c;
	int r = o.unprivileged ? add_user_namespace(c, err) : 0;
	if (r == 0)
		r = plan_compile(c->spec, &o, &c->plan, err);
	return r < 0 || !c->reserved ? r : write_config(c, err);
}

int creation_perform(struct creation *c, struct hull_error *err)
{
	return plan_perform(c->plan, &c->process, err);
}

int creation_save(struct creation *c, struct hull_error *err)
{
	/* A restored container has not come the way of a started one. */
	int r = c->recorded ? 0 : record(c, &c->process, err);

	if (r == 0)
		c->reserved = false;
	return r;
}

static struct oci_state state_of(const struct creation *c, const char *status, pid_t pid)
{
	return (struct oci_state){.oci_version = (char *)OCI_VERSION,
		.id = c->id,
		.status = (char *)status,
		.pid = pid,
		.bundle = c->bundle,
		.annotations = c->spec->annotations,
		.n_annotations = c->spec->n_annotations};
}

void creation_undo(struct creation *c)
{
	struct container_ref ref = {.id = c->id,
		.pid = c->process.pid,
		.start_time = c->process.start_time,
		.cgroup = c->process.cgroup,
		.resctrl = c->process.resctrl};
	struct oci_state state = state_of(c, "stopped", 0);

	process_kill_child(c->process.pid, c->process.pidfd);
	container_destroy(&ref, UNDO_TIMEOUT_MS, NULL);
	/* What the hooks of the start have made is theirs to take back; the error is there already. */
	hooks_run(c->spec, HOOK_POSTSTOP, &state, NULL);
	c->reserved = true;
}

int creation_poststart(struct creation *c, struct hull_error *err)
{
	struct oci_state state = state_of(c, "running", c->process.pid);

	return hooks_run(c->spec, HOOK_POSTSTART, &state, err);
}

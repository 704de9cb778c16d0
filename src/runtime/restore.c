/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From images to a container. The cgroup is made first and criu moved into it, so that all that it
 * makes is born there; then criu is told where everything is that the dump named, and makes the
 * processes, the first of them as its sibling: our child.
 */
#include "runtime/checkpoint_internal.h"
#include "runtime/perform.h"
#include "base/fd.h"
#include "base/str.h"
#include "json/value.h"
#include "sys/process.h"
#include "sys/resolve.h"

#include <sys/stat.h>

#define LOG_FILE	   "restore.log"
#define CLEANUP_TIMEOUT_MS 10000

struct restore {
	struct performance p; /* cgroup, pid and console, as if the plan were performed */
	const struct checkpoint_options *options;
	struct criu criu;
	const char *rootfs;
	int image_fd, work_fd;
	int namespace_fds[CHECKPOINT_N_NAMESPACES];
	struct buf opts;
};

static void restore_done(struct restore *r)
{
	criu_end(&r->criu);
	cleanup_closep(&r->image_fd);
	cleanup_closep(&r->work_fd);
	for (size_t i = 0; i < CHECKPOINT_N_NAMESPACES; i++)
		cleanup_closep(&r->namespace_fds[i]);
	cleanup_closep(&r->p.console_fd);
	cleanup_closep(&r->p.pidfd);
	hull_cgroup_free(r->p.cgroup);
	hull_cgroup_host_close(r->p.cgroup_host);
	free(r->p.cgroup_text);
	buf_done(&r->opts);
}

/* ---- what the dump named ---- */

/* The target of a mount from outside may be missing in this root; below a mount of the images' own
 * it is theirs. */
static int make_target(
	const struct restore *r, const struct oci_mount *mount, struct hull_error *err)
{
	const struct oci_spec *spec = r->p.plan->spec;
	struct stat st;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		const char *below = m == mount || checkpoint_mount_is_bind(m)
					    ? NULL
					    : str_after(mount->destination, m->destination);
		if (below && *below == '/')
			return 0;
	}
	if (stat(mount->source, &st) < 0)
		return error_errno(err, errno, "mount source %s", mount->source);
	_cleanup_close_ int root = open(r->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, errno, "%s", r->rootfs);
	int fd = resolve_make_in_root(
		root, mount->destination, S_ISDIR(st.st_mode) ? RESOLVE_DIRECTORY : RESOLVE_FILE);
	if (fd < 0)
		return error_errno(err, fd, "mount target %s", mount->destination);
	close(fd);
	return 0;
}

static void put_cgroup_mounts(
	struct restore *r, const struct cgroup_places *places, const char *destination)
{
	for (size_t i = 0; i < places->n_places; i++) {
		char path[PATH_MAX];
		if (places->places[i].version == 1 &&
			checkpoint_cgroup_mount(&places->places[i], destination, path) == 0)
			criu_put_pair(&r->opts, CRIU_EXT_MNT, path, places->places[i].full_path);
	}
}

static int put_mounts(struct restore *r, const struct cgroup_places *places, struct hull_error *err)
{
	const struct oci_spec *spec = r->p.plan->spec;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		if (checkpoint_mount_is_bind(m)) {
			int e = make_target(r, m, err);
			if (e < 0)
				return e;
			criu_put_pair(&r->opts, CRIU_EXT_MNT, m->destination, m->source);
		} else if (str_eq(m->type, "cgroup")) {
			put_cgroup_mounts(r, places, m->destination);
		}
	}
	criu_put_pair(&r->opts, CRIU_EXT_MNT, CHECKPOINT_NULL_DEVICE, CHECKPOINT_NULL_DEVICE);
	return 0;
}

static void put_cgroup_roots(struct restore *r, const struct cgroup_places *places)
{
	if (r->options->cgroups == CHECKPOINT_CGROUPS_IGNORE)
		return;
	for (size_t i = 0; i < places->n_places; i++)
		criu_put_pair(&r->opts, CRIU_CG_ROOT,
			places->places[i].hierarchy ? places->places[i].hierarchy : "",
			places->places[i].path);
}

static int keep_fd(struct restore *r, const char *key, int fd, struct hull_error *err)
{
	if (r->criu.n_keep_fds == CRIU_KEEP_FDS_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "too many files for criu");
	r->criu.keep_fds[r->criu.n_keep_fds++] = fd;
	criu_put_named(&r->opts, CRIU_INHERIT_FD, key, (uint64_t)fd);
	return 0;
}

static int put_namespaces(struct restore *r, struct hull_error *err)
{
	for (size_t i = 0; i < CHECKPOINT_N_NAMESPACES; i++) {
		const struct checkpoint_namespace *n = &checkpoint_namespaces[i];
		const struct oci_namespace *ns = oci_spec_namespace(r->p.plan->spec, n->type);
		if (!ns || str_empty(ns->path))
			continue;
		r->namespace_fds[i] = open(ns->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (r->namespace_fds[i] < 0)
			return error_errno(err, errno, "%s", ns->path);
		int e = keep_fd(r, n->key, r->namespace_fds[i], err);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Our own stdio takes the place of the files that the container had from outside. */
static int put_stdio(struct restore *r, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value names;
	int e = file_read_at(r->image_fd, CHECKPOINT_DESCRIPTORS, &text, (size_t)1 << 20);

	if (e == -ENOENT)
		return 0; /* images that no runtime made */
	if (e < 0)
		return error_errno(err, e, "%s", CHECKPOINT_DESCRIPTORS);
	e = json_value_parse(
		&arena, &names, buf_str(&text), text.len, NULL, CHECKPOINT_DESCRIPTORS, err);
	for (size_t i = 0; e == 0 && names.type == JSON_TYPE_ARRAY && i < names.count && i < 3;
		i++) {
		const char *name = json_value_string(&names.items[i]);
		if (name && (str_after(name, "pipe:[") || str_after(name, "file[")))
			e = keep_fd(r, name, (int)i, err);
	}
	return e;
}

/* The files that criu inherits must be known before it is started. */
static int format_files(struct restore *r, struct hull_error *err)
{
	int e = put_namespaces(r, err);

	return e == 0 ? put_stdio(r, err) : e;
}

static int format_rest(struct restore *r, struct hull_error *err)
{
	const struct checkpoint_options *o = r->options;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places places = {0};
	struct buf *out = &r->opts;
	int e = r->p.cgroup_text ? cgroup_places_parse(&arena, r->p.cgroup_text, &places, err) : 0;

	if (e < 0)
		return e;
	criu_put_number(out, CRIU_IMAGES_DIR_FD, (uint64_t)r->image_fd);
	criu_put_number(out, CRIU_WORK_DIR_FD, (uint64_t)r->work_fd);
	criu_put_string(out, CRIU_LOG_FILE, LOG_FILE);
	criu_put_string(out, CRIU_ROOT, r->rootfs);
	criu_put_bool(out, CRIU_EVASIVE_DEVICES, true);
	criu_put_bool(out, CRIU_RST_SIBLING, true);
	criu_put_string(out, CRIU_LSM_PROFILE, o->lsm_profile);
	criu_put_string(out, CRIU_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
	criu_put_string(out, CRIU_CONFIG_FILE, checkpoint_config_file(r->p.plan->spec));
	checkpoint_put_common(out, o);
	put_cgroup_roots(r, &places);
	e = put_mounts(r, &places, err);
	return e == 0 && buf_error(out) ? error_no_memory(err) : e;
}

/* ---- doing it ---- */

static int run_hooks(struct restore *r, const struct oci_hook_list *list, const char *name)
{
	struct op op = {.kind = OP_RUN_HOOKS, .path = name, .hooks = list};

	return list->count ? perform_run_hooks(&r->p, &op) : 0;
}

/* criu stops before the processes run: the time of the hooks that may set up the network. */
static int notified(const struct criu_answer *answer, int fd, void *data, struct hull_error *err)
{
	struct restore *r = data;
	const struct oci_hooks *hooks = r->p.plan->spec->hooks;
	_cleanup_close_ int owned = fd;

	if (str_eq(answer->script, "orphan-pts-master") && fd >= 0) {
		cleanup_closep(&r->p.console_fd);
		r->p.console_fd = TAKE_FD(owned);
		return fcntl(r->p.console_fd, F_SETFD, FD_CLOEXEC) < 0
			       ? error_errno(err, errno, "terminal")
			       : 0;
	}
	if (!str_eq(answer->script, "setup-namespaces") || !hooks)
		return 0;
	r->p.pid = answer->pid;
	r->p.err = err;
	int e = run_hooks(r, &hooks->prestart, "prestart");
	return e == 0 ? run_hooks(r, &hooks->create_runtime, "createRuntime") : e;
}

static int make_cgroup(struct restore *r, struct hull_error *err)
{
	struct op op = {.kind = OP_CREATE_CGROUP, .path = r->p.plan->cgroup_path};

	if (r->p.plan->options.cgroup_manager == HULL_CGROUP_MANAGER_DISABLED)
		return 0;
	r->p.pid = r->criu.pid; /* what systemd makes a scope with */
	r->p.err = err;
	int e = perform_create_cgroup(&r->p, &op);
	if (e == 0 && r->p.cgroup && !r->p.cgroup_entered)
		e = hull_cgroup_add(r->p.cgroup, r->criu.pid, 0, err);
	return e;
}

static int prepare(struct restore *r, struct hull_error *err)
{
	const struct checkpoint_options *o = r->options;
	const char *work = str_empty(o->work_path) ? o->image_path : o->work_path;

	r->image_fd = checkpoint_open_dir(o->image_path, "image path", false, err);
	if (r->image_fd < 0)
		return r->image_fd;
	r->work_fd = checkpoint_open_dir(work, "work path", true, err);
	if (r->work_fd < 0)
		return r->work_fd;
	const struct plan *plan = r->p.plan;
	const struct oci_root *root = plan->spec->root;
	r->rootfs = root->path[0] == '/'
			    ? root->path
			    : arena_printf(&r->p.plan->arena, "%s/%s", plan->bundle, root->path);
	return r->rootfs ? 0 : error_no_memory(err);
}

static int restore(struct restore *r, struct criu_answer *answer, struct hull_error *err)
{
	const struct checkpoint_options *o = r->options;
	int e = prepare(r, err);

	if (e < 0)
		return e;
	_cleanup_free_ char *log = str_printf(
		"%s/%s", str_empty(o->work_path) ? o->image_path : o->work_path, LOG_FILE);
	if (!log)
		return error_no_memory(err);
	e = format_files(r, err);
	r->criu.root = r->rootfs;
	r->criu.dirs[0] = o->image_path;
	r->criu.dirs[1] = str_empty(o->work_path) ? o->image_path : o->work_path;
	r->criu.dir_fds[0] = r->image_fd;
	r->criu.dir_fds[1] = r->work_fd;
	r->criu.own_stdio = true;
	if (e == 0)
		e = criu_start(&r->criu, err);
	if (e == 0)
		e = make_cgroup(r, err);
	if (e == 0)
		e = format_rest(r, err);
	return e < 0 ? e
		     : criu_request(
			       &r->criu, CRIU_RESTORE, &r->opts, log, notified, r, answer, err);
}

int container_restore(struct plan *plan, const struct checkpoint_options *options,
	struct runtime_process *ret, struct hull_error *err)
{
	_cleanup_(restore_done) struct restore r = {.options = options,
		.criu = {.program = options->criu ? options->criu : "criu", .pid = -1, .sock = -1},
		.image_fd = -1,
		.work_fd = -1,
		.namespace_fds = {-1, -1},
		.opts = BUF_INIT,
		.p = {.plan = plan,
			.sock = -1,
			.child_sock = -1,
			.pid = -1,
			.pidfd = -1,
			.console_fd = -1,
			.cgroup_dir_fd = -1}};
	struct criu_answer answer;
	int pidfd = -1, e = restore(&r, &answer, err);

	if (e == 0) {
		pidfd = process_pidfd_open(answer.pid);
		e = pidfd < 0 ? error_errno(err, pidfd, "restored process %d", answer.pid) : 0;
		if (e < 0)
			process_kill_child(answer.pid, -1);
	}
	if (e < 0) {
		criu_end(&r.criu);
		if (r.p.cgroup_made)
			hull_cgroup_delete(r.p.cgroup,
				HULL_CGROUP_DELETE_RECURSIVE | HULL_CGROUP_DELETE_KILL,
				CLEANUP_TIMEOUT_MS, NULL);
		return e;
	}
	criu_end(&r.criu);
	*ret = (struct runtime_process){.pid = answer.pid,
		.pidfd = pidfd,
		.console_fd = TAKE_FD(r.p.console_fd),
		.cgroup = TAKE_PTR(r.p.cgroup_text)};
	process_start_time(answer.pid, &ret->start_time);
	return 0;
}

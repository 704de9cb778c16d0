/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup of a container. The caller makes it and opens its files, the child walks in by writing
 * "0" (see perform_join_cgroup()); on v2 it is born in it.
 *
 * On a hybrid machine the v2 tree beside the v1 hierarchies controls nothing, and joining it would
 * cost more than all the others together: there a container stays where its caller is.
 */
#include "runtime/perform.h"
#include "runtime/cgroup_place.h"
#include "runtime/shared.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

static uint32_t wanted_controllers(const struct hull_cgroup_host *host)
{
	const struct hull_cgroup_hierarchy *h;
	size_t n = hull_cgroup_host_hierarchies(host, &h);
	uint32_t controllers = 0;

	if (hull_cgroup_host_mode(host) != HULL_CGROUP_MODE_HYBRID)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (h[i].version == 1)
			controllers |= h[i].controllers;
	}
	return controllers;
}

/* True if the container was promised something of its cgroup. Devices are the kernel's to guard from
 * a user namespace, where no node can be made. */
static bool is_cgroup_needed(const struct plan *plan)
{
	struct hull_cgroup_resources limits;

	if (plan->cgroup_asked)
		return true;
	if (!plan->resources)
		return false;
	limits = *plan->resources;
	limits.n_devices = 0;
	return !hull_cgroup_resources_empty(&limits);
}

static int is_denied(const struct hull_error *err)
{
	return err && (err->kind == HULL_ERROR_DENIED || err->errnum == EROFS);
}

/* Nobody may have delegated a cgroup to this user, or there are none: the container stays in its
 * caller's. What was asked for in vain is an error. */
static int do_without_cgroup(struct performance *p, int r)
{
	if (is_cgroup_needed(p->plan))
		return error_wrap(p->err, r,
			"rootless needs no limits + no cgrouppath when no permission is granted for "
			"cgroups");
	hull_error_done(p->err);
	return 0;
}

/* Limits are set or refused one by one; rules for devices are left out where they need root. */
static int limit_rootless(struct performance *p)
{
	struct hull_cgroup_resources limits, devices = {0};

	if (!p->plan->resources)
		return 0;
	limits = *p->plan->resources;
	devices.devices = limits.devices;
	devices.n_devices = limits.n_devices;
	limits.devices = NULL;
	limits.n_devices = 0;
	int r = hull_cgroup_apply(p->cgroup, &limits, 0, p->err);
	return r < 0 ? r
		     : hull_cgroup_apply(p->cgroup, &devices, HULL_CGROUP_APPLY_TOLERANT, p->err);
}

static int keep_cgroup(struct performance *p, const struct op *op, bool systemd)
{
	p->cgroup_made = true;
	p->cgroup_entered = systemd;
	return cgroup_places_format(p->cgroup_host, p->cgroup, op->path, &p->cgroup_text, p->err);
}

static bool has_systemd(const struct plan *plan)
{
	return plan->options.cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD ||
	       plan->options.cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD_USER;
}

int perform_create_cgroup(struct performance *p, const struct op *op)
{
	const struct plan *plan = p->plan;
	bool rootless = plan->options.rootless, systemd = has_systemd(plan);
	int r = hull_cgroup_host_open(&p->cgroup_host, p->err);

	if (r < 0)
		return r;
	if (hull_cgroup_host_mode(p->cgroup_host) == HULL_CGROUP_MODE_NONE) {
		r = error_set(p->err, HULL_ERROR_UNSUPPORTED, "no cgroup file system is mounted");
		return rootless ? do_without_cgroup(p, r) : r;
	}
	struct hull_cgroup_create_options options = {.manager = plan->options.cgroup_manager,
		.flags = rootless ? HULL_CGROUP_CREATE_TOLERANT : HULL_CGROUP_CREATE_NEW,
		.controllers = wanted_controllers(p->cgroup_host),
		.pid = systemd ? p->pid : 0,
		.resources = rootless && !systemd ? NULL : plan->resources,
		.delegate = systemd,
		.properties = plan->properties,
		.n_properties = plan->n_properties};
	r = hull_cgroup_create(p->cgroup_host, op->path, &options, &p->cgroup, p->err);
	if (r < 0 && rootless && is_denied(p->err))
		return do_without_cgroup(p, r);
	if (r == 0)
		r = keep_cgroup(p, op, systemd);
	return r == 0 && rootless && !systemd ? limit_rootless(p) : r;
}

static int open_tasks(struct performance *p, int version, const char *directory)
{
	_cleanup_free_ char *path =
		str_printf("%s/%s", directory, version == 2 ? "cgroup.procs" : "tasks");

	if (!path)
		return error_no_memory(p->err);
	if (p->n_cgroup_fds == ARRAY_SIZE(p->cgroup_fds))
		return error_set(p->err, HULL_ERROR_LIMIT, "too many cgroup hierarchies");
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(p->err, errno, "%s", path);
	p->cgroup_fds[p->n_cgroup_fds++] = fd;
	return 0;
}

static void close_tasks(struct performance *p)
{
	while (p->n_cgroup_fds > 0)
		cleanup_closep(&p->cgroup_fds[--p->n_cgroup_fds]);
}

/* For the mounts of v1 inside: see struct shared. */
static int tell_path(struct performance *p, size_t *used, const char *name, const char *path)
{
	size_t n = strlen(name) + 1, m = strlen(path) + 1;

	if (*used + n + m + 1 > sizeof(p->shared->cgroup_paths))
		return error_set(p->err, HULL_ERROR_LIMIT, "cgroup paths too long");
	memcpy(p->shared->cgroup_paths + *used, name, n);
	memcpy(p->shared->cgroup_paths + *used + n, path, m);
	*used += n + m;
	return 0;
}

static int open_all_tasks(struct performance *p)
{
	const struct hull_cgroup_hierarchy *h;
	size_t used = 0, n = p->cgroup ? hull_cgroup_n_places(p->cgroup) : 0;
	size_t n_hierarchies = p->cgroup ? hull_cgroup_host_hierarchies(p->cgroup_host, &h) : 0;

	for (size_t i = 0; i < n; i++) {
		struct hull_cgroup_place place = hull_cgroup_place(p->cgroup, i);
		int version = 1;
		for (size_t k = 0; k < n_hierarchies; k++) {
			if (str_eq(h[k].name, place.hierarchy))
				version = (int)h[k].version;
		}
		int r = version == 1 ? tell_path(p, &used, place.hierarchy, place.full_path) : 0;
		if (r == 0 && !p->cgroup_entered)
			r = open_tasks(p, version, place.full_path);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * The class of service of caches and memory bandwidth, which is no cgroup. An exec's process is in
 * its caller's class at first, and takes part in the container's as far as it has one.
 */
int perform_resctrl(struct performance *p, const struct op *op)
{
	const struct plan *plan = p->plan;
	const struct oci_intel_rdt *rdt = plan->spec->linux->intel_rdt;
	int r = resctrl_name(plan->resctrl, plan->id, rdt, &p->resctrl, p->err);

	if (r == 0 && plan->exec && access(p->resctrl.group, F_OK) < 0)
		return 0;
	if (r == 0 && !plan->exec)
		r = resctrl_make(plan->resctrl, rdt, &p->resctrl, p->err);
	return r == 0 ? resctrl_add(&p->resctrl, p->pid, p->err) : r;
}

int perform_attach_cgroup(struct performance *p, const struct op *op)
{
	struct message m = {.type = MESSAGE_CGROUP, .op = (int32_t)p->current, .pid = p->pid};
	int r = open_all_tasks(p);

	if (r == 0)
		r = message_send(p->sock, &m, p->cgroup_fds, p->n_cgroup_fds);
	close_tasks(p);
	return r;
}

/* The part of "[CONTROLLERS:]PATH" that is for a hierarchy ("cpu,cpuacct"), NULL if none is. */
static const char *sub_path(const char *text, const char *hierarchy)
{
	const char *colon = strchr(text, ':');

	if (!colon)
		return text;
	_cleanup_free_ char *list = strndup(text, (size_t)(colon - text));
	_cleanup_strv_ char **wanted = list ? strv_split(list, ",") : NULL;
	_cleanup_strv_ char **has = strv_split(hierarchy, ",");
	strv_foreach (name, wanted) {
		/* The v2 tree has no name, and all its controllers share the place. */
		if (*hierarchy == '\0' || strv_contains(has, *name))
			return colon + 1;
	}
	return NULL;
}

/* The directory for the process in one hierarchy. */
static const char *target_directory(
	const struct plan *plan, struct arena *arena, const struct cgroup_place *place)
{
	const char *sub = NULL;

	strv_foreach (text, plan->sub_cgroups) {
		const char *path = sub_path(*text, place->hierarchy ? place->hierarchy : "");
		sub = path ? path : sub;
	}
	return sub ? arena_printf(arena, "%s/%s", place->full_path, sub) : place->full_path;
}

/* An exec: the container's cgroup is known from its record, and the child inherits the fds. */
int perform_open_cgroup(struct performance *p, const struct op *op)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places all;
	int r = cgroup_places_parse(&arena, p->plan->target_cgroup, &all, p->err);

	for (size_t i = 0; r == 0 && i < all.n_places; i++) {
		const char *directory = target_directory(p->plan, &arena, &all.places[i]);
		if (!directory)
			return error_no_memory(p->err);
		if (all.places[i].version == 2 && all.n_places == 1) {
			p->cgroup_dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (p->cgroup_dir_fd < 0)
				return error_errno(p->err, errno, "%s", directory);
			continue;
		}
		r = open_tasks(p, all.places[i].version, directory);
	}
	return r;
}

int cgroup_open_procs(struct performance *p)
{
	int fd = openat(p->cgroup_dir_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	p->cgroup_fds[p->n_cgroup_fds++] = fd;
	return 0;
}

/*
 * On v2 a group with controllers for its children takes no processes: the container's own init
 * (systemd, say) has moved itself into one of them, and an exec follows it there.
 */
int cgroup_follow_first_process(struct performance *p)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct cgroup_places all;
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", p->plan->target_pid);
	int r = file_read_at(AT_FDCWD, file, &text, 65536);
	if (r < 0 || cgroup_places_parse(&arena, p->plan->target_cgroup, &all, NULL) < 0)
		return r < 0 ? r : -EINVAL;
	const char *path = str_after(buf_str(&text), "0::");
	const char *own = all.n_places == 1 ? all.places[0].path : NULL;
	if (!path || !own)
		return -ENOENT;
	_cleanup_free_ char *line = strndup(path, strcspn(path, "\n"));
	const char *below = line ? str_after(line, own) : NULL;
	/* Only below the container's own group: a process elsewhere is no guide. */
	if (!below || *below != '/' || path_has_dotdot(below))
		return -ENOENT;
	_cleanup_free_ char *directory = str_printf("%s%s", all.places[0].full_path, below);
	int fd = directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -ENOENT;
	cleanup_closep(&p->cgroup_dir_fd);
	p->cgroup_dir_fd = fd;
	return 0;
}

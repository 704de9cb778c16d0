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

int perform_create_cgroup(struct performance *p, const struct op *op)
{
	const struct plan *plan = p->plan;
	bool systemd = plan->options.cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD;
	int r = hull_cgroup_host_open(&p->cgroup_host, p->err);

	if (r < 0)
		return r;
	if (hull_cgroup_host_mode(p->cgroup_host) == HULL_CGROUP_MODE_NONE)
		return plan->options.rootless ? 0
					      : error_set(p->err, HULL_ERROR_UNSUPPORTED,
							"no cgroup file system is mounted");
	struct hull_cgroup_create_options options = {.manager = plan->options.cgroup_manager,
		.flags = plan->options.rootless ? HULL_CGROUP_CREATE_TOLERANT : 0,
		.controllers = wanted_controllers(p->cgroup_host),
		.pid = systemd ? p->pid : 0,
		.resources = plan->resources,
		.delegate = systemd};
	if (!plan->options.rootless)
		options.flags |= HULL_CGROUP_CREATE_NEW;
	r = hull_cgroup_create(p->cgroup_host, op->path, &options, &p->cgroup, p->err);
	if (r < 0) {
		/* Rootless without delegation: the container stays in its caller's cgroup. */
		if (plan->options.rootless && p->err && p->err->kind == HULL_ERROR_DENIED) {
			hull_error_done(p->err);
			return 0;
		}
		return r;
	}
	p->cgroup_made = true;
	p->cgroup_entered = systemd;
	return cgroup_places_format(p->cgroup_host, p->cgroup, op->path, &p->cgroup_text, p->err);
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

int perform_attach_cgroup(struct performance *p, const struct op *op)
{
	struct message m = {.type = MESSAGE_CGROUP, .op = (int32_t)p->current, .pid = p->pid};
	int r = open_all_tasks(p);

	if (r == 0)
		r = message_send(p->sock, &m, p->cgroup_fds, p->n_cgroup_fds);
	close_tasks(p);
	return r;
}

/* An exec: the container's cgroup is known from its record, and the child inherits the fds. */
int perform_open_cgroup(struct performance *p, const struct op *op)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct cgroup_places all;
	const char *sub = p->plan->sub_cgroup;
	int r = cgroup_places_parse(&arena, p->plan->target_cgroup, &all, p->err);

	for (size_t i = 0; r == 0 && i < all.n_places; i++) {
		const char *directory = all.places[i].full_path;
		if (!str_empty(sub))
			directory = arena_printf(&arena, "%s/%s", directory, sub);
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

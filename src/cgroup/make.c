/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making groups.
 *
 * One mkdir per hierarchy is tried with the whole path first, since the parent is there nearly
 * always; only ENOENT makes us go through the components. What was made is counted per place, so
 * that a failure further on removes exactly that.
 *
 * v1 cpuset starts without cpus and memory nodes and then takes no process: what we make gets those of its
 * parent. v2 offers to a group only what all groups above it enable in cgroup.subtree_control; if
 * the group has what is wanted (one read tells), nothing is written.
 */
#include "cgroup/file.h"
#include "cgroup/make.h"
#include "cgroup/resource.h"
#include "cgroup/systemd.h"
#include "cgroup/task.h"

#include "base/fd.h"
#include "base/str.h"

#include <stdio.h>
#include <sys/stat.h>

/* The length of the path without its last component, 0 if it has only one. */
static size_t parent_length(const char *path, size_t n)
{
	while (n && path[n - 1] != '/')
		n--;
	return n ? n - 1 : 0;
}

/* mkdir -p: how many components were made, or -errno. */
static int make_path(int dirfd, const char *path)
{
	if (mkdirat(dirfd, path, 0755) == 0)
		return 1;
	if (errno != ENOENT)
		return errno == EEXIST ? 0 : -errno;
	size_t n = parent_length(path, strlen(path));
	if (n == 0)
		return -ENOENT;
	_cleanup_free_ char *parent = strndup(path, n);
	if (!parent)
		return -ENOMEM;
	int made = make_path(dirfd, parent);
	if (made < 0)
		return made;
	if (mkdirat(dirfd, path, 0755) == 0)
		return made + 1;
	if (errno == EEXIST)
		return made;
	int r = -errno;
	for (size_t left = n; made > 0; made--) {
		parent[left] = '\0';
		unlinkat(dirfd, parent, AT_REMOVEDIR);
		left = parent_length(parent, left);
	}
	return r;
}

static void unmake_path(int dirfd, const char *path, size_t made)
{
	char text[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(text))
		return;
	memcpy(text, path, n + 1);
	for (; made > 0 && n > 0; made--) {
		text[n] = '\0';
		if (unlinkat(dirfd, text, AT_REMOVEDIR) < 0)
			return;
		n = parent_length(text, n);
	}
}

void group_unmake(struct hull_cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->n_places; i++) {
		struct group_place *place = &cgroup->places[i];

		unmake_path(place->hierarchy->fd, place->path, place->made);
		place->made = 0;
	}
}

/* ---- cpuset of v1 ---- */

#define CPUSET_LIST_MAX 4096

/*
 * Copies one list from the parent, the parent's own first if that has none either. Of a group that
 * is new we know that it has none.
 */
static int cpuset_inherit(const struct group_place *place, const char *file, bool is_new)
{
	char list[CPUSET_LIST_MAX];
	ssize_t n = 0;

	if (!is_new) {
		n = place_get(place, file, list, sizeof(list));
		if (n != 0)
			return n < 0 ? (int)n : 0;
	}
	if (str_eq(place->path, "."))
		return 0;
	size_t above = parent_length(place->path, strlen(place->path));
	_cleanup_free_ char *path = above ? strndup(place->path, above) : strdup(".");
	if (!path)
		return -ENOMEM;
	struct group_place parent = {.hierarchy = place->hierarchy, .path = path};
	n = place_get(&parent, file, list, sizeof(list));
	if (n == 0) {
		int r = cpuset_inherit(&parent, file, true);
		if (r < 0)
			return r;
		n = place_get(&parent, file, list, sizeof(list));
	}
	return n < 0 ? (int)n : place_put(place, file, list);
}

int place_seed_cpuset(
	const struct group_place *place, const struct hull_cgroup_cpu *given, bool is_new)
{
	bool alone = !strchr(place->path, '/');
	int r = 0;

	/* What is about to be set need not be inherited, if the parent is the root, which has all. */
	if (!given || !given->cpus || !alone)
		r = cpuset_inherit(place, "cpuset.cpus", is_new);
	if (r == 0 && (!given || !given->mems || !alone))
		r = cpuset_inherit(place, "cpuset.mems", is_new);
	return r;
}

/* ---- Controllers of v2 ---- */

/* "+cpu +memory": the text that enables them. */
static void subtree_text(uint32_t mask, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned int c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++)
		if (mask & HULL_CGROUP_BIT(c))
			n += (size_t)snprintf(text + n, size - n, "%s+%s", n ? " " : "",
				hull_cgroup_controller_name((enum hull_cgroup_controller)c));
}

/* Enables what can be enabled for the children of one group; the first error otherwise. */
static int subtree_enable(const struct group_place *parent, uint32_t wanted)
{
	char text[256];
	int first = 0;

	subtree_text(wanted, text, sizeof(text));
	int r = place_put(parent, "cgroup.subtree_control", text);
	/* One that cannot be had (cpu with realtime tasks around) must not keep the others away. */
	for (unsigned int c = 0; r < 0 && c < HULL_CGROUP_CONTROLLER_MAX; c++) {
		if (!(wanted & HULL_CGROUP_BIT(c)))
			continue;
		subtree_text(HULL_CGROUP_BIT(c), text, sizeof(text));
		int one = place_put(parent, "cgroup.subtree_control", text);
		if (one < 0 && first == 0)
			first = one;
	}
	return first;
}

/* Moves the processes of a group into its child "leaf", so that it may have controllers below. */
static int move_into_leaf(const struct group_place *parent, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/leaf", parent->path);
	_cleanup_free_ char *full = str_printf("%s/leaf", parent->full_path);

	if (!path || !full)
		return error_no_memory(err);
	if (mkdirat(parent->hierarchy->fd, path, 0755) < 0 && errno != EEXIST)
		return error_errno(err, errno, "mkdir %s", full);
	struct group_place leaf = {.hierarchy = parent->hierarchy, .path = path, .full_path = full};
	return place_move_all(parent, &leaf, err);
}

static int enable_below(const struct group_place *parent, uint32_t wanted, unsigned int flags,
	struct hull_error *err)
{
	int r = subtree_enable(parent, wanted);

	/* The "no internal processes" rule; the root is exempt from it. */
	if (r == -EBUSY && (flags & HULL_CGROUP_CREATE_NO_INTERNAL) && !str_eq(parent->path, ".")) {
		r = move_into_leaf(parent, err);
		if (r < 0)
			return r;
		r = subtree_enable(parent, wanted);
		if (r < 0)
			return error_errno(err, r, "%s/cgroup.subtree_control", parent->full_path);
	}
	/* What is missing is told when it is needed: by the limit that cannot be set. */
	return 0;
}

static int read_enabled(struct hull_cgroup *cgroup, const struct group_place *place)
{
	char list[256];
	ssize_t n = place_get(place, "cgroup.controllers", list, sizeof(list));

	if (n < 0)
		return (int)n;
	cgroup->enabled = cgroup_controllers_parse(list, " ") & place->hierarchy->controllers;
	cgroup->enabled_known = true;
	return 0;
}

int group_enable_v2(
	struct hull_cgroup *cgroup, uint32_t wanted, unsigned int flags, struct hull_error *err)
{
	const struct group_place *place = group_place_v2(cgroup);

	wanted &= cgroup->host->v2_switchable;
	if (!place || !wanted || str_eq(place->path, "."))
		return 0;
	int r = read_enabled(cgroup, place);
	if (r < 0)
		return place_error(place, "cgroup.controllers", NULL, r, err);
	if ((cgroup->enabled & wanted) == wanted)
		return 0;

	_cleanup_free_ char *path = strdup(place->path);
	if (!path)
		return error_no_memory(err);
	struct group_place root = {.hierarchy = place->hierarchy,
		.path = ".",
		.full_path = place->hierarchy->mount_point};
	r = enable_below(&root, wanted, flags, err);
	for (char *slash = strchr(path, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		_cleanup_free_ char *full =
			str_printf("%s/%s", place->hierarchy->mount_point, path);
		if (!full)
			return error_no_memory(err);
		struct group_place above = {
			.hierarchy = place->hierarchy, .path = path, .full_path = full};
		r = enable_below(&above, wanted, flags, err);
		*slash = '/';
	}
	if (r < 0)
		return r;
	r = read_enabled(cgroup, place);
	return r < 0 ? place_error(place, "cgroup.controllers", NULL, r, err) : 0;
}

uint32_t group_enabled_v2(struct hull_cgroup *cgroup)
{
	const struct group_place *place = group_place_v2(cgroup);

	if (!place)
		return 0;
	if (!cgroup->enabled_known && read_enabled(cgroup, place) < 0)
		return 0;
	return cgroup->enabled;
}

uint32_t hull_cgroup_controllers(const struct hull_cgroup *cgroup)
{
	uint32_t all = 0;

	for (size_t i = 0; i < cgroup->n_places; i++) {
		const struct hull_cgroup_hierarchy *h = cgroup->places[i].hierarchy;
		struct hull_cgroup copy = *cgroup;

		if (h->version == 1) {
			all |= h->controllers;
			continue;
		}
		all |= h->controllers & ~cgroup->host->v2_switchable;
		if (!copy.enabled_known)
			read_enabled(&copy, &cgroup->places[i]);
		all |= copy.enabled;
	}
	return all;
}

/* ---- Groups ---- */

static bool errno_is_denied(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int place_make(struct group_place *place, const struct hull_cgroup_resources *resources,
	struct hull_error *err)
{
	if (str_eq(place->path, "."))
		return 0;
	int made = make_path(place->hierarchy->fd, place->path);
	if (made < 0)
		return error_errno(err, made, "mkdir %s", place->full_path);
	place->made = (size_t)made;
	if (made == 0) {
		_cleanup_close_ int fd = place_open(place, "", O_PATH | O_DIRECTORY);
		if (fd < 0)
			return error_errno(err, fd, "mkdir %s", place->full_path);
		return 0;
	}
	if (place->hierarchy->version == 1 &&
		(place->hierarchy->controllers & HULL_CGROUP_BIT(HULL_CGROUP_CPUSET))) {
		int r = place_seed_cpuset(place, resources ? &resources->cpu : NULL, true);
		if (r < 0)
			return error_errno(err, r, "%s/cpuset.cpus", place->full_path);
	}
	return 0;
}

static int make_places(struct hull_cgroup *cgroup, unsigned int flags,
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	size_t kept = 0, n = cgroup->n_places;

	for (size_t i = 0; i < n; i++) {
		struct group_place *place = &cgroup->places[i];
		int r = place_make(place, resources, err);

		if (r < 0 && (flags & HULL_CGROUP_CREATE_TOLERANT) && errno_is_denied(r) &&
			(kept > 0 || i + 1 < n))
			continue;
		if (r < 0)
			return r;
		if (place->made == 0 && (flags & HULL_CGROUP_CREATE_NEW)) {
			r = place_populated(place);
			if (r > 0)
				return error_errno(err, EEXIST, "%s", place->full_path);
		}
		cgroup->places[kept++] = *place;
	}
	cgroup->n_places = kept;
	return 0;
}

int group_make(struct hull_cgroup *cgroup, uint32_t controllers, unsigned int flags,
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	int r = make_places(cgroup, flags, resources, err);

	if (r == 0)
		r = group_enable_v2(
			cgroup, controllers ? controllers : HULL_CGROUP_ALL, flags, err);
	if (r < 0)
		group_unmake(cgroup);
	else
		hull_error_done(err);
	return r;
}

/* True if all of it is new, so that nothing in it can be worth keeping. */
static bool group_is_new(const struct hull_cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->n_places; i++)
		if (cgroup->places[i].made == 0)
			return false;
	return true;
}

/* Limits first, then the process that they are for. */
static int group_fill(struct hull_cgroup *cgroup, const struct hull_cgroup_create_options *options,
	struct hull_error *err)
{
	unsigned int flags =
		options->flags & HULL_CGROUP_CREATE_TOLERANT ? HULL_CGROUP_APPLY_TOLERANT : 0;

	if (options->resources) {
		if (group_is_new(cgroup))
			flags |= APPLY_FRESH;
		int r = resources_apply(cgroup, options->resources, flags, err);
		if (r < 0)
			return r;
	}
	return options->pid ? hull_cgroup_add(cgroup, options->pid, 0, err) : 0;
}

void hull_cgroup_undo_create(struct hull_cgroup *cgroup)
{
	if (cgroup->unit)
		systemd_delete(cgroup, 0, NULL);
	group_unmake(cgroup);
}

static int create_disabled(
	const struct hull_cgroup_host *host, struct hull_cgroup **ret, struct hull_error *err)
{
	int r = group_new(host, 0, NULL, ret, err);

	if (r == 0)
		(*ret)->manager = HULL_CGROUP_MANAGER_DISABLED;
	return r;
}

int hull_cgroup_create(const struct hull_cgroup_host *host, const char *path,
	const struct hull_cgroup_create_options *options, struct hull_cgroup **ret,
	struct hull_error *err)
{
	static const struct hull_cgroup_create_options defaults = {0};
	_cleanup_group_ struct hull_cgroup *group = NULL;

	if (!options)
		options = &defaults;
	if (options->manager == HULL_CGROUP_MANAGER_DISABLED)
		return create_disabled(host, ret, err);
	if (host->n_hierarchies == 0)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"cgroup %s: no cgroup file system is mounted", path);
	if (options->manager != HULL_CGROUP_MANAGER_CGROUPFS)
		return systemd_create(host, path, options, ret, err);

	int r = group_new_at(
		host, group_hierarchies(host, options->controllers), path, &group, err);
	if (r < 0)
		return r;
	r = group_make(group, options->controllers, options->flags, options->resources, err);
	if (r < 0)
		return r;
	r = group_fill(group, options, err);
	if (r < 0) {
		group_unmake(group);
		return r;
	}
	*ret = TAKE_PTR(group);
	return 0;
}

int hull_cgroup_create_child(const struct hull_cgroup *cgroup, const char *name,
	struct hull_cgroup **ret, struct hull_error *err)
{
	_cleanup_group_ struct hull_cgroup *child = NULL;
	_cleanup_strv_ char **owned = NULL;
	const char *paths[CGROUP_HIERARCHIES_MAX] = {0};
	uint32_t mask = 0;
	int r = cgroup_name_check(name, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < cgroup->n_places; i++) {
		const struct group_place *place = &cgroup->places[i];
		size_t h = (size_t)(place->hierarchy - cgroup->host->hierarchies);
		char *path = str_printf("%s/%s", str_eq(place->path, ".") ? "" : place->path, name);

		if (!path || strv_append_take(&owned, path) < 0)
			return error_no_memory(err);
		paths[h] = path;
		mask |= UINT32_C(1) << h;
	}
	if ((r = group_new(cgroup->host, mask, paths, &child, err)) < 0 ||
		(r = group_make(child, hull_cgroup_controllers(cgroup), 0, NULL, err)) < 0)
		return r;
	*ret = TAKE_PTR(child);
	return 0;
}

int hull_cgroup_dirfd(struct hull_cgroup *cgroup, struct hull_error *err)
{
	const struct group_place *place = group_place_v2(cgroup);

	if (!place)
		return error_set(err, HULL_ERROR_UNSUPPORTED, "the cgroup is not in a v2 tree");
	if (cgroup->dirfd < 0) {
		int fd = place_open(place, "", O_PATH | O_DIRECTORY);
		if (fd < 0)
			return error_errno(err, fd, "%s", place->full_path);
		cgroup->dirfd = fd;
	}
	return cgroup->dirfd;
}

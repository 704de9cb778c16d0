/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as objects: names, and the place of a group in each hierarchy. */
#include "cgroup/file.h"

#include "base/fd.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>

#define MEMBERSHIP_MAX ((size_t)1 << 20)

/* Control files of every group. Those of a controller ("memory.max") are told by the kernel: it
 * answers EEXIST to mkdir, and then we see that it is no directory. */
static bool name_is_reserved(const char *name, size_t n)
{
	static const char *const names[] = {"tasks", "notify_on_release", "release_agent"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			return true;
	return n > 7 && memcmp(name, "cgroup.", 7) == 0;
}

static int component_check(const char *what, const char *name, size_t n, struct hull_error *err)
{
	if (n == 0)
		return error_set(err, HULL_ERROR_INVALID, "%s: empty name", what);
	if (n > NAME_MAX)
		return error_set(err, HULL_ERROR_INVALID, "%s: %.32s...: longer than %d bytes",
			what, name, NAME_MAX);
	if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
		return error_set(
			err, HULL_ERROR_INVALID, "%s: %.*s: not allowed", what, (int)n, name);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)name[i]))
			return error_set(err, HULL_ERROR_INVALID, "%s: control character 0x%02x",
				what, (unsigned char)name[i]);
	return 0;
}

int cgroup_file_check(const char *file, struct hull_error *err)
{
	if (strchr(file, '/'))
		return error_set(err, HULL_ERROR_INVALID, "cgroup file: %s: no / allowed", file);
	return component_check("cgroup file", file, strlen(file), err);
}

static int group_component_check(const char *name, size_t n, struct hull_error *err)
{
	int r = component_check("cgroup name", name, n, err);

	if (r < 0)
		return r;
	if (name_is_reserved(name, n))
		return error_set(err, HULL_ERROR_INVALID,
			"cgroup name: %.*s: reserved for control files", (int)n, name);
	return 0;
}

int cgroup_name_check(const char *name, struct hull_error *err)
{
	if (strchr(name, '/'))
		return error_set(err, HULL_ERROR_INVALID, "cgroup name: %s: no / allowed", name);
	return group_component_check(name, strlen(name), err);
}

int cgroup_path_check(const char *path, struct hull_error *err)
{
	if (!*path)
		return error_set(err, HULL_ERROR_INVALID, "cgroup path: empty");
	if (strlen(path) > CGROUP_PATH_MAX)
		return error_set(err, HULL_ERROR_INVALID, "cgroup path: longer than %d bytes",
			CGROUP_PATH_MAX);
	/* "/" is the root, and one slash at the end is only untidy. */
	for (const char *p = path + (*path == '/'); *p;) {
		size_t n = strcspn(p, "/");
		int r = group_component_check(p, n, err);
		if (r < 0)
			return r;
		p += n + (p[n] == '/');
	}
	return 0;
}

uint32_t group_hierarchies(const struct hull_cgroup_host *host, uint32_t controllers)
{
	/* A v2 tree beside v1 hierarchies takes part only for what it controls, like any of them. */
	bool unified = hull_cgroup_host_mode(host) == HULL_CGROUP_MODE_UNIFIED;
	uint32_t mask = 0;

	for (size_t i = 0; i < host->n_hierarchies; i++) {
		const struct hull_cgroup_hierarchy *h = &host->hierarchies[i];

		if (!controllers || (h->version == 2 && unified) ||
			(h->controllers & controllers) || str_after(h->name, "name="))
			mask |= UINT32_C(1) << i;
	}
	return mask;
}

/* "/a/b/" to "a/b", "/" to ".". */
static void path_trim(const char **path, size_t *n)
{
	while (*n && (*path)[*n - 1] == '/')
		(*n)--;
	while (*n && **path == '/') {
		(*path)++;
		(*n)--;
	}
	if (*n == 0) {
		*path = ".";
		*n = 1;
	}
}

int group_new(const struct hull_cgroup_host *host, uint32_t mask, const char *const *paths,
	struct hull_cgroup **ret, struct hull_error *err)
{
	size_t n = (size_t)__builtin_popcount(mask), bytes = 0;

	for (size_t i = 0; i < host->n_hierarchies; i++)
		if (mask & UINT32_C(1) << i)
			bytes += strlen(host->hierarchies[i].mount_point) + strlen(paths[i]) + 4;

	_cleanup_group_ struct hull_cgroup *group =
		calloc(1, sizeof(*group) + n * sizeof(group->places[0]));
	if (!group)
		return error_no_memory(err);
	group->host = host;
	group->dirfd = -1;
	group->strings = malloc(bytes + 1);
	if (!group->strings)
		return error_no_memory(err);

	char *to = group->strings;
	for (size_t i = 0; i < host->n_hierarchies; i++) {
		if (!(mask & UINT32_C(1) << i))
			continue;
		const struct hull_cgroup_hierarchy *h = &host->hierarchies[i];
		const char *path = paths[i];
		size_t length = strlen(path);
		path_trim(&path, &length);
		if (length > CGROUP_PATH_MAX)
			return error_set(err, HULL_ERROR_INVALID,
				"cgroup path: longer than %d bytes", CGROUP_PATH_MAX);

		/* The full path; the place's own path is its tail. */
		bool root = length == 1 && *path == '.';
		struct group_place *place = &group->places[group->n_places++];
		place->hierarchy = h;
		place->full_path = to;
		to = stpcpy(to, h->mount_point);
		*to++ = root ? '\0' : '/';
		place->path = root ? "." : to;
		if (!root) {
			memcpy(to, path, length);
			to[length] = '\0';
			to += length + 1;
		}
	}
	*ret = TAKE_PTR(group);
	return 0;
}

int group_new_at(const struct hull_cgroup_host *host, uint32_t mask, const char *path,
	struct hull_cgroup **ret, struct hull_error *err)
{
	const char *paths[CGROUP_HIERARCHIES_MAX];
	char *joined[CGROUP_HIERARCHIES_MAX];
	int r = cgroup_path_check(path, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < host->n_hierarchies; i++) {
		joined[i] = *path == '/' ? NULL
			    : str_eq(host->hierarchies[i].own_path, "/")
				    ? str_printf("/%s", path)
				    : str_printf("%s/%s", host->hierarchies[i].own_path, path);
		paths[i] = *path == '/' ? path : joined[i];
		if (!paths[i])
			r = error_no_memory(err);
	}
	if (r == 0)
		r = group_new(host, mask, paths, ret, err);
	for (size_t i = 0; i < host->n_hierarchies; i++)
		free(joined[i]);
	return r;
}

void hull_cgroup_free(struct hull_cgroup *cgroup)
{
	if (!cgroup)
		return;
	cleanup_closep(&cgroup->dirfd);
	free(cgroup->strings);
	free(cgroup->unit);
	free(cgroup);
}

/* Drops the places where the group does not exist; how many are left. */
static size_t group_keep_existing(struct hull_cgroup *group)
{
	size_t kept = 0;

	for (size_t i = 0; i < group->n_places; i++) {
		_cleanup_close_ int fd = place_open(&group->places[i], "", O_PATH | O_DIRECTORY);

		if (fd >= 0)
			group->places[kept++] = group->places[i];
	}
	group->n_places = kept;
	return kept;
}

int hull_cgroup_load(const struct hull_cgroup_host *host, const char *path, uint32_t controllers,
	struct hull_cgroup **ret, struct hull_error *err)
{
	_cleanup_group_ struct hull_cgroup *group = NULL;
	int r = group_new_at(host, group_hierarchies(host, controllers), path, &group, err);

	if (r < 0)
		return r;
	if (group_keep_existing(group) == 0)
		return error_errno(err, ENOENT, "cgroup %s", path);
	*ret = TAKE_PTR(group);
	return 0;
}

int group_new_of_process(const struct hull_cgroup_host *host, pid_t pid, struct hull_cgroup **ret,
	struct hull_error *err)
{
	char file[64];
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (pid < 0)
		return error_set(err, HULL_ERROR_INVALID, "process %d: not a process id", (int)pid);
	if (pid)
		snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	else
		snprintf(file, sizeof(file), "/proc/self/cgroup");
	int r = file_read_at(AT_FDCWD, file, &text, MEMBERSHIP_MAX);
	if (r == -ENOENT || r == -ESRCH)
		return error_errno(err, ESRCH, "process %d", (int)pid);
	if (r < 0)
		return error_errno(err, r, "%s", file);

	_cleanup_strv_ char **owned = NULL;
	const char *paths[CGROUP_HIERARCHIES_MAX] = {0};
	uint32_t mask = 0;
	for (size_t i = 0; i < host->n_hierarchies; i++) {
		char *path = cgroup_membership_path(host, i, buf_str(&text));
		if (!path)
			continue;
		paths[i] = path;
		mask |= UINT32_C(1) << i;
		if (strv_append_take(&owned, path) < 0)
			return error_no_memory(err);
	}
	return group_new(host, mask, paths, ret, err);
}

int hull_cgroup_load_pid(const struct hull_cgroup_host *host, pid_t pid, struct hull_cgroup **ret,
	struct hull_error *err)
{
	_cleanup_group_ struct hull_cgroup *group = NULL;
	int r = group_new_of_process(host, pid, &group, err);

	if (r < 0)
		return r;
	if (group_keep_existing(group) == 0)
		return error_errno(err, ENOENT, "cgroup of process %d", (int)pid);
	*ret = TAKE_PTR(group);
	return 0;
}

int hull_cgroup_load_places(const struct hull_cgroup_host *host,
	const struct hull_cgroup_place *places, size_t n_places, enum hull_cgroup_manager manager,
	const char *unit, struct hull_cgroup **ret, struct hull_error *err)
{
	const char *paths[CGROUP_HIERARCHIES_MAX] = {0};
	uint32_t mask = 0;

	for (size_t k = 0; k < n_places; k++) {
		int r = cgroup_path_check(places[k].path, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < host->n_hierarchies; i++) {
			if (!str_eq(host->hierarchies[i].name, places[k].hierarchy))
				continue;
			paths[i] = places[k].path;
			mask |= UINT32_C(1) << i;
		}
	}
	_cleanup_group_ struct hull_cgroup *group = NULL;
	int r = group_new(host, mask, paths, &group, err);
	if (r < 0)
		return r;
	group->manager = manager;
	if (unit && str_set(&group->unit, unit) < 0)
		return error_no_memory(err);
	*ret = TAKE_PTR(group);
	return 0;
}

/* ---- Questions ---- */

const struct group_place *group_place_of(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller)
{
	for (size_t i = 0; i < cgroup->n_places; i++)
		if (cgroup->places[i].hierarchy->controllers & HULL_CGROUP_BIT(controller))
			return &cgroup->places[i];
	return NULL;
}

const struct group_place *group_place_v2(const struct hull_cgroup *cgroup)
{
	/* v2 is the last hierarchy of the host, so of the group too. */
	if (cgroup->n_places && cgroup->places[cgroup->n_places - 1].hierarchy->version == 2)
		return &cgroup->places[cgroup->n_places - 1];
	return NULL;
}

const struct group_place *group_place_of_file(const struct hull_cgroup *cgroup, const char *file)
{
	enum hull_cgroup_controller c = cgroup_file_controller(file);

	if (c != HULL_CGROUP_CONTROLLER_MAX) {
		const struct group_place *place = group_place_of(cgroup, c);
		/* Pressure files are v2's even where the controller is v1's. */
		return place && !str_ends_with(file, ".pressure") ? place
		       : group_place_v2(cgroup)			  ? group_place_v2(cgroup)
								  : place;
	}
	if (group_place_v2(cgroup) && str_after(file, "cgroup."))
		return group_place_v2(cgroup);
	return cgroup->n_places ? &cgroup->places[0] : NULL;
}

size_t hull_cgroup_n_places(const struct hull_cgroup *cgroup)
{
	return cgroup->n_places;
}

struct hull_cgroup_place hull_cgroup_place(const struct hull_cgroup *cgroup, size_t i)
{
	const struct group_place *place = &cgroup->places[i];
	bool root = str_eq(place->path, ".");

	/* In the full path a slash precedes the tail, so the absolute form is there for free. */
	return (struct hull_cgroup_place){
		place->hierarchy->name, root ? "/" : place->path - 1, place->full_path};
}

const char *hull_cgroup_controller_path(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller)
{
	const struct group_place *place = group_place_of(cgroup, controller);

	return place ? place->full_path : NULL;
}

const char *hull_cgroup_unit(const struct hull_cgroup *cgroup)
{
	return cgroup->unit;
}

enum hull_cgroup_manager hull_cgroup_manager(const struct hull_cgroup *cgroup)
{
	return cgroup->manager;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: moving them in, listing them, walking the groups below.
 *
 * A move into several hierarchies can fail half-way (a group that vanished, a cpuset without cpus).
 * Then the process is put back where it was, which has to be read before; a caller that is going
 * to kill a newborn on failure anyway saves that with HULL_CGROUP_ADD_NEWBORN.
 */
#include "cgroup/task.h"
#include "cgroup/file.h"
#include "cgroup/make.h"

#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <stdio.h>

/* ---- Moving ---- */

/* The file that takes processes, or threads. */
static const char *tasks_file(const struct group_place *place, bool thread)
{
	if (!thread)
		return "cgroup.procs";
	return place->hierarchy->version == 1 ? "tasks" : "cgroup.threads";
}

static int place_add(const struct group_place *place, pid_t pid, bool thread)
{
	char text[16];
	const char *file = tasks_file(place, thread);

	snprintf(text, sizeof(text), "%d", (int)pid);
	int r = place_put(place, file, text);
	/* A v1 cpuset that somebody made and never gave cpus or memory nodes. */
	if (r == -ENOSPC && place->hierarchy->version == 1) {
		if (place_seed_cpuset(place, NULL, false) < 0)
			return r;
		r = place_put(place, file, text);
	}
	return r;
}

static int add_error(
	const struct group_place *place, pid_t pid, bool thread, int r, struct hull_error *err)
{
	_cleanup_close_ int dir = place_open(place, "", O_PATH | O_DIRECTORY);

	if (dir == -ENOENT || r == -ENODEV)
		return error_errno(err, ENOENT, "%s", place->full_path);
	return error_errno(
		err, r, "%s/%s: %d", place->full_path, tasks_file(place, thread), (int)pid);
}

static int add_everywhere(struct hull_cgroup *cgroup, pid_t pid, unsigned int flags, bool thread,
	struct hull_error *err)
{
	_cleanup_group_ struct hull_cgroup *before = NULL;
	int r = 0;

	if (pid < 0)
		return error_set(err, HULL_ERROR_INVALID, "process %d: not a process id", (int)pid);
	if (cgroup->n_places > 1 && !(flags & HULL_CGROUP_ADD_NEWBORN)) {
		r = group_new_of_process(cgroup->host, pid, &before, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < cgroup->n_places; i++) {
		const struct group_place *place = &cgroup->places[i];

		if (place->hierarchy->version == 2 && (flags & HULL_CGROUP_ADD_SKIP_V2))
			continue;
		r = place_add(place, pid, thread);
		if (r == 0)
			continue;
		for (size_t k = 0; before && k < before->n_places; k++)
			for (size_t j = 0; j < i; j++)
				if (before->places[k].hierarchy == cgroup->places[j].hierarchy)
					place_add(&before->places[k], pid, thread);
		return add_error(place, pid, thread, r, err);
	}
	return 0;
}

int hull_cgroup_add(
	struct hull_cgroup *cgroup, pid_t pid, unsigned int flags, struct hull_error *err)
{
	return add_everywhere(cgroup, pid, flags, false, err);
}

int hull_cgroup_add_thread(struct hull_cgroup *cgroup, pid_t tid, struct hull_error *err)
{
	return add_everywhere(cgroup, tid, HULL_CGROUP_ADD_NEWBORN, true, err);
}

int place_move_all(
	const struct group_place *from, const struct group_place *to, struct hull_error *err)
{
	/* Processes may fork while we move them; each round leaves fewer behind. */
	for (int round = 0; round < 100; round++) {
		_cleanup_(pid_list_done) struct pid_list list = {0};
		int r = place_list(from, 0, &list);

		if (r < 0)
			return error_errno(err, r, "%s/cgroup.procs", from->full_path);
		if (list.n == 0)
			return 0;
		for (size_t i = 0; i < list.n; i++) {
			r = place_add(to, list.pids[i], false);
			if (r < 0 && r != -ESRCH)
				return add_error(to, list.pids[i], false, r, err);
		}
	}
	return error_errno(err, EBUSY, "%s: processes keep appearing", from->full_path);
}

/* ---- Listing ---- */

void pid_list_done(struct pid_list *list)
{
	free(list->pids);
	*list = (struct pid_list){0};
}

static int pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 64;
		pid_t *pids = reallocarray(list->pids, size, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		list->pids = pids;
		list->size = size;
	}
	list->pids[list->n++] = pid;
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Ascending, each once. */
static void pid_list_sort(struct pid_list *list)
{
	size_t kept = 0;

	if (list->n == 0)
		return;
	qsort(list->pids, list->n, sizeof(*list->pids), compare_pids);
	for (size_t i = 1; i < list->n; i++)
		if (list->pids[i] != list->pids[kept])
			list->pids[++kept] = list->pids[i];
	list->n = kept + 1;
}

/* The ids in one file, one per line; a piece at a time, since a group may hold very many. */
static int list_file(const struct group_place *place, const char *file, struct pid_list *list)
{
	_cleanup_close_ int fd = place_open(place, file, O_RDONLY);
	char text[4096];
	pid_t pid = 0;
	bool digits = false;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, text, sizeof(text));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				digits = true;
			} else if (digits) {
				/* 0: of a pid namespace that we do not see. */
				int r = pid ? pid_list_add(list, pid) : 0;
				if (r < 0)
					return r;
				pid = 0;
				digits = false;
			}
		}
	}
}

struct list_request {
	const struct group_place *top;
	bool threads;
	struct pid_list *list;
};

static int list_one(const struct group_place *place, void *data)
{
	struct list_request *request = data;
	int r = list_file(place, tasks_file(place, request->threads), request->list);

	/* Gone meanwhile; or a threaded group, whose processes are its domain's. */
	if (r == -ENOENT || r == -ENODEV || (r == -EOPNOTSUPP && place != request->top))
		return 0;
	return r;
}

int place_list(const struct group_place *place, unsigned int flags, struct pid_list *list)
{
	struct list_request request = {place, flags & HULL_CGROUP_THREADS, list};

	return flags & HULL_CGROUP_RECURSIVE ? place_walk(place, list_one, &request)
					     : list_one(place, &request);
}

int hull_cgroup_processes(const struct hull_cgroup *cgroup, unsigned int flags, pid_t **ret,
	size_t *ret_count, struct hull_error *err)
{
	_cleanup_(pid_list_done) struct pid_list list = {0};

	for (size_t i = 0; i < cgroup->n_places; i++) {
		int r = place_list(&cgroup->places[i], flags, &list);
		if (r < 0)
			return error_errno(err, r, "%s/%s", cgroup->places[i].full_path,
				tasks_file(&cgroup->places[i], flags & HULL_CGROUP_THREADS));
	}
	pid_list_sort(&list);
	*ret_count = list.n;
	*ret = TAKE_PTR(list.pids);
	return 0;
}

/* ---- The groups below ---- */

static int walk_at(const struct hull_cgroup_hierarchy *hierarchy, const char *path,
	int (*fn)(const struct group_place *place, void *data), void *data);

/* The children of an open directory, which is taken. */
static int walk_children(const struct hull_cgroup_hierarchy *hierarchy, const char *path, int fd,
	int (*fn)(const struct group_place *place, void *data), void *data)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(dir);
		if (!entry)
			return errno == ENODEV || errno == ENOENT ? 0 : -errno;
		if (entry->d_type != DT_DIR || str_eq(entry->d_name, ".") ||
			str_eq(entry->d_name, ".."))
			continue;
		_cleanup_free_ char *child = str_eq(path, ".")
						     ? strdup(entry->d_name)
						     : str_printf("%s/%s", path, entry->d_name);
		if (!child)
			return -ENOMEM;
		int r = walk_at(hierarchy, child, fn, data);
		if (r < 0)
			return r;
	}
}

static int walk_at(const struct hull_cgroup_hierarchy *hierarchy, const char *path,
	int (*fn)(const struct group_place *place, void *data), void *data)
{
	_cleanup_free_ char *full = str_printf("%s/%s", hierarchy->mount_point, path);
	if (!full)
		return -ENOMEM;
	struct group_place place = {.hierarchy = hierarchy, .path = path, .full_path = full};

	int fd = place_open(&place, "", O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT || fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	int r = walk_children(hierarchy, path, fd, fn, data);
	return r < 0 ? r : fn(&place, data);
}

int place_walk(const struct group_place *place,
	int (*fn)(const struct group_place *place, void *data), void *data)
{
	int fd = place_open(place, "", O_RDONLY | O_DIRECTORY);

	if (fd == -ENOENT || fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	int r = walk_children(place->hierarchy, place->path, fd, fn, data);
	return r < 0 ? r : fn(place, data);
}

int hull_cgroup_children(const struct hull_cgroup *cgroup, int (*fn)(const char *name, void *data),
	void *data, struct hull_error *err)
{
	_cleanup_strv_ char **names = NULL;

	for (size_t i = 0; i < cgroup->n_places; i++) {
		const struct group_place *place = &cgroup->places[i];
		int fd = place_open(place, "", O_RDONLY | O_DIRECTORY);
		if (fd == -ENOENT || fd == -ENODEV)
			continue;
		if (fd < 0)
			return error_errno(err, fd, "%s", place->full_path);
		_cleanup_closedir_ DIR *dir = fdopendir(fd);
		if (!dir) {
			close(fd);
			return error_no_memory(err);
		}
		for (struct dirent *entry; (entry = readdir(dir));) {
			if (entry->d_type != DT_DIR || str_eq(entry->d_name, ".") ||
				str_eq(entry->d_name, "..") || strv_contains(names, entry->d_name))
				continue;
			if (strv_append(&names, entry->d_name) < 0)
				return error_no_memory(err);
		}
	}
	strv_foreach (name, names) {
		int r = fn(*name, data);
		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- Is anybody there? ---- */

/* Ends the walk at the first process. */
static int stop_if_populated(const struct group_place *place, void *data)
{
	char text[16];
	_cleanup_close_ int fd = place_open(place, "cgroup.procs", O_RDONLY);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENODEV ? 0 : fd;
	ssize_t n = read(fd, text, sizeof(text));
	if (n < 0)
		return errno == ENODEV ? 0 : -errno;
	return n > 0 ? -EXFULL : 0;
}

int place_populated(const struct group_place *place)
{
	if (place->hierarchy->version == 2 && !str_eq(place->path, ".")) {
		char text[256];
		uint64_t populated = 0;
		ssize_t n = place_get(place, "cgroup.events", text, sizeof(text));

		if (n == -ENOENT || n == -ENODEV)
			return 0;
		if (n < 0)
			return (int)n;
		keyed_u64(text, "populated", &populated);
		return populated ? 1 : 0;
	}
	int r = place_walk(place, stop_if_populated, NULL);
	return r == -EXFULL ? 1 : r;
}

int hull_cgroup_populated(const struct hull_cgroup *cgroup, struct hull_error *err)
{
	for (size_t i = 0; i < cgroup->n_places; i++) {
		int r = place_populated(&cgroup->places[i]);
		if (r < 0)
			return error_errno(err, r, "%s", cgroup->places[i].full_path);
		if (r > 0)
			return 1;
	}
	return 0;
}

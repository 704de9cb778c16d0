/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the upper directory is walked; each name in it is looked up in the image. A name that is
 * there too was changed, or deleted if it is a whiteout. An opaque directory has taken the place of
 * one that was removed: what that had and the new one has not is deleted.
 */
#include "engine/export.h"

#include "base/fd.h"
#include "base/str.h"
#include "engine/view.h"
#include "layer/pack.h"

#include <fcntl.h>

#define CHANGES_MAX 5000000u
#define DEPTH_MAX   512u

struct diff {
	const struct view_changes *view;
	struct container_change *changes;
	size_t count, size;
};

void container_diff_free(struct container_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(changes[i].path);
	free(changes);
}

static int add(struct diff *d, char kind, const char *path, struct hull_error *err)
{
	if (d->count >= CHANGES_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "more than %u changes", CHANGES_MAX);
	if (d->count == d->size) {
		size_t more = d->size ? d->size * 2 : 64;
		struct container_change *v = reallocarray(d->changes, more, sizeof(*v));

		if (!v)
			return error_no_memory(err);
		d->changes = v;
		d->size = more;
	}
	struct container_change *change = &d->changes[d->count];
	change->kind = kind;
	change->path = str_printf("/%s", path);
	if (!change->path)
		return error_no_memory(err);
	d->count++;
	return 0;
}

/* Opens a subdirectory for reading; NULL if it is none. */
static DIR *open_directory(int dirfd, const char *name)
{
	int fd = dirfd < 0 ? -1
			   : openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		cleanup_closep(&fd);
	return dir;
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

/* Names of the image's directory that the opaque one does not have. */
static int add_hidden(
	struct diff *d, DIR *lower, int upper_fd, const char *path, struct hull_error *err)
{
	int r = 0;

	for (struct dirent *e; r == 0 && (e = readdir(lower));) {
		struct stat st;

		if (is_dots(e->d_name) ||
			fstatat(upper_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		_cleanup_free_ char *name = str_printf("%s/%s", path, e->d_name);
		r = name ? add(d, 'D', name, err) : error_no_memory(err);
	}
	return r;
}

static int walk(struct diff *d, DIR *upper, int lower_fd, const char *path, unsigned int depth,
	struct hull_error *err);

static int walk_into(struct diff *d, int upper_fd, int lower_fd, const char *name, const char *path,
	unsigned int depth, struct hull_error *err)
{
	_cleanup_closedir_ DIR *upper = open_directory(upper_fd, name);
	_cleanup_closedir_ DIR *lower = open_directory(lower_fd, name);
	int r = 0;

	if (!upper)
		return error_errno(err, errno, "/%s", path);
	if (depth > DEPTH_MAX)
		return error_errno(err, ELOOP, "/%s", path);
	if (lower && overlay_is_opaque(dirfd(upper)))
		r = add_hidden(d, lower, dirfd(upper), path, err);
	return r < 0 ? r : walk(d, upper, lower ? dirfd(lower) : -1, path, depth, err);
}

static int look_at(struct diff *d, int upper_fd, int lower_fd, const char *name, const char *path,
	unsigned int depth, struct hull_error *err)
{
	struct stat st, below;

	if (fstatat(upper_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, errno, "/%s", path);
	if (view_is_mount_point(d->view, path, &st))
		return 0;
	bool existed = lower_fd >= 0 && fstatat(lower_fd, name, &below, AT_SYMLINK_NOFOLLOW) == 0;
	if (overlay_is_whiteout(&st))
		return existed ? add(d, 'D', path, err) : 0;
	int r = add(d, existed ? 'C' : 'A', path, err);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = walk_into(d, upper_fd, lower_fd, name, path, depth + 1, err);
	return r;
}

static int walk(struct diff *d, DIR *upper, int lower_fd, const char *path, unsigned int depth,
	struct hull_error *err)
{
	int r = 0;

	for (struct dirent *e; r == 0 && (e = readdir(upper));) {
		if (is_dots(e->d_name))
			continue;
		_cleanup_free_ char *name =
			*path ? str_printf("%s/%s", path, e->d_name) : strdup(e->d_name);
		r = name ? look_at(d, dirfd(upper), lower_fd, e->d_name, name, depth, err)
			 : error_no_memory(err);
	}
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	const struct container_change *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int container_diff(struct engine *engine, const struct container *c, struct container_change **ret,
	size_t *ret_count, struct hull_error *err)
{
	_cleanup_view_changes_ struct view_changes view = VIEW_CHANGES_INIT;
	struct diff d = {.view = &view};
	int r = view_changes_open(engine, c, &view, err);

	if (r < 0)
		return r;
	_cleanup_closedir_ DIR *upper = open_directory(view.upper_fd, ".");
	r = upper ? walk(&d, upper, view.lower_fd, "", 0, err)
		  : error_errno(err, errno, "changes of container %s", c->name);
	if (r < 0) {
		container_diff_free(d.changes, d.count);
		return r;
	}
	if (d.count > 0)
		qsort(d.changes, d.count, sizeof(*d.changes), compare_paths);
	*ret = d.changes;
	*ret_count = d.count;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/file.h"

#include "base/fd.h"
#include "base/str.h"

#include <stdio.h>

/* PLACE/file below the hierarchy, "" for the directory; false if it would not fit. */
static bool place_join(const struct group_place *place, const char *file, char text[PATH_MAX])
{
	int n = snprintf(text, PATH_MAX, "%s%s%s", place->path, *file ? "/" : "", file);

	return n > 0 && n < PATH_MAX;
}

int place_open(const struct group_place *place, const char *file, int flags)
{
	char path[PATH_MAX];

	if (!place_join(place, file, path))
		return -ENAMETOOLONG;
	int fd = openat(place->hierarchy->fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int place_put(const struct group_place *place, const char *file, const char *value)
{
	_cleanup_close_ int fd = place_open(place, file, O_WRONLY);

	if (fd < 0)
		return fd;
	/* One write: the kernel takes each as a whole value. */
	ssize_t n;
	do
		n = write(fd, value, strlen(value));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t place_get(const struct group_place *place, const char *file, char *text, size_t size)
{
	_cleanup_close_ int fd = place_open(place, file, O_RDONLY);

	if (fd < 0)
		return fd;
	/* The kernel prints such a file as one piece and gives as much of it as there is room for. */
	ssize_t n;
	do
		n = read(fd, text, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size - 1)
		return -E2BIG;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return n;
}

int place_get_u64(const struct group_place *place, const char *file, uint64_t *ret)
{
	char text[64];
	ssize_t n = place_get(place, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (str_eq(text, "max")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return str_to_u64(text, ret);
}

int place_error(const struct group_place *place, const char *file, const char *value, int errnum,
	struct hull_error *err)
{
	if (errnum < 0)
		errnum = -errnum;
	if (errnum == ENOENT || errnum == ENODEV) {
		_cleanup_close_ int dir = place_open(place, "", O_PATH | O_DIRECTORY);

		if (dir == -ENOENT || dir == -ENODEV)
			return error_errno(err, ENOENT, "%s", place->full_path);
	}
	if (value)
		return error_errno(err, errnum, "%s: %s", file, value);
	return error_errno(err, errnum, "%s/%s", place->full_path, file);
}

int place_write(const struct group_place *place, const char *file, const char *value,
	struct hull_error *err)
{
	int r = place_put(place, file, value);

	return r < 0 ? place_error(place, file, value, r, err) : 0;
}

bool keyed_u64(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, key, n) != 0 || line[n] != ' ')
			continue;
		char *end;
		errno = 0;
		unsigned long long value = strtoull(line + n + 1, &end, 10);
		if (errno || end == line + n + 1)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

int hull_cgroup_write(const struct hull_cgroup *cgroup, const char *file, const char *value,
	struct hull_error *err)
{
	int r = cgroup_file_check(file, err);
	if (r < 0)
		return r;
	const struct group_place *place = group_place_of_file(cgroup, file);
	if (!place)
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "%s: no hierarchy of the group has it", file);
	return place_write(place, file, value, err);
}

int hull_cgroup_read(
	const struct hull_cgroup *cgroup, const char *file, char **ret, struct hull_error *err)
{
	int r = cgroup_file_check(file, err);
	if (r < 0)
		return r;
	const struct group_place *place = group_place_of_file(cgroup, file);
	if (!place)
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "%s: no hierarchy of the group has it", file);

	_cleanup_close_ int fd = place_open(place, file, O_RDONLY);
	if (fd < 0)
		return place_error(place, file, NULL, fd, err);
	_cleanup_buf_ struct buf text = BUF_INIT;
	r = fd_read_to_buf(fd, &text, 0);
	if (r < 0)
		return place_error(place, file, NULL, r, err);
	char *taken = text.data ? buf_take(&text) : strdup("");
	if (!taken)
		return error_no_memory(err);
	*ret = taken;
	return 0;
}

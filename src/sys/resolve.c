/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/resolve.h"
#include "base/str.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYMLINKS_MAX 40
#define IN_ROOT	     (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

int resolve_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};

	/* EAGAIN: something was renamed while ".." was crossed; the kernel asks to try again. */
	for (int i = 0; i < 128; i++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int resolve_in_root(int root_fd, const char *path, uint64_t flags)
{
	return resolve_openat2(root_fd, path, flags, 0, IN_ROOT);
}

int resolve_in_root_nofollow(int root_fd, const char *path, uint64_t flags)
{
	return resolve_openat2(root_fd, path, flags, 0, IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* Where a walk stands: the directory reached, and what is left of the path. */
struct walk {
	int root_fd;
	int dir_fd;
	char dir[PATH_MAX]; /* path of dir_fd from the root, without the leading slash */
	char rest[PATH_MAX];
	unsigned int symlinks;
};

static int walk_move(struct walk *w, int fd, const char *name, size_t length)
{
	size_t n = strlen(w->dir);

	close(w->dir_fd);
	w->dir_fd = fd;
	if (n + length + 2 > sizeof(w->dir))
		return -ENAMETOOLONG;
	if (n)
		w->dir[n++] = '/';
	memcpy(w->dir + n, name, length);
	w->dir[n + length] = '\0';
	return 0;
}

/* Puts the target of a symlink in front of the rest and starts again from the root. */
static int walk_symlink(struct walk *w, const char *name, const char *after)
{
	char target[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlinkat(w->dir_fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (w->symlinks++ >= SYMLINKS_MAX)
		return -ELOOP;
	const char *base = target[0] == '/' ? "" : w->dir;
	size_t need = strlen(base) + strlen(target) + strlen(after) + 4;
	if (need > sizeof(path))
		return -ENAMETOOLONG;
	char *p = stpcpy(path, base);
	p = stpcpy(p, "/");
	p = stpcpy(p, target);
	p = stpcpy(p, "/");
	p = stpcpy(p, after);
	memcpy(w->rest, path, (size_t)(p - path) + 1);
	w->dir[0] = '\0';
	int fd = resolve_in_root(w->root_fd, "/", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	close(w->dir_fd);
	w->dir_fd = fd;
	return 0;
}

/* ".." as far as the root, by going there again from it. */
static int walk_up(struct walk *w)
{
	char *slash = strrchr(w->dir, '/');

	*(slash ? slash : w->dir) = '\0';
	int fd = resolve_in_root(w->root_fd, w->dir[0] ? w->dir : "/", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	close(w->dir_fd);
	w->dir_fd = fd;
	return 0;
}

/* Opens what a name in dir_fd is, making it if it is missing; *ret_mode is its type. */
static int walk_open(struct walk *w, const char *name, enum resolve_type type, mode_t *ret_mode)
{
	struct stat st;
	int fd = openat(w->dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (type == RESOLVE_DIRECTORY) {
			if (mkdirat(w->dir_fd, name, 0755) < 0 && errno != EEXIST)
				return -errno;
		} else {
			_cleanup_close_ int made = openat(w->dir_fd, name,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
			if (made < 0 && errno != EEXIST)
				return -errno;
		}
		fd = openat(w->dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_mode = st.st_mode;
	return fd;
}

/* Handles the first component of the rest. 1 = *ret_fd is the end of the path, 0 = go on. */
static int walk_step(struct walk *w, enum resolve_type type, int *ret_fd)
{
	char name[NAME_MAX + 1], after[PATH_MAX];
	const char *start = w->rest + strspn(w->rest, "/");
	size_t length = strcspn(start, "/");
	mode_t mode;

	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, length);
	name[length] = '\0';
	const char *next = start + length;
	next += strspn(next, "/");
	memcpy(after, next, strlen(next) + 1);
	bool last = !*after;

	if (strcmp(name, "..") == 0 || length == 0 || strcmp(name, ".") == 0) {
		int r = length == 2 ? walk_up(w) : 0;
		if (r < 0)
			return r;
		memcpy(w->rest, after, strlen(after) + 1);
		if (!last)
			return 0;
		*ret_fd = TAKE_FD(w->dir_fd);
		return 1;
	}
	int fd = walk_open(w, name, last ? type : RESOLVE_DIRECTORY, &mode);
	if (fd < 0)
		return fd;
	if (S_ISLNK(mode)) {
		close(fd);
		return walk_symlink(w, name, after);
	}
	if (last) {
		*ret_fd = fd;
		return 1;
	}
	if (!S_ISDIR(mode)) {
		close(fd);
		return -ENOTDIR;
	}
	memcpy(w->rest, after, strlen(after) + 1);
	return walk_move(w, fd, name, length);
}

/*
 * The slow way, for paths with something missing: one component after the other, each opened
 * relative to the fd of its parent, so that nothing outside can be reached. A mount point on the
 * way is crossed by opening through the fd, which follows it as a lookup would.
 */
static int walk(int root_fd, const char *path, enum resolve_type type)
{
	struct walk w = {.root_fd = root_fd, .dir_fd = -1};
	int fd = -1, r = 0;

	if (str_copy(w.rest, sizeof(w.rest), path) < 0)
		return -ENAMETOOLONG;
	w.dir_fd = resolve_in_root(root_fd, "/", O_PATH | O_DIRECTORY);
	if (w.dir_fd < 0)
		return w.dir_fd;
	while (r == 0)
		r = walk_step(&w, type, &fd);
	cleanup_closep(&w.dir_fd);
	return r < 0 ? r : fd;
}

int resolve_make_in_root(int root_fd, const char *path, enum resolve_type type)
{
	int fd = resolve_in_root(root_fd, path, O_PATH);

	return fd == -ENOENT ? walk(root_fd, path, type) : fd;
}

int resolve_make_parent_in_root(int root_fd, const char *path, const char **ret_name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, n);
	parent[n] = '\0';
	*ret_name = slash ? slash + 1 : path;
	return resolve_make_in_root(root_fd, n ? parent : "/", RESOLVE_DIRECTORY);
}

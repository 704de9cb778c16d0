/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/view.h"

#include "base/fd.h"
#include "base/str.h"
#include "engine/process.h"
#include "engine/rootfs.h"
#include "layer/pack.h"
#include "sys/mount_api.h"
#include "sys/process.h"
#include "sys/resolve.h"

#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

/* ---- The root file system ---- */

/*
 * In a child, for a process is in one mount namespace at a time: enters that of the container and
 * takes a copy of its root mount alone. 0 and the fd sent, or the errno as exit status.
 */
static int clone_root(int pidfd, int sock)
{
	char byte = 0;

	if (setns(pidfd, CLONE_NEWNS) < 0)
		return errno;
	int fd = mount_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
	if (fd < 0)
		return -fd;
	int r = fd_send(sock, &byte, 1, &fd, 1);
	return r < 0 ? -r : 0;
}

static int receive_root(int sock, pid_t child, int *ret_fd)
{
	size_t n = 1;
	char byte;
	int status;
	ssize_t got = fd_receive(sock, &byte, 1, ret_fd, &n);
	int r = process_wait(child, &status);

	if (r < 0)
		return r;
	if (got > 0 && n == 1)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}

static int view_running(
	struct engine *engine, const struct container *c, int *ret_fd, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	const struct clone_args args = {.exit_signal = SIGCHLD};
	int ends[2];
	int r = container_process_await(engine, c, &p, err);

	if (r < 0)
		return r;
	_cleanup_close_ int pidfd = container_open_pidfd(&p.ref, err);
	if (pidfd == -ESRCH)
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s has just ended", c->name);
	if (pidfd < 0)
		return pidfd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, errno, "socket");
	_cleanup_close_ int ours = ends[0];
	pid_t child = process_clone(&args);
	if (child == 0)
		_exit(clone_root(pidfd, ends[1]));
	close(ends[1]);
	if (child < 0)
		return error_errno(err, child, "fork");
	r = receive_root(ours, child, ret_fd);
	return r < 0 ? error_errno(err, r, "root file system of container %s", c->name) : 0;
}

int view_root(struct engine *engine, const struct container *c, int *ret_fd, struct hull_error *err)
{
	return container_is_running(c) ? view_running(engine, c, ret_fd, err)
				       : rootfs_mount_idle(engine, c, ret_fd, err);
}

/* ---- Changes ---- */

int view_changes_open(struct engine *engine, const struct container *c, struct view_changes *ret,
	struct hull_error *err)
{
	int r = rootfs_open_upper(engine, c, &ret->upper_fd, err);

	return r < 0 ? r : rootfs_mount(engine, c, false, &ret->lower_fd, err);
}

void view_changes_close(struct view_changes *view)
{
	cleanup_closep(&view->upper_fd);
	cleanup_closep(&view->lower_fd);
}

static bool is_well_known(const char *path)
{
	static const char *const paths[] = {".dockerenv", "dev", "dev/console", "dev/mqueue",
		"dev/pts", "dev/shm", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf",
		"proc", "sys"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (str_eq(path, paths[i]))
			return true;
	return false;
}

static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

/* What the image has at a path. Its links are not followed: they would lead into the host. */
static bool stat_lower(const struct view_changes *view, const char *path, struct stat *ret)
{
	_cleanup_close_ int fd = resolve_openat2(view->lower_fd, path,
		O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	return fd >= 0 && fstat(fd, ret) == 0;
}

/* True if all that is in the directory is such a mount point, and something is. */
static bool holds_only_mount_points(
	const struct view_changes *view, const char *path, bool existed, bool or_nothing)
{
	int fd = openat(view->upper_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!dir) {
		cleanup_closep(&fd);
		return false;
	}
	/* overlayfs calls every new directory opaque. */
	if (existed && overlay_is_opaque(fd))
		return false;
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		_cleanup_free_ char *member = str_printf("%s/%s", path, e->d_name);
		if (!member || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!view_is_mount_point(view, member, &st))
			return false;
		n++;
	}
	return n > 0 || or_nothing;
}

bool view_is_mount_point(const struct view_changes *view, const char *path, const struct stat *st)
{
	struct stat lower;
	bool known = is_well_known(path);

	if (!known && !str_eq(path, "etc"))
		return false;
	bool exists = stat_lower(view, path, &lower);
	if (S_ISDIR(st->st_mode))
		return (!exists || same_attributes(st, &lower)) &&
		       holds_only_mount_points(view, path, exists, known && !exists);
	return known && !exists && S_ISREG(st->st_mode) && st->st_size == 0;
}

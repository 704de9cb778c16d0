/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, symlinks and the terminal, inside a root that is not yet "/". */
#include "runtime/perform.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

#define DEVICE_MODE_DEFAULT 0666

static int root_fd(const struct performance *p)
{
	/* An exec is inside already. */
	return p->plan->exec ? AT_FDCWD : p->slots[SLOT_ROOT].fd;
}

static mode_t device_type(const struct oci_device *d)
{
	return d->type[0] == 'b' ? S_IFBLK : d->type[0] == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_node(int fd, const struct oci_device *d)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != device_type(d))
		return false;
	return d->type[0] == 'p' ||
	       st.st_rdev == makedev((unsigned int)d->major, (unsigned int)d->minor);
}

/* By the node itself, for its name may lead elsewhere by now; chmod(2) of an O_PATH file needs a
 * magic link (before fchmodat2(2), Linux 6.6). */
static int set_mode(struct performance *p, int fd, mode_t mode)
{
	char path[32];

	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return fchmodat(p->proc_fd, path, mode, 0) < 0 ? -errno : 0;
}

static int set_owner(int fd, const struct oci_device *d)
{
	uid_t uid = d->uid.set ? d->uid.value : 0;
	gid_t gid = d->gid.set ? d->gid.value : 0;

	if (!d->uid.set && !d->gid.set)
		return 0;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* The image may have the same node; anything else in its place is replaced. */
static int make_node(struct performance *p, int dir, const char *name, const struct oci_device *d)
{
	mode_t mode = d->file_mode.set ? d->file_mode.value & 07777 : DEVICE_MODE_DEFAULT;
	dev_t device =
		d->type[0] == 'p' ? 0 : makedev((unsigned int)d->major, (unsigned int)d->minor);
	bool made = mknodat(dir, name, device_type(d) | mode, device) == 0;

	if (!made && errno != EEXIST)
		return op_step(p, -errno, "mknod");
	if (made && !d->uid.set && !d->gid.set)
		return 0;
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return op_step(p, -errno, "open");
	if (!is_node(fd, d)) {
		if (unlinkat(dir, name, 0) < 0)
			return op_step(p, -errno, "unlink what is there");
		if (mknodat(dir, name, device_type(d) | mode, device) < 0)
			return op_step(p, -errno, "mknod");
		cleanup_closep(&fd);
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || !is_node(fd, d))
			return op_step(p, -EEXIST, "open");
	} else if (!made) {
		int r = set_mode(p, fd, mode);
		if (r < 0)
			return op_step(p, r, "chmod");
	}
	return op_step(p, set_owner(fd, d), "chown");
}

/* The host's node of the same name, checked to be the same device. */
static int bind_node(struct performance *p, const struct oci_device *d)
{
	_cleanup_close_ int fd = mount_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE);

	if (fd < 0)
		return op_step(p, fd, "open_tree %s", d->path);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != device_type(d) ||
		st.st_rdev != makedev((unsigned int)d->major, (unsigned int)d->minor))
		return op_step(p, -ENODEV, "the host's %s is another device", d->path);
	_cleanup_close_ int target = resolve_make_in_root(root_fd(p), d->path, RESOLVE_FILE);
	if (target < 0)
		return op_step(p, target, "open target");
	return op_step(p, mount_attach(fd, target), "move_mount");
}

int perform_device(struct performance *p, const struct op *op)
{
	const char *name;

	if (op->flags)
		return bind_node(p, op->device);
	_cleanup_close_ int dir = resolve_make_parent_in_root(root_fd(p), op->path, &name);
	if (dir < 0)
		return op_step(p, dir, "open directory");
	int r = make_node(p, dir, name, op->device);
	/* A runtime that is itself in a user namespace finds out here. */
	return r == -EPERM ? bind_node(p, op->device) : r;
}

int perform_symlink(struct performance *p, const struct op *op)
{
	const char *name;
	struct stat st;
	_cleanup_close_ int dir = resolve_make_parent_in_root(root_fd(p), op->path, &name);

	if (dir < 0)
		return op_step(p, dir, "open directory");
	if (symlinkat(op->source, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* What the image has there stays, except a node in the place of ptmx. */
	if (!str_eq(name, "ptmx") || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		S_ISLNK(st.st_mode))
		return 0;
	if (unlinkat(dir, name, 0) < 0)
		return -errno;
	return symlinkat(op->source, dir, name) < 0 ? -errno : 0;
}

/*
 * A pty of the container's own devpts. Its slave is opened through the master (TIOCGPTPEER): a path
 * like /dev/pts/0 could be anything.
 */
int perform_terminal(struct performance *p, const struct op *op)
{
	static const char path[] = "/dev/pts/ptmx";
	struct statfs fs;
	int unlock = 0;

	if (p->plan->exec) {
		_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return -errno;
		p->master_fd = resolve_in_root_nofollow(root, path, O_RDWR | O_NOCTTY);
	} else {
		p->master_fd = resolve_in_root_nofollow(root_fd(p), path, O_RDWR | O_NOCTTY);
	}
	if (p->master_fd < 0)
		return op_step(p, p->master_fd, "open %s", path);
	if (fstatfs(p->master_fd, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return op_step(p, -ENODEV, "%s is not on a devpts", path);
	if (ioctl(p->master_fd, TIOCSPTLCK, &unlock) < 0)
		return op_step(p, -errno, "unlock");
	p->pts_fd = ioctl(p->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->pts_fd < 0)
		return op_step(p, -errno, "open slave");
	if (op->console_size) {
		struct winsize size = {.ws_row = (unsigned short)op->console_size->height,
			.ws_col = (unsigned short)op->console_size->width};
		if (ioctl(p->pts_fd, TIOCSWINSZ, &size) < 0)
			return op_step(p, -errno, "set size");
	}
	return 0;
}

/* /dev/console is the terminal, so that what writes there is seen. */
int perform_console(struct performance *p, const struct op *op)
{
	const char *name;
	_cleanup_close_ int dir = resolve_make_parent_in_root(root_fd(p), op->path, &name);

	if (dir < 0)
		return op_step(p, dir, "open directory");
	/* What is there is never opened: it may be a FIFO, on which that waits for ever. */
	_cleanup_close_ int made =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (made < 0 && errno != EEXIST)
		return op_step(p, -errno, "create");
	struct stat st;
	_cleanup_close_ int target = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return op_step(p, -errno, "open target");
	if (S_ISLNK(st.st_mode))
		return op_step(p, -ELOOP, "open target");
	_cleanup_close_ int fd = mount_open_tree(p->pts_fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (fd < 0)
		return op_step(p, fd, "open_tree");
	return op_step(p, mount_attach(fd, target), "move_mount");
}

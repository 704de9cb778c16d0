/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root: attached, closed where it must be closed, and switched to. Masks are made while the
 * host's tree is still there, for its /dev/null is the one that can be trusted: the image's might
 * be a link to anything.
 */
#include "runtime/perform.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <linux/major.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int root_fd(const struct performance *p)
{
	return p->slots[SLOT_ROOT].fd;
}

/* Nothing that happens here may reach the host; what is unmounted there should go here too. */
int perform_host_propagation(struct performance *p, const struct op *op)
{
	return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;
}

int perform_attach_root(struct performance *p, const struct op *op)
{
	_cleanup_close_ int target = open(op->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* The caller's own directory may be closed to the user that is root inside. */
	if (target < 0 && errno == EACCES && p->plan->options.unprivileged)
		target = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return -errno;
	int r = mount_attach(root_fd(p), target);
	if (r < 0)
		return op_step(p, r, "move_mount");
	/* pivot_root(2) refuses a shared root, and its mounts would propagate. */
	return op_step(p, mount_set_attributes(root_fd(p), 0, 0, MS_PRIVATE, 0), "mount_setattr");
}

/* ---- masks ---- */

/* A fresh mount of the host's /dev/null, which is checked to be one. */
static int clone_null(struct performance *p)
{
	struct stat st;
	int fd = mount_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE);

	if (fd < 0)
		return op_step(p, fd, "open_tree /dev/null");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(MEM_MAJOR, 3)) {
		close(fd);
		return op_step(p, -ENODEV, "/dev/null is not the null device");
	}
	return fd;
}

/* One empty read-only file system serves all masked directories. */
static int clone_empty(struct performance *p)
{
	if (p->mask_dir_fd >= 0)
		return mount_open_tree(p->mask_dir_fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	int fs_fd = mount_fsopen("tmpfs");
	if (fs_fd < 0)
		return op_step(p, fs_fd, "fsopen");
	int r = mount_fsconfig_string(fs_fd, "mode", "755");
	if (r == 0)
		r = mount_fsconfig_string(fs_fd, "nr_inodes", "2");
	if (r == 0)
		r = mount_fsconfig_create(fs_fd);
	if (r == 0)
		r = mount_fsmount(fs_fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						 MOUNT_ATTR_NOEXEC);
	close(fs_fd);
	if (r < 0)
		return op_step(p, r, "tmpfs");
	p->mask_dir_fd = r;
	return r;
}

/*
 * What is below /proc is looked for in the procfs that was mounted there. Its directory may have
 * another name by now, if somebody else can write to the root: then the path leads past it.
 */
static int open_existing(struct performance *p, const char *path)
{
	const char *inside = str_after(path, "/proc/");

	if (inside && p->own_proc_fd >= 0)
		return resolve_in_root(p->own_proc_fd, inside, O_PATH);
	return resolve_in_root(root_fd(p), path, O_PATH);
}

int perform_mask_path(struct performance *p, const struct op *op)
{
	struct stat st;
	_cleanup_close_ int target = open_existing(p, op->path);

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return op_step(p, target, "open target");
	if (fstat(target, &st) < 0)
		return -errno;
	bool first = S_ISDIR(st.st_mode) && p->mask_dir_fd < 0;
	int fd = S_ISDIR(st.st_mode) ? clone_empty(p) : clone_null(p);
	if (fd < 0)
		return fd;
	int r = mount_attach(fd, target);
	/* The first directory's mount is the one that the others are cloned from. */
	if (!first)
		close(fd);
	return op_step(p, r, "move_mount");
}

int perform_readonly_path(struct performance *p, const struct op *op)
{
	_cleanup_close_ int target = open_existing(p, op->path);

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return op_step(p, target, "open target");
	_cleanup_close_ int fd =
		mount_open_tree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	if (fd < 0)
		return op_step(p, fd, "open_tree");
	int r = mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, 0, 0);
	if (r < 0)
		return op_step(p, r, "mount_setattr");
	return op_step(p, mount_attach(fd, target), "move_mount");
}

int perform_readonly_mount(struct performance *p, const struct op *op)
{
	_cleanup_close_ int target = resolve_in_root(root_fd(p), op->path, O_PATH);

	if (target < 0)
		return op_step(p, target, "open target");
	return op_step(
		p, mount_set_attributes(target, MOUNT_ATTR_RDONLY, 0, 0, 0), "mount_setattr");
}

/* As runc does: a working directory that the image lacks is made. If it cannot be made, entering
 * it is what fails, with a message that names it. */
int perform_make_cwd(struct performance *p, const struct op *op)
{
	_cleanup_close_ int fd = resolve_in_root(root_fd(p), op->path, O_PATH);

	if (fd == -ENOENT)
		fd = resolve_make_in_root(root_fd(p), op->path, RESOLVE_DIRECTORY);
	return 0;
}

/* ---- the switch ---- */

/*
 * pivot_root(".", ".") stacks the old root on top of the new one, at the same place; detaching
 * what is on top leaves the new root, and no directory for the old one is needed in the image.
 */
int perform_pivot(struct performance *p, const struct op *op)
{
	if (fchdir(root_fd(p)) < 0)
		return op_step(p, -errno, "fchdir");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return op_step(p, -errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return op_step(p, -errno, "umount");
	return chdir("/") < 0 ? -errno : 0;
}

uint64_t root_propagation_parse(const char *name)
{
	static const struct {
		const char *name;
		uint64_t flag;
	} kinds[] = {
		{"private", MS_PRIVATE},
		{"slave", MS_SLAVE},
		{"shared", MS_SHARED},
		{"unbindable", MS_UNBINDABLE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (str_eq(name, kinds[i].name) ||
			(name[0] == 'r' && str_eq(name + 1, kinds[i].name)))
			return kinds[i].flag;
	}
	return 0;
}

/* The mounts below have their own propagation already: only the root's is left. */
int perform_root_propagation(struct performance *p, const struct op *op)
{
	return mount_set_attributes(root_fd(p), 0, 0, root_propagation_parse(op->path), 0);
}

int perform_root_readonly(struct performance *p, const struct op *op)
{
	return mount_set_attributes(root_fd(p), MOUNT_ATTR_RDONLY, 0, 0, 0);
}

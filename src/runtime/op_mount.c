/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts inside the root, which belongs to the image: a target is found by openat2(2) within the
 * root and used as an fd from then on, so that nothing that changes in the tree meanwhile can lead
 * a mount elsewhere.
 */
#include "runtime/perform.h"
#include "runtime/shared.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static int root_fd(const struct performance *p)
{
	return p->slots[SLOT_ROOT].fd;
}

/* The target, made if it is missing. A symlink to procfs must not be a way into it. */
static int open_target(struct performance *p, const char *path, enum resolve_type type)
{
	struct statfs fs;
	int fd = resolve_make_in_root(root_fd(p), path, type);

	if (fd < 0)
		return op_step(p, fd, "open target");
	if (!str_after(path, "/proc/") && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
		!str_eq(path, "/proc")) {
		close(fd);
		return op_step(p, -ELOOP, "the target leads into /proc");
	}
	return fd;
}

/* The last component itself, if it is a symlink; what is missing is made as ever. */
static int open_nofollow_target(struct performance *p, const char *path, enum resolve_type type)
{
	int fd = resolve_in_root(root_fd(p), path, O_PATH | O_NOFOLLOW);

	return fd == -ENOENT ? open_target(p, path, type) : op_step(p, fd, "open target");
}

/* proc and sysfs are what masks and labels rely on: no symlink may lead them astray. */
static int open_ordinary_target(struct performance *p, const char *path)
{
	int fd = resolve_in_root_nofollow(root_fd(p), path, O_PATH | O_DIRECTORY);

	if (fd == -ENOENT) {
		/* What was made may have been exchanged already. */
		_cleanup_close_ int made = open_target(p, path, RESOLVE_DIRECTORY);
		if (made < 0)
			return made;
		fd = resolve_in_root_nofollow(root_fd(p), path, O_PATH | O_DIRECTORY);
	}
	if (fd == -ELOOP || fd == -ENOTDIR)
		return op_step(p, fd, "must be mounted on ordinary directory");
	return op_step(p, fd, "open target");
}

static int finish_mount(struct performance *p, int fd, const struct op_mount *m)
{
	int r = 0;

	if (m->idmap_slot >= 0)
		r = op_step(p, mount_set_idmap(fd, p->slots[m->idmap_slot].fd, 0), "idmap");
	if (r == 0 && (m->set_recursive | m->clear_recursive))
		r = op_step(p, mount_set_attributes(fd, m->set_recursive, m->clear_recursive, 0, 1),
			"mount_setattr");
	if (r == 0 && m->propagation)
		r = op_step(p,
			mount_set_attributes(fd, 0, 0, m->propagation, m->propagation_recursive),
			"mount_setattr");
	return r;
}

static int configure(struct performance *p, int fs_fd, const struct op_mount *m)
{
	struct stat st;
	int r = op_step(p, mount_fsconfig_string(fs_fd, "source", m->source), "option source");

	/* A device that cannot be written to is refused unless the file system will not try. */
	if (r == 0 && (m->attributes & MOUNT_ATTR_RDONLY) && m->source[0] == '/' &&
		stat(m->source, &st) == 0 && S_ISBLK(st.st_mode))
		r = mount_fsconfig_flag(fs_fd, "ro");
	strv_foreach (option, m->data) {
		char key[256];
		const char *equals = strchr(*option, '=');
		size_t n = equals ? (size_t)(equals - *option) : strlen(*option);
		if (r < 0)
			break;
		if (n >= sizeof(key))
			return op_step(p, -ENAMETOOLONG, "option %.40s", *option);
		memcpy(key, *option, n);
		key[n] = '\0';
		r = equals ? mount_fsconfig_string(fs_fd, key, equals + 1)
			   : mount_fsconfig_flag(fs_fd, key);
		if (r < 0)
			op_step(p, r, "option %.100s", *option);
	}
	return r;
}

static bool has_option(char *const *data, const char *prefix)
{
	strv_foreach (d, data) {
		if (str_after(*d, prefix))
			return true;
	}
	return false;
}

/* A tmpfs looks like the directory it covers unless told otherwise. */
static int copy_mode(int fs_fd, int target)
{
	char mode[16];
	struct stat st;

	if (fstat(target, &st) < 0)
		return -errno;
	snprintf(mode, sizeof(mode), "%o", st.st_mode & 07777);
	return mount_fsconfig_string(fs_fd, "mode", mode);
}

/* The detached mount of a new file system. */
static int make_filesystem(struct performance *p, const struct op_mount *m, int target)
{
	char why[256];
	_cleanup_close_ int fs_fd = mount_fsopen(m->type);

	if (fs_fd < 0)
		return op_step(p, fs_fd, "fsopen");
	int r = configure(p, fs_fd, m);
	if (r == 0 && str_eq(m->type, "tmpfs") && !has_option(m->data, "mode="))
		r = op_step(p, copy_mode(fs_fd, target), "option mode");
	if (r == 0)
		r = op_step(p, mount_fsconfig_create(fs_fd), "create");
	if (r < 0) {
		if (mount_fs_message(fs_fd, why, sizeof(why)) == 0)
			op_step(p, r, "%.250s", why);
		return r;
	}
	int fd = mount_fsmount(fs_fd, m->attributes);
	return op_step(p, fd, "fsmount");
}

static unsigned long classic_flags(uint64_t attributes)
{
	unsigned long flags = 0;
	static const struct {
		uint64_t attribute;
		unsigned long flag;
	} pairs[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},
		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},
		{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (attributes & pairs[i].attribute)
			flags |= pairs[i].flag;
	}
	return flags;
}

/* mount(2), for options longer than the 255 bytes that fsconfig(2) takes, and flags it lacks. */
static int mount_classic(struct performance *p, const struct op_mount *m, int target)
{
	char data[4096], path[64];
	size_t n = 0;

	data[0] = '\0';
	strv_foreach (option, m->data) {
		size_t length = strlen(*option);
		if (n + length + 2 > sizeof(data))
			return op_step(p, -E2BIG, "options");
		if (n)
			data[n++] = ',';
		memcpy(data + n, *option, length + 1);
		n += length;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", target);
	if (m->idmap_slot >= 0)
		return op_step(p, -EINVAL, "idmap together with such options");
	if (mount(m->source, path, m->type,
		    classic_flags(m->attributes) | (unsigned long)m->classic_flags, data) < 0)
		return op_step(p, -errno, "mount");
	_cleanup_close_ int fd = resolve_in_root(root_fd(p), m->destination, O_PATH);
	return fd < 0 ? op_step(p, fd, "open the mount") : finish_mount(p, fd, m);
}

/* ---- tmpcopyup: what the image had in the directory appears in the tmpfs above it ---- */

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	struct stat now;
	/* Not to wait for a FIFO that has taken the file's place. */
	_cleanup_close_ int in =
		openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (in < 0 || fstat(in, &now) < 0)
		return -errno;
	if (!S_ISREG(now.st_mode))
		return -EAGAIN;
	_cleanup_close_ int out = openat(to, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, st->st_mode & 07777);
	if (out < 0)
		return -errno;
	char block[32768];
	for (;;) {
		ssize_t n = read(in, block, sizeof(block));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (write(out, block, (size_t)n) != n)
			return errno ? -errno : -ENOSPC;
	}
}

static int copy_symlink(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

#define COPY_DEPTH_MAX 32

static int copy_tree(int from, int to, int depth);

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	int r = 0;
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(to, name, st.st_mode & 07777) < 0)
			return -errno;
		_cleanup_close_ int a =
			openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		_cleanup_close_ int b =
			openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = a < 0 || b < 0 ? -errno : copy_tree(a, b, depth + 1);
	} else if (S_ISREG(st.st_mode)) {
		r = copy_file(from, to, name, &st);
	} else if (S_ISLNK(st.st_mode)) {
		r = copy_symlink(from, to, name);
	}
	if (r == 0 && fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && !S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0)
		r = -errno;
	return r;
}

/* getdents64(2) by hand: readdir(3) allocates. */
static int copy_tree(int from, int to, int depth)
{
	char block[4096] __attribute__((aligned(8)));

	if (depth > COPY_DEPTH_MAX)
		return -ELOOP;
	for (;;) {
		ssize_t n = syscall(SYS_getdents64, from, block, sizeof(block));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent *d = (const struct dirent *)(block + at);
			at += d->d_reclen;
			if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
				continue;
			int r = copy_entry(from, to, d->d_name, depth);
			if (r < 0)
				return r;
		}
	}
}

static int copy_up(struct performance *p, const struct op_mount *m, int mount_fd)
{
	_cleanup_close_ int from =
		resolve_in_root(root_fd(p), m->destination, O_RDONLY | O_DIRECTORY);

	if (from < 0)
		return op_step(p, from, "tmpcopyup");
	_cleanup_close_ int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return op_step(p, -errno, "tmpcopyup");
	return op_step(p, copy_tree(from, to, 0), "tmpcopyup");
}

/* ---- the operations ---- */

/*
 * A file system that shows a namespace is mounted by the owner of that namespace alone. Where the
 * container shares the host's, the host's own mount shows the same thing. Below sysfs are the cgroups,
 * of which the user may own some, and which nobody asked for: read-only (CVE-2023-25809).
 */
static int clone_host_mount(struct performance *p, const struct op_mount *m)
{
	static const struct {
		const char *type, *path;
		enum oci_namespace_type namespace;
		uint64_t attributes;
	} shown[] = {
		{"proc", "/proc", OCI_NAMESPACE_PID, 0},
		{"sysfs", "/sys", OCI_NAMESPACE_NETWORK, MOUNT_ATTR_RDONLY},
		{"mqueue", "/dev/mqueue", OCI_NAMESPACE_IPC, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		if (!str_eq(m->type, shown[i].type) ||
			oci_spec_namespace(p->plan->spec, shown[i].namespace))
			continue;
		int fd = mount_open_tree(AT_FDCWD, shown[i].path, OPEN_TREE_CLONE | AT_RECURSIVE);
		if (fd < 0)
			return op_step(p, fd, "open_tree %s", shown[i].path);
		int r = mount_set_attributes(
			fd, m->attributes | shown[i].attributes, 0, MS_PRIVATE, 1);
		if (r < 0)
			close(fd);
		return r < 0 ? op_step(p, r, "mount_setattr %s", shown[i].path) : fd;
	}
	return -EPERM;
}

int perform_mount(struct performance *p, const struct op *op)
{
	const struct op_mount *m = op->mount;
	_cleanup_close_ int target = m->ordinary_target ? open_ordinary_target(p, op->path)
				     : m->nofollow_target
					     ? open_nofollow_target(p, op->path, RESOLVE_DIRECTORY)
					     : open_target(p, op->path, RESOLVE_DIRECTORY);

	if (target < 0)
		return target;
	if (m->classic)
		return mount_classic(p, m, target);
	_cleanup_close_ int fd = make_filesystem(p, m, target);
	if (fd == -EPERM && !p->plan->exec)
		fd = clone_host_mount(p, m);
	if (fd < 0)
		return fd;
	int r = m->copy_up ? copy_up(p, m, fd) : 0;
	if (r == 0)
		r = finish_mount(p, fd, m);
	if (r == 0)
		r = op_step(p, mount_attach(fd, target), "move_mount");
	if (r == 0 && op->slot >= 0)
		p->slots[op->slot].fd = TAKE_FD(fd);
	if (r == 0 && str_eq(op->path, "/proc")) {
		cleanup_closep(&p->own_proc_fd);
		p->own_proc_fd = TAKE_FD(fd);
	}
	return r;
}

/* The same link again. One that is there already and says the same is as good. */
static int copy_link(struct performance *p, const struct op *op)
{
	char wanted[PATH_MAX], there[PATH_MAX];
	const char *name;
	_cleanup_close_ int dir = resolve_make_parent_in_root(root_fd(p), op->path, &name);
	if (dir < 0)
		return op_step(p, dir, "open directory");
	ssize_t n = readlinkat(p->slots[op->slot].fd, "", wanted, sizeof(wanted) - 1);
	if (n < 0)
		return op_step(p, -errno, "read the link");
	wanted[n] = '\0';
	if (symlinkat(wanted, dir, name) == 0)
		return 0;
	int r = op_step(p, -errno, "symlink");
	n = readlinkat(dir, name, there, sizeof(there) - 1);
	there[n < 0 ? 0 : n] = '\0';
	return r == -EEXIST && str_eq(wanted, there) ? 0 : r;
}

int perform_remount(struct performance *p, const struct op *op)
{
	_cleanup_close_ int target = resolve_in_root(root_fd(p), op->path, O_PATH);

	return target < 0 ? op_step(p, target, "open target")
			  : bind_set_attributes(p, op->bind, target);
}

static int open_bind_target(struct performance *p, const struct op *op, const struct slot *slot)
{
	enum resolve_type type = slot->directory ? RESOLVE_DIRECTORY : RESOLVE_FILE;
	struct statfs fs;

	if (!str_eq(op->path, "/proc"))
		return op->flags ? open_nofollow_target(p, op->path, type)
				 : open_target(p, op->path, type);
	/* Whatever else it is, masks and labels would go to fake files (CVE-2019-16884). */
	if (fstatfs(slot->fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return op_step(p, -EINVAL, "the source is not of type proc");
	return open_ordinary_target(p, op->path);
}

/* move_mount(2) has one answer for many mistakes; this is the one that people make. */
static int attach_bind(struct performance *p, const struct slot *slot, int target)
{
	struct stat st;
	int r = mount_attach(slot->fd, target);

	if (r == -EINVAL && fstat(target, &st) == 0 && S_ISDIR(st.st_mode) != slot->directory)
		return op_step(p, -ENOTDIR,
			slot->directory ? "mount a directory on a file"
					: "mount a file on a directory");
	return op_step(p, r, "move_mount");
}

int perform_bind(struct performance *p, const struct op *op)
{
	const struct slot *slot = &p->slots[op->slot];

	if (slot->symlink)
		return copy_link(p, op);
	_cleanup_close_ int target = open_bind_target(p, op, slot);
	if (target < 0)
		return target;
	int r = attach_bind(p, slot, target);
	if (r == 0 && str_eq(op->path, "/proc")) {
		cleanup_closep(&p->own_proc_fd);
		p->own_proc_fd = fcntl(slot->fd, F_DUPFD_CLOEXEC, 3);
	}
	return r;
}

/* The name of a hierarchy's directory: "name=systemd" is "systemd". */
static const char *hierarchy_directory(const char *name)
{
	const char *named = str_after(name, "name=");

	return named ? named : name;
}

/* "cpu" and "cpuacct" as symlinks to "cpu,cpuacct", where a hierarchy has several controllers. */
static int link_controllers(int dir_fd, const char *name)
{
	char one[64];

	if (!strchr(name, ','))
		return 0;
	for (const char *c = name; *c;) {
		size_t n = strcspn(c, ",");
		if (n >= sizeof(one))
			return -ENAMETOOLONG;
		memcpy(one, c, n);
		one[n] = '\0';
		if (symlinkat(name, dir_fd, one) < 0)
			return -errno;
		c += n + (c[n] == ',');
	}
	return 0;
}

/* One hierarchy: the container's own directory of it, bound from the host's tree. */
static int attach_hierarchy(struct performance *p, const struct op_mount *m, int dir_fd,
	const char *name, const char *path)
{
	const char *directory = hierarchy_directory(name);

	if (mkdirat(dir_fd, directory, 0755) < 0 && errno != EEXIST)
		return op_step(p, -errno, "mkdir %s", directory);
	_cleanup_close_ int target =
		openat(dir_fd, directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return op_step(p, -errno, "open %s", directory);
	_cleanup_close_ int fd = mount_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (fd < 0)
		return op_step(p, fd, "open_tree %s", path);
	int r = mount_set_attributes(fd, m->attributes, 0, MS_PRIVATE, 0);
	if (r == 0)
		r = mount_attach(fd, target);
	if (r == 0)
		r = link_controllers(dir_fd, directory);
	return op_step(p, r, "%s", name);
}

/*
 * cgroup v1 inside: a tmpfs with one directory per hierarchy. It becomes read-only only when all
 * of them are there.
 */
int perform_mount_cgroup_v1(struct performance *p, const struct op *op)
{
	static char *const data[] = {(char *)"mode=755", NULL};
	const struct op_mount *m = op->mount;
	struct op_mount tmpfs = {.type = "tmpfs",
		.source = "tmpfs",
		.data = (char **)data,
		.attributes = m->attributes & ~(uint64_t)MOUNT_ATTR_RDONLY,
		.idmap_slot = -1};
	_cleanup_close_ int target = open_target(p, op->path, RESOLVE_DIRECTORY);

	if (target < 0)
		return target;
	_cleanup_close_ int fd = make_filesystem(p, &tmpfs, target);
	if (fd < 0)
		return fd;
	int r = op_step(p, mount_attach(fd, target), "move_mount");
	for (const char *name = p->shared->cgroup_paths; r == 0 && *name;) {
		const char *path = name + strlen(name) + 1;
		r = attach_hierarchy(p, m, fd, name, path);
		name = path + strlen(path) + 1;
	}
	if (r == 0 && (m->attributes & MOUNT_ATTR_RDONLY))
		r = op_step(
			p, mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, 0, 0), "mount_setattr");
	return r;
}

/*
 * cgroup v2 inside; where it may not be mounted (no cgroup namespace of one's own user namespace),
 * the host's is bound: to be looked at only, for its user may own more of it than this container
 * (CVE-2023-25809).
 */
int perform_mount_cgroup_v2(struct performance *p, const struct op *op)
{
	struct op_mount m = *op->mount;
	_cleanup_close_ int target = open_target(p, op->path, RESOLVE_DIRECTORY);

	if (target < 0)
		return target;
	m.type = "cgroup2";
	_cleanup_close_ int fd = make_filesystem(p, &m, target);
	if (fd == -EPERM || fd == -EBUSY) {
		fd = mount_open_tree(AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE | AT_RECURSIVE);
		if (fd >= 0) {
			bool own = p->plan->new_cgroup_namespace;
			int r = mount_set_attributes(
				fd, m.attributes | (own ? 0 : MOUNT_ATTR_RDONLY), 0, MS_PRIVATE, 1);
			if (r < 0)
				return op_step(p, r, "mount_setattr");
		}
	}
	if (fd < 0)
		return fd;
	int r = finish_mount(p, fd, &m);
	return r < 0 ? r : op_step(p, mount_attach(fd, target), "move_mount");
}

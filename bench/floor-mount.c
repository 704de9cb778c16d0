/* SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const masked_dirs[] = {
	"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware"};
static const char *const masked_files[] = {"/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"};
static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A detached overlay of s->root over a fresh upper directory. */
static int overlay_open(struct start *s)
{
	char upper[PATH_MAX + 8], work[PATH_MAX + 8];
	int fs;

	snprintf(upper, sizeof(upper), "%s/upper", s->upper);
	snprintf(work, sizeof(work), "%s/work", s->upper);
	s->subject = s->upper;
	if (mkdir(upper, 0755) < 0 || mkdir(work, 0700) < 0)
		return -1;
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", s->root, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	s->root_fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return s->root_fd < 0 ? -1 : 0;
}

int root_open(struct start *s)
{
	if (s->upper)
		return overlay_open(s);
	s->subject = s->root;
	s->root_fd =
		open_tree(AT_FDCWD, s->root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	return s->root_fd < 0 ? -1 : 0;
}

/* Any directory will do as the place of the new root until it is the root. */
int root_attach(struct start *s)
{
	s->subject = "/";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		move_mount(s->root_fd, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -1;
	return fchdir(s->root_fd);
}

int root_pivot(struct start *s)
{
	s->subject = "/";
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}

static int remove_directory(struct start *s, const char *name)
{
	char path[PATH_MAX + 16];

	s->subject = name;
	snprintf(path, sizeof(path), "%s/%s", s->upper, name);
	return rmdir(path);
}

int root_close(struct start *s)
{
	close(s->root_fd);
	if (!s->upper)
		return 0;
	return remove_directory(s, "upper") < 0 || remove_directory(s, "work/work") < 0 ||
			       remove_directory(s, "work") < 0
		       ? -1
		       : 0;
}

int mount_proc(struct start *s)
{
	s->subject = "proc";
	return mount("proc", "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

int mount_dev(struct start *s)
{
	s->subject = "dev";
	return mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
}

int make_devices(struct start *s)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7},
		{"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const links[][2] = {{"pts/ptmx", "dev/ptmx"},
		{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"},
		{"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"}};
	mode_t mask = umask(0);

	for (size_t i = 0; i < N(nodes); i++) {
		s->subject = nodes[i].path;
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) <
			0)
			return -1;
	}
	for (size_t i = 0; i < N(links); i++) {
		s->subject = links[i][1];
		if (symlink(links[i][0], links[i][1]) < 0)
			return -1;
	}
	umask(mask);
	return 0;
}

int mount_pts(struct start *s)
{
	s->subject = "dev/pts";
	if (mkdir("dev/pts", 0755) < 0)
		return -1;
	return mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,gid=5");
}

int mount_shm(struct start *s)
{
	s->subject = "dev/shm";
	if (mkdir("dev/shm", 0755) < 0)
		return -1;
	return mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV,
		"mode=1777,size=65536k");
}

int mount_mqueue(struct start *s)
{
	s->subject = "dev/mqueue";
	if (mkdir("dev/mqueue", 0755) < 0)
		return -1;
	return mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

int mount_sys(struct start *s)
{
	s->subject = "sys";
	return mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL);
}

/* v2: one mount. v1: a tmpfs and the container's own directory of each hierarchy. */
int mount_cgroups(struct start *s)
{
	const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	struct cgroups *c = s->cgroups;
	char target[128];

	s->subject = "sys/fs/cgroup";
	if (c->unified)
		return mount("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL);
	if (mount("tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755") < 0)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		s->subject = c->names[i];
		snprintf(target, sizeof(target), "sys/fs/cgroup/%.64s", c->names[i]);
		if (mkdir(target, 0755) < 0 ||
			mount("cgroup", target, "cgroup", flags | MS_RDONLY, c->names[i]) < 0)
			return -1;
	}
	return mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | flags | MS_RDONLY, NULL);
}

/* The first directory gets an empty read-only tmpfs, the others the same one again. */
static int mask_directories(struct start *s)
{
	const char *empty = NULL;

	for (size_t i = 0; i < N(masked_dirs); i++) {
		int r;

		s->subject = masked_dirs[i];
		if (empty)
			r = mount(empty, masked_dirs[i], NULL, MS_BIND, NULL);
		else
			r = mount("tmpfs", masked_dirs[i], "tmpfs", MS_RDONLY, "size=0k");
		if (r == 0 && !empty)
			empty = masked_dirs[i];
		if (r < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

int mask_paths(struct start *s)
{
	for (size_t i = 0; i < N(masked_files); i++) {
		s->subject = masked_files[i];
		if (mount("/dev/null", masked_files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return -1;
	}
	return mask_directories(s);
}

int protect_paths(struct start *s)
{
	const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;

	for (size_t i = 0; i < N(readonly_paths); i++) {
		const char *path = readonly_paths[i];

		s->subject = path;
		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
			if (errno != ENOENT)
				return -1;
			continue;
		}
		if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)
			return -1;
	}
	return 0;
}

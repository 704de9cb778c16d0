/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mount_api.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int mount_fsopen(const char *type)
{
	return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

/* What fsopen(2) asks for is the very permission, and a context without a mount leaves no trace. */
bool mount_permitted(void)
{
	int fd = mount_fsopen("tmpfs");

	if (fd >= 0)
		close(fd);
	return fd != -EPERM;
}

int mount_fsconfig_flag(int fs_fd, const char *key)
{
	return result(syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int mount_fsconfig_string(int fs_fd, const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, value, 0));
}

int mount_fsconfig_fd(int fs_fd, const char *key, int fd)
{
	return result(syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FD, key, NULL, fd));
}

int mount_fsconfig_create(int fs_fd)
{
	return result(syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int mount_fsmount(int fs_fd, uint64_t attributes)
{
	return result(syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attributes));
}

int mount_simple(const char *type, uint64_t attributes)
{
	int fs_fd = mount_fsopen(type);

	if (fs_fd < 0)
		return fs_fd;
	int r = mount_fsconfig_create(fs_fd);
	if (r == 0)
		r = mount_fsmount(fs_fd, attributes);
	close(fs_fd);
	return r;
}

int mount_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return result(syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC));
}

int mount_attach(int mount_fd, int target_fd)
{
	return result(syscall(SYS_move_mount, mount_fd, "", target_fd, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int mount_set_attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, int recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};

	return result(syscall(SYS_mount_setattr, fd, "",
		AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int mount_set_idmap(int fd, int user_namespace_fd, int recursive)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace_fd};

	return result(syscall(SYS_mount_setattr, fd, "",
		AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int mount_fs_message(int fs_fd, char *text, size_t size)
{
	ssize_t n = read(fs_fd, text, size - 1);

	if (n <= 2)
		return -ENODATA;
	text[n] = '\0';
	if (text[n - 1] == '\n')
		text[n - 1] = '\0';
	/* "e ", "w ", "i " */
	if (text[1] == ' ')
		memmove(text, text + 2, strlen(text + 2) + 1);
	return 0;
}

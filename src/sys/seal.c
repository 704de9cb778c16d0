/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/seal.h"
#include "base/cleanup.h"
#include "sys/mount_api.h"
#include "sys/statx.h"

#include <string.h>

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#ifndef MFD_EXEC /* Linux 6.3: asked for where memfds are not executable by default */
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The flag is of the mount: it holds for every fd that is opened through it. */
static bool is_sealed(int exe)
{
	struct statvfs fs;
	struct statx file_info;

	if (fstatvfs(exe, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return true;
	/* chattr +i, or fs-verity: an installation may spare every start the second execve. */
	if (file_statx(exe, "", AT_EMPTY_PATH, 0, &file_info) == 0 &&
		(file_info.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_VERITY)))
		return true;
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = file < 0 ? -1 : fcntl(file, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* The mount is in no namespace, so nobody can make it writable again. */
static int open_readonly(int exe)
{
	int fd = mount_open_tree(exe, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);

	if (fd < 0)
		return fd;
	int r = mount_set_attributes(
		fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0, 0, 0);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int make_copy(void)
{
	struct stat st;
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	_cleanup_close_ int to =
		memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	/* Before Linux 6.3 the flag is unknown and not needed. */
	if (to < 0 && errno == EINVAL)
		to = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (to < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	return fcntl(to, F_ADD_SEALS, SEALS) < 0 ? -errno : TAKE_FD(to);
}

bool program_is_sealed(void)
{
	_cleanup_close_ int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return exe >= 0 && is_sealed(exe);
}

int program_seal(char *const argv[], char *const envp[])
{
	_cleanup_close_ int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (exe < 0)
		return -errno;
	if (is_sealed(exe)) {
		/* execveat(2) has left the number of an fd for a name (before Linux 6.14). */
		const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;
		prctl(PR_SET_NAME, slash ? slash + 1 : argv[0] ? argv[0] : "", 0, 0, 0);
		return 0;
	}
	_cleanup_close_ int fd = open_readonly(exe);
	if (fd < 0)
		fd = make_copy();
	if (fd < 0)
		return fd;
	syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	if (errno == ENOSYS) {
		char path[32];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		execve(path, argv, envp);
	}
	return -errno;
}

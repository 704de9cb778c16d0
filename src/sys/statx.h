/* SPDX-License-Identifier: Apache-2.0 */
/* statx(2), which not every libc has: 0 or -errno. */
#pragma once

#include <errno.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int file_statx(
	int dirfd, const char *path, int flags, unsigned int mask, struct statx *ret)
{
	return syscall(SYS_statx, dirfd, path, flags, mask, ret) < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing something writes to the log first. So that a full disk can be freed, a file without
 * contents keeps some blocks, which are given back when somebody removes and there are none left.
 */
#include "metadata/reserve.h"
#include "base/cleanup.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_SIZE ((off_t)1 << 20)

/* So much is free where a reserve is made: nobody misses what it takes. */
#define PLENTY (16 * (uint64_t)RESERVE_SIZE)

/* Whether it can be made or not, there is nothing that its caller could do about it. */
static void make(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_SIZE) < 0)
		unlink(path);
}

void metadata_make_room(const char *root)
{
	_cleanup_free_ char *path = path_join(root, "reserve");
	struct statvfs fs;

	if (!path || statvfs(root, &fs) < 0)
		return;
	uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (available < (uint64_t)RESERVE_SIZE)
		unlink(path);
	else if (available > PLENTY)
		make(path);
}

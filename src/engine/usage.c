/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/usage.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>

#define DEPTH_MAX 512u

/* A running container changes its files while they are counted: what is gone is passed over. */
static void add_tree(int dirfd, unsigned int depth, int64_t *bytes)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct stat st;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
			fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			*bytes += st.st_size / (int64_t)(st.st_nlink ? st.st_nlink : 1);
		if (!S_ISDIR(st.st_mode) || depth >= DEPTH_MAX)
			continue;
		_cleanup_close_ int sub =
			openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			add_tree(sub, depth + 1, bytes);
	}
}

int container_size(
	struct engine *engine, const struct container *c, int64_t *ret, struct hull_error *err)
{
	_cleanup_close_ int upper = -1;
	int r = rootfs_open_upper(engine, c, &upper, err);

	*ret = 0;
	if (r == 0)
		add_tree(upper, 0, ret);
	return r;
}

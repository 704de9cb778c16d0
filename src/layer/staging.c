/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/staging.h"

#include "base/fd.h"

#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#define TRIES 16

/*
 * Opens and locks a directory below ingest. 1 if it is locked by us and still there, 0 if somebody
 * else has it or it is gone, or -errno.
 */
static int open_locked(int ingest_fd, const char *name, int *ret)
{
	_cleanup_close_ int fd =
		openat(ingest_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Between our open and our lock the owner of before may have removed it. */
	if (st.st_nlink == 0)
		return 0;
	*ret = TAKE_FD(fd);
	return 1;
}

int staging_new(struct staging *s, int ingest_fd, struct hull_error *err)
{
	uint64_t random;

	for (int i = 0; i < TRIES; i++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return error_errno(err, errno, "random numbers");
		snprintf(s->name, sizeof(s->name), "%016llx", (unsigned long long)random);
		if (mkdirat(ingest_fd, s->name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return error_errno(err, errno, "make a directory for the layer");
		}
		/* A cleaner may have locked it before us: it will be gone, take another. */
		int r = open_locked(ingest_fd, s->name, &s->fd);
		if (r < 0)
			return error_errno(err, r, "lock the directory of the layer");
		if (r > 0) {
			s->ingest_fd = ingest_fd;
			return 0;
		}
	}
	return error_set(err, HULL_ERROR_BUSY, "no directory for the layer could be made");
}

void staging_done(struct staging *s)
{
	if (s->fd < 0)
		return;
	int saved = errno;
	dir_remove_tree_at(s->ingest_fd, s->name);
	close(s->fd);
	s->fd = -1;
	errno = saved;
}

void staging_abandon(struct staging *s)
{
	cleanup_closep(&s->fd);
}

int staging_publish(struct staging *s, int to_dirfd, const char *to_name, struct hull_error *err)
{
	if (renameat(s->ingest_fd, s->name, to_dirfd, to_name) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			return 1;
		return error_errno(err, errno, "move the layer to its place");
	}
	close(s->fd);
	s->fd = -1;
	return 0;
}

int staging_clean(int ingest_fd, struct hull_error *err)
{
	_cleanup_close_ int fd = openat(ingest_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return error_errno(err, errno, "list unfinished layers");
	fd = -1;
	while ((entry = readdir(dir))) {
		_cleanup_close_ int locked = -1;
		if (entry->d_name[0] == '.')
			continue;
		int r = open_locked(ingest_fd, entry->d_name, &locked);
		if (r > 0)
			r = dir_remove_tree_at(ingest_fd, entry->d_name);
		if (r < 0)
			return error_errno(err, r, "remove an unfinished layer");
	}
	return 0;
}

int staging_remove_tree(int ingest_fd, int dirfd, const char *name, struct hull_error *err)
{
	_cleanup_staging_ struct staging s = STAGING_INIT;
	int r = staging_new(&s, ingest_fd, err);

	if (r < 0)
		return r;
	if (renameat(dirfd, name, s.fd, "removed") < 0)
		return errno == ENOENT ? 0 : error_errno(err, errno, "remove");
	r = dir_remove_tree_at(s.fd, "removed");
	return r < 0 ? error_errno(err, r, "remove") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FD_SEND_MAX 16

/* Others may have made a file that we share with them non-blocking (a terminal, a pipe). */
static int await(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0) {
			if (errno == EINTR || (errno == EAGAIN && await(fd, POLLOUT) == 0))
				continue;
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static ssize_t read_some(int fd, void *data, size_t n)
{
	for (;;) {
		ssize_t r = read(fd, data, n);
		if (r >= 0)
			return r;
		if (errno != EINTR && (errno != EAGAIN || await(fd, POLLIN) < 0))
			return -errno;
	}
}

ssize_t fd_read_full(int fd, void *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read_some(fd, (char *)data + done, n - done);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int fd_read_exact(int fd, void *data, size_t n)
{
	ssize_t r = fd_read_full(fd, data, n);

	if (r < 0)
		return (int)r;
	return (size_t)r == n ? 0 : -ENODATA;
}

/* 0 at the end of the file, -E2BIG before it. */
static int expect_end(int fd)
{
	char c;
	ssize_t r = read_some(fd, &c, 1);

	return r < 0 ? (int)r : r > 0 ? -E2BIG : 0;
}

#define READ_FIRST 4095 /* a buffer has room for a NUL beside it */
#define READ_LEAST 256

int fd_read_to_buf(int fd, struct buf *b, size_t max)
{
	size_t start = b->len, step = READ_FIRST;
	size_t cap = b->max ? b->max : BUF_MAX_DEFAULT;

	if (max == 0 || max > cap - start)
		max = cap - start;
	for (;;) {
		size_t left = max - (b->len - start);
		/* What is free is used up first: most files end in it. */
		size_t room = b->size > b->len + READ_LEAST ? b->size - b->len - 1 : step;

		if (room > left)
			room = left;
		if (room == 0)
			return expect_end(fd);
		char *to = buf_reserve(b, room);
		if (!to)
			return buf_error(b);
		ssize_t r = read_some(fd, to, room);
		if (r < 0)
			return (int)r;
		b->len += (size_t)r;
		b->data[b->len] = '\0';
		if (r == 0)
			return 0;
		if (room == step && step < ((size_t)1 << 20))
			step = 2 * step + 1;
	}
}

int file_read_at(int dirfd, const char *path, struct buf *b, size_t max)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fd_read_to_buf(fd, b, max);
}

int file_read_line_at(int dirfd, const char *path, char **ret)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = file_read_at(dirfd, path, &b, (size_t)64 << 10);

	if (r < 0)
		return r;
	if (b.len > 0 && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	char *line = buf_take(&b);
	if (!line)
		return -ENOMEM;
	*ret = line;
	return 0;
}

int file_write_at(int dirfd, const char *path, const void *data, size_t n)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t w = write(fd, data, n);
		if (w >= 0)
			return (size_t)w == n ? 0 : -EIO;
		if (errno != EINTR)
			return -errno;
	}
}

int file_replace_at(int dirfd, const char *path, const void *data, size_t n, mode_t mode, bool sync)
{
	uint64_t random;
	_cleanup_free_ char *temporary = NULL;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	if (asprintf(&temporary, "%s.tmp-%016llx", path, (unsigned long long)random) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	_cleanup_close_ int fd = openat(dirfd, temporary,
		O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, data, n);
	if (r == 0 && sync && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, temporary, dirfd, path) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, temporary, 0);
	return r;
}

int dir_make_parents_at(int dirfd, const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	if (mkdirat(dirfd, copy, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* One file descriptor for each. What lies deeper is moved to the top, and removed from there. */
#define REMOVE_DEPTH 64

struct removal {
	dev_t device;
	int top_fd;
	unsigned int moved; /* directories, so far */
};

/* To the top of the tree, where nothing that could be lost has that name: an empty directory may be. */
static int move_up(int dirfd, const char *name, struct removal *removal)
{
	char to[32];

	do {
		snprintf(to, sizeof(to), ".deep.%u", removal->moved++);
		if (renameat(dirfd, name, removal->top_fd, to) == 0)
			return 0;
	} while (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR);
	return -errno;
}

static int remove_entry(int dirfd, const char *name, struct removal *removal, unsigned int depth);

static int remove_entries(DIR *dir, struct removal *removal, unsigned int depth)
{
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		int r = remove_entry(dirfd(dir), e->d_name, removal, depth);
		if (r < 0)
			return r;
	}
}

/* The entries of the top directory, those too that come there meanwhile. */
static int remove_top(DIR *dir, struct removal *removal)
{
	unsigned int moved;
	int r;

	removal->top_fd = dirfd(dir);
	do {
		moved = removal->moved;
		rewinddir(dir);
		r = remove_entries(dir, removal, REMOVE_DEPTH);
	} while (r == 0 && moved != removal->moved);
	return r;
}

static int remove_entry(int dirfd, const char *name, struct removal *removal, unsigned int depth)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;

	bool denied = errno == EPERM;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* No directory: what unlinkat(2) has said of it is the reason. */
	if (fd < 0 && errno == ENOTDIR && denied)
		return -EPERM;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	struct stat st;
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir) {
		int r = -errno;
		close(fd);
		return r;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != removal->device)
		return -EXDEV;
	if (depth == 0)
		return move_up(dirfd, name, removal);
	int r = removal->top_fd < 0 ? remove_top(dir, removal)
				    : remove_entries(dir, removal, depth - 1);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int dir_remove_tree_at(int dirfd, const char *path)
{
	struct removal removal = {.top_fd = -1};
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	removal.device = st.st_dev;
	return remove_entry(dirfd, path, &removal, REMOVE_DEPTH);
}

int fd_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds > FD_SEND_MAX)
		return -E2BIG;
	if (n_fds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	for (;;) {
		ssize_t w = sendmsg(sock, &msg, MSG_NOSIGNAL);
		if (w >= 0)
			return (size_t)w == n ? 0 : -EIO;
		if (errno != EINTR)
			return -errno;
	}
}

ssize_t fd_receive(int sock, void *data, size_t n, int *fds, size_t *n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = data, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	size_t room = n_fds ? *n_fds : 0, got = 0;
	bool reset = false;
	ssize_t r;

	/* ECONNRESET is told once, and before the messages that wait to be read. */
	for (;;) {
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
		if (r >= 0)
			break;
		if (errno != EINTR && (errno != ECONNRESET || reset))
			return -errno;
		reset |= errno == ECONNRESET;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < room)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	if (n_fds)
		*n_fds = got;
	return r;
}

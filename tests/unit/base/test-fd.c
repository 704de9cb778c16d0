/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"

#include <sys/mman.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file of n bytes, read with a cap of max into a buffer with a cap of its own. */
static int read_back(size_t n, size_t max, size_t buf_max, size_t *ret_len)
{
	_cleanup_buf_ struct buf b = BUF_INIT_MAX(buf_max);
	_cleanup_free_ char *data = calloc(1, n + 1);
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0 && data);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	int r = fd_read_to_buf(fd, &b, max);
	*ret_len = b.len;
	return r;
}

static void reading_stops_at_either_cap(void **state)
{
	static const struct {
		size_t n, max, buf_max;
		int r;
	} rows[] = {
		{0, 10, 10, 0},
		{10, 10, 10, 0},
		{11, 10, 0, -E2BIG},
		{11, 0, 10, -E2BIG},
		{10, 0, 10, 0},
		{4096, 4096, 4096, 0},
		{4097, 4096, 4096, -E2BIG},
		{100000, 0, 0, 0},
		{100000, 100000, 200000, 0},
		{100001, 100000, 200000, -E2BIG},
		{100000, 200000, 100000, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len;

		assert_int_equal(
			read_back(rows[i].n, rows[i].max, rows[i].buf_max, &len), rows[i].r);
		if (rows[i].r == 0)
			assert_int_equal(len, rows[i].n);
	}
}

static void last_words_are_heard(void **state)
{
	char text[8] = {0};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_send(pair[0], "unread", 6, NULL, 0), 0);
	assert_int_equal(fd_send(pair[1], "why", 3, NULL, 0), 0);
	close(pair[1]);
	assert_int_equal(fd_receive(pair[0], text, sizeof(text), NULL, NULL), 3);
	assert_string_equal(text, "why");
	assert_int_equal(fd_receive(pair[0], text, sizeof(text), NULL, NULL), 0);
	close(pair[0]);
}

/* 1 MiB through a pipe of 64 KiB that does not block. */
static void a_full_pipe_is_waited_for(void **state)
{
	enum { SIZE = 1 << 20 };
	_cleanup_free_ char *data = calloc(1, SIZE), *back = calloc(1, SIZE);
	int ends[2];

	assert_true(data && back);
	memset(data, 'x', SIZE);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(fd_write_all(ends[1], data, SIZE) == 0 ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
	assert_int_equal(fd_read_full(ends[0], back, SIZE), SIZE);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_memory_equal(data, back, SIZE);
	close(ends[0]);
}

static void a_fifo_without_a_writer_is_empty(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char directory[] = "/tmp/hull-fifo-XXXXXX", path[64];

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_read_at(AT_FDCWD, path, &b, 100), 0);
	assert_int_equal(b.len, 0);
	unlink(path);
	rmdir(directory);
}

/* As a shell's <(...): the writer comes later than the reader. */
static void a_pipe_is_read_to_its_end(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char path[64];
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++) {
			usleep(20000);
			if (fd_write_all(ends[1], "part", 4) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(file_read_at(AT_FDCWD, path, &b, 12), 0);
	assert_string_equal(buf_str(&b), "partpartpart");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
}

/* Makes a chain of directories with a file in each, and returns the last one. */
static int make_chain(int dirfd, unsigned int depth)
{
	int at = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned int i = 0; i < depth; i++) {
		_cleanup_close_ int file = openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(file >= 0);
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	return at;
}

/* Deeper than there are file descriptors, and branching where it is deep. */
static void a_deep_tree_is_removed(void **state)
{
	char path[] = "/tmp/test-fd.XXXXXX";
	struct rlimit saved, few = {128, 128};

	assert_non_null(mkdtemp(path));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	few.rlim_max = saved.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	_cleanup_close_ int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Names that the removal would like to use are taken. */
	assert_int_equal(mkdirat(top, ".deep.0", 0700), 0);
	assert_int_equal(mkdirat(top, ".deep.0/not-empty", 0700), 0);
	_cleanup_close_ int taken = openat(top, ".deep.1", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(taken >= 0);
	_cleanup_close_ int middle = make_chain(top, 1500);
	for (int i = 0; i < 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "b%d", i);
		assert_int_equal(mkdirat(middle, name, 0700), 0);
		_cleanup_close_ int branch = openat(middle, name, O_RDONLY | O_CLOEXEC);
		close(make_chain(branch, 300));
	}
	int r = dir_remove_tree_at(AT_FDCWD, path);
	setrlimit(RLIMIT_NOFILE, &saved);
	assert_int_equal(r, 0);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_stops_at_either_cap),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(a_full_pipe_is_waited_for),
		cmocka_unit_test(a_fifo_without_a_writer_is_empty),
		cmocka_unit_test(a_pipe_is_read_to_its_end),
		cmocka_unit_test(a_deep_tree_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

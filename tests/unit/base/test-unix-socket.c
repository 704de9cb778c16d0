/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/unix_socket.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A directory whose path alone is longer than an address. */
static void make_long(char *path, size_t size)
{
	char part[101];

	memset(part, 'd', 100);
	part[100] = '\0';
	snprintf(path, size, "/tmp/unix-socket-XXXXXX");
	assert_non_null(mkdtemp(path));
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(path);
		snprintf(path + n, size - n, "/%s", part);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static int listen_in(const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/sock", dir);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(sock, 1), 0);
	return sock;
}

static void test_connect(void **state)
{
	char directory[512], path[600];

	make_long(directory, sizeof(directory));
	_cleanup_close_ int listener = listen_in(directory);
	snprintf(path, sizeof(path), "%s/sock", directory);
	_cleanup_close_ int sock = unix_connect(path, SOCK_STREAM, 1000);
	assert_true(sock >= 0);
	assert_true(fcntl(sock, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(unix_connect(path, SOCK_SEQPACKET, 0), -EPROTOTYPE);
	snprintf(path, sizeof(path), "%s/none", directory);
	assert_int_equal(unix_connect(path, SOCK_STREAM, 0), -ENOENT);
	directory[strlen("/tmp/unix-socket-XXXXXX")] = '\0';
	assert_int_equal(dir_remove_tree_at(AT_FDCWD, directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_connect)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

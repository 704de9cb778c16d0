/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "network/relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define LARGE (1 << 20)

static int listen_on_loopback(struct sockaddr_in *ret)
{
	socklen_t n = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &n), 0);
	return fd;
}

static int connect_to(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)a, sizeof(*a)), 0);
	return fd;
}

/* The relay as a process, as in a monitor. */
static pid_t start_relay(int listener, const struct sockaddr_in *target)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	struct relay *relay = relay_new();
	if (!relay ||
		relay_add(relay, listener, (const struct sockaddr *)target, sizeof(*target)) < 0)
		_exit(1);
	struct pollfd p = {.fd = relay_fd(relay), .events = POLLIN};
	while (poll(&p, 1, -1) > 0)
		relay_run(relay);
	_exit(0);
}

static void stop_relay(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Everything that the client sends comes back; then each side ends by itself. */
static void both_ways_and_half_closed(void **state)
{
	struct sockaddr_in front, back;
	_cleanup_close_ int listener = listen_on_loopback(&front);
	_cleanup_close_ int target = listen_on_loopback(&back);
	pid_t relay = start_relay(listener, &back), echo = fork();
	_cleanup_free_ char *sent = malloc(LARGE), *got = malloc(LARGE);
	size_t n = 0;

	if (echo == 0) {
		/* Reads to the end, and only then answers: the end must have come through. */
		int fd = accept(target, NULL, NULL);
		while (n < LARGE) {
			ssize_t r = read(fd, got + n, LARGE - n);
			if (r <= 0)
				_exit(1);
			n += (size_t)r;
		}
		if (read(fd, sent, 1) != 0)
			_exit(2);
		for (size_t done = 0; done < LARGE;) {
			ssize_t r = write(fd, got + done, LARGE - done);
			if (r <= 0)
				_exit(3);
			done += (size_t)r;
		}
		_exit(0);
	}
	for (size_t i = 0; i < LARGE; i++)
		sent[i] = (char)(i * 31 + i / 251);
	_cleanup_close_ int fd = connect_to(&front);
	for (size_t done = 0; done < LARGE;) {
		ssize_t r = write(fd, sent + done, LARGE - done);
		assert_true(r > 0);
		done += (size_t)r;
	}
	shutdown(fd, SHUT_WR);
	while (n < LARGE) {
		ssize_t r = read(fd, got + n, LARGE - n);
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(sent, got, LARGE);
	assert_int_equal(read(fd, got, 1), 0);

	int status;
	assert_int_equal(waitpid(echo, &status, 0), echo);
	assert_int_equal(status, 0);
	stop_relay(relay);
}

static void nobody_listens_behind(void **state)
{
	struct sockaddr_in front, back;
	_cleanup_close_ int listener = listen_on_loopback(&front);
	int gone = listen_on_loopback(&back);
	char byte;

	close(gone);
	pid_t relay = start_relay(listener, &back);
	for (int i = 0; i < 3; i++) {
		_cleanup_close_ int fd = connect_to(&front);
		assert_true(read(fd, &byte, 1) <= 0);
	}
	stop_relay(relay);
}

/* Past the limit connections wait; they are served when others go. */
static void more_than_fit(void **state)
{
	struct sockaddr_in front, back;
	_cleanup_close_ int listener = listen_on_loopback(&front);
	_cleanup_close_ int target = listen_on_loopback(&back);
	int fds[RELAY_CONNECTIONS_MAX];
	pid_t relay = start_relay(listener, &back), server = fork();
	char byte = 'x';

	if (server == 0) {
		for (;;) {
			int fd = accept(target, NULL, NULL);
			if (fd < 0 || write(fd, &byte, 1) != 1)
				_exit(1);
		}
	}
	for (int i = 0; i < RELAY_CONNECTIONS_MAX; i++) {
		fds[i] = connect_to(&front);
		assert_int_equal(read(fds[i], &byte, 1), 1);
	}
	_cleanup_close_ int late = connect_to(&front);
	struct pollfd p = {.fd = late, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 100), 0);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	for (int i = 0; i < RELAY_CONNECTIONS_MAX; i++)
		close(fds[i]);
	/* The target's end is the kernel's queue by now: connected, but silent. */
	_cleanup_close_ int accepted = -1;
	struct pollfd q = {.fd = target, .events = POLLIN};
	assert_int_equal(poll(&q, 1, 5000), 1);
	accepted = accept(target, NULL, NULL);
	assert_int_equal(write(accepted, "y", 1), 1);
	assert_int_equal(read(late, &byte, 1), 1);
	assert_int_equal(byte, 'y');
	stop_relay(relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_and_half_closed),
		cmocka_unit_test(nobody_listens_behind),
		cmocka_unit_test(more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

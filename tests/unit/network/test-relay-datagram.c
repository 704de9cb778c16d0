/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "network/relay_datagram.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <string.h>

#define LARGE	60000
#define PATIENT (60 * NS_PER_SECOND)

/* ---- A front at [::], a server behind at 127.0.0.1, and clients of [::1] ---- */

struct bench {
	struct datagram_relay *relay;
	int front, server;
	struct sockaddr_in6 at;
	struct sockaddr_in behind;
};

static int bind_server(struct sockaddr_in *at)
{
	socklen_t n = sizeof(*at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &n), 0);
	return fd;
}

static void begin(struct bench *b, int64_t idle)
{
	socklen_t n = sizeof(b->at);

	*b = (struct bench){.at = {.sin6_family = AF_INET6}};
	b->front = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (b->front < 0)
		skip();
	assert_int_equal(bind(b->front, (struct sockaddr *)&b->at, sizeof(b->at)), 0);
	assert_int_equal(getsockname(b->front, (struct sockaddr *)&b->at, &n), 0);
	b->at.sin6_addr = in6addr_loopback;
	b->server = bind_server(&b->behind);
	b->relay = datagram_relay_new(idle);
	assert_non_null(b->relay);
	assert_int_equal(datagram_relay_add(b->relay, b->front, (struct sockaddr *)&b->behind,
				 sizeof(b->behind)),
		0);
}

static void end(struct bench *b)
{
	datagram_relay_free(b->relay);
	cleanup_closep(&b->front);
	cleanup_closep(&b->server);
}

/* Only what comes from the address that it has asked reaches such a client. */
static int make_client(const struct bench *b)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&b->at, sizeof(b->at)) < 0)
		skip(); /* no [::1] */
	return fd;
}

/* What arrives at fd, while the relay does its work; -1 if nothing does. */
static ssize_t receive(struct bench *b, int fd, char *data, size_t n, struct sockaddr_in *from)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLIN},
		{.fd = datagram_relay_fd(b->relay), .events = POLLIN}};
	socklen_t length = sizeof(*from);

	while (poll(p, 2, 200) > 0) {
		if (p[0].revents)
			return recvfrom(
				fd, data, n, 0, (struct sockaddr *)from, from ? &length : NULL);
		datagram_relay_run(b->relay);
	}
	return -1;
}

/* A client's datagram reaches the server, and the server's answer that client. Returns the port that
 * the server saw. */
static uint16_t ask(struct bench *b, int client, const char *text)
{
	struct sockaddr_in from = {0};
	char got[64];
	size_t n = strlen(text);

	assert_int_equal(send(client, text, n, 0), (ssize_t)n);
	assert_int_equal(receive(b, b->server, got, sizeof(got), &from), (ssize_t)n);
	assert_memory_equal(got, text, n);
	got[0] = '!';
	assert_int_equal(
		sendto(b->server, got, n, 0, (struct sockaddr *)&from, sizeof(from)), (ssize_t)n);
	assert_int_equal(receive(b, client, got, sizeof(got), NULL), (ssize_t)n);
	assert_int_equal(got[0], '!');
	assert_memory_equal(got + 1, text + 1, n - 1);
	return ntohs(from.sin_port);
}

static size_t count_fds(void)
{
	_cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	return n;
}

/* ---- Tests ---- */

static void each_client_has_its_own_answers(void **state)
{
	struct bench b;

	begin(&b, PATIENT);
	_cleanup_close_ int one = make_client(&b), other = make_client(&b);
	uint16_t first = ask(&b, one, "one"), second = ask(&b, other, "other");
	assert_int_not_equal(first, second);
	/* It stays with the flow, whoever else comes. */
	assert_int_equal(ask(&b, one, "one again"), first);
	assert_int_equal(ask(&b, other, "other again"), second);
	end(&b);
}

static void of_any_length(void **state)
{
	_cleanup_free_ char *data = malloc(LARGE), *got = malloc(LARGE + 1);
	struct bench b;

	begin(&b, PATIENT);
	_cleanup_close_ int client = make_client(&b);
	for (size_t i = 0; i < LARGE; i++)
		data[i] = (char)(i * 31 + i / 251);
	assert_int_equal(send(client, data, LARGE, 0), LARGE);
	assert_int_equal(receive(&b, b.server, got, LARGE + 1, NULL), LARGE);
	assert_memory_equal(got, data, LARGE);
	assert_int_equal(send(client, data, 0, 0), 0);
	assert_int_equal(receive(&b, b.server, got, LARGE, NULL), 0);
	end(&b);
}

static void a_server_that_comes_late(void **state)
{
	struct bench b;
	char got[8];

	begin(&b, PATIENT);
	_cleanup_close_ int client = make_client(&b);
	cleanup_closep(&b.server);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(client, "x", 1, 0), 1);
		datagram_relay_run(b.relay);
	}
	b.server = bind_server(&b.behind);
	assert_int_equal(receive(&b, client, got, sizeof(got), NULL), -1);
	ask(&b, client, "here");
	end(&b);
}

static void silent_flows_go(void **state)
{
	struct bench b;

	begin(&b, 20 * NS_PER_MS);
	_cleanup_close_ int client = make_client(&b);
	size_t before = count_fds();
	ask(&b, client, "one");
	assert_int_equal(count_fds(), before + 1);
	/* The timer runs it, without another datagram. */
	struct pollfd p = {.fd = datagram_relay_fd(b.relay), .events = POLLIN};
	for (int i = 0; i < 100 && count_fds() > before; i++) {
		assert_int_equal(poll(&p, 1, 1000), 1);
		datagram_relay_run(b.relay);
	}
	assert_int_equal(count_fds(), before);
	assert_int_equal(poll(&p, 1, 50), 0);
	ask(&b, client, "again");
	end(&b);
}

/* Whoever was silent longest makes room; nobody is refused. */
static void more_than_fit(void **state)
{
	int clients[RELAY_FLOWS_MAX + 20];
	struct bench b;

	begin(&b, PATIENT);
	size_t before = count_fds();
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = make_client(&b);
	uint16_t first = ask(&b, clients[0], "first");
	for (size_t i = 1; i < ARRAY_SIZE(clients); i++) {
		ask(&b, clients[i], "next");
		if (i % 50 == 0)
			assert_int_equal(ask(&b, clients[0], "still here"), first);
	}
	assert_int_equal(count_fds(), before + ARRAY_SIZE(clients) + RELAY_FLOWS_MAX);
	assert_int_equal(ask(&b, clients[0], "and now"), first);
	ask(&b, clients[1], "as a new one");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_its_own_answers),
		cmocka_unit_test(of_any_length),
		cmocka_unit_test(a_server_that_comes_late),
		cmocka_unit_test(silent_flows_go),
		cmocka_unit_test(more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver between a client and a server that are the test itself, on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "query.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "resolver/resolver.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

struct fixture {
	char directory[32];
	struct resolver *resolver;
	struct sockaddr_in address; /* of the resolver, both protocols */
	int upstream_udp, upstream_tcp;
	uint16_t upstream_port;
};

static int loopback_socket(int type, uint16_t port, struct sockaddr_in *ret)
{
	socklen_t size = sizeof(*ret);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)ret, sizeof(*ret)) < 0 ||
		(type == SOCK_STREAM && listen(fd, 16) < 0)) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &size), 0);
	return fd;
}

/* Sockets of both kinds at one port. */
static void socket_pair(int *ret_udp, int *ret_tcp, struct sockaddr_in *ret)
{
	for (int i = 0; i < 100; i++) {
		*ret_udp = loopback_socket(SOCK_DGRAM, 0, ret);
		*ret_tcp = loopback_socket(SOCK_STREAM, ntohs(ret->sin_port), ret);
		if (*ret_tcp >= 0)
			return;
		close(*ret_udp);
	}
	fail_msg("no port for both");
}

static void put(struct fixture *f, const char *name, const char *text)
{
	_cleanup_free_ char *path = str_printf("%s/%s", f->directory, name);

	assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, false), 0);
}

static void configure(struct fixture *f, const char *more)
{
	_cleanup_free_ char *text = str_printf("zone %s/a\nzone %s/b\nserver 127.0.0.1#%u\n%s",
		f->directory, f->directory, f->upstream_port, more);

	put(f, "config", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in upstream;
	int udp, tcp;

	snprintf(f->directory, sizeof(f->directory), "/tmp/hull-resolver-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	socket_pair(&udp, &tcp, &f->address);
	socket_pair(&f->upstream_udp, &f->upstream_tcp, &upstream);
	f->upstream_port = ntohs(upstream.sin_port);
	put(f, "a",
		"2.0.18.172.in-addr.arpa PTR web.shop\nweb A 172.18.0.2\nweb A 172.18.0.3\n"
		"web AAAA fd00::2\n");
	put(f, "b", "db A 10.0.0.9\nweb A 10.0.0.8\n");
	configure(f, "");
	_cleanup_free_ char *path = str_printf("%s/config", f->directory);
	assert_int_equal(resolver_new(udp, tcp, path, &f->resolver), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	close(f->upstream_udp);
	close(f->upstream_tcp);
	dir_remove_tree_at(AT_FDCWD, f->directory);
	free(f);
	return 0;
}

/* Lets the resolver work until fd is readable, at most 5 s. */
static void run_until(struct fixture *f, int fd)
{
	int64_t end = clock_monotonic_ns() + 5 * NS_PER_SECOND;

	while (clock_monotonic_ns() < end) {
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
			{.fd = resolver_fd(f->resolver), .events = POLLIN}};

		assert_true(poll(fds, 2, 100) >= 0);
		if (fds[0].revents)
			return;
		resolver_run(f->resolver);
	}
	fail_msg("nothing came within 5 s");
}

static int client(struct fixture *f, int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	return fd;
}

/* Asks over UDP and returns the length of the reply. */
static size_t ask(struct fixture *f, const char *name, unsigned int type, uint8_t reply[2048])
{
	_cleanup_close_ int fd = client(f, SOCK_DGRAM);
	uint8_t query[512];
	size_t n = make_query(query, 0x4242, name, type);

	assert_int_equal(send(fd, query, n, 0), n);
	run_until(f, fd);
	ssize_t k = recv(fd, reply, 2048, 0);
	assert_true(k >= DNS_HEADER_SIZE);
	assert_true(dns_reply_matches(query, n, reply, (size_t)k));
	return (size_t)k;
}

static void own_names(void **state)
{
	uint8_t reply[2048], again[2048];
	size_t n = ask(*state, "WEB", DNS_TYPE_A, reply);

	assert_int_equal(dns_rcode(reply), DNS_RCODE_OK);
	assert_int_equal(reply_count(reply), 2); /* of the first network that has the name */
	/* Another order the next time. */
	assert_int_equal(ask(*state, "WEB", DNS_TYPE_A, again), n);
	assert_memory_not_equal(reply, again, n);
	ask(*state, "web", DNS_TYPE_AAAA, reply);
	assert_int_equal(reply_count(reply), 1);
	ask(*state, "db", DNS_TYPE_A, reply);
	assert_int_equal(reply_count(reply), 1);
	/* A known name without an address of that kind is known all the same. */
	ask(*state, "db", DNS_TYPE_AAAA, reply);
	assert_int_equal(dns_rcode(reply), DNS_RCODE_OK);
	assert_int_equal(reply_count(reply), 0);
	ask(*state, "2.0.18.172.in-addr.arpa", DNS_TYPE_PTR, reply);
	assert_int_equal(reply_count(reply), 1);
}

static void changes_are_followed(void **state)
{
	struct fixture *f = *state;
	uint8_t reply[2048];

	put(f, "b", "cache A 10.0.0.7\n");
	ask(f, "cache", DNS_TYPE_A, reply);
	assert_int_equal(reply_count(reply), 1);
	configure(f, "alias Store db\nalias cache web\n");
	put(f, "b", "db A 10.0.0.9\n");
	ask(f, "store", DNS_TYPE_A, reply);
	assert_int_equal(reply_count(reply), 1);
	ask(f, "cache", DNS_TYPE_A, reply);
	assert_int_equal(reply_count(reply), 2);
	put(f, "config", "refuse\n");
	ask(f, "cache", DNS_TYPE_A, reply);
	assert_int_equal(dns_rcode(reply), DNS_RCODE_NO_NAME);
}

/* Takes what the resolver asks its server, and answers it with rcode and so many addresses. */
static void serve(struct fixture *f, enum dns_rcode rcode, int addresses)
{
	uint8_t query[2048], out[4096];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	struct dns_question question;
	struct dns_reply reply;

	run_until(f, f->upstream_udp);
	ssize_t n =
		recvfrom(f->upstream_udp, query, sizeof(query), 0, (struct sockaddr *)&from, &size);
	assert_true(n > 0);
	assert_int_equal(dns_question_parse(query, (size_t)n, &question), DNS_RCODE_OK);
	dns_reply_begin(&reply, out, sizeof(out), query, &question, rcode);
	for (int i = 0; i < addresses; i++)
		dns_reply_address(&reply, DNS_TYPE_A, "\1\2\3\4", 4);
	size_t length = dns_reply_end(&reply);
	/* What somebody else sends first does not count: another id. */
	out[0] ^= 0xff;
	assert_int_equal(
		sendto(f->upstream_udp, out, length, 0, (struct sockaddr *)&from, size), length);
	out[0] ^= 0xff;
	assert_int_equal(
		sendto(f->upstream_udp, out, length, 0, (struct sockaddr *)&from, size), length);
}

static void other_names_are_asked_onward(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = client(f, SOCK_DGRAM);
	uint8_t query[512], reply[2048];
	size_t n = make_query(query, 0x7777, "example.com", DNS_TYPE_A);

	assert_int_equal(send(fd, query, n, 0), n);
	serve(f, DNS_RCODE_OK, 1);
	run_until(f, fd);
	ssize_t k = recv(fd, reply, sizeof(reply), 0);
	assert_true(dns_reply_matches(query, n, reply, (size_t)k));
	assert_int_equal(reply_count(reply), 1);
	/* More than this client can take over UDP: told to come back over TCP. */
	assert_int_equal(send(fd, query, n, 0), n);
	serve(f, DNS_RCODE_OK, 100);
	run_until(f, fd);
	k = recv(fd, reply, sizeof(reply), 0);
	assert_true(k <= 512);
	assert_int_equal(reply[2] & 2, 2);
}

static void servers_give_way_to_the_next(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = client(f, SOCK_DGRAM);
	uint8_t query[512], reply[2048];
	size_t n = make_query(query, 1, "example.com", DNS_TYPE_A);
	_cleanup_free_ char *text =
		str_printf("server 127.0.0.1#1\nserver 127.0.0.1#%u\nserver 127.0.0.1#%u\n",
			f->upstream_port, f->upstream_port);

	/* Nobody is at port 1; the second says no, the third yes. */
	put(f, "config", text);
	assert_int_equal(send(fd, query, n, 0), n);
	serve(f, DNS_RCODE_REFUSED, 0);
	serve(f, DNS_RCODE_OK, 1);
	run_until(f, fd);
	assert_true(recv(fd, reply, sizeof(reply), 0) > 0);
	assert_int_equal(reply_count(reply), 1);
	/* None at all. */
	put(f, "config", "server 127.0.0.1#1\n");
	assert_int_equal(send(fd, query, n, 0), n);
	run_until(f, fd);
	assert_true(recv(fd, reply, sizeof(reply), 0) > 0);
	assert_int_equal(dns_rcode(reply), DNS_RCODE_FAILURE);
}

static void send_stream(int fd, const uint8_t *query, size_t n)
{
	uint8_t prefix[2] = {(uint8_t)(n >> 8), (uint8_t)n};

	assert_int_equal(send(fd, prefix, 2, 0), 2);
	assert_int_equal(send(fd, query, n, 0), n);
}

static size_t receive_stream(struct fixture *f, int fd, uint8_t *reply, size_t size)
{
	size_t n, got = 0;

	run_until(f, fd);
	assert_int_equal(recv(fd, reply, 2, MSG_WAITALL), 2);
	n = (size_t)reply[0] << 8 | reply[1];
	assert_true(n <= size);
	while (got < n) {
		run_until(f, fd);
		ssize_t k = recv(fd, reply + got, n - got, 0);
		assert_true(k > 0);
		got += (size_t)k;
	}
	return n;
}

static void connections(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = client(f, SOCK_STREAM);
	uint8_t query[512], reply[8192], big[8192];
	struct dns_question question;
	struct dns_reply made;
	size_t n = make_query(query, 9, "web", DNS_TYPE_A);

	/* Two at once, and the second one in pieces. */
	send_stream(fd, query, n);
	assert_int_equal(send(fd, "\0", 1, 0), 1);
	assert_true(receive_stream(f, fd, reply, sizeof(reply)) > 0);
	assert_int_equal(reply_count(reply), 2);
	uint8_t rest = (uint8_t)n;
	assert_int_equal(send(fd, &rest, 1, 0), 1);
	assert_int_equal(send(fd, query, n, 0), n);
	assert_true(receive_stream(f, fd, reply, sizeof(reply)) > 0);
	/* Onward over TCP, with more than UDP carries; and the next question right behind. */
	n = make_query(query, 10, "example.com", DNS_TYPE_A);
	send_stream(fd, query, n);
	run_until(f, f->upstream_tcp);
	_cleanup_close_ int upstream = accept(f->upstream_tcp, NULL, NULL);
	assert_true(upstream >= 0);
	run_until(f, upstream);
	assert_int_equal(recv(upstream, reply, 2 + n, MSG_WAITALL), 2 + n);
	assert_int_equal(dns_question_parse(reply + 2, n, &question), DNS_RCODE_OK);
	dns_reply_begin(&made, big, sizeof(big), reply + 2, &question, DNS_RCODE_OK);
	for (int i = 0; i < 200; i++)
		dns_reply_address(&made, DNS_TYPE_A, "\1\2\3\4", 4);
	send_stream(upstream, big, dns_reply_end(&made));
	assert_true(receive_stream(f, fd, reply, sizeof(reply)) > 3000);
	assert_int_equal(reply_count(reply), 200);
	assert_true(dns_reply_matches(query, n, reply, sizeof(reply)));
}

/* Held connections, lies about the length, half a question: others are still answered. */
static void hostile_connections(void **state)
{
	struct fixture *f = *state;
	int held[3 * RESOLVER_CLIENTS_MAX];
	uint8_t query[512], reply[2048];
	size_t n = make_query(query, 9, "web", DNS_TYPE_A);
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		held[i] = client(f, SOCK_STREAM);
		if (i % 3 == 1)
			assert_int_equal(send(held[i], "\0", 1, 0), 1);
		if (i % 3 == 2)
			assert_int_equal(send(held[i], "\377\377xxxx", 6, 0), 6);
		for (int j = 0; j < 3; j++)
			resolver_run(f->resolver);
	}
	_cleanup_close_ int fd = client(f, SOCK_STREAM);
	send_stream(fd, query, n);
	assert_true(receive_stream(f, fd, reply, sizeof(reply)) > 0);
	ask(f, "web", DNS_TYPE_A, reply);
	/* The oldest had to go, and so did who lied. */
	assert_true(recv(held[0], &byte, 1, 0) <= 0);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		close(held[i]);
}

static void more_questions_than_room(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = client(f, SOCK_DGRAM);
	uint8_t query[512], reply[2048];
	int failures = 0;

	/* The server keeps silent: what is beyond the limit is answered at once. */
	for (int i = 0; i < RESOLVER_FORWARDS_MAX + 20; i++) {
		size_t n = make_query(query, (uint16_t)i, "example.com", DNS_TYPE_A);

		assert_int_equal(send(fd, query, n, 0), n);
		resolver_run(f->resolver);
	}
	while (recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		failures += dns_rcode(reply) == DNS_RCODE_FAILURE;
	assert_int_equal(failures, 20);
	ask(f, "web", DNS_TYPE_A, reply);
	assert_int_equal(reply_count(reply), 2);
}

static void a_silent_server(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = client(f, SOCK_DGRAM);
	uint8_t query[512], reply[2048];
	size_t n = make_query(query, 5, "example.com", DNS_TYPE_A);

	assert_int_equal(send(fd, query, n, 0), n);
	run_until(f, fd);
	assert_true(recv(fd, reply, sizeof(reply), 0) > 0);
	assert_int_equal(dns_rcode(reply), DNS_RCODE_FAILURE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_names),
		TEST(changes_are_followed),
		TEST(other_names_are_asked_onward),
		TEST(servers_give_way_to_the_next),
		TEST(connections),
		TEST(hostile_connections),
		TEST(more_questions_than_room),
		TEST(a_silent_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a name server: `dns-load ask SERVER NAME COUNT WINDOW` asks COUNT times for NAME's IPv4
 * address, WINDOW of them under way, and prints answers per second, the median and the 99th percentile
 * of the time to an answer in microseconds, and how many were lost. `dns-load serve ADDRESS` answers
 * every question with 192.0.2.1, as fast as it can.
 *
 * Time to an answer is what a client with that many questions under way sees: with a window of 1 it is
 * the server's latency, with a large one the answers per second are its capacity.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "resolver/message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_MAX  1000000
#define WINDOW_MAX 1024
#define LOST_AFTER 2 /* seconds */

struct load {
	int fd;
	uint8_t query[DNS_QUESTION_MAX];
	size_t length;
	int64_t since[UINT16_MAX + 1]; /* by id; 0 = not under way */
	int64_t *took;
	uint32_t asked, answered, count;
};

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int open_socket(const char *text, bool server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = {.tv_sec = LOST_AFTER};

	if (fd < 0 || inet_pton(AF_INET, text, &address.sin_addr) != 1)
		return -1;
	if (!server && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	int r = server ? bind(fd, (struct sockaddr *)&address, sizeof(address))
		       : connect(fd, (struct sockaddr *)&address, sizeof(address));
	return r < 0 ? -1 : TAKE_FD(fd);
}

/* ---- Serving ---- */

static int serve(const char *text)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	_cleanup_close_ int fd = open_socket(text, true);

	if (fd < 0)
		return fail(text);
	for (;;) {
		uint8_t query[DNS_UDP_MAX], reply[DNS_UDP_MAX];
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		struct dns_question question;
		struct dns_reply r;
		ssize_t n = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &size);

		if (n < 0 || dns_question_parse(query, (size_t)n, &question) != DNS_RCODE_OK)
			continue;
		dns_reply_begin(&r, reply, sizeof(reply), query, &question, DNS_RCODE_OK);
		if (question.type == DNS_TYPE_A)
			dns_reply_address(&r, DNS_TYPE_A, address, sizeof(address));
		sendto(fd, reply, dns_reply_end(&r), 0, (struct sockaddr *)&from, size);
	}
}

/* ---- Asking ---- */

static int make_query(struct load *l, const char *name)
{
	static const uint8_t head[DNS_HEADER_SIZE] = {[2] = 1, [5] = 1};
	static const uint8_t tail[] = {0, 0, DNS_TYPE_A, 0, 1};

	memcpy(l->query, head, sizeof(head));
	l->length = sizeof(head);
	if (strlen(name) > DNS_NAME_MAX)
		return -1;
	while (*name) {
		size_t n = strcspn(name, ".");
		if (n == 0 || n > 63)
			return -1;
		l->query[l->length++] = (uint8_t)n;
		memcpy(l->query + l->length, name, n);
		l->length += n;
		name += n + (name[n] == '.');
	}
	memcpy(l->query + l->length, tail, sizeof(tail));
	l->length += sizeof(tail);
	return 0;
}

static void send_query(struct load *l)
{
	uint16_t id = (uint16_t)l->asked++;

	l->query[0] = (uint8_t)(id >> 8);
	l->query[1] = (uint8_t)id;
	l->since[id] = clock_monotonic_ns();
	if (send(l->fd, l->query, l->length, 0) < 0)
		l->since[id] = 0;
}

/* False if nothing has come for a while: what is under way is lost. */
static bool read_answer(struct load *l)
{
	uint8_t reply[DNS_UDP_MAX];
	ssize_t n = recv(l->fd, reply, sizeof(reply), 0);

	if (n < DNS_HEADER_SIZE)
		return n >= 0;
	uint16_t id = (uint16_t)(reply[0] << 8 | reply[1]);
	/* An answer must have an address in it. */
	if (l->since[id] && dns_rcode(reply) == DNS_RCODE_OK && (reply[6] || reply[7])) {
		l->took[l->answered++] = clock_monotonic_ns() - l->since[id];
		l->since[id] = 0;
	}
	if (l->asked < l->count)
		send_query(l);
	return true;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int ask(const char *server, const char *name, uint32_t count, uint32_t window)
{
	_cleanup_free_ struct load *l = calloc(1, sizeof(*l));
	_cleanup_free_ int64_t *took = calloc(count, sizeof(*took));
	_cleanup_close_ int fd = open_socket(server, false);

	if (!l || !took || fd < 0 || make_query(l, name) < 0)
		return fail(server);
	l->fd = fd;
	l->took = took;
	l->count = count;
	int64_t begin = clock_monotonic_ns(), end = begin;
	while (l->asked < window && l->asked < count)
		send_query(l);
	while (l->answered < count && read_answer(l))
		end = clock_monotonic_ns();
	if (l->answered == 0)
		return fail("dns-load: no answer");
	qsort(took, l->answered, sizeof(*took), compare);
	printf("%.0f %.1f %.1f %u\n", l->answered * 1e9 / (double)(end - begin),
		(double)took[l->answered / 2] / 1e3,
		(double)took[(size_t)l->answered * 99 / 100] / 1e3, count - l->answered);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t count, window;

	if (argc == 3 && str_eq(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 6 && str_eq(argv[1], "ask") && str_to_u32(argv[4], &count) == 0 && count > 0 &&
		count <= COUNT_MAX && str_to_u32(argv[5], &window) == 0 && window > 0 &&
		window <= WINDOW_MAX)
		return ask(argv[2], argv[3], count, window);
	fputs("usage: dns-load serve ADDRESS | ask SERVER NAME COUNT WINDOW\n", stderr);
	return 2;
}

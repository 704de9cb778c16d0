/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round trips over one TCP connection: `ping-pong serve PORT` sends back every byte, `ping-pong ask
 * ADDRESS PORT ROUNDS` prints the median and the 99th percentile of ROUNDS bytes there and back, in
 * microseconds.
 */
#include "base/clock.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS_MAX 1000000

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int serve(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 1) < 0)
		return fail("ping-pong: listen");
	for (;;) {
		_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return fail("ping-pong: accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
			;
	}
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int ask(const char *text, uint16_t port, uint32_t rounds)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_free_ int64_t *took = calloc(rounds, sizeof(*took));
	char byte = 0;

	if (!took || inet_pton(AF_INET, text, &address.sin_addr) != 1)
		return fail(text);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail("ping-pong: connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	for (uint32_t i = 0; i < rounds; i++) {
		int64_t since = clock_monotonic_ns();
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			return fail("ping-pong");
		took[i] = clock_monotonic_ns() - since;
	}
	qsort(took, rounds, sizeof(*took), compare);
	printf("%.1f %.1f\n", (double)took[rounds / 2] / 1e3,
		(double)took[(size_t)rounds * 99 / 100] / 1e3);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t port, rounds = 0;

	if (argc == 3 && str_eq(argv[1], "serve") && str_to_u32(argv[2], &port) == 0 &&
		port <= UINT16_MAX)
		return serve((uint16_t)port);
	if (argc == 5 && str_eq(argv[1], "ask") && str_to_u32(argv[3], &port) == 0 &&
		port <= UINT16_MAX && str_to_u32(argv[4], &rounds) == 0 && rounds > 0 &&
		rounds <= ROUNDS_MAX)
		return ask(argv[2], (uint16_t)port, rounds);
	fputs("usage: ping-pong serve PORT | ask ADDRESS PORT ROUNDS\n", stderr);
	return 2;
}

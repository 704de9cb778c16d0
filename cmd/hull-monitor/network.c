/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include "base/fd.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "network/relay.h"
#include "resolver/resolver.h"

#include <arpa/inet.h>
#include <sys/epoll.h>

#define RELAYS_MAX_BYTES (4 << 20) /* of the list: 65,536 ports */

static struct {
	int epoll;
	struct resolver *resolver;
	struct relay *relay;
} network = {.epoll = -1};

static bool watch(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (network.epoll < 0)
		network.epoll = epoll_create1(EPOLL_CLOEXEC);
	return network.epoll >= 0 && epoll_ctl(network.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void open_resolver(void)
{
	char path[64];

	if (fcntl(MONITOR_FD_RESOLVER_UDP, F_GETFD) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" MONITOR_RESOLVER, MONITOR_FD_RUN_DIR);
	if (resolver_new(
		    MONITOR_FD_RESOLVER_UDP, MONITOR_FD_RESOLVER_TCP, path, &network.resolver) == 0)
		watch(resolver_fd(network.resolver));
}

/* "FD ADDRESS PORT" */
static void add_relay(const char *line)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char address[INET6_ADDRSTRLEN];
	unsigned short port;
	int fd;

	if (sscanf(line, "%d %45s %hu", &fd, address, &port) != 3)
		return;
	in.sin_port = in6.sin6_port = htons(port);
	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		relay_add(network.relay, fd, (struct sockaddr *)&in, sizeof(in));
	else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1)
		relay_add(network.relay, fd, (struct sockaddr *)&in6, sizeof(in6));
}

static void open_relay(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read_at(MONITOR_FD_RUN_DIR, MONITOR_RELAYS, &text, RELAYS_MAX_BYTES) < 0 ||
		text.len == 0)
		return;
	network.relay = relay_new();
	if (!network.relay)
		return;
	char *rest = text.data, *line;
	while ((line = strsep(&rest, "\n")) != NULL)
		add_relay(line);
	watch(relay_fd(network.relay));
}

void network_open(void)
{
	open_resolver();
	open_relay();
}

int network_fd(void)
{
	return network.epoll;
}

void network_run(void)
{
	if (network.resolver)
		resolver_run(network.resolver);
	if (network.relay)
		relay_run(network.relay);
}

void network_close(void)
{
	resolver_free(network.resolver);
	relay_free(network.relay);
	network.resolver = NULL;
	network.relay = NULL;
	cleanup_closep(&network.epoll);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows are listed by their last datagram, the most recent first: that is where the next one's is found,
 * and the end of the list is who is given up. The timer is set for the end's deadline, and set again when
 * it finds that the flow has been used since; so a datagram costs no call for it.
 *
 * As of all datagrams, those are lost for which there is no room, here or in a socket.
 */
#include "network/relay_datagram.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define DATAGRAM_MAX	    65536
#define DATAGRAMS_PER_ROUND 64 /* of one socket, before others have their turn */

enum kind { FRONT, FLOW, TIMER };

/* A published port's socket. */
struct front {
	enum kind kind; /* FRONT */
	int fd;
	struct sockaddr_storage target;
	socklen_t length;
	struct front *next;
};

struct flow {
	enum kind kind; /* FLOW */
	int fd;		/* connected to the target */
	const struct front *front;
	struct sockaddr_in6 client;
	struct in6_addr local; /* what the client sent to, and must be answered from */
	unsigned int link;     /* where that address is one of a link only; 0 = anywhere */
	int64_t used;	       /* ns, monotonic */
	struct flow *newer, *older;
};

struct datagram_relay {
	int epoll;
	struct {
		enum kind kind; /* TIMER */
		int fd;
		bool armed;
	} timer;
	int64_t idle;
	struct front *fronts;
	struct flow *newest, *oldest;
	unsigned int n;
	char data[DATAGRAM_MAX];
};

static int watch(struct datagram_relay *relay, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

struct datagram_relay *datagram_relay_new(int64_t idle_ns)
{
	struct datagram_relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	relay->idle = idle_ns;
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	relay->timer.kind = TIMER;
	relay->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (relay->epoll >= 0 && relay->timer.fd >= 0 &&
		watch(relay, relay->timer.fd, &relay->timer) == 0)
		return relay;
	datagram_relay_free(relay);
	return NULL;
}

/* ---- The list of flows ---- */

static void unlink_flow(struct datagram_relay *relay, struct flow *f)
{
	*(f->newer ? &f->newer->older : &relay->newest) = f->older;
	*(f->older ? &f->older->newer : &relay->oldest) = f->newer;
	relay->n--;
}

static void link_flow(struct datagram_relay *relay, struct flow *f)
{
	f->newer = NULL;
	f->older = relay->newest;
	*(f->older ? &f->older->newer : &relay->oldest) = f;
	relay->newest = f;
	relay->n++;
}

static void touch_flow(struct datagram_relay *relay, struct flow *f)
{
	f->used = clock_monotonic_ns();
	if (relay->newest == f)
		return;
	unlink_flow(relay, f);
	link_flow(relay, f);
}

static void drop_flow(struct datagram_relay *relay, struct flow *f)
{
	unlink_flow(relay, f);
	cleanup_closep(&f->fd);
	free(f);
}

void datagram_relay_free(struct datagram_relay *relay)
{
	if (!relay)
		return;
	while (relay->oldest)
		drop_flow(relay, relay->oldest);
	while (relay->fronts) {
		struct front *front = relay->fronts;
		relay->fronts = front->next;
		free(front);
	}
	cleanup_closep(&relay->timer.fd);
	cleanup_closep(&relay->epoll);
	free(relay);
}

int datagram_relay_fd(const struct datagram_relay *relay)
{
	return relay->epoll;
}

/* ---- Idle flows ---- */

static void arm_timer(struct datagram_relay *relay)
{
	if (relay->timer.armed || !relay->oldest)
		return;
	int64_t when = relay->oldest->used + relay->idle;
	struct itimerspec t = {
		.it_value = {.tv_sec = when / NS_PER_SECOND, .tv_nsec = when % NS_PER_SECOND}};
	relay->timer.armed = timerfd_settime(relay->timer.fd, TFD_TIMER_ABSTIME, &t, NULL) == 0;
}

static void drop_idle(struct datagram_relay *relay)
{
	int64_t now = clock_monotonic_ns();
	uint64_t expirations;

	if (read(relay->timer.fd, &expirations, sizeof(expirations)) < 0)
		return;
	relay->timer.armed = false;
	while (relay->oldest && relay->oldest->used + relay->idle <= now)
		drop_flow(relay, relay->oldest);
}

/* ---- From clients ---- */

int datagram_relay_add(
	struct datagram_relay *relay, int socket, const struct sockaddr *target, socklen_t length)
{
	if (length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	int flags = fcntl(socket, F_GETFL);
	if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	/* An answer must come from the address that was asked. */
	if (setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &(int){1}, sizeof(int)) < 0)
		return -errno;
	struct front *front = calloc(1, sizeof(*front));
	if (!front)
		return -ENOMEM;
	front->kind = FRONT;
	front->fd = socket;
	front->length = length;
	memcpy(&front->target, target, length);
	int r = watch(relay, socket, front);
	if (r < 0) {
		free(front);
		return r;
	}
	front->next = relay->fronts;
	relay->fronts = front;
	return 0;
}

static bool same_flow(const struct flow *f, const struct front *front,
	const struct sockaddr_in6 *client, const struct in6_addr *local)
{
	return f->front == front && f->client.sin6_port == client->sin6_port &&
	       f->client.sin6_scope_id == client->sin6_scope_id &&
	       IN6_ARE_ADDR_EQUAL(&f->client.sin6_addr, &client->sin6_addr) &&
	       IN6_ARE_ADDR_EQUAL(&f->local, local);
}

static struct flow *make_flow(struct datagram_relay *relay, const struct front *front,
	const struct sockaddr_in6 *client, const struct in6_pktinfo *to)
{
	if (relay->n >= RELAY_FLOWS_MAX)
		drop_flow(relay, relay->oldest);
	struct flow *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct flow){.kind = FLOW, .front = front, .client = *client, .local = to->ipi6_addr};
	if (IN6_IS_ADDR_LINKLOCAL(&to->ipi6_addr))
		f->link = to->ipi6_ifindex;
	f->fd = socket(front->target.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	link_flow(relay, f);
	if (f->fd >= 0 &&
		connect(f->fd, (const struct sockaddr *)&front->target, front->length) == 0 &&
		watch(relay, f->fd, f) == 0)
		return f;
	drop_flow(relay, f);
	return NULL;
}

static struct flow *find_flow(struct datagram_relay *relay, const struct front *front,
	const struct sockaddr_in6 *client, const struct in6_pktinfo *to)
{
	for (struct flow *f = relay->newest; f; f = f->older)
		if (same_flow(f, front, client, &to->ipi6_addr))
			return f;
	return make_flow(relay, front, client, to);
}

/* The address that a datagram was sent to; false if it is none that could answer. */
static bool destination_of(struct msghdr *m, struct in6_pktinfo *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(ret, CMSG_DATA(c), sizeof(*ret));
		return !IN6_IS_ADDR_MULTICAST(&ret->ipi6_addr);
	}
	return false;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* False if there was nothing. */
static bool relay_question(struct datagram_relay *relay, const struct front *front)
{
	struct sockaddr_in6 client;
	union control control;
	struct in6_pktinfo to;
	struct iovec data = {relay->data, sizeof(relay->data)};
	struct msghdr m = {.msg_name = &client,
		.msg_namelen = sizeof(client),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(front->fd, &m, 0);

	if (n < 0)
		return false;
	if (client.sin6_family != AF_INET6 || !destination_of(&m, &to))
		return true;
	struct flow *f = find_flow(relay, front, &client, &to);
	if (!f)
		return true;
	touch_flow(relay, f);
	/* The first call may tell how the last one went: that nobody was there. */
	if (send(f->fd, relay->data, (size_t)n, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
		send(f->fd, relay->data, (size_t)n, MSG_NOSIGNAL);
	return true;
}

/* ---- From the container ---- */

static void send_to_client(struct datagram_relay *relay, struct flow *f, size_t n)
{
	const struct in6_pktinfo from = {.ipi6_addr = f->local, .ipi6_ifindex = f->link};
	union control control = {0};
	struct iovec data = {relay->data, n};
	struct msghdr m = {.msg_name = &f->client,
		.msg_namelen = sizeof(f->client),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	sendmsg(f->front->fd, &m, MSG_NOSIGNAL);
}

/* False if there was nothing. An error is one of what was sent before: that nobody was there. */
static bool relay_answer(struct datagram_relay *relay, struct flow *f)
{
	ssize_t n = recv(f->fd, relay->data, sizeof(relay->data), 0);

	if (n < 0)
		return false;
	touch_flow(relay, f);
	send_to_client(relay, f, (size_t)n);
	return true;
}

/* ---- Running ---- */

/* One event at a time: what is done about one may free the flow that the next would be about. */
void datagram_relay_run(struct datagram_relay *relay)
{
	struct epoll_event event;

	for (int round = 0; round < DATAGRAMS_PER_ROUND; round++) {
		if (epoll_wait(relay->epoll, &event, 1, 0) != 1)
			break;
		bool more = true;
		switch (*(enum kind *)event.data.ptr) {
		case FRONT:
			for (int i = 0; more && i < DATAGRAMS_PER_ROUND; i++)
				more = relay_question(relay, event.data.ptr);
			break;
		case FLOW:
			for (int i = 0; more && i < DATAGRAMS_PER_ROUND; i++)
				more = relay_answer(relay, event.data.ptr);
			break;
		case TIMER:
			drop_idle(relay);
			break;
		}
	}
	arm_timer(relay);
}

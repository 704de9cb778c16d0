/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each connection has two sockets and, for each direction, one buffer that is read into when it is
 * empty and written from until it is. A side that has ended is passed on by shutdown(2); a
 * connection goes when both directions have ended, or at the first error. An epoll event carries the
 * address of its side; removed connections are freed after the round, since a later event of it may
 * still name them.
 */
#include "network/relay.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "network/relay_datagram.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#define BUFFER_SIZE 16384
#define EVENTS	    32

/* As long as the kernel remembers datagrams that were answered (nf_conntrack_udp_timeout_stream). */
#define DATAGRAM_IDLE (120 * NS_PER_SECOND)

enum kind { LISTENER, SIDE, DATAGRAMS };

struct connection;

struct side {
	enum kind kind; /* SIDE */
	struct connection *connection;
	struct side *other;
	int fd;
	uint32_t events;   /* what epoll waits for now */
	bool ended;	   /* nothing more comes from it */
	bool closed;	   /* the other's end has been passed on to it */
	size_t begin, end; /* what was read from it and not written to the other yet */
	char data[BUFFER_SIZE];
};

struct connection {
	struct side client, target;
	bool connecting, dead;
	struct connection *next;
};

struct listener {
	enum kind kind; /* LISTENER */
	int fd;
	struct sockaddr_storage target;
	socklen_t length;
	struct listener *next;
};

struct relay {
	int epoll;
	struct listener *listeners;
	struct connection *connections;
	unsigned int n;
	bool paused; /* listeners are not watched: too many connections */
	struct {
		enum kind kind;		      /* DATAGRAMS */
		struct datagram_relay *relay; /* NULL = there is no socket for it */
	} datagrams;
};

struct relay *relay_new(void)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (relay->epoll >= 0)
		return relay;
	free(relay);
	return NULL;
}

static void connection_free(struct connection *c)
{
	cleanup_closep(&c->client.fd);
	cleanup_closep(&c->target.fd);
	free(c);
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	while (relay->connections) {
		struct connection *c = relay->connections;
		relay->connections = c->next;
		connection_free(c);
	}
	while (relay->listeners) {
		struct listener *l = relay->listeners;
		relay->listeners = l->next;
		free(l);
	}
	datagram_relay_free(relay->datagrams.relay);
	cleanup_closep(&relay->epoll);
	free(relay);
}

int relay_fd(const struct relay *relay)
{
	return relay->epoll;
}

static int watch(struct relay *relay, int operation, int fd, uint32_t events, void *what)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	return epoll_ctl(relay->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

static int add_listener(
	struct relay *relay, int listener, const struct sockaddr *target, socklen_t length)
{
	if (length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	int flags = fcntl(listener, F_GETFL);
	if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->kind = LISTENER;
	l->fd = listener;
	l->length = length;
	memcpy(&l->target, target, length);
	int r = watch(relay, EPOLL_CTL_ADD, listener, relay->paused ? 0 : EPOLLIN, l);
	if (r < 0) {
		free(l);
		return r;
	}
	l->next = relay->listeners;
	relay->listeners = l;
	return 0;
}

static int add_datagrams(
	struct relay *relay, int socket, const struct sockaddr *target, socklen_t length)
{
	if (!relay->datagrams.relay) {
		struct datagram_relay *datagrams = datagram_relay_new(DATAGRAM_IDLE);
		int r = datagrams ? watch(relay, EPOLL_CTL_ADD, datagram_relay_fd(datagrams),
					    EPOLLIN, &relay->datagrams)
				  : -ENOMEM;

		if (r < 0) {
			datagram_relay_free(datagrams);
			return r;
		}
		relay->datagrams.kind = DATAGRAMS;
		relay->datagrams.relay = datagrams;
	}
	return datagram_relay_add(relay->datagrams.relay, socket, target, length);
}

int relay_add(struct relay *relay, int socket, const struct sockaddr *target, socklen_t length)
{
	int type;
	socklen_t n = sizeof(type);

	if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return -errno;
	return type == SOCK_DGRAM ? add_datagrams(relay, socket, target, length)
				  : add_listener(relay, socket, target, length);
}

static void pause_listeners(struct relay *relay, bool pause)
{
	if (relay->paused == pause)
		return;
	relay->paused = pause;
	for (struct listener *l = relay->listeners; l; l = l->next)
		watch(relay, EPOLL_CTL_MOD, l->fd, pause ? 0 : EPOLLIN, l);
}

/* ---- Connections ---- */

static bool has_data(const struct side *s)
{
	return s->begin < s->end;
}

/* Reads wait for an empty buffer, writes for a full one. */
static int update_events(struct relay *relay, struct side *s)
{
	uint32_t events = 0;

	if (s->connection->connecting) {
		events = s == &s->connection->target ? EPOLLOUT : 0;
	} else {
		if (!s->ended && !has_data(s))
			events |= EPOLLIN;
		if (has_data(s->other))
			events |= EPOLLOUT;
	}
	if (events == s->events)
		return 0;
	s->events = events;
	return watch(relay, EPOLL_CTL_MOD, s->fd, events, s);
}

static int read_side(struct side *s)
{
	ssize_t n = recv(s->fd, s->data, sizeof(s->data), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	s->begin = 0;
	s->end = (size_t)n;
	s->ended = n == 0;
	return 0;
}

/* Passes on what was read from s, and its end. */
static int write_other(struct side *s)
{
	while (has_data(s)) {
		ssize_t n = send(s->other->fd, s->data + s->begin, s->end - s->begin, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		s->begin += (size_t)n;
	}
	if (s->ended && !s->other->closed) {
		s->other->closed = true;
		shutdown(s->other->fd, SHUT_WR);
	}
	return 0;
}

static int finish_connecting(struct connection *c)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(c->target.fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	c->connecting = false;
	return -error;
}

static void run_side(struct relay *relay, struct side *s, uint32_t events)
{
	struct connection *c = s->connection;
	int r = 0;

	if (c->dead)
		return;
	if (c->connecting) {
		/* A client that is gone already needs no connection. */
		r = s == &c->client ? -EPIPE : finish_connecting(c);
	} else if ((events & EPOLLERR) || (events == EPOLLHUP && s->ended)) {
		r = -EPIPE;
	} else {
		if ((events & (EPOLLIN | EPOLLHUP)) && !s->ended && !has_data(s))
			r = read_side(s);
		if (r == 0)
			r = write_other(s);
		if (r == 0 && (events & EPOLLOUT))
			r = write_other(s->other);
	}
	if (r == 0 && c->client.closed && c->target.closed)
		r = -EPIPE;
	if (r == 0)
		r = update_events(relay, &c->client);
	if (r == 0)
		r = update_events(relay, &c->target);
	c->dead = r < 0;
}

static int start_connection(struct relay *relay, const struct listener *l, struct connection *c)
{
	c->client.fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c->client.fd < 0)
		return -errno;
	c->target.fd = socket(l->target.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->target.fd < 0)
		return -errno;
	if (connect(c->target.fd, (const struct sockaddr *)&l->target, l->length) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	c->connecting = true;
	c->target.events = EPOLLOUT;
	int r = watch(relay, EPOLL_CTL_ADD, c->client.fd, 0, &c->client);
	return r < 0 ? r : watch(relay, EPOLL_CTL_ADD, c->target.fd, EPOLLOUT, &c->target);
}

static void accept_one(struct relay *relay, const struct listener *l)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->client.kind = c->target.kind = SIDE;
	c->client.connection = c->target.connection = c;
	c->client.other = &c->target;
	c->target.other = &c->client;
	c->client.fd = c->target.fd = -1;
	if (start_connection(relay, l, c) < 0) {
		connection_free(c);
		return;
	}
	c->next = relay->connections;
	relay->connections = c;
	relay->n++;
	if (relay->n == RELAY_CONNECTIONS_MAX)
		pause_listeners(relay, true);
}

static void sweep(struct relay *relay)
{
	for (struct connection **at = &relay->connections; *at;) {
		struct connection *c = *at;
		if (!c->dead) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		connection_free(c);
		relay->n--;
	}
	if (relay->n < RELAY_CONNECTIONS_MAX)
		pause_listeners(relay, false);
}

void relay_run(struct relay *relay)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(relay->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;
		switch (*(enum kind *)what) {
		case LISTENER:
			if (relay->n < RELAY_CONNECTIONS_MAX)
				accept_one(relay, what);
			break;
		case SIDE:
			run_side(relay, what, events[i].events);
			break;
		case DATAGRAMS:
			datagram_relay_run(relay->datagrams.relay);
			break;
		}
	}
	sweep(relay);
}

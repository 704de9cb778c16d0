/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's TCP connections. A question is two bytes of length and so many bytes; a connection has
 * one question under way at a time, and no more is read until it is answered, so that a client
 * cannot make us keep what it does not fetch.
 */
#include "resolver/internal.h"

#include <sys/epoll.h>

void client_drop(struct resolver *r, struct client *c)
{
	if (c->forward) {
		struct forward *f = c->forward;

		forward_drop(r, f);
	}
	for (struct client **p = &r->clients; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			r->n_clients--;
			break;
		}
	}
	close(c->source.fd);
	free(c->output);
	free(c);
}

/* When there is no room, whoever has been silent longest makes it. */
static void make_room(struct resolver *r)
{
	struct client *oldest = r->clients;

	if (r->n_clients < RESOLVER_CLIENTS_MAX)
		return;
	for (struct client *c = r->clients; c; c = c->next)
		if (c->deadline < oldest->deadline)
			oldest = c;
	client_drop(r, oldest);
}

void client_accept(struct resolver *r)
{
	int fd = accept4(r->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	make_room(r);
	struct client *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->source = (struct source){SOURCE_CLIENT, fd};
	c->deadline = clock_monotonic_ns() + CLIENT_TIMEOUT;
	c->next = r->clients;
	r->clients = c;
	r->n_clients++;
	if (source_watch(r, &c->source, EPOLL_CTL_ADD, EPOLLIN) < 0)
		client_drop(r, c);
}

/* What the connection waits for next. False if it is of no use any more. */
static bool watch(struct resolver *r, struct client *c)
{
	uint32_t events = c->output ? EPOLLOUT : c->forward ? 0 : EPOLLIN;

	if (c->ended && !c->output && !c->forward)
		return false;
	return source_watch(r, &c->source, EPOLL_CTL_MOD, events) == 0;
}

/* 1 = nothing is left to write, 0 = later, or -errno. */
static int flush(struct client *c)
{
	while (c->output_done < c->output_length) {
		ssize_t k = send(c->source.fd, c->output + c->output_done,
			c->output_length - c->output_done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		c->output_done += (size_t)k;
	}
	free(c->output);
	c->output = NULL;
	return 1;
}

static int put_reply(struct client *c, const uint8_t *reply, size_t n)
{
	c->output = malloc(2 + n);
	if (!c->output)
		return -ENOMEM;
	c->output[0] = (uint8_t)(n >> 8);
	c->output[1] = (uint8_t)n;
	memcpy(c->output + 2, reply, n);
	c->output_length = 2 + n;
	c->output_done = 0;
	c->deadline = clock_monotonic_ns() + CLIENT_TIMEOUT;
	return flush(c);
}

/*
 * The first question of the input, if it is whole. 1 = answered or under way, 0 = it is not whole,
 * or -errno: the connection is of no use.
 */
static int take_question(struct resolver *r, struct client *c)
{
	struct dns_question question;
	size_t n = (size_t)c->input[0] << 8 | c->input[1];
	int length;

	if (c->received < 2)
		return 0;
	if (n < DNS_HEADER_SIZE || n > QUERY_MAX)
		return -EBADMSG;
	if (c->received < 2 + n)
		return 0;
	length = answer(r, c->input + 2, n, DNS_MESSAGE_MAX, &question);
	if (length == 0)
		return -EBADMSG;
	if (length == -EAGAIN) {
		if (forward_begin(r, c->input + 2, n, &question, NULL, c))
			length = 0;
		else
			length = (int)answer_failure(r, c->input + 2, n, DNS_RCODE_FAILURE);
	}
	c->received -= 2 + n;
	memmove(c->input, c->input + 2 + n, c->received);
	return length > 0 && put_reply(c, r->scratch, (size_t)length) < 0 ? -EPIPE : 1;
}

/* Goes through what has come until something has to be waited for. */
static void proceed(struct resolver *r, struct client *c)
{
	int taken = 1;

	while (taken > 0 && !c->output && !c->forward)
		taken = take_question(r, c);
	if (taken < 0 || !watch(r, c))
		client_drop(r, c);
}

void client_reply(struct resolver *r, struct client *c, const uint8_t *reply, size_t n)
{
	if (n == 0 || put_reply(c, reply, n) < 0)
		client_drop(r, c);
	else
		proceed(r, c);
}

void client_run(struct resolver *r, struct client *c, uint32_t events)
{
	if (c->output) {
		int done = flush(c);

		if (done < 0)
			client_drop(r, c);
		else if (done > 0)
			proceed(r, c);
		return;
	}
	/* Gone while its question is under way: nothing is waited for but an error or the end. */
	if (c->forward) {
		if (events & (EPOLLERR | EPOLLHUP))
			client_drop(r, c);
		return;
	}
	ssize_t k = recv(
		c->source.fd, c->input + c->received, sizeof(c->input) - c->received, MSG_DONTWAIT);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k < 0 || (k == 0 && c->received == 0)) {
		client_drop(r, c);
		return;
	}
	c->ended |= k == 0;
	c->received += (size_t)k;
	proceed(r, c);
}

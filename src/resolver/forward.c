/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the servers of the host: each on a socket of its own, so that the kernel chooses an
 * unforeseeable port and keeps everybody else's packets away. A server that is silent, refuses or
 * fails gives way to the next one; the last one's word counts. A question that came over TCP is
 * asked over TCP.
 */
#include "resolver/internal.h"

#include <sys/epoll.h>
#include <sys/random.h>

static size_t query_offset(const struct forward *f)
{
	return f->client ? 2 : 0;
}

static uint8_t *query(struct forward *f)
{
	return f->query + query_offset(f);
}

static void unlink_forward(struct resolver *r, struct forward *f)
{
	for (struct forward **p = &r->forwards; *p; p = &(*p)->next) {
		if (*p == f) {
			*p = f->next;
			r->n_forwards--;
			return;
		}
	}
}

void forward_drop(struct resolver *r, struct forward *f)
{
	unlink_forward(r, f);
	if (f->client)
		f->client->forward = NULL;
	if (f->source.fd >= 0)
		close(f->source.fd);
	free(f->reply);
	free(f);
}

/* Asks the server that is due, under a new id. 0 or -errno. */
static int ask(struct resolver *r, struct forward *f)
{
	const struct server *server = &r->config.servers[f->server];
	int type = f->client ? SOCK_STREAM : SOCK_DGRAM;

	if (getrandom(query(f), 2, GRND_NONBLOCK) != 2)
		return -EAGAIN;
	f->source.fd = socket(server->address.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->source.fd < 0)
		return -errno;
	if (connect(f->source.fd, &server->address, server->length) < 0 && errno != EINPROGRESS)
		return -errno;
	if (!f->client && send(f->source.fd, query(f), f->length, MSG_NOSIGNAL) < 0)
		return -errno;
	f->deadline = clock_monotonic_ns() + FORWARD_TIMEOUT;
	return source_watch(r, &f->source, EPOLL_CTL_ADD, f->client ? EPOLLOUT : EPOLLIN);
}

/* Asks the first server, from the given one on, that can be asked. */
static bool ask_from(struct resolver *r, struct forward *f, size_t server)
{
	for (f->server = server; f->server < r->config.n_servers; f->server++) {
		if (f->source.fd >= 0)
			close(f->source.fd);
		f->source.fd = -1;
		free(f->reply);
		f->reply = NULL;
		f->written = f->received = f->reply_length = 0;
		if (ask(r, f) == 0)
			return true;
	}
	return false;
}

bool forward_begin(struct resolver *r, const uint8_t *data, size_t n,
	const struct dns_question *question, const struct sockaddr_in *from, struct client *client)
{
	if (r->n_forwards >= RESOLVER_FORWARDS_MAX || n > QUERY_MAX)
		return false;
	struct forward *f = calloc(1, sizeof(*f) + 2 + n);
	if (!f)
		return false;
	f->source = (struct source){SOURCE_FORWARD, -1};
	f->client = client;
	f->id = question->id;
	f->end = question->end;
	f->length = n;
	f->query[0] = (uint8_t)(n >> 8);
	f->query[1] = (uint8_t)n;
	memcpy(query(f), data, n);
	if (from)
		f->from = *from;
	f->limit = client ? DNS_MESSAGE_MAX : question->udp_size;
	f->next = r->forwards;
	r->forwards = f;
	r->n_forwards++;
	if (client)
		client->forward = f;
	if (ask_from(r, f, 0))
		return true;
	forward_drop(r, f);
	return false;
}

/* Hands a reply to the asker, under the asker's id. The forward is gone then. */
static void deliver(struct resolver *r, struct forward *f, uint8_t *reply, size_t n)
{
	struct client *client = f->client;

	reply[0] = (uint8_t)(f->id >> 8);
	reply[1] = (uint8_t)f->id;
	if (client) {
		_cleanup_free_ uint8_t *own = f->reply;

		f->reply = NULL;
		forward_drop(r, f);
		client_reply(r, client, reply, n);
		return;
	}
	sendto(r->udp.fd, reply, n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&f->from,
		sizeof(f->from));
	forward_drop(r, f);
}

static void fail(struct resolver *r, struct forward *f)
{
	size_t n = answer_failure(r, query(f), f->length, DNS_RCODE_FAILURE);

	deliver(r, f, r->scratch, n);
}

static void next_server(struct resolver *r, struct forward *f)
{
	if (!ask_from(r, f, f->server + 1))
		fail(r, f);
}

void forward_timeout(struct resolver *r, struct forward *f)
{
	next_server(r, f);
}

/* More than the asker can take: it is told to come back over TCP. */
static size_t truncate_reply(struct resolver *r, struct forward *f, unsigned int rcode)
{
	struct dns_question question;
	struct dns_reply reply;

	dns_question_parse(query(f), f->length, &question);
	dns_reply_begin(&reply, r->scratch, f->limit, query(f), &question, (enum dns_rcode)rcode);
	reply.truncated = true;
	return dns_reply_end(&reply);
}

static void take_reply(struct resolver *r, struct forward *f, uint8_t *reply, size_t n)
{
	unsigned int rcode = dns_rcode(reply);

	if ((rcode == DNS_RCODE_FAILURE || rcode == DNS_RCODE_REFUSED) &&
		f->server + 1 < r->config.n_servers) {
		next_server(r, f);
		return;
	}
	if (n > f->limit) {
		n = truncate_reply(r, f, rcode);
		reply = r->scratch;
	}
	deliver(r, f, reply, n);
}

static void read_datagram(struct resolver *r, struct forward *f)
{
	ssize_t n = recv(f->source.fd, r->scratch, sizeof(r->scratch), MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			next_server(r, f); /* there is nobody: an ICMP message said so */
		return;
	}
	if (dns_reply_matches(query(f), f->end, r->scratch, (size_t)n))
		take_reply(r, f, r->scratch, (size_t)n);
}

/* 1 = done, 0 = later, or -errno. */
static int write_query(struct forward *f)
{
	size_t n = 2 + f->length;
	ssize_t k = send(
		f->source.fd, f->query + f->written, n - f->written, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (k < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	f->written += (size_t)k;
	return f->written == n;
}

/* Reads the length, then as much as it says. 1 = the reply is whole, 0 = later, or -errno. */
static int read_stream(struct forward *f)
{
	uint8_t prefix[2];

	if (!f->reply) {
		ssize_t k = recv(f->source.fd, prefix, sizeof(prefix), MSG_DONTWAIT | MSG_PEEK);
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (k < 2)
			return k == 0 ? -ECONNRESET : 0;
		f->reply_length = (size_t)prefix[0] << 8 | prefix[1];
		if (f->reply_length < DNS_HEADER_SIZE)
			return -EBADMSG;
		f->reply = malloc(2 + f->reply_length);
		if (!f->reply)
			return -ENOMEM;
	}
	ssize_t k = recv(f->source.fd, f->reply + f->received, 2 + f->reply_length - f->received,
		MSG_DONTWAIT);
	if (k < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (k == 0)
		return -ECONNRESET;
	f->received += (size_t)k;
	return f->received == 2 + f->reply_length;
}

void forward_run(struct resolver *r, struct forward *f, uint32_t events)
{
	int done;

	if (!f->client) {
		read_datagram(r, f);
		return;
	}
	if (f->written < 2 + f->length) {
		done = write_query(f);
		if (done < 0 ||
			(done > 0 && source_watch(r, &f->source, EPOLL_CTL_MOD, EPOLLIN) < 0))
			next_server(r, f);
		return;
	}
	done = read_stream(f);
	if (done == 0)
		return;
	if (done < 0 || !dns_reply_matches(query(f), f->end, f->reply + 2, f->reply_length))
		next_server(r, f);
	else
		take_reply(r, f, f->reply + 2, f->reply_length);
}

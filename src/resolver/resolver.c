/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/internal.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define ROUNDS 64 /* events handled before others of the process have their turn */

int source_watch(struct resolver *r, struct source *source, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(r->epoll, operation, source->fd, &event) < 0 ? -errno : 0;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_resolver(struct resolver *r, const char *path)
{
	struct source *sources[] = {&r->udp, &r->listener, &r->timer};

	r->config.path = strdup(path);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->timer = (struct source){
		SOURCE_TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
	if (!r->config.path)
		return -ENOMEM;
	if (r->epoll < 0 || r->timer.fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		int result = set_nonblocking(sources[i]->fd);

		if (result == 0)
			result = source_watch(r, sources[i], EPOLL_CTL_ADD, EPOLLIN);
		if (result < 0)
			return result;
	}
	return 0;
}

int resolver_new(int udp, int tcp, const char *path, struct resolver **ret)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int result;

	if (!r) {
		close(udp);
		close(tcp);
		return -ENOMEM;
	}
	r->epoll = -1;
	r->udp = (struct source){SOURCE_UDP, udp};
	r->listener = (struct source){SOURCE_LISTENER, tcp};
	r->timer.fd = -1;
	result = open_resolver(r, path);
	if (result < 0)
		resolver_free(r);
	else
		*ret = r;
	return result;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	while (r->clients)
		client_drop(r, r->clients);
	while (r->forwards)
		forward_drop(r, r->forwards);
	config_done(&r->config);
	close_fd(r->udp.fd);
	close_fd(r->listener.fd);
	close_fd(r->timer.fd);
	close_fd(r->epoll);
	free(r);
}

int resolver_fd(const struct resolver *r)
{
	return r->epoll;
}

/* ---- datagrams ---- */

static void read_questions(struct resolver *r)
{
	uint8_t query[QUERY_MAX];

	for (int i = 0; i < DATAGRAMS_PER_ROUND; i++) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		struct dns_question question;
		ssize_t n = recvfrom(r->udp.fd, query, sizeof(query), MSG_DONTWAIT,
			(struct sockaddr *)&from, &size);

		if (n < 0)
			return;
		int length = answer(r, query, (size_t)n, 0, &question);
		if (length == -EAGAIN) {
			if (forward_begin(r, query, (size_t)n, &question, &from, NULL))
				continue;
			length = (int)answer_failure(r, query, (size_t)n, DNS_RCODE_FAILURE);
		}
		if (length > 0)
			sendto(r->udp.fd, r->scratch, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
				(struct sockaddr *)&from, size);
	}
}

/* ---- deadlines ---- */

static void run_deadlines(struct resolver *r)
{
	int64_t now = clock_monotonic_ns();
	uint64_t expirations;

	while (read(r->timer.fd, &expirations, sizeof(expirations)) > 0)
		;
	r->armed = 0;
	/* What is done about one may end others: begin again after each. */
	for (struct forward *f = r->forwards; f;) {
		if (f->deadline > now) {
			f = f->next;
			continue;
		}
		forward_timeout(r, f);
		f = r->forwards;
	}
	for (struct client *c = r->clients; c;) {
		/* While its question is under way the question's deadline counts. */
		if (c->deadline > now || c->forward) {
			c = c->next;
			continue;
		}
		client_drop(r, c);
		c = r->clients;
	}
}

static void arm_timer(struct resolver *r)
{
	int64_t next = 0;

	for (const struct forward *f = r->forwards; f; f = f->next)
		if (next == 0 || f->deadline < next)
			next = f->deadline;
	for (const struct client *c = r->clients; c; c = c->next)
		if (!c->forward && (next == 0 || c->deadline < next))
			next = c->deadline;
	if (next == r->armed)
		return;
	struct itimerspec when = {
		.it_value = {.tv_sec = next / NS_PER_SECOND, .tv_nsec = next % NS_PER_SECOND}};
	timerfd_settime(r->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
	r->armed = next;
}

/* One event at a time: what is done about one may free what the next would be about. */
void resolver_run(struct resolver *r)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct epoll_event event;

		if (epoll_wait(r->epoll, &event, 1, 0) != 1)
			break;
		struct source *source = event.data.ptr;
		switch (source->kind) {
		case SOURCE_UDP:
			read_questions(r);
			break;
		case SOURCE_LISTENER:
			client_accept(r);
			break;
		case SOURCE_TIMER:
			run_deadlines(r);
			break;
		case SOURCE_CLIENT:
			client_run(r, (struct client *)source, event.events);
			break;
		case SOURCE_FORWARD:
			forward_run(r, (struct forward *)source, event.events);
			break;
		}
	}
	arm_timer(r);
}

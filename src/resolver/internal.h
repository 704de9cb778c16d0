/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "resolver/resolver.h"
#include "resolver/zone.h"

#include <netinet/in.h>

#define ALIASES_MAX	    16
#define ZONES_MAX	    32
#define SERVERS_MAX	    3
#define CONFIG_MAX	    65536
#define QUERY_MAX	    4096		/* bytes of a question; they are far shorter */
#define FORWARD_TIMEOUT	    (2 * NS_PER_SECOND) /* of each server */
#define CLIENT_TIMEOUT	    (10 * NS_PER_SECOND)
#define DATAGRAMS_PER_ROUND 64

/* ---- configuration (config.c) ---- */

struct server {
	union {
		struct sockaddr address;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t length;
};

struct alias {
	char name[DNS_NAME_MAX + 1], target[DNS_NAME_MAX + 1];
};

struct config {
	char *path;
	struct file_version version;
	char *zone_paths[ZONES_MAX];
	struct zone zones[ZONES_MAX];
	size_t n_zones;
	struct alias aliases[ALIASES_MAX];
	size_t n_aliases;
	char *follow; /* NULL = servers are fixed */
	struct file_version follow_version;
	struct server servers[SERVERS_MAX];
	size_t n_servers;
	bool refuse;
};

/* Reads again what has changed since: the file, zones, the resolv.conf that is followed. */
void config_follow(struct config *config);
void config_done(struct config *config);

/* What a name stands for: itself, if it is no alias. name is in lower case. */
const char *config_target(const struct config *config, const char *name);

/* "10.0.0.1", "fe80::1%eth0", "127.0.0.1#5353". False if it is no address. */
bool server_parse(const char *text, struct server *ret);

/* ---- whom epoll tells of ---- */

enum source_kind { SOURCE_UDP, SOURCE_LISTENER, SOURCE_TIMER, SOURCE_CLIENT, SOURCE_FORWARD };

struct source {
	enum source_kind kind;
	int fd;
};

/* A question that a server of the host has been asked. */
struct forward {
	struct source source;
	struct forward *next;
	int64_t deadline;
	size_t server;
	/* who asked: a connection, or an address at the UDP socket */
	struct client *client;
	struct sockaddr_in from;
	uint16_t id;  /* the asker's; the query has another one */
	size_t limit; /* bytes that a reply may have */
	size_t end;   /* of the question section */
	/* over TCP: how much of the query is written; then how much of the reply is read, where
	 * reply_length is 0 until its two bytes have come */
	size_t written, received, reply_length;
	uint8_t *reply;
	size_t length;	 /* of query */
	uint8_t query[]; /* over TCP it follows the two bytes of its length */
};

/* A connection of the container's. Questions on it are answered one after the other. */
struct client {
	struct source source;
	struct client *next;
	int64_t deadline;
	struct forward *forward; /* the question under way, NULL = none */
	size_t received;
	uint8_t input[2 + QUERY_MAX];
	uint8_t *output;
	size_t output_length, output_done;
	bool ended; /* it sends no more */
};

struct resolver {
	int epoll;
	struct source udp, listener, timer;
	struct config config;
	struct forward *forwards;
	size_t n_forwards;
	struct client *clients;
	size_t n_clients;
	unsigned int turn; /* rotates the addresses of a name */
	int64_t armed;	   /* the timer's time, 0 = none */
	/* replies are made here */
	uint8_t scratch[DNS_MESSAGE_MAX + 2];
};

/* epoll_ctl(2) for a source, as EPOLL_CTL_ADD or EPOLL_CTL_MOD. 0 or -errno. */
int source_watch(struct resolver *r, struct source *source, int operation, uint32_t events);

/* ---- answering (answer.c) ---- */

/*
 * Makes the reply to a query of n bytes in resolver.scratch, at most limit bytes (0 = as the
 * question says). Its length, 0 for no reply at all, or -EAGAIN if others must be asked.
 */
int answer(struct resolver *r, const uint8_t *query, size_t n, size_t limit,
	struct dns_question *question);

/* A reply that only says how it went. Its length. */
size_t answer_failure(struct resolver *r, const uint8_t *query, size_t n, enum dns_rcode rcode);

/* ---- asking onward (forward.c) ---- */

/* False if there is no room, or no server can be reached: the asker is to be told so. */
bool forward_begin(struct resolver *r, const uint8_t *query, size_t n,
	const struct dns_question *question, const struct sockaddr_in *from, struct client *client);
void forward_run(struct resolver *r, struct forward *f, uint32_t events);
void forward_timeout(struct resolver *r, struct forward *f);
/* Ends it without a word. */
void forward_drop(struct resolver *r, struct forward *f);

/* ---- connections (client.c) ---- */

void client_accept(struct resolver *r);
void client_run(struct resolver *r, struct client *c, uint32_t events);
/* Answers the question under way. */
void client_reply(struct resolver *r, struct client *c, const uint8_t *reply, size_t n);
void client_drop(struct resolver *r, struct client *c);

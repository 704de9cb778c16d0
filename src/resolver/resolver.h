/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver of one container: answers what its programs ask at 127.0.0.11, names of its networks
 * from zones (zone.h), everything else from the servers of the host. It runs inside the container's
 * monitor: sockets in the container's network namespace, asking onward from the host's. So there is
 * no further process, and a container that floods its resolver floods nobody else's.
 *
 * One epoll instance, no threads. Memory is bounded: RESOLVER_FORWARDS_MAX questions under way,
 * RESOLVER_CLIENTS_MAX connections, each with a deadline.
 *
 * What it is to do stands in a file, read again when it changes:
 *
 *     zone PATH        names of a network; in the order in which they are asked
 *     alias NAME TARGET  NAME is another name of TARGET, for this container alone
 *     server ADDRESS   ask this server (--dns), at port 53 or ADDRESS#PORT ...
 *     follow PATH      ... or those of this resolv.conf, as it is at the time
 *     refuse           ask nobody (the container has only internal networks)
 */
#pragma once

#include <stdbool.h>

#define RESOLVER_ADDRESS      "127.0.0.11"
#define RESOLVER_FORWARDS_MAX 128
#define RESOLVER_CLIENTS_MAX  32

struct resolver;

/*
 * udp and tcp are bound sockets (tcp listens); they are made nonblocking, and belong to the resolver from
 * then on. 0 or -errno. The file need not exist yet.
 */
int resolver_new(int udp, int tcp, const char *path, struct resolver **ret);
void resolver_free(struct resolver *resolver);

/* Becomes readable when resolver_run() has something to do, deadlines included. */
int resolver_fd(const struct resolver *resolver);

/* Does what can be done without waiting. */
void resolver_run(struct resolver *resolver);

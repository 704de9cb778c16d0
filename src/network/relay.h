/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relaying of TCP connections and UDP datagrams that the kernel cannot route to a container: those to
 * [::1], and IPv6 ones to a container without an IPv6 address. Runs inside the monitor: epoll, no
 * threads, memory only while connections exist, at most RELAY_CONNECTIONS_MAX at a time (datagrams:
 * relay_datagram.h). Needs nothing but src/base.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#define RELAY_CONNECTIONS_MAX 256

struct relay;

/* NULL if memory or fds are out. */
struct relay *relay_new(void);
void relay_free(struct relay *relay);

/*
 * From now on connections that arrive at a listening socket, or datagrams at a bound IPv6 one, are
 * relayed. The socket is not owned, and made O_NONBLOCK. 0 or -errno.
 */
int relay_add(struct relay *relay, int socket, const struct sockaddr *target, socklen_t length);

/* Becomes readable when relay_run() has something to do. */
int relay_fd(const struct relay *relay);

/* Does what can be done without waiting. */
void relay_run(struct relay *relay);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relaying of TCP connections that the kernel cannot route to a container: those to [::1], and IPv6
 * ones to a container without an IPv6 address. Runs inside the monitor: one epoll instance, no
 * threads, memory only while connections exist, at most RELAY_CONNECTIONS_MAX at a time.
 * Needs nothing but src/base.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#define RELAY_CONNECTIONS_MAX 256

struct relay;

/* NULL if memory or fds are out. */
struct relay *relay_new(void);
void relay_free(struct relay *relay);

/* From now on connections that arrive at listener (not owned, made O_NONBLOCK) are relayed. 0 or -errno. */
int relay_add(struct relay *relay, int listener, const struct sockaddr *target, socklen_t length);

/* Becomes readable when relay_run() has something to do. */
int relay_fd(const struct relay *relay);

/* Does what can be done without waiting. */
void relay_run(struct relay *relay);

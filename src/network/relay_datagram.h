/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of relay.h that carries datagrams. Who sends from one address to one socket is a flow, with
 * a socket of its own towards the container, until neither side has sent anything for the idle
 * time. At most RELAY_FLOWS_MAX at a time: a new one takes the place of whoever was silent longest.
 * One epoll instance, no threads. Needs nothing but src/base.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#define RELAY_FLOWS_MAX 256

struct datagram_relay;

/* NULL if memory or fds are out. */
struct datagram_relay *datagram_relay_new(int64_t idle_ns);
void datagram_relay_free(struct datagram_relay *relay);

/*
 * From now on datagrams that arrive at the bound IPv6 socket (not owned, made O_NONBLOCK) are relayed.
 * 0 or -errno.
 */
int datagram_relay_add(
	struct datagram_relay *relay, int socket, const struct sockaddr *target, socklen_t length);

/* Becomes readable when datagram_relay_run() has something to do, idle flows included. */
int datagram_relay_fd(const struct datagram_relay *relay);

/* Does what can be done without waiting. */
void datagram_relay_run(struct datagram_relay *relay);

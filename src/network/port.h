/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: the values of -p, and holding them. A port that is published is *held*: a socket
 * bound to it (and listening, for TCP) is made before the container starts and kept by its monitor, so
 * that nobody else can take the port, and a taken one is an error. The sockets carry a filter
 * that drops everything: the traffic goes by nftables; except what the kernel cannot route to a
 * container, which relay.h carries.
 */
#pragma once

#include "network/address.h"
#include "base/arena.h"
#include "base/error.h"

#include <netinet/in.h>

#define NETWORK_PORTS_MAX 65536 /* of one container, ranges counted port by port */

/* One -p: ranges of equal length, or a host range for one container port. */
struct network_port {
	uint8_t protocol;		/* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct network_address host_ip; /* none = every address of both families */
	uint16_t host_first, host_last; /* 0 = a free one for each container port */
	uint16_t container_first, container_last;
};

/* "tcp", "udp", "sctp" */
const char *network_protocol_name(uint8_t protocol);

/*
 * "[IP:][HOST[-LAST]:]CONTAINER[-LAST][/PROTOCOL]", Docker's -p; and of --expose, which is the
 * part after the last colon. Messages are Docker's.
 */
int network_port_parse(const char *text, struct network_port *ret, struct hull_error *err);

struct network_binding; /* a port that is published now, see start.h */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints: a container's places in networks. An endpoint exists from the container's creation (or
 * `network connect`) to its removal (or `network disconnect`); it has addresses, a lease, only
 * while the container runs. Leases are rows under a unique index, so an address cannot be given
 * twice, whoever asks at once; they are given in a circle (an address is used again as late as
 * possible). Rows fall with the container's row.
 *
 * All of this may be called inside a transaction of the caller's.
 */
#pragma once

#include "network/network.h"

/* What a user asks of an endpoint: Docker's EndpointSettings. */
struct network_endpoint_config {
	char *ipv4, *ipv6; /* requested addresses, NULL = any */
	char **link_local;
	char *mac;	/* NULL = made from the address */
	char **aliases; /* DNS names on this network besides the container's name and short id */
	struct json_pair *options; /* com.docker.network.endpoint.sysctls, .ifname */
	size_t n_options;
	int gateway_priority;
};

extern const struct json_table network_endpoint_config_table;

struct network_endpoint {
	struct network *network; /* only id and name are known if gone */
	bool gone;		 /* the network has been removed, and there is none of its name */
	char *container_id, *container_name;
	int64_t position; /* of interfaces: the order of attachment */
	struct network_endpoint_config *config;
	/* the lease; id is "" while there is none */
	char id[NETWORK_ID_LENGTH + 1];
	struct network_prefix address[2]; /* IPv4, IPv6; with the subnet's length */
	uint8_t mac[NETWORK_MAC_SIZE];
	char host_link[IFNAMSIZ]; /* the host's end, "" = none (macvlan, ipvlan) */
	char link[IFNAMSIZ];	  /* inside: "eth0" */
	bool gateway4, gateway6;  /* the container's default route goes here */
	bool unfinished;	  /* being connected now, or by somebody who was killed meanwhile */
};

/* A new endpoint without a lease. Checks what can be checked (addresses in the subnet, MAC). */
int network_endpoint_add(struct network_host *host, const char *container_id,
	const struct network *network, const struct network_endpoint_config *config,
	struct hull_error *err);

/* The row goes, with its lease; the kernel's side is network_disconnect()'s. HULL_ERROR_NOT_FOUND. */
int network_endpoint_remove(struct network_host *host, const char *container_id,
	const struct network *network, struct hull_error *err);

/* Of a container, in order of attachment (container_id), or of a network with a lease (network). */
int network_endpoints_of_container(struct network_host *host, struct arena *arena,
	const char *container_id, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err);
int network_endpoints_of_network(struct network_host *host, struct arena *arena,
	const struct network *network, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* What a struct network_host holds, and what the parts of the layer do for each other. */
#pragma once

#include "base/buf.h"
#include "metadata/metadata.h"
#include "network/endpoint.h"
#include "network/network.h"
#include "network/pool.h"
#include "network/start.h"
#include "sys/nftables.h"

struct network_host {
	struct metadata *md;
	char table[IFNAMSIZ + 8];
	char default_bridge[IFNAMSIZ];
	int route_fd, nft_fd; /* -1 = not opened yet */
};

int host_route(struct network_host *host, struct hull_error *err); /* fd */
int host_nft(struct network_host *host, struct hull_error *err);   /* fd */

/* True if the kernel has IPv6. */
bool host_has_ipv6(void);

/* 64 random hex digits. */
int host_random_id(char id[NETWORK_ID_LENGTH + 1], struct hull_error *err);

/* Subnets that the host has routes to, in the arena. */
int host_used_prefixes(struct network_host *host, struct arena *arena, struct prefix_list *used,
	struct hull_error *err);

/* option.c: fills in what the options say; refuses unknown ones by name. */
int network_options_parse(struct network *network, struct arena *arena, struct hull_error *err);

/* network.c: chooses the subnets of an unused default bridge. In a transaction of its own. */
int network_make_ready(struct network_host *host, struct arena *arena, struct network *network,
	struct hull_error *err);

/* network.c: an error if somebody has removed it since it was read. In a transaction of the caller's. */
int network_check_recorded(
	struct network_host *host, const struct network *network, struct hull_error *err);

/* endpoint.c: endpoints of one network (leases only) or of one container. */
int endpoints_load(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network *network, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err);

/*
 * lease.c. In a transaction of the caller's: a lease for an endpoint that has none, with what the
 * endpoint's gateway4 and gateway6 say. explain: what it would be, nothing is recorded. index is the
 * number in the interface's name.
 */
int lease_give(struct network_host *host, struct network_endpoint *endpoint, size_t index,
	bool explain, struct hull_error *err);
int lease_take_back(struct network_host *host, const char *container_id, const char *network_id,
	struct hull_error *err); /* network_id NULL = all of the container's */
/* Sets gateway4 and gateway6: of each family one endpoint at most has the default route. */
void lease_choose_gateways(struct network_endpoint *endpoints, size_t n);
int lease_record_gateway(
	struct network_host *host, const struct network_endpoint *endpoint, struct hull_error *err);

/* bridge.c */
int bridge_ensure(struct network_host *host, const struct network *network, int *ret_index,
	struct hull_error *err);
/* Sets addresses and parameters again, whatever they are. */
int bridge_reconfigure(
	struct network_host *host, const struct network *network, struct hull_error *err);
int bridge_remove(struct network_host *host, const struct network *network, struct hull_error *err);

/* link.c: an interface of the host by its name; 0 or -errno. */
struct link_view {
	int index;
	char kind[IFNAMSIZ]; /* "bridge", "vlan"; "" = a device */
	char alias[NETWORK_ID_LENGTH + 8];
};
int link_look(struct network_host *host, const char *name, struct link_view *ret);
int link_index(struct network_host *host, const char *name); /* index or -errno */
int link_remove(struct network_host *host, const char *name);

/*
 * parent.c: what macvlan and ipvlan networks are on. ensure makes it where that is ours to do; remove
 * removes what was made so, unless another network is on it.
 */
int parent_ensure(struct network_host *host, const struct network *network, int *ret_index,
	struct hull_error *err);
int parent_remove(struct network_host *host, const struct network *network, struct hull_error *err);

/* firewall.c */

/* Makes the table with everything in it unless it is there. force: remakes it in one step. */
int firewall_ensure(struct network_host *host, bool force, struct hull_error *err);
/* Removes the table, if it is there. */
int firewall_remove(struct network_host *host, struct hull_error *err);
/* What a bridge network stands for in the table. */
void firewall_network(struct buf *b, const char *table, const struct network *network, bool add);
/* What a published range stands for: at most one element, of the family of target. */
void firewall_binding(struct buf *b, const char *table, const struct network *network,
	const struct network_binding *binding, const struct network_address *target, bool add);
/* Sends what the two above have made, as one batch; what is not there to be removed is no error. */
int firewall_send(struct network_host *host, const struct buf *elements, struct hull_error *err);
/* Forgets the connections of an address that is given to somebody else next. */
void firewall_forget_connections(struct network_host *host, const struct network_address *address);

/* start.c */
struct attach_target;
/* Makes sure of what the interface goes on. explain: only looks. */
int prepare_target(struct network_host *host, const struct network_endpoint *endpoint, bool explain,
	struct attach_target *target, struct hull_error *err);

/* attach.c: the messages of one endpoint. */
struct attach_target {
	bool by_fd; /* the network namespace is an fd, else the pid that the runtime fills in */
	int fd;
	int master;   /* index of the bridge, or of the parent */
	bool ipv6;    /* the kernel has it */
	bool hairpin; /* bridged frames go through the packet filter */
	const char *table;
};
int attach_compile(struct arena *arena, const struct network_endpoint *endpoint,
	const struct attach_target *target, struct plan_network_step *steps, size_t *n_steps,
	struct hull_error *err);
/* The elements of all published ports: as messages, and as a step of a plan. */
void attach_port_elements(struct buf *b, const char *table,
	const struct network_endpoint *endpoints, size_t n_endpoints,
	const struct network_binding *bindings, size_t n_bindings, bool add);
int attach_ports(struct arena *arena, const char *table, const struct network_endpoint *endpoints,
	size_t n_endpoints, const struct network_binding *bindings, size_t n_bindings,
	struct plan_network_step *steps, size_t *n_steps, struct hull_error *err);
#define ATTACH_STEPS_MAX 16 /* of one endpoint */
/* The default routes of an endpoint alone. */
int attach_routes(struct arena *arena, const struct network_endpoint *endpoint,
	struct plan_network_step *steps, size_t *n_steps, struct hull_error *err);

/* The endpoint that ports are published on: the one with the default route of that family, else the
 * first bridge with an address of it; NULL = none. */
const struct network_endpoint *attach_published(
	const struct network_endpoint *endpoints, size_t n, int family);

/* hold.c */
int hold_ports(struct arena *arena, const struct network_port *ports, size_t n_ports,
	const struct network_endpoint *endpoints, size_t n_endpoints, bool ipv6,
	struct network_started *ret, struct hull_error *err);

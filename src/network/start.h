/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks of a container that starts, changes or ends.
 *
 * Start, in the order of calls: the container's row and its endpoints exist; network_start() gives
 * leases, holds ports and compiles everything that the kernel is to do into messages; the runtime
 * performs them with the rest of the plan (plan_options.network). Whatever fails from then on is
 * undone by network_stop(), which settling calls at every end of a container and which may be
 * repeated. The interfaces vanish with the container's network namespace, by themselves.
 */
#pragma once

#include "network/endpoint.h"
#include "network/port.h"
#include "runtime/plan.h"

/* A published port range as it is now. */
struct network_binding {
	uint8_t protocol;
	struct network_address host_ip; /* 0.0.0.0, :: or one address */
	uint16_t host_first;
	uint16_t container_first;
	uint16_t count;
};

struct network_started {
	struct network_endpoint *endpoints; /* with leases, in order of attachment */
	size_t n_endpoints;
	struct network_binding *bindings;
	size_t n_bindings;
	struct plan_network_step *steps; /* for plan_options.network */
	size_t n_steps;
	/* Held ports: for the monitor to keep open. What arrives at fds[i] is to be relayed (relay.h) to
	 * targets[i]. */
	int *fds;
	struct network_relay_target *targets;
	size_t n_fds;
};

struct network_relay_target {
	struct network_address address; /* family 0 = nothing to relay */
	uint16_t port;
};

/* Everything but the fds lives in the arena. */
int network_start(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_port *ports, size_t n_ports, struct network_started *ret,
	struct hull_error *err);
void network_started_done(struct network_started *started); /* closes the fds */

/*
 * To be called when the plan has been performed: whoever has sent datagrams to a published port before
 * it was one is led to the container from now on. The kernel decides once per connection, and
 * for datagrams one goes on as long as they keep coming. A courtesy: it tells no errors.
 */
void network_forget_datagrams(const struct network_started *started);

/*
 * As network_start() for `explain`: nothing is recorded, held or made; addresses are those that would
 * be given now. The container need not exist: networks and configs are those of its endpoints-to-be.
 */
struct network_wish {
	const char *network; /* as network_find() takes it */
	const struct network_endpoint_config *config;
};
int network_explain(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_wish *wishes, size_t n_wishes, const struct network_port *ports,
	size_t n_ports, struct network_started *ret, struct hull_error *err);

/* Gives back what network_start() took: leases, nftables elements, records of ports. Idempotent. */
int network_stop(struct network_host *host, const char *container_id, struct hull_error *err);

/* What is published now; of a container that does not run: nothing. */
int network_bindings(struct network_host *host, struct arena *arena, const char *container_id,
	struct network_binding **ret, size_t *ret_n, struct hull_error *err);

/*
 * An endpoint of a running container: gives the lease and performs the same messages in the network
 * namespace netns_fd (not closed), or takes the interface away.
 * network_endpoint_add() comes before, network_endpoint_remove() after.
 */
int network_connect(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network *network, int netns_fd, struct network_endpoint **ret,
	struct hull_error *err);
/* Clears what somebody left who was killed while he connected or disconnected. Before the endpoint is
 * added; nobody else may be at it: changes of one running container are the caller's to serialise. */
int network_connect_recover(struct network_host *host, const char *container_id,
	const struct network *network, int netns_fd, struct hull_error *err);
int network_disconnect(struct network_host *host, const char *container_id,
	const struct network *network, int netns_fd, struct hull_error *err);

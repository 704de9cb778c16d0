/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks of a container, as the engine sees them: from its configuration to the endpoints
 * and leases of src/network, and from these to what the container is given (its hosts file, its
 * resolver).
 *
 * A container's network mode is Docker's: "none", "host", "container:<id>", "ns:<path>", or the
 * name of the first of its networks ("bridge" where nothing was said).
 */
#pragma once

#include "engine/container.h"
#include "network/start.h"

enum network_mode {
	NETWORK_MODE_NONE,
	NETWORK_MODE_HOST,
	NETWORK_MODE_CONTAINER, /* another container's namespace */
	NETWORK_MODE_PATH,	/* a namespace by path */
	NETWORK_MODE_NETWORKS,	/* its own namespace, connected to networks */
};

enum network_mode container_network_mode(const struct container_config *config);

/*
 * Completes what create has chosen: the id of the container whose network is shared, the exposed
 * ports. Checks that the networks exist.
 */
int container_network_resolve(struct engine *engine, struct container *c, struct hull_error *err);

/* Records the endpoints of a new container, in the transaction that records the container. */
int container_network_attach(
	struct engine *engine, const struct container *c, struct hull_error *err);

/* The namespace that a container joins, as a path in the arena; NULL if it gets one of its own. */
int container_network_path(struct engine *engine, const struct container *c, struct arena *arena,
	char **ret, struct hull_error *err);

/* What one start of a container does about networks. */
struct container_network {
	struct network_started started;
	/* The resolver's sockets in the container's namespace, -1 = it has none. */
	int resolver_udp, resolver_tcp;
	bool resolver;
	char **addresses;   /* of the container, for its hosts file */
	char *host_gateway; /* NULL = none */
	char **link_hosts;  /* NAME:ADDRESS of linked containers */
};

#define CONTAINER_NETWORK_INIT                         \
	{                                              \
		.resolver_udp = -1, .resolver_tcp = -1 \
	}

/* Takes leases and ports, prepares the steps for the plan, publishes names. Lives in the arena. */
int container_network_start(struct engine *engine, const struct container *c, struct arena *arena,
	struct container_network *ret, struct hull_error *err);

/* The same steps for `explain`: nothing is taken or published. */
int container_network_explain(struct engine *engine, const struct container *c, struct arena *arena,
	struct container_network *ret, struct hull_error *err);

/* Closes what is open. */
void container_network_done(struct container_network *network);

/* Writes what the monitor reads into the run directory; ports_at is the first held port's fd there. */
int container_network_write(struct engine *engine, const struct container *c, int run_dir,
	const struct container_network *network, int ports_at, struct hull_error *err);

/* In another container's network, its hosts and resolv.conf count: copies them into the run directory. */
int container_network_share_files(
	struct engine *engine, const struct container *c, int run_dir, struct hull_error *err);

/* The container has another name: so it has for those who are in its networks. */
int container_network_renamed(
	struct engine *engine, const struct container *c, struct hull_error *err);

/* Gives back leases and ports and withdraws the names. May be repeated. */
int container_network_stop(
	struct engine *engine, const struct container *c, struct hull_error *err);

/*
 * Whoever changes the networks of a running container, or ends it, holds this lock; *ret is closed to
 * let it go, and -1 if the container does not run.
 */
int container_network_lock(
	struct engine *engine, const struct container *c, int *ret, struct hull_error *err);

/* Connects and disconnects, running or not. */
int container_network_connect(struct engine *engine, struct container *c, const char *network,
	const struct network_endpoint_config *config, struct hull_error *err);
int container_network_disconnect(struct engine *engine, struct container *c, const char *network,
	bool force, struct hull_error *err);

/* The ports of -p, --expose and -P as a list. */
int container_network_ports(const struct container *c, struct arena *arena,
	struct network_port **ret, size_t *ret_n, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* What `inspect`, `ps`, `port` and `network inspect` tell about networks, in Docker's shapes. */
#pragma once

#include "engine/container.h"
#include "json/json.h"
#include "network/start.h"

/* The object NetworkSettings of `docker inspect`. pid: of the container's first process, 0 = none. */
int inspect_network_settings(struct engine *engine, const struct container *c, int pid,
	struct json_writer *w, struct hull_error *err);

/* The object of `docker network inspect`. */
int inspect_network(struct engine *engine, const struct network *network, struct json_writer *w,
	struct hull_error *err);

/* The objects HostConfig.PortBindings, what -p asked for, and (exposed) Config.ExposedPorts. */
void inspect_asked_ports(const struct container *c, bool exposed, struct json_writer *w);

/*
 * What `ps` tells: the names of the container's networks, with commas between them, and of one that
 * runs its ports, "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp".
 */
int inspect_ps_networks(struct engine *engine, const struct container *c, struct buf *names,
	struct buf *ports, struct hull_error *err);

/*
 * 1 if a running container has one of the wanted ports: published to it as a port of the host, or
 * (exposed) open in the container. 0 if not.
 */
int inspect_match_port(struct engine *engine, const struct container *c,
	const struct network_port *wanted, bool exposed, struct hull_error *err);

/* "0.0.0.0:8080", "[::]:8080" */
void inspect_host_port(const struct network_binding *binding, uint16_t offset, struct buf *out);

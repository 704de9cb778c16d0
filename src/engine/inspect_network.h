/* SPDX-License-Identifier: Apache-2.0 */
/* What `inspect`, `ps`, `port` and `network inspect` tell about networks, in Docker's shapes. */
#pragma once

#include "engine/container.h"
#include "json/json.h"
#include "network/start.h"

/* The object NetworkSettings of `docker inspect`. */
int inspect_network_settings(struct engine *engine, const struct container *c,
	struct json_writer *w, struct hull_error *err);

/* The object of `docker network inspect`. */
int inspect_network(struct engine *engine, const struct network *network, struct json_writer *w,
	struct hull_error *err);

/* The objects HostConfig.PortBindings, what -p asked for, and (exposed) Config.ExposedPorts. */
void inspect_asked_ports(const struct container *c, bool exposed, struct json_writer *w);

/* The column PORTS of `docker ps`: "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp". */
int inspect_ports(
	struct engine *engine, const struct container *c, struct buf *out, struct hull_error *err);

/* The names of the container's networks, with commas between them. */
int inspect_network_names(
	struct engine *engine, const struct container *c, struct buf *out, struct hull_error *err);

/* "0.0.0.0:8080", "[::]:8080" */
void inspect_host_port(const struct network_binding *binding, uint16_t offset, struct buf *out);

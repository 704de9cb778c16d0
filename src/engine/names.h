/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers' resolvers answer from (resolver/resolver.h): one file of names for each network,
 * <run root>/networks/<network id>, written anew whenever a container gets or gives back an address
 * there, and one file for each container that says which of them are its own.
 */
#pragma once

#include "engine/container.h"
#include "network/endpoint.h"

/* Writes the names of a network as the records are now; removes the file if there are none. */
int names_publish(struct engine *engine, const struct network *network, struct hull_error *err);

/* Writes what the resolver of a container in these networks is to do into its run directory. */
int names_write_resolver(struct engine *engine, const struct container *c, int run_dir,
	const struct network_endpoint *endpoints, size_t n_endpoints, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver's place in a container's network namespace (see resolver/resolver.h). */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "runtime/plan.h"

#define NETWORK_RESOLVER_STEPS 2

/*
 * The steps for plan_options.network: the resolver's sockets, which go to *ret_udp and *ret_tcp when
 * the plan is performed, and in the namespace what leads questions to 127.0.0.11 there. The sockets
 * are at another port than 53, so that a container may be a name server itself.
 */
int network_resolver_steps(struct arena *arena, int *ret_udp, int *ret_tcp,
	struct plan_network_step steps[NETWORK_RESOLVER_STEPS], struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* Which subnet a new network gets. Pure: what is in use is an argument. */
#pragma once

#include "network/address.h"
#include "base/arena.h"
#include "base/error.h"

struct prefix_list {
	struct network_prefix *items; /* in an arena */
	size_t n, size;
};

int prefix_list_add(struct prefix_list *list, struct arena *arena, const struct network_prefix *p);
bool prefix_list_overlaps(const struct prefix_list *list, const struct network_prefix *p);

/*
 * The first free one of 172.17.0.0/16 to 172.31.0.0/16 and then of 192.168.0.0/16 in pieces of /20;
 * for IPv6, of the /64s of a /48 below fd00::/8 that seed decides on (RFC 4193).
 */
int pool_choose(int family, uint64_t seed, const struct prefix_list *used,
	struct network_prefix *ret, struct hull_error *err);

/* Keeps the first of them from being chosen. */
int pool_reserve_default(struct prefix_list *used, struct arena *arena);

/*
 * Walks the free addresses of a range in a circle: *a becomes the next one after *a, skipping the
 * first and last address of the subnet (IPv4) or its first (IPv6). False if there is none.
 */
bool pool_next(const struct network_prefix *subnet, const struct network_prefix *range,
	struct network_address *a);

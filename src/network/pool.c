/* SPDX-License-Identifier: Apache-2.0 */
#include "network/pool.h"

#include <errno.h>
#include <string.h>

/* Docker's, so that a host's documents and firewalls fit. */
static const struct {
	uint8_t base[2];
	uint8_t length; /* of the pool */
	uint8_t piece;	/* of a network */
} pools4[] = {
	{{172, 17}, 16, 16},
	{{172, 18}, 15, 16},
	{{172, 20}, 14, 16},
	{{172, 24}, 13, 16},
	{{192, 168}, 16, 20},
};

#define PIECE6	64
#define PIECES6 65536 /* of a /48 */

int prefix_list_add(struct prefix_list *list, struct arena *arena, const struct network_prefix *p)
{
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		struct network_prefix *larger = arena_array(arena, size, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		if (list->n)
			memcpy(larger, list->items, list->n * sizeof(*larger));
		list->items = larger;
		list->size = size;
	}
	list->items[list->n++] = *p;
	return 0;
}

bool prefix_list_overlaps(const struct prefix_list *list, const struct network_prefix *p)
{
	for (size_t i = 0; i < list->n; i++) {
		if (network_prefix_overlaps(&list->items[i], p))
			return true;
	}
	return false;
}

static bool choose4(const struct prefix_list *used, struct network_prefix *p)
{
	for (size_t i = 0; i < sizeof(pools4) / sizeof(pools4[0]); i++) {
		p->address =
			(struct network_address){AF_INET, {pools4[i].base[0], pools4[i].base[1]}};
		p->length = pools4[i].piece;
		for (unsigned int k = 0; k < 1U << (pools4[i].piece - pools4[i].length); k++) {
			if (!prefix_list_overlaps(used, p))
				return true;
			network_address_add(&p->address, (uint64_t)1 << (32 - p->length));
		}
	}
	return false;
}

static bool choose6(uint64_t seed, const struct prefix_list *used, struct network_prefix *p)
{
	for (unsigned int k = 0; k < PIECES6; k++) {
		p->address = (struct network_address){
			AF_INET6, {0xfd, (uint8_t)(seed >> 32), (uint8_t)(seed >> 24),
					  (uint8_t)(seed >> 16), (uint8_t)(seed >> 8),
					  (uint8_t)seed, (uint8_t)(k >> 8), (uint8_t)k}};
		p->length = PIECE6;
		if (!prefix_list_overlaps(used, p))
			return true;
	}
	return false;
}

int pool_choose(int family, uint64_t seed, const struct prefix_list *used,
	struct network_prefix *ret, struct hull_error *err)
{
	bool found = family == AF_INET ? choose4(used, ret) : choose6(seed, used, ret);

	return found ? 0
		     : error_set(err, HULL_ERROR_LIMIT,
			       "all predefined address pools have been fully subnetted");
}

int pool_reserve_default(struct prefix_list *used, struct arena *arena)
{
	const struct network_prefix first = {
		{AF_INET, {pools4[0].base[0], pools4[0].base[1]}}, pools4[0].piece};

	return prefix_list_add(used, arena, &first);
}

bool pool_next(const struct network_prefix *subnet, const struct network_prefix *range,
	struct network_address *a)
{
	struct network_address first = network_prefix_first(range),
			       last = network_prefix_last(range),
			       network = network_prefix_first(subnet),
			       broadcast = network_prefix_last(subnet);

	/* At most two addresses in a row are skipped: the last of a circle and its first. */
	for (int i = 0; i < 4; i++) {
		if (!network_address_is_set(a) || network_address_compare(a, &last) >= 0 ||
			network_address_compare(a, &first) < 0)
			*a = first;
		else
			network_address_add(a, 1);
		/* A point-to-point subnet (RFC 3021) has neither. */
		bool narrow = subnet->length + 1U >= 8 * network_address_size(a);
		if (narrow || (network_address_compare(a, &network) != 0 &&
				      (a->family == AF_INET6 ||
					      network_address_compare(a, &broadcast) != 0)))
			return true;
	}
	return false;
}

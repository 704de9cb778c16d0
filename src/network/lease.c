/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: which addresses an endpoint gets. All of it happens in one writing transaction, so two
 * processes never look at the same state; the unique indexes are the second lock on the same door.
 */
#include "network/host.h"
#include "base/str.h"

#include <sys/random.h>

#define IFNAME_OPTION "com.docker.network.endpoint.ifname"

/* ---- Addresses ---- */

static bool is_reserved(const struct network *n, size_t family, const struct network_address *a)
{
	struct network_address aux;

	if (network_address_compare(&n->family[family].gateway, a) == 0)
		return true;
	for (size_t i = 0; i < n->config->n_subnets; i++) {
		const struct network_subnet *s = &n->config->subnets[i];
		for (size_t k = 0; k < s->n_aux; k++) {
			if (network_address_parse(s->aux[k].value, &aux) == 0 &&
				network_address_compare(&aux, a) == 0)
				return true;
		}
	}
	return false;
}

/* 1 = given to somebody. */
static int is_given(struct network_host *host, const struct network *n,
	const struct network_address *a, struct hull_error *err)
{
	int64_t one;

	if (a->family == AF_INET)
		return metadata_get_int(host->md, &one, err,
			"SELECT 1 FROM network_endpoint WHERE network_id = ? AND address4 = ?",
			"tb", n->id, a->bytes, network_address_size(a));
	return metadata_get_int(host->md, &one, err,
		"SELECT 1 FROM network_endpoint WHERE network_id = ? AND address6 = ?", "tb", n->id,
		a->bytes, network_address_size(a));
}

static int read_last(struct network_host *host, const struct network *n, size_t family,
	struct network_address *ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	size_t size = 0;
	int r = metadata_query(host->md, &q, err,
		"SELECT last FROM network_pool WHERE network_id = ? AND family = ?", "ti", n->id,
		(int64_t)(family ? 6 : 4));

	if (r == 0)
		r = metadata_next(q, err);
	*ret = (struct network_address){0};
	if (r > 0 && !metadata_is_null(q, 0)) {
		const void *data = metadata_blob(q, 0, &size);
		if (size == (family ? 16 : 4)) {
			ret->family = family ? AF_INET6 : AF_INET;
			memcpy(ret->bytes, data, size);
		}
	}
	return r < 0 ? r : 0;
}

static int write_last(struct network_host *host, const struct network *n,
	const struct network_address *a, struct hull_error *err)
{
	return metadata_exec(host->md, err,
		"UPDATE network_pool SET last = ? WHERE network_id = ? AND family = ?", "bti",
		a->bytes, network_address_size(a), n->id, (int64_t)(a->family == AF_INET ? 4 : 6));
}

static int exhausted(const struct network *n, size_t family, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_LIMIT,
		"no available IPv%c addresses on this network's address pools: %s (%s)",
		family ? '6' : '4', n->name, n->id);
}

static int next_free(struct network_host *host, const struct network *n, size_t family,
	struct network_address *ret, struct hull_error *err)
{
	const struct network_family *f = &n->family[family];
	struct network_address a, first;
	int r = read_last(host, n, family, &a, err);

	if (r < 0)
		return r;
	if (!pool_next(&f->subnet, &f->range, &a))
		return exhausted(n, family, err);
	first = a;
	do {
		r = is_reserved(n, family, &a) ? 1 : is_given(host, n, &a, err);
		if (r <= 0) {
			*ret = a;
			return r;
		}
		pool_next(&f->subnet, &f->range, &a);
	} while (network_address_compare(&a, &first) != 0);
	return exhausted(n, family, err);
}

static int requested(struct network_host *host, const struct network *n, size_t family,
	const char *text, struct network_address *ret, struct hull_error *err)
{
	struct network_address a, first = network_prefix_first(&n->family[family].subnet),
				  last = network_prefix_last(&n->family[family].subnet);

	/* Checked when the endpoint was made; the network of that name may be another one now. */
	if (network_address_parse(text, &a) < 0 ||
		!network_prefix_contains(&n->family[family].subnet, &a))
		return error_set(err, HULL_ERROR_INVALID,
			"no configured subnet or ip-range contain the IP address %s", text);
	bool edge = network_address_compare(&a, &first) == 0 ||
		    (family == 0 && network_address_compare(&a, &last) == 0);
	bool narrow = n->family[family].subnet.length + 1U >= 8 * network_address_size(&a);
	int r = is_given(host, n, &a, err);
	if (r < 0)
		return r;
	if (r > 0 || (edge && !narrow) ||
		network_address_compare(&n->family[family].gateway, &a) == 0)
		return error_set(err, HULL_ERROR_CONFLICT, "Address already in use: %s", text);
	*ret = a;
	return 0;
}

static int choose_address(struct network_host *host, struct network_endpoint *e, size_t family,
	bool explain, struct hull_error *err)
{
	const struct network *n = e->network;
	const char *asked = family ? e->config->ipv6 : e->config->ipv4;
	struct network_address *a = &e->address[family].address;

	if (!n->family[family].enabled)
		return 0;
	e->address[family].length = n->family[family].subnet.length;
	if (!str_empty(asked))
		return requested(host, n, family, asked, a, err);
	int r = next_free(host, n, family, a, err);
	return r < 0 || explain ? r : write_last(host, n, a, err);
}

/* ---- Names, MAC ---- */

/* An address that comes back has the MAC that neighbours remember for it. */
static int choose_mac(struct network_endpoint *e, struct hull_error *err)
{
	if (!str_empty(e->config->mac)) {
		network_mac_parse(e->config->mac, e->mac);
		return 0;
	}
	e->mac[0] = 0x02;
	e->mac[1] = 0x42;
	if (network_address_is_set(&e->address[0].address)) {
		memcpy(e->mac + 2, e->address[0].address.bytes, 4);
		return 0;
	}
	return getrandom(e->mac + 2, 4, 0) == 4 ? 0 : error_errno(err, errno, "random MAC");
}

static int choose_names(struct network_endpoint *e, size_t index, struct hull_error *err)
{
	const struct network *n = e->network;

	snprintf(e->link, sizeof(e->link), "%.11s%zu", n->container_prefix, index);
	for (size_t i = 0; i < e->config->n_options; i++) {
		if (str_eq(e->config->options[i].key, IFNAME_OPTION))
			str_copy(e->link, sizeof(e->link), e->config->options[i].value);
	}
	int r = host_random_id(e->id, err);
	/* The earlier run's interface of a container may still be on its way out. */
	if (r == 0 && n->driver == NETWORK_DRIVER_BRIDGE)
		snprintf(e->host_link, sizeof(e->host_link), "veth%.8s", e->id);
	return r;
}

/* ---- Records ---- */

/* NULL for an address that is not there. */
static const void *bytes_or_null(const struct network_address *a)
{
	return network_address_is_set(a) ? a->bytes : NULL;
}

static int64_t gateway_bits(const struct network_endpoint *e)
{
	return (e->gateway4 ? 1 : 0) | (e->gateway6 ? 2 : 0) | (e->unfinished ? 4 : 0);
}

/* Somebody has removed the network, or the endpoint with its container, since we looked. */
static int has_gone(
	struct network_host *host, const struct network_endpoint *e, struct hull_error *err)
{
	int r = network_check_recorded(host, e->network, err);

	return r < 0 ? r
		     : error_set(err, HULL_ERROR_NOT_FOUND,
			       "container %.12s is not connected to network %s", e->container_id,
			       e->network->name);
}

static int record(
	struct network_host *host, const struct network_endpoint *e, struct hull_error *err)
{
	const struct network_address *a4 = &e->address[0].address, *a6 = &e->address[1].address;
	int r = metadata_exec(host->md, err,
		"UPDATE network_endpoint SET id = ?, address4 = ?, address6 = ?, mac = ?,"
		" host_link = ?, link = ?, gateway = ? WHERE container_id = ? AND network_id = ?"
		" AND network_id IN (SELECT id FROM network)",
		"tbbbttitt", e->id, bytes_or_null(a4), network_address_size(a4), bytes_or_null(a6),
		network_address_size(a6), e->mac, (size_t)NETWORK_MAC_SIZE, e->host_link, e->link,
		gateway_bits(e), e->container_id, e->network->id);

	return r == 0 && metadata_changes(host->md) == 0 ? has_gone(host, e, err) : r;
}

int lease_give(struct network_host *host, struct network_endpoint *e, size_t index, bool explain,
	struct hull_error *err)
{
	int r = 0;

	for (size_t family = 0; r == 0 && family < 2; family++)
		r = choose_address(host, e, family, explain, err);
	if (r == 0)
		r = choose_mac(e, err);
	if (r == 0)
		r = choose_names(e, index, err);
	return r < 0 || explain ? r : record(host, e, err);
}

int lease_record_gateway(
	struct network_host *host, const struct network_endpoint *e, struct hull_error *err)
{
	return metadata_exec(host->md, err,
		"UPDATE network_endpoint SET gateway = ? WHERE container_id = ? AND network_id = ?",
		"itt", gateway_bits(e), e->container_id, e->network->id);
}

int lease_take_back(struct network_host *host, const char *container_id, const char *network_id,
	struct hull_error *err)
{
	return metadata_exec(host->md, err,
		"UPDATE network_endpoint SET id = NULL, address4 = NULL, address6 = NULL, mac = NULL,"
		" host_link = NULL, link = NULL, gateway = 0"
		" WHERE container_id = ?1 AND (?2 IS NULL OR network_id = ?2)",
		"tt", container_id, network_id);
}

/* ---- Default routes ---- */

/* True if a is the better gateway: Docker's order, by priority, then by name. */
static bool is_better(const struct network_endpoint *a, const struct network_endpoint *b)
{
	if (a->config->gateway_priority != b->config->gateway_priority)
		return a->config->gateway_priority > b->config->gateway_priority;
	return strcmp(a->network->name, b->network->name) < 0;
}

static bool can_be_gateway(const struct network_endpoint *e, size_t family)
{
	const struct network *n = e->network;

	/* Behind ipvlan in layer 3 everything is reached through the interface itself. */
	bool routed = network_address_is_set(&n->family[family].gateway) ||
		      n->driver == NETWORK_DRIVER_IPVLAN;
	return n->family[family].enabled && !n->internal && routed;
}

void lease_choose_gateways(struct network_endpoint *endpoints, size_t n)
{
	for (size_t family = 0; family < 2; family++) {
		struct network_endpoint *best = NULL;
		for (size_t i = 0; i < n; i++) {
			struct network_endpoint *e = &endpoints[i];
			if (can_be_gateway(e, family) && (!best || is_better(e, best)))
				best = e;
			*(family ? &e->gateway6 : &e->gateway4) = false;
		}
		if (best)
			*(family ? &best->gateway6 : &best->gateway4) = true;
	}
}

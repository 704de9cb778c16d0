/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of one root: records in the database, and what stands for them on the host (a bridge,
 * elements of the root's nftables table). Any number of processes work on them at once.
 *
 * The networks "bridge", "host" and "none" are there in every root; "bridge" is given its subnet
 * when it is first used, so that a host without need for it has no bridge.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"
#include "network/address.h"

#include <net/if.h>

struct metadata;
struct network_host;

#define NETWORK_ID_LENGTH   64
#define NETWORK_SUBNETS_MAX 16
#define NETWORK_DEFAULT	    "bridge"

/*
 * Everything below works on one of these. It opens nothing before it is needed. root decides about
 * the names of what is made on the host: the nftables table is "hull" for the default root and
 * "hull-<hash of root>" for every other, the default bridge "hull0" and "hull-<hash>".
 */
struct network_host_options {
	const char *root;
	bool default_root;
};

int network_host_open(struct metadata *md, const struct network_host_options *options,
	struct network_host **ret, struct hull_error *err);
void network_host_close(struct network_host *host);

DEFINE_CLEANUP(struct network_host *, network_host_closep, network_host_close)
#define _cleanup_network_host_ _cleanup_(network_host_closep)

/* One subnet of a network: a row of IPAM.Config. */
struct network_subnet {
	char *subnet, *ip_range, *gateway;
	struct json_pair *aux; /* name: address that is never given out */
	size_t n_aux;
};

/* What a network was asked to be, as the database keeps it (network_config_table). */
struct network_config {
	char *driver; /* bridge, macvlan, ipvlan, host, null; NULL = bridge */
	bool internal, attachable, ingress;
	struct hull_opt_bool ipv4; /* EnableIPv4; unset = true */
	bool ipv6;
	struct json_pair *options;
	size_t n_options;
	struct json_pair *labels;
	size_t n_labels;
	char *ipam_driver; /* NULL, "default"; "null" is not supported */
	struct json_pair *ipam_options;
	size_t n_ipam_options;
	struct network_subnet *subnets;
	size_t n_subnets;
};

extern const struct json_table network_config_table;

enum network_driver {
	NETWORK_DRIVER_NULL,
	NETWORK_DRIVER_HOST,
	NETWORK_DRIVER_BRIDGE,
	NETWORK_DRIVER_MACVLAN,
	NETWORK_DRIVER_IPVLAN,
};

enum network_gateway_mode {
	NETWORK_GATEWAY_NAT,
	NETWORK_GATEWAY_NAT_UNPROTECTED,
	NETWORK_GATEWAY_ROUTED,
	NETWORK_GATEWAY_ISOLATED,
};

/* One address family of a network, resolved. */
struct network_family {
	bool enabled;
	struct network_prefix subnet; /* host bits cleared */
	struct network_prefix range;  /* where addresses are given from; within subnet */
	struct network_address gateway;
	enum network_gateway_mode mode;
};

struct network {
	char *id, *name;
	int64_t created; /* ns since 1970 */
	struct network_config *config;
	enum network_driver driver;
	char link[IFNAMSIZ]; /* the bridge, or the parent of macvlan and ipvlan; "" = none */
	bool ready;	     /* subnets are chosen: false for an unused default bridge */
	struct network_family family[2]; /* IPv4, IPv6 */
	/* from the options */
	bool internal;	  /* nobody routes it: --internal, or on no parent */
	unsigned int mtu; /* 0 = the kernel's */
	bool icc, masquerade, inhibit_ipv4;
	char *mode;			     /* of macvlan and ipvlan; NULL = the default */
	uint8_t mode_flag;		     /* of ipvlan: IPVLAN_F_* */
	char *container_prefix;		     /* "eth" */
	struct network_address host_binding; /* where ports without an address are published */
};

/* Docker's words: "bridge", "macvlan", "ipvlan", "host", "null". */
const char *network_driver_name(enum network_driver driver);

/* True for "bridge", "host", "none" ("default" is another name of "bridge"). */
bool network_is_predefined(const char *name);

/* Checks, chooses what was left open (subnets, name of the bridge), records, and makes the bridge or,
 * if that is to be made, the parent. */
int network_create(struct network_host *host, struct arena *arena, const char *name,
	const struct network_config *config, struct network **ret, struct hull_error *err);

/* By id, name or unambiguous start of an id, in this order. HULL_ERROR_NOT_FOUND as Docker says it. */
int network_find(struct network_host *host, struct arena *arena, const char *ref,
	struct network **ret, struct hull_error *err);

/* All, by name. */
int network_list(struct network_host *host, struct arena *arena, struct network ***ret,
	size_t *ret_n, struct hull_error *err);

/* Refused while endpoints exist that are in use, and for the predefined ones. */
int network_remove(
	struct network_host *host, const struct network *network, struct hull_error *err);

/*
 * Makes bridges, table, elements and kernel parameters agree with the database, whatever has become of
 * them: after a reboot, `nft flush ruleset`, a deleted bridge. The start of a container repairs
 * its own networks without this.
 */
int network_reload(struct network_host *host, struct hull_error *err);

/*
 * Takes away what stands on the host for the sake of networks that nobody is in: the bridge of the
 * default network, and the packet filter's table when no network of the user's needs it. Whatever
 * starts next makes them again.
 */
int network_tidy(struct network_host *host, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* Options of networks: one row for each, with the drivers that know it. Names are read with Docker's
 * prefixes and without. */
#include "network/host.h"
#include "base/str.h"

#define BRIDGE	(1u << NETWORK_DRIVER_BRIDGE)
#define MACVLAN (1u << NETWORK_DRIVER_MACVLAN)
#define IPVLAN	(1u << NETWORK_DRIVER_IPVLAN)

#define MTU_MIN 68
#define MTU_MAX 65535

struct context {
	struct network *network;
	struct arena *arena;
	const char *name, *value;
	struct hull_error *err;
};

static int invalid(const struct context *c, const char *why)
{
	return error_set(c->err, HULL_ERROR_INVALID, "invalid value \"%.100s\" for option %s: %s",
		c->value, c->name, why);
}

static int set_bool(const struct context *c, bool *ret)
{
	return str_to_bool(c->value, ret) < 0 ? invalid(c, "true or false is expected") : 0;
}

static int set_link(const struct context *c)
{
	struct network *n = c->network;
	size_t length = strlen(c->value);

	if (length == 0 || length >= IFNAMSIZ || str_eq(c->value, ".") || str_eq(c->value, "..") ||
		strpbrk(c->value, "/: \t\n"))
		return invalid(c, "not the name of an interface");
	return str_copy(n->link, sizeof(n->link), c->value);
}

static int set_mtu(const struct context *c)
{
	uint32_t mtu;

	if (str_to_u32(c->value, &mtu) < 0 || (mtu && mtu < MTU_MIN) || mtu > MTU_MAX)
		return invalid(c, "not an MTU");
	c->network->mtu = mtu;
	return 0;
}

static int set_icc(const struct context *c)
{
	return set_bool(c, &c->network->icc);
}

static int set_masquerade(const struct context *c)
{
	return set_bool(c, &c->network->masquerade);
}

static int set_inhibit(const struct context *c)
{
	return set_bool(c, &c->network->inhibit_ipv4);
}

static int set_host_binding(const struct context *c)
{
	return network_address_parse(c->value, &c->network->host_binding) < 0
		       ? invalid(c, "not an address")
		       : 0;
}

static int set_prefix(const struct context *c)
{
	size_t n = strlen(c->value);

	if (n == 0 || n > IFNAMSIZ - 4 || strpbrk(c->value, "/: \t\n%"))
		return invalid(c, "not the beginning of an interface's name");
	c->network->container_prefix = arena_strdup(c->arena, c->value);
	return c->network->container_prefix ? 0 : error_no_memory(c->err);
}

static int set_gateway_mode(const struct context *c, size_t family)
{
	static const char *const modes[] = {
		[NETWORK_GATEWAY_NAT] = "nat",
		[NETWORK_GATEWAY_NAT_UNPROTECTED] = "nat-unprotected",
		[NETWORK_GATEWAY_ROUTED] = "routed",
		[NETWORK_GATEWAY_ISOLATED] = "isolated",
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!str_eq(c->value, modes[i]))
			continue;
		if (i == NETWORK_GATEWAY_ISOLATED && !c->network->config->internal)
			return invalid(c, "only internal networks can be isolated");
		c->network->family[family].mode = (enum network_gateway_mode)i;
		return 0;
	}
	return invalid(c, "nat, nat-unprotected, routed or isolated is expected");
}

static int set_gateway_mode4(const struct context *c)
{
	return set_gateway_mode(c, 0);
}

static int set_gateway_mode6(const struct context *c)
{
	return set_gateway_mode(c, 1);
}

static int set_mode(const struct context *c)
{
	static const char *const macvlan[] = {"bridge", "private", "vepa", "passthru", NULL};
	static const char *const ipvlan[] = {"l2", "l3", "l3s", NULL};

	for (const char *const *m = c->network->driver == NETWORK_DRIVER_MACVLAN ? macvlan : ipvlan;
		*m; m++) {
		if (!str_eq(c->value, *m))
			continue;
		c->network->mode = arena_strdup(c->arena, c->value);
		return c->network->mode ? 0 : error_no_memory(c->err);
	}
	return invalid(c, "unknown mode");
}

static int set_flag(const struct context *c)
{
	static const char *const flags[] = {"bridge", "private", "vepa"};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (str_eq(c->value, flags[i])) {
			c->network->mode_flag = (uint8_t)i;
			return 0;
		}
	}
	return invalid(c, "bridge, private or vepa is expected");
}

static const struct {
	const char *name;
	unsigned int drivers;
	int (*set)(const struct context *c);
} rows[] = {
	{"name", BRIDGE, set_link},
	{"enable_icc", BRIDGE, set_icc},
	{"enable_ip_masquerade", BRIDGE, set_masquerade},
	{"host_binding_ipv4", BRIDGE, set_host_binding},
	{"inhibit_ipv4", BRIDGE, set_inhibit},
	{"gateway_mode_ipv4", BRIDGE, set_gateway_mode4},
	{"gateway_mode_ipv6", BRIDGE, set_gateway_mode6},
	{"mtu", BRIDGE | MACVLAN | IPVLAN, set_mtu},
	{"container_iface_prefix", BRIDGE | MACVLAN | IPVLAN, set_prefix},
	{"parent", MACVLAN | IPVLAN, set_link},
	{"mode", MACVLAN | IPVLAN, set_mode},
	{"macvlan_mode", MACVLAN, set_mode},
	{"ipvlan_mode", IPVLAN, set_mode},
	{"ipvlan_flag", IPVLAN, set_flag},
};

static const char *without_prefix(const char *name)
{
	static const char *const prefixes[] = {
		"com.docker.network.bridge.", "com.docker.network.driver.", "com.docker.network."};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *rest = str_after(name, prefixes[i]);
		if (rest)
			return rest;
	}
	return name;
}

static int set_option(struct context *c)
{
	const char *name = without_prefix(c->name);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (str_eq(rows[i].name, name) && (rows[i].drivers & 1u << c->network->driver))
			return rows[i].set(c);
	}
	return error_set(c->err, HULL_ERROR_UNSUPPORTED,
		"option %.100s is not supported by the %s driver", c->name,
		network_driver_name(c->network->driver));
}

int network_options_parse(struct network *network, struct arena *arena, struct hull_error *err)
{
	const struct network_config *config = network->config;
	int r = 0;

	network->icc = network->masquerade = true;
	network->container_prefix = (char *)"eth";
	for (size_t i = 0; r == 0 && i < config->n_options; i++) {
		struct context c = {.network = network,
			.arena = arena,
			.name = config->options[i].key,
			.value = config->options[i].value,
			.err = err};
		r = set_option(&c);
	}
	bool on_parent = 1u << network->driver & (MACVLAN | IPVLAN);
	network->internal = config->internal || (on_parent && !network->link[0]);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "network_commands.h"

#include "engine/parse.h"

struct create_options {
	char *driver;
	bool attachable, config_only, ingress, internal, ipv6;
	struct hull_opt_bool ipv4;
	char **subnet, **gateway, **ip_range, **aux_address, **opt, **label, **ipam_opt;
	char *ipam_driver, *scope, *config_from;
};

#define O(member) offsetof(struct create_options, member)

static const struct cli_option options[] = {
	{"attachable", 0, CLI_FLAG, O(attachable), NULL, "Enable manual container attachment"},
	{"aux-address", 0, CLI_STRV, O(aux_address), "map",
		"Addresses that are never given to a container: NAME=ADDRESS"},
	{"config-from", 0, CLI_STRING, O(config_from), "string",
		"The network from which to copy the configuration", NULL, CLI_UNSUPPORTED},
	{"config-only", 0, CLI_FLAG, O(config_only), NULL, "Create a configuration only network",
		NULL, CLI_UNSUPPORTED},
	{"driver", 'd', CLI_STRING, O(driver), "string", "Driver: bridge, macvlan, ipvlan",
		"bridge macvlan ipvlan", 0, "bridge"},
	{"gateway", 0, CLI_STRV, O(gateway), "strings", "IPv4 or IPv6 gateway for the subnet"},
	{"ingress", 0, CLI_FLAG, O(ingress), NULL, "Create swarm routing-mesh network", NULL,
		CLI_UNSUPPORTED},
	{"internal", 0, CLI_FLAG, O(internal), NULL, "Restrict external access to the network"},
	{"ip-range", 0, CLI_STRV, O(ip_range), "strings",
		"Give containers addresses from a part of the subnet"},
	{"ipam-driver", 0, CLI_STRING, O(ipam_driver), "string", "IP address management driver",
		"default"},
	{"ipam-opt", 0, CLI_STRV, O(ipam_opt), "map", "Options of the address management driver"},
	{"ipv4", 0, CLI_OPT_FLAG, O(ipv4), NULL, "Enable or disable IPv4 addresses", NULL, 0,
		"true"},
	{"ipv6", 0, CLI_FLAG, O(ipv6), NULL, "Enable IPv6 addresses"},
	{"label", 0, CLI_STRV, O(label), "list", "Set metadata on a network"},
	{"opt", 'o', CLI_STRV, O(opt), "map", "Options of the driver: NAME=VALUE"},
	{"scope", 0, CLI_STRING, O(scope), "string", "Control the network's scope", "local"},
	{"subnet", 0, CLI_STRV, O(subnet), "strings",
		"Subnet in CIDR format that represents a network segment"},
};

/* NAME=VALUE of -o and its like; a name alone has the value "". */
static int fill_pairs(struct arena *a, char *const *texts, struct json_pair **ret, size_t *ret_n,
	struct hull_error *err)
{
	struct json_pair *pairs = arena_array(a, strv_length(texts) + 1, sizeof(*pairs));
	size_t n = 0;

	if (!pairs)
		return error_no_memory(err);
	strv_foreach (text, texts) {
		size_t length = strcspn(*text, "=");

		pairs[n].key = arena_strndup(a, *text, length);
		pairs[n].value = arena_strdup(a, (*text)[length] ? *text + length + 1 : "");
		if (!pairs[n].key || !pairs[n].value)
			return error_no_memory(err);
		n++;
	}
	*ret = pairs;
	*ret_n = n;
	return 0;
}

/*
 * Gateways, ranges and reserved addresses are given in any order: each belongs to the subnet that it
 * lies in. Without a subnet there is nothing that it could belong to.
 */
static struct network_subnet *subnet_of(struct network_config *c, const char *text)
{
	struct network_prefix inner, outer;

	if (network_prefix_parse(text, &inner) < 0 &&
		network_address_parse(text, &inner.address) < 0)
		return NULL;
	for (size_t i = 0; i < c->n_subnets; i++)
		if (network_prefix_parse(c->subnets[i].subnet, &outer) == 0 &&
			network_prefix_contains(&outer, &inner.address))
			return &c->subnets[i];
	return NULL;
}

static int place(struct arena *a, struct network_config *c, char *const *texts, const char *what,
	size_t offset, struct hull_error *err)
{
	strv_foreach (text, texts) {
		struct network_subnet *subnet = subnet_of(c, *text);

		if (!subnet)
			return error_set(err, HULL_ERROR_INVALID, "no matching subnet for %s %s",
				what, *text);
		char **member = (char **)((char *)subnet + offset);
		if (*member)
			return error_set(err, HULL_ERROR_INVALID,
				"cannot configure multiple %ss (%s, %s) on the same subnet (%s)",
				what, *text, *member, subnet->subnet);
		*member = arena_strdup(a, *text);
		if (!*member)
			return error_no_memory(err);
	}
	return 0;
}

static int place_reserved(
	struct arena *a, struct network_config *c, char *const *texts, struct hull_error *err)
{
	struct json_pair *pairs;
	size_t n;
	int r = fill_pairs(a, texts, &pairs, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct network_subnet *subnet = subnet_of(c, pairs[i].value);

		if (!subnet)
			return error_set(err, HULL_ERROR_INVALID,
				"no matching subnet for aux-address %s", pairs[i].value);
		struct json_pair *aux = arena_array(a, subnet->n_aux + 1, sizeof(*aux));
		if (!aux)
			return error_no_memory(err);
		if (subnet->n_aux)
			memcpy(aux, subnet->aux, subnet->n_aux * sizeof(*aux));
		aux[subnet->n_aux++] = pairs[i];
		subnet->aux = aux;
	}
	return r;
}

static int fill_subnets(struct arena *a, struct network_config *c, const struct create_options *o,
	struct hull_error *err)
{
	c->subnets = arena_array(a, strv_length(o->subnet) + 1, sizeof(*c->subnets));
	if (!c->subnets)
		return error_no_memory(err);
	strv_foreach (text, o->subnet) {
		c->subnets[c->n_subnets].subnet = arena_strdup(a, *text);
		if (!c->subnets[c->n_subnets++].subnet)
			return error_no_memory(err);
	}
	int r = place(
		a, c, o->ip_range, "ip-range", offsetof(struct network_subnet, ip_range), err);
	if (r == 0)
		r = place(
			a, c, o->gateway, "gateway", offsetof(struct network_subnet, gateway), err);
	return r < 0 ? r : place_reserved(a, c, o->aux_address, err);
}

static int fill(struct arena *a, struct network_config *c, const struct create_options *o,
	struct hull_error *err)
{
	struct pair_list labels = {0};
	int r = 0;

	c->driver = o->driver;
	c->internal = o->internal;
	c->attachable = o->attachable;
	c->ipv4 = o->ipv4;
	c->ipv6 = o->ipv6;
	c->ipam_driver = o->ipam_driver;
	for (char **label = o->label; r == 0 && label && *label; label++)
		r = label_parse(a, *label, &labels, err);
	if (r == 0)
		r = pair_list_settle(&labels, err);
	c->labels = labels.items;
	c->n_labels = labels.count;
	if (r == 0)
		r = fill_pairs(a, o->opt, &c->options, &c->n_options, err);
	if (r == 0)
		r = fill_pairs(a, o->ipam_opt, &c->ipam_options, &c->n_ipam_options, err);
	return r < 0 ? r : fill_subnets(a, c, o, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct create_options *o = data;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_engine_ struct engine *engine = NULL;
	struct network_config config = {0};
	struct network_host *host;
	struct network *network;
	int r = 0;

	if (o->scope && !str_eq(o->scope, "local"))
		r = error_set(err, HULL_ERROR_INVALID, "--scope %s: only local is known", o->scope);
	if (r == 0)
		r = fill(&arena, &config, o, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_create(host, &arena, argv[0], &config, &network, err);
	if (r == 0)
		puts(network->id);
	return r;
}

const struct cli_command hull_network_create_command = {
	.name = "create",
	.arguments = "[OPTIONS] NETWORK",
	.summary = "Create a network",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

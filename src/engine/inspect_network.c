/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect_network.h"
#include "base/clock.h"
#include "base/str.h"
#include "engine/network.h"

static void member_address(
	struct json_writer *w, const char *key, const struct network_address *address)
{
	char text[NETWORK_ADDRESS_TEXT] = "";

	if (network_address_is_set(address))
		network_address_format(address, text);
	json_member_text(w, key, text);
}

static void member_prefix(
	struct json_writer *w, const char *key, const struct network_prefix *prefix)
{
	char text[NETWORK_PREFIX_TEXT] = "";

	if (network_address_is_set(&prefix->address))
		network_prefix_format(prefix, text);
	json_member_text(w, key, text);
}

/* ---- Endpoints ---- */

/* Address, gateway and length of subnet, of one family, under these names. */
struct family_names {
	const char *gateway, *address, *length;
};

static const struct family_names family_names[] = {
	{"Gateway", "IPAddress", "IPPrefixLen"},
	{"IPv6Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen"},
};

static void write_addresses(struct json_writer *w, const struct network_endpoint *e)
{
	static const struct network_address none;

	for (size_t i = 0; i < ARRAY_SIZE(family_names); i++) {
		bool set = e && network_address_is_set(&e->address[i].address);

		member_address(
			w, family_names[i].gateway, set ? &e->network->family[i].gateway : &none);
		member_address(w, family_names[i].address, set ? &e->address[i].address : &none);
		json_member_i64(w, family_names[i].length, set ? e->address[i].length : 0);
	}
}

static void write_mac(struct json_writer *w, const struct network_endpoint *e)
{
	char mac[NETWORK_MAC_TEXT] = "";

	if (e && e->id[0])
		network_mac_format(e->mac, mac);
	json_member_text(w, "MacAddress", mac);
}

static void write_wish(struct json_writer *w, const struct network_endpoint_config *config)
{
	json_key(w, "IPAMConfig");
	if (!config || (!config->ipv4 && !config->ipv6 && !config->link_local)) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	if (config->ipv4)
		json_member_text(w, "IPv4Address", config->ipv4);
	if (config->ipv6)
		json_member_text(w, "IPv6Address", config->ipv6);
	if (config->link_local)
		json_member_strings(w, "LinkLocalIPs", config->link_local);
	json_end_object(w);
}

static void write_dns_names(
	struct json_writer *w, const struct container *c, const struct network_endpoint *e)
{
	json_key(w, "DNSNames");
	if (network_is_predefined(e->network->name)) {
		json_null(w);
		return;
	}
	json_begin_array(w);
	json_string(w, c->name);
	strv_foreach (alias, e->config ? e->config->aliases : NULL)
		json_string(w, *alias);
	json_string_n(w, c->id, CONTAINER_SHORT_LENGTH);
	json_end_array(w);
}

static void write_endpoint(
	struct json_writer *w, const struct container *c, const struct network_endpoint *e)
{
	const struct network_endpoint_config *config = e->config;

	json_key(w, e->network->name);
	json_begin_object(w);
	write_wish(w, config);
	json_member_strings(w, "Links", c->config->links);
	json_member_strings(w, "Aliases", config ? config->aliases : NULL);
	write_mac(w, e);
	if (config && config->n_options) {
		json_member_pairs(w, "DriverOpts", config->options, config->n_options);
	} else {
		json_key(w, "DriverOpts");
		json_null(w);
	}
	json_member_i64(w, "GwPriority", config ? config->gateway_priority : 0);
	json_member_text(w, "NetworkID", e->network->id);
	json_member_text(w, "EndpointID", e->id);
	write_addresses(w, e);
	write_dns_names(w, c, e);
	json_end_object(w);
}

/* ---- Ports ---- */

void inspect_host_port(const struct network_binding *b, uint16_t offset, struct buf *out)
{
	char text[NETWORK_ADDRESS_TEXT];
	bool brackets = b->host_ip.family == AF_INET6;

	network_address_format(&b->host_ip, text);
	buf_printf(out, "%s%s%s:%u", brackets ? "[" : "", text, brackets ? "]" : "",
		b->host_first + offset);
}

static bool is_bound(const struct network_binding *bindings, size_t n,
	const struct network_port *port, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (bindings[i].protocol == port->protocol &&
			number >= bindings[i].container_first &&
			number < (uint32_t)bindings[i].container_first + bindings[i].count)
			return true;
	return false;
}

static void write_bindings(struct json_writer *w, const struct network_binding *bindings, size_t n,
	uint8_t protocol, uint32_t number)
{
	char text[NETWORK_ADDRESS_TEXT], port[8];

	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		const struct network_binding *b = &bindings[i];

		if (b->protocol != protocol || number < b->container_first ||
			number >= (uint32_t)b->container_first + b->count)
			continue;
		network_address_format(&b->host_ip, text);
		snprintf(port, sizeof(port), "%u", b->host_first + number - b->container_first);
		json_begin_object(w);
		json_member_text(w, "HostIp", text);
		json_member_text(w, "HostPort", port);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_port_key(struct json_writer *w, uint8_t protocol, uint32_t number)
{
	char key[32];

	snprintf(key, sizeof(key), "%u/%s", number, network_protocol_name(protocol));
	json_key(w, key);
}

/* Every published port once, then what is only exposed. */
static int write_ports(struct json_writer *w, const struct container *c,
	const struct network_binding *bindings, size_t n, struct hull_error *err)
{
	json_key(w, "Ports");
	json_begin_object(w);
	for (size_t i = 0; i < n; i++) {
		const struct network_binding *b = &bindings[i];
		const struct network_port port = {.protocol = b->protocol};

		for (uint32_t k = 0; k < b->count; k++) {
			/* Another binding of the same port (the other family's) had it already. */
			if (is_bound(bindings, i, &port, b->container_first + k))
				continue;
			write_port_key(w, b->protocol, b->container_first + k);
			write_bindings(w, bindings, n, b->protocol, b->container_first + k);
		}
	}
	strv_foreach (exposed, c->config->exposed) {
		struct network_port port;
		int r = network_port_parse(*exposed, &port, err);

		if (r < 0)
			return r;
		for (uint32_t k = port.container_first; k <= port.container_last; k++) {
			if (is_bound(bindings, n, &port, k))
				continue;
			write_port_key(w, port.protocol, k);
			json_null(w);
		}
	}
	json_end_object(w);
	return 0;
}

static bool publishes(const struct network_port *p, uint8_t protocol, uint32_t number)
{
	return p->protocol == protocol && number >= p->container_first &&
	       number <= p->container_last;
}

/* True if one of the first n has it. */
static bool is_published(
	const struct network_port *ports, size_t n, uint8_t protocol, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (publishes(&ports[i], protocol, number))
			return true;
	return false;
}

/* What was asked for one port of the container: Docker's PortBinding, with a range where any is good. */
static void write_asked(struct json_writer *w, const struct network_port *p, uint32_t number)
{
	char address[NETWORK_ADDRESS_TEXT] = "", port[16] = "";

	if (network_address_is_set(&p->host_ip))
		network_address_format(&p->host_ip, address);
	if (p->host_first && p->container_first == p->container_last &&
		p->host_last != p->host_first)
		snprintf(port, sizeof(port), "%u-%u", p->host_first, p->host_last);
	else if (p->host_first)
		snprintf(port, sizeof(port), "%u", p->host_first + number - p->container_first);
	json_begin_object(w);
	json_member_text(w, "HostIp", address);
	json_member_text(w, "HostPort", port);
	json_end_object(w);
}

static void write_asked_ports(
	struct json_writer *w, const struct network_port *ports, size_t n, bool exposed)
{
	for (size_t i = 0; i < n; i++) {
		for (uint32_t k = ports[i].container_first; k <= ports[i].container_last; k++) {
			if (is_published(ports, i, ports[i].protocol, k))
				continue;
			write_port_key(w, ports[i].protocol, k);
			if (exposed)
				json_begin_object(w);
			else
				json_begin_array(w);
			for (size_t j = i; !exposed && j < n; j++)
				if (publishes(&ports[j], ports[i].protocol, k))
					write_asked(w, &ports[j], k);
			if (exposed)
				json_end_object(w);
			else
				json_end_array(w);
		}
	}
}

/* A -p or --expose that is in the record was good when it was written: what is not is left out. */
static size_t parse_ports(char *const *texts, struct network_port *ports, size_t n)
{
	strv_foreach (text, texts)
		n += network_port_parse(*text, &ports[n], NULL) == 0;
	return n;
}

void inspect_asked_ports(const struct container *c, bool exposed, struct json_writer *w)
{
	const struct container_config *config = c->config;
	size_t max = strv_length(config->ports) + strv_length(config->exposed);
	_cleanup_free_ struct network_port *ports = calloc(max + 1, sizeof(*ports));
	size_t n = ports ? parse_ports(config->ports, ports, 0) : 0;

	if (ports && exposed)
		n = parse_ports(config->exposed, ports, n);
	json_begin_object(w);
	write_asked_ports(w, ports, n, exposed);
	json_end_object(w);
}

/* "8080" or "8000-8010" */
static void put_range(struct buf *out, uint32_t first, uint32_t count)
{
	if (count > 1)
		buf_printf(out, "%u-%u", first, first + count - 1);
	else
		buf_printf(out, "%u", first);
}

static void put_binding(struct buf *out, const struct network_binding *b)
{
	char text[NETWORK_ADDRESS_TEXT];
	bool brackets = b->host_ip.family == AF_INET6;

	network_address_format(&b->host_ip, text);
	buf_printf(out, "%s%s%s%s:", out->len ? ", " : "", brackets ? "[" : "", text,
		brackets ? "]" : "");
	put_range(out, b->host_first, b->count);
	buf_puts(out, "->");
	put_range(out, b->container_first, b->count);
	buf_printf(out, "/%s", network_protocol_name(b->protocol));
}

/* What a container's networks are now. */
struct networks {
	struct arena arena;
	struct network_endpoint *endpoints;
	size_t n_endpoints;
	struct network_binding *bindings;
	size_t n_bindings;
};

static void networks_done(struct networks *networks)
{
	arena_done(&networks->arena);
}

static int networks_load(struct engine *engine, const struct container *c, struct networks *ret,
	struct hull_error *err)
{
	struct network_host *host;

	*ret = (struct networks){.arena = ARENA_INIT};
	if (container_network_mode(c->config) != NETWORK_MODE_NETWORKS)
		return 0;
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_endpoints_of_container(
			host, &ret->arena, c->id, &ret->endpoints, &ret->n_endpoints, err);
	if (r == 0 && container_is_running(c))
		r = network_bindings(
			host, &ret->arena, c->id, &ret->bindings, &ret->n_bindings, err);
	return r;
}

/* The ports that are published, and those that are only said to be open. */
static int put_ports(const struct container *c, const struct networks *n, struct buf *out,
	struct hull_error *err)
{
	for (size_t i = 0; i < n->n_bindings; i++)
		put_binding(out, &n->bindings[i]);
	strv_foreach (exposed, c->config->exposed) {
		struct network_port port;
		int r = network_port_parse(*exposed, &port, err);

		if (r < 0)
			return r;
		if (is_bound(n->bindings, n->n_bindings, &port, port.container_first))
			continue;
		buf_puts(out, out->len ? ", " : "");
		put_range(out, port.container_first,
			(uint32_t)port.container_last - port.container_first + 1);
		buf_printf(out, "/%s", network_protocol_name(port.protocol));
	}
	return 0;
}

int inspect_ps_networks(struct engine *engine, const struct container *c, struct buf *names,
	struct buf *ports, struct hull_error *err)
{
	_cleanup_(networks_done) struct networks n = {.arena = ARENA_INIT};
	int r = networks_load(engine, c, &n, err);

	if (r < 0)
		return r;
	if (container_network_mode(c->config) != NETWORK_MODE_NETWORKS)
		buf_puts(names, c->config->network);
	for (size_t i = 0; i < n.n_endpoints; i++)
		buf_printf(names, "%s%s", i ? "," : "", n.endpoints[i].network->name);
	return container_is_running(c) ? put_ports(c, &n, ports, err) : 0;
}

/* Whether two ranges of ports have one in common. */
static bool meet(uint32_t first, uint32_t last, uint32_t other_first, uint32_t other_last)
{
	return first <= other_last && other_first <= last;
}

int inspect_match_port(struct engine *engine, const struct container *c,
	const struct network_port *wanted, bool exposed, struct hull_error *err)
{
	_cleanup_(networks_done) struct networks n = {.arena = ARENA_INIT};
	uint32_t first = wanted->container_first, last = wanted->container_last;

	if (!container_is_running(c))
		return 0;
	int r = networks_load(engine, c, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n.n_bindings; i++) {
		const struct network_binding *b = &n.bindings[i];
		uint32_t at = exposed ? b->container_first : b->host_first;

		if (b->protocol == wanted->protocol && meet(first, last, at, at + b->count - 1u))
			return 1;
	}
	strv_foreach (text, exposed ? c->config->exposed : NULL) {
		struct network_port port;

		if (network_port_parse(*text, &port, NULL) == 0 &&
			port.protocol == wanted->protocol &&
			meet(first, last, port.container_first, port.container_last))
			return 1;
	}
	return 0;
}

/* ---- Documents ---- */

/* A container without networks is in the one of that name, as Docker has it. */
static void write_no_endpoint(struct json_writer *w, const char *name)
{
	json_key(w, name);
	json_raw(w, "{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\","
		    "\"DriverOpts\":null,\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\","
		    "\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\","
		    "\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}");
}

/* Where programs find the network namespace. */
static void write_sandbox(struct json_writer *w, const struct container *c, int pid)
{
	char path[64] = "";

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	json_member_text(w, "SandboxID", pid > 0 ? c->id : "");
	json_member_text(w, "SandboxKey", path);
}

int inspect_network_settings(struct engine *engine, const struct container *c, int pid,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_(networks_done) struct networks n = {.arena = ARENA_INIT};
	const struct network_endpoint *of_bridge = NULL;
	int r = networks_load(engine, c, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n.n_endpoints; i++)
		if (str_eq(n.endpoints[i].network->name, NETWORK_DEFAULT))
			of_bridge = &n.endpoints[i];
	json_begin_object(w);
	json_member_text(w, "Bridge", "");
	write_sandbox(w, c, pid);
	r = write_ports(w, c, n.bindings, n.n_bindings, err);
	if (r < 0)
		return r;
	/* Once there was one network, and programs still look for its addresses here. */
	json_member_text(w, "EndpointID", of_bridge ? of_bridge->id : "");
	write_addresses(w, of_bridge);
	write_mac(w, of_bridge);
	json_key(w, "Networks");
	json_begin_object(w);
	for (size_t i = 0; i < n.n_endpoints; i++)
		write_endpoint(w, c, &n.endpoints[i]);
	if (container_network_mode(c->config) == NETWORK_MODE_HOST ||
		container_network_mode(c->config) == NETWORK_MODE_NONE)
		write_no_endpoint(w, c->config->network);
	json_end_object(w);
	json_end_object(w);
	return 0;
}

static void write_pools(struct json_writer *w, const struct network *network)
{
	const struct network_config *config = network->config;

	json_key(w, "IPAM");
	json_begin_object(w);
	json_member_text(w, "Driver", "default");
	json_key(w, "Options");
	if (config->n_ipam_options) {
		json_begin_object(w);
		for (size_t i = 0; i < config->n_ipam_options; i++)
			json_member_text(
				w, config->ipam_options[i].key, config->ipam_options[i].value);
		json_end_object(w);
	} else {
		json_null(w);
	}
	json_key(w, "Config");
	json_begin_array(w);
	for (size_t i = 0; network->ready && i < ARRAY_SIZE(network->family); i++) {
		const struct network_family *f = &network->family[i];
		bool whole = f->range.length == f->subnet.length;

		if (!f->enabled || !network_address_is_set(&f->subnet.address))
			continue;
		json_begin_object(w);
		member_prefix(w, "Subnet", &f->subnet);
		if (!whole)
			member_prefix(w, "IPRange", &f->range);
		member_address(w, "Gateway", &f->gateway);
		for (size_t k = 0; k < config->n_subnets; k++) {
			bool six =
				config->subnets[k].subnet && strchr(config->subnets[k].subnet, ':');

			if (config->subnets[k].n_aux && six == (i == 1))
				json_member_pairs(w, "AuxiliaryAddresses", config->subnets[k].aux,
					config->subnets[k].n_aux);
		}
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

static void write_container(struct json_writer *w, const struct network_endpoint *e)
{
	json_key(w, e->container_id);
	json_begin_object(w);
	json_member_text(w, "Name", e->container_name);
	json_member_text(w, "EndpointID", e->id);
	write_mac(w, e);
	member_prefix(w, "IPv4Address", &e->address[0]);
	member_prefix(w, "IPv6Address", &e->address[1]);
	json_end_object(w);
}

int inspect_network(struct engine *engine, const struct network *network, struct json_writer *w,
	struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const struct network_config *config = network->config;
	struct network_endpoint *endpoints;
	struct network_host *host;
	char created[CLOCK_TEXT_SIZE];
	size_t n;
	int r = engine_networks(engine, &host, err);

	if (r == 0)
		r = network_endpoints_of_network(host, &arena, network, &endpoints, &n, err);
	if (r < 0)
		return r;
	clock_format_rfc3339(network->created, created);
	json_begin_object(w);
	json_member_text(w, "Name", network->name);
	json_member_text(w, "Id", network->id);
	json_member_text(w, "Created", created);
	json_member_text(w, "Scope", "local");
	json_member_text(w, "Driver", network_driver_name(network->driver));
	json_member_boolean(w, "EnableIPv4", !config->ipv4.set || config->ipv4.value);
	json_member_boolean(w, "EnableIPv6", config->ipv6);
	write_pools(w, network);
	json_member_boolean(w, "Internal", config->internal);
	json_member_boolean(w, "Attachable", config->attachable);
	json_member_boolean(w, "Ingress", config->ingress);
	json_key(w, "ConfigFrom");
	json_begin_object(w);
	json_member_text(w, "Network", "");
	json_end_object(w);
	json_member_boolean(w, "ConfigOnly", false);
	json_key(w, "Containers");
	json_begin_object(w);
	for (size_t i = 0; i < n; i++)
		write_container(w, &endpoints[i]);
	json_end_object(w);
	json_member_pairs(w, "Options", config->options, config->n_options);
	json_member_pairs(w, "Labels", config->labels, config->n_labels);
	json_end_object(w);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "network/host.h"
#include "base/str.h"

#define ALIASES_MAX    1024
#define LINK_LOCAL_MAX 16

#define FIELD(member, name, kind, ...) \
	JSON_FIELD(struct network_endpoint_config, member, name, kind, __VA_ARGS__)

static const struct json_field fields[] = {
	FIELD(ipv4, "IPv4Address", JSON_STRING),
	FIELD(ipv6, "IPv6Address", JSON_STRING),
	FIELD(link_local, "LinkLocalIPs", JSON_STRV),
	FIELD(mac, "MacAddress", JSON_STRING),
	FIELD(aliases, "Aliases", JSON_STRV),
	FIELD(options, "DriverOpts", JSON_MAP,
		.count_offset = offsetof(struct network_endpoint_config, n_options)),
	FIELD(gateway_priority, "GwPriority", JSON_INT),
};
const struct json_table network_endpoint_config_table =
	JSON_TABLE("endpoint", struct network_endpoint_config, fields);

/* ---- Checks ---- */

static int check_address(const struct network *n, size_t family, const char *text,
	const char *const names[2], struct hull_error *err)
{
	struct network_address a;

	if (str_empty(text))
		return 0;
	if (network_address_parse(text, &a) < 0 || a.family != (family ? AF_INET6 : AF_INET))
		return error_set(
			err, HULL_ERROR_INVALID, "invalid %s address: %.100s", names[family], text);
	if (network_is_predefined(n->name))
		return error_set(err, HULL_ERROR_INVALID,
			"invalid endpoint settings: user specified IP address is supported on user "
			"defined networks only");
	bool configured = false;
	for (size_t i = 0; i < n->config->n_subnets; i++)
		configured |= strchr(n->config->subnets[i].subnet, ':') ? family == 1 : family == 0;
	if (!configured)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid endpoint settings: user specified IP address is supported only "
			"when connecting to networks with user configured subnets");
	if (!network_prefix_contains(&n->family[family].subnet, &a))
		return error_set(err, HULL_ERROR_INVALID,
			"invalid endpoint settings: no configured subnet or ip-range contain the "
			"IP address %s",
			text);
	return 0;
}

/* "sysctl=value,sysctl=value" with IFNAME in place of the interface's name. */
static int check_sysctls(const char *text, struct hull_error *err)
{
	_cleanup_strv_ char **list = strv_split(text, ",");

	if (!list)
		return error_no_memory(err);
	strv_foreach (entry, list) {
		const char *value = strchr(*entry, '=');
		if (!str_after(*entry, "net.") || !value || !strstr(*entry, ".IFNAME.") ||
			strstr(*entry, "IFNAME") > value || strchr(*entry, '/') ||
			strstr(*entry, ".."))
			return error_set(err, HULL_ERROR_INVALID,
				"invalid endpoint settings: sysctl \"%.100s\" is not of the form "
				"net.X.Y.IFNAME.Z=VALUE",
				*entry);
	}
	return 0;
}

static int check_options(const struct network_endpoint_config *c, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_options; i++) {
		const char *key = c->options[i].key, *value = c->options[i].value;
		if (str_eq(key, "com.docker.network.endpoint.sysctls"))
			r = check_sysctls(value, err);
		else if (!str_eq(key, "com.docker.network.endpoint.ifname"))
			r = error_set(err, HULL_ERROR_UNSUPPORTED,
				"invalid endpoint settings: option %.100s is not supported", key);
		else if (!value[0] || strlen(value) >= IFNAMSIZ || strpbrk(value, "/: \t\n%") ||
			 str_eq(value, "lo") || value[0] == '.')
			r = error_set(err, HULL_ERROR_INVALID,
				"invalid endpoint settings: \"%.100s\" is not the name of an "
				"interface",
				value);
	}
	return r;
}

static int check_config(
	const struct network *n, const struct network_endpoint_config *c, struct hull_error *err)
{
	static const char *const names[] = {"IPv4", "IPv6"};
	uint8_t mac[NETWORK_MAC_SIZE];
	struct network_address a;
	int r = check_address(n, 0, c->ipv4, names, err);

	if (r == 0)
		r = check_address(n, 1, c->ipv6, names, err);
	if (r < 0)
		return r;
	if (!str_empty(c->mac) && network_mac_parse(c->mac, mac) < 0)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid endpoint settings: invalid MAC address: %.100s", c->mac);
	if (!str_empty(c->mac) && n->driver == NETWORK_DRIVER_IPVLAN)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid endpoint settings: ipvlan interfaces have their parent's MAC "
			"address");
	if (strv_length(c->aliases) > ALIASES_MAX || strv_length(c->link_local) > LINK_LOCAL_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"invalid endpoint settings: too many aliases or link-local addresses");
	strv_foreach (text, c->link_local) {
		if (network_address_parse(*text, &a) < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"invalid endpoint settings: invalid link-local IP address: %.100s",
				*text);
	}
	return check_options(c, err);
}

/* ---- Rows ---- */

static int already_there(struct network_host *host, const char *container_id,
	const struct network *network, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(
		host->md, &q, err, "SELECT name FROM container WHERE id = ?", "t", container_id);

	if (r == 0)
		r = metadata_next(q, err);
	if (r < 0)
		return r;
	return error_set(err, HULL_ERROR_EXISTS,
		"endpoint with name %s already exists in network %s",
		r > 0 ? metadata_text(q, 0) : container_id, network->name);
}

int network_endpoint_add(struct network_host *host, const char *container_id,
	const struct network *network, const struct network_endpoint_config *config,
	struct hull_error *err)
{
	static const struct network_endpoint_config nothing;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	int64_t there;

	if (!config)
		config = &nothing;
	if (network->driver == NETWORK_DRIVER_HOST)
		return error_set(err, HULL_ERROR_INVALID,
			"container cannot be disconnected from host network or connected to host "
			"network");
	if (network->driver == NETWORK_DRIVER_NULL)
		return error_set(err, HULL_ERROR_INVALID,
			"container cannot be connected to multiple networks with one of the "
			"networks in private (none) mode");
	int r = check_config(network, config, err);
	if (r == 0)
		r = metadata_get_int(host->md, &there, err,
			"SELECT 1 FROM network_endpoint WHERE container_id = ? AND network_id = ?",
			"tt", container_id, network->id);
	if (r > 0)
		return already_there(host, container_id, network, err);
	if (r < 0)
		return r;
	json_struct(&w, &network_endpoint_config_table, config);
	if (buf_error(&text))
		return error_no_memory(err);
	return metadata_exec(host->md, err,
		"INSERT INTO network_endpoint"
		" (container_id, network_id, network_name, position, config)"
		" VALUES (?1, ?2, ?3, (SELECT coalesce(max(position) + 1, 0)"
		" FROM network_endpoint WHERE container_id = ?1), ?4)",
		"tttt", container_id, network->id, network->name, buf_str(&text));
}

int network_endpoint_remove(struct network_host *host, const char *container_id,
	const struct network *network, struct hull_error *err)
{
	int r = metadata_exec(host->md, err,
		"DELETE FROM network_endpoint WHERE container_id = ? AND network_id = ?", "tt",
		container_id, network->id);

	if (r == 0 && metadata_changes(host->md) == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"container %.12s is not connected to network %s", container_id,
			network->name);
	return r;
}

#define ENDPOINT_SELECT                                                            \
	"SELECT e.container_id, c.name, e.network_id, e.network_name, e.position," \
	" e.config, e.id, e.address4, e.address6, e.mac, e.host_link, e.link,"     \
	" e.gateway FROM network_endpoint e JOIN container c ON c.id = e.container_id "

static void read_address(
	struct network_endpoint *e, size_t family, struct metadata_query *q, int column)
{
	size_t n;
	const void *data = metadata_blob(q, column, &n);
	struct network_address *a = &e->address[family].address;

	if (metadata_is_null(q, column) || n != (family ? 16U : 4U))
		return;
	a->family = family ? AF_INET6 : AF_INET;
	memcpy(a->bytes, data, n);
}

static int read_endpoint(struct metadata_query *q, struct arena *arena, struct network_endpoint *e,
	struct hull_error *err)
{
	const char *text = metadata_text(q, 5);
	size_t n;

	e->container_id = arena_strdup(arena, metadata_text(q, 0));
	e->container_name = arena_strdup(arena, metadata_text(q, 1));
	e->network = arena_new(arena, struct network);
	e->config = arena_new(arena, struct network_endpoint_config);
	if (!e->container_id || !e->container_name || !e->network || !e->config)
		return error_no_memory(err);
	e->network->id = arena_strdup(arena, metadata_text(q, 2));
	e->network->name = arena_strdup(arena, metadata_text(q, 3));
	if (!e->network->id || !e->network->name)
		return error_no_memory(err);
	e->position = metadata_int(q, 4);
	int r = json_parse(arena, &network_endpoint_config_table, e->config, text, strlen(text),
		NULL, "endpoint", err);
	if (r < 0 || metadata_is_null(q, 6))
		return r;
	str_copy(e->id, sizeof(e->id), metadata_text(q, 6));
	read_address(e, 0, q, 7);
	read_address(e, 1, q, 8);
	const void *mac = metadata_blob(q, 9, &n);
	if (n == NETWORK_MAC_SIZE)
		memcpy(e->mac, mac, n);
	str_copy(e->host_link, sizeof(e->host_link), metadata_text(q, 10));
	str_copy(e->link, sizeof(e->link), metadata_text(q, 11));
	e->gateway4 = metadata_int(q, 12) & 1;
	e->gateway6 = metadata_int(q, 12) & 2;
	e->unfinished = metadata_int(q, 12) & 4;
	return 0;
}

/* A network that was removed and made again under its name is meant by those who were on it. */
static int resolve_network(struct network_host *host, struct arena *arena,
	struct network_endpoint *e, struct hull_error *err)
{
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	struct network *n;
	int r = network_find(host, arena, e->network->id, &n, &own);

	if (r < 0 && own.kind == HULL_ERROR_NOT_FOUND) {
		hull_error_done(&own);
		r = network_find(host, arena, e->network->name, &n, &own);
		if (r == 0)
			r = metadata_exec(host->md, &own,
				"UPDATE network_endpoint SET network_id = ?"
				" WHERE container_id = ? AND network_id = ?",
				"ttt", n->id, e->container_id, e->network->id);
	}
	if (r < 0 && own.kind == HULL_ERROR_NOT_FOUND) {
		e->gone = true;
		return 0;
	}
	if (r < 0) {
		error_move(err, &own);
		return r;
	}
	e->network = n;
	for (size_t i = 0; i < 2; i++)
		e->address[i].length = n->family[i].subnet.length;
	return 0;
}

int endpoints_load(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network *network, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network_endpoint *list = NULL;
	size_t n = 0, size = 0;
	int r = network ? metadata_query(host->md, &q, err,
				  ENDPOINT_SELECT "WHERE e.network_id = ? AND e.id IS NOT NULL"
						  " ORDER BY c.name",
				  "t", network->id)
			: metadata_query(host->md, &q, err,
				  ENDPOINT_SELECT "WHERE e.container_id = ? ORDER BY e.position",
				  "t", container_id);

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		if (n == size) {
			size = size ? 2 * size : 4;
			struct network_endpoint *larger = arena_array(arena, size, sizeof(*larger));
			if (!larger)
				return error_no_memory(err);
			if (n)
				memcpy(larger, list, n * sizeof(*larger));
			list = larger;
		}
		r = read_endpoint(q, arena, &list[n++], err);
	}
	metadata_query_done(TAKE_PTR(q));
	for (size_t i = 0; r == 0 && i < n; i++)
		r = resolve_network(host, arena, &list[i], err);
	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

int network_endpoints_of_container(struct network_host *host, struct arena *arena,
	const char *container_id, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err)
{
	return endpoints_load(host, arena, container_id, NULL, ret, ret_n, err);
}

int network_endpoints_of_network(struct network_host *host, struct arena *arena,
	const struct network *network, struct network_endpoint **ret, size_t *ret_n,
	struct hull_error *err)
{
	return endpoints_load(host, arena, NULL, network, ret, ret_n, err);
}

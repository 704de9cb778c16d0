/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of networks. What was asked for is kept as it was; what was chosen (subnets, bridge)
 * stands in columns. A network that is in the database may lack its bridge (after a reboot): whoever
 * needs it makes it. One that is being created is recorded last, so that nobody sees a half one.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/str.h"
#include "network/host.h"

#include <ctype.h>

#define NETWORK_NAME_MAX 255

/* ---- Documents ---- */

#define SUBNET(member, name, kind, ...) \
	JSON_FIELD(struct network_subnet, member, name, kind, __VA_ARGS__)
#define CONFIG(member, name, kind, ...) \
	JSON_FIELD(struct network_config, member, name, kind, __VA_ARGS__)

static const struct json_field subnet_fields[] = {
	SUBNET(subnet, "Subnet", JSON_STRING),
	SUBNET(ip_range, "IPRange", JSON_STRING),
	SUBNET(gateway, "Gateway", JSON_STRING),
	SUBNET(aux, "AuxiliaryAddresses", JSON_MAP,
		.count_offset = offsetof(struct network_subnet, n_aux)),
};
static const struct json_table subnet_table =
	JSON_TABLE("subnet", struct network_subnet, subnet_fields);

static const struct json_field config_fields[] = {
	CONFIG(driver, "Driver", JSON_STRING),
	CONFIG(internal, "Internal", JSON_BOOL),
	CONFIG(attachable, "Attachable", JSON_BOOL),
	CONFIG(ingress, "Ingress", JSON_BOOL),
	CONFIG(ipv4, "EnableIPv4", JSON_OPT_BOOL),
	CONFIG(ipv6, "EnableIPv6", JSON_BOOL),
	CONFIG(options, "Options", JSON_MAP,
		.count_offset = offsetof(struct network_config, n_options)),
	CONFIG(labels, "Labels", JSON_MAP,
		.count_offset = offsetof(struct network_config, n_labels)),
	CONFIG(ipam_driver, "IPAMDriver", JSON_STRING),
	CONFIG(ipam_options, "IPAMOptions", JSON_MAP,
		.count_offset = offsetof(struct network_config, n_ipam_options)),
	CONFIG(subnets, "IPAMConfig", JSON_ARRAY, .table = &subnet_table,
		.count_offset = offsetof(struct network_config, n_subnets)),
};
const struct json_table network_config_table =
	JSON_TABLE("network", struct network_config, config_fields);

static const char *const driver_names[] = {
	[NETWORK_DRIVER_NULL] = "null",
	[NETWORK_DRIVER_HOST] = "host",
	[NETWORK_DRIVER_BRIDGE] = "bridge",
	[NETWORK_DRIVER_MACVLAN] = "macvlan",
	[NETWORK_DRIVER_IPVLAN] = "ipvlan",
};

const char *network_driver_name(enum network_driver driver)
{
	return driver_names[driver];
}

static int driver_parse(const char *name, enum network_driver *ret, struct hull_error *err)
{
	if (!name)
		name = driver_names[NETWORK_DRIVER_BRIDGE];
	for (size_t i = 0; i < ARRAY_SIZE(driver_names); i++) {
		if (str_eq(name, driver_names[i])) {
			*ret = (enum network_driver)i;
			return 0;
		}
	}
	return error_set(
		err, HULL_ERROR_NOT_FOUND, "could not find plugin %.100s: plugin not found", name);
}

bool network_is_predefined(const char *name)
{
	return str_eq(name, NETWORK_DEFAULT) || str_eq(name, "host") || str_eq(name, "none");
}

/* ---- Reading ---- */

#define NETWORK_SELECT                                                               \
	"SELECT n.id, n.name, n.config, n.created, n.link,"                          \
	" a.subnet, a.range, a.gateway, b.subnet, b.range, b.gateway FROM network n" \
	" LEFT JOIN network_pool a ON a.network_id = n.id AND a.family = 4"          \
	" LEFT JOIN network_pool b ON b.network_id = n.id AND b.family = 6 "

static int read_family(struct network_family *f, struct metadata_query *q, int column)
{
	if (metadata_is_null(q, column))
		return 0;
	f->enabled = true;
	int r = network_prefix_parse(metadata_text(q, column), &f->subnet);
	if (r == 0)
		r = network_prefix_parse(metadata_text(q, column + 1), &f->range);
	/* An isolated or layer 3 network has none. */
	const char *gateway = metadata_text(q, column + 2);
	if (r == 0 && !str_empty(gateway))
		r = network_address_parse(gateway, &f->gateway);
	return r;
}

static int read_network(
	struct metadata_query *q, struct arena *arena, struct network **ret, struct hull_error *err)
{
	struct network *n = arena_new(arena, struct network);
	struct network_config *config = arena_new(arena, struct network_config);
	const char *text = metadata_text(q, 2), *link = metadata_text(q, 4);

	if (!n || !config)
		return error_no_memory(err);
	n->id = arena_strdup(arena, metadata_text(q, 0));
	n->name = arena_strdup(arena, metadata_text(q, 1));
	n->created = metadata_int(q, 3);
	n->config = config;
	if (!n->id || !n->name)
		return error_no_memory(err);
	int r = json_parse(
		arena, &network_config_table, config, text, strlen(text), NULL, n->name, err);
	if (r == 0)
		r = driver_parse(config->driver, &n->driver, err);
	if (r == 0)
		r = network_options_parse(n, arena, err);
	if (r < 0)
		return r;
	r = str_copy(n->link, sizeof(n->link), link);
	if (r == 0)
		r = read_family(&n->family[0], q, 5);
	if (r == 0)
		r = read_family(&n->family[1], q, 8);
	if (r < 0)
		return error_errno(err, r, "network %s in the database", n->name);
	n->ready = n->family[0].enabled || n->family[1].enabled ||
		   n->driver == NETWORK_DRIVER_HOST || n->driver == NETWORK_DRIVER_NULL;
	*ret = n;
	return 0;
}

static int query_one(
	struct metadata_query *q, struct arena *arena, struct network **ret, struct hull_error *err)
{
	int r = metadata_next(q, err);

	if (r > 0)
		r = read_network(q, arena, ret, err) < 0 ? -1 : 1;
	return r;
}

/* ---- The predefined ones ---- */

static int insert(struct network_host *host, const char *id, const char *name,
	const struct network_config *config, const char *link, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_struct(&w, &network_config_table, config);
	if (buf_error(&text))
		return error_no_memory(err);
	return metadata_exec(host->md, err,
		"INSERT INTO network (id, name, config, created, link) VALUES (?, ?, ?, ?, ?)",
		"tttit", id, name, buf_str(&text), clock_realtime_ns(), link);
}

static int make_predefined(struct network_host *host, struct hull_error *err)
{
	static const struct {
		const char *name, *driver;
	} all[] = {{NETWORK_DEFAULT, "bridge"}, {"host", "host"}, {"none", "null"}};
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	char id[NETWORK_ID_LENGTH + 1];
	int64_t there = 0;
	int r = metadata_begin(host->md, &t, err);

	if (r == 0)
		r = metadata_get_int(host->md, &there, err,
			"SELECT count(*) FROM network WHERE name IN ('bridge', 'host', 'none')",
			"");
	for (size_t i = 0; r >= 0 && there == 0 && i < ARRAY_SIZE(all); i++) {
		struct network_config config = {.driver = (char *)all[i].driver};
		r = host_random_id(id, err);
		if (r == 0)
			r = insert(host, id, all[i].name, &config,
				i == 0 ? host->default_bridge : "", err);
	}
	return r < 0 ? r : metadata_commit(&t, err);
}

/* ---- Finding ---- */

static int find_once(struct network_host *host, struct arena *arena, const char *ref,
	struct network **ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network *other;

	int r = metadata_query(host->md, &q, err,
		NETWORK_SELECT "WHERE n.name = ?1 OR n.id = ?1 ORDER BY n.id != ?1", "t", ref);
	if (r == 0)
		r = query_one(q, arena, ret, err);
	if (r || str_empty(ref))
		return r;
	metadata_query_done(TAKE_PTR(q));
	/* A start of an id: no character of these means anything to GLOB. */
	if (ref[strspn(ref, "0123456789abcdef")])
		return 0;
	r = metadata_query(host->md, &q, err, NETWORK_SELECT "WHERE n.id GLOB ? || '*'", "t", ref);
	if (r == 0)
		r = query_one(q, arena, ret, err);
	if (r > 0 && query_one(q, arena, &other, err) > 0)
		return error_set(err, HULL_ERROR_INVALID,
			"network %.100s is ambiguous (2 matches found based on ID prefix)", ref);
	return r;
}

int network_find(struct network_host *host, struct arena *arena, const char *ref,
	struct network **ret, struct hull_error *err)
{
	if (str_eq(ref, "default"))
		ref = NETWORK_DEFAULT;
	int r = find_once(host, arena, ref, ret, err);
	if (r == 0 && network_is_predefined(ref)) {
		r = make_predefined(host, err);
		if (r == 0)
			r = find_once(host, arena, ref, ret, err);
	}
	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "network %.200s not found", ref);
	return r < 0 ? r : 0;
}

int network_list(struct network_host *host, struct arena *arena, struct network ***ret,
	size_t *ret_n, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network **list = NULL, *one;
	size_t n = 0, size = 0;
	int r = make_predefined(host, err);

	if (r == 0)
		r = metadata_query(host->md, &q, err, NETWORK_SELECT "ORDER BY n.name", "");
	while (r == 0 && (r = query_one(q, arena, &one, err)) > 0) {
		if (n == size) {
			size = size ? 2 * size : 16;
			struct network **larger = arena_array(arena, size, sizeof(*larger));
			if (!larger)
				return error_no_memory(err);
			if (n)
				memcpy(larger, list, n * sizeof(*larger));
			list = larger;
		}
		list[n++] = one;
		r = 0;
	}
	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

int network_check_recorded(
	struct network_host *host, const struct network *n, struct hull_error *err)
{
	int64_t there;
	int r = metadata_get_int(
		host->md, &there, err, "SELECT 1 FROM network WHERE id = ?", "t", n->id);

	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "network %s not found", n->name);
	return r < 0 ? r : 0;
}

/* ---- Choosing subnets ---- */

/* Decides on the ULA prefix; must not tell the machine's id to anybody. */
static uint64_t machine_seed(void)
{
	static const struct hash_key key = {0x68756c6c, 0x756c61};
	_cleanup_free_ char *id = NULL;
	uint64_t seed = 0;

	if (file_read_line_at(AT_FDCWD, "/etc/machine-id", &id) == 0 && !str_empty(id))
		return hash_siphash13(&key, id, strlen(id));
	/* Without an identity any will do: the subnet is recorded. */
	struct hash_key random;
	if (hash_key_generate(&random) == 0)
		seed = random.k0;
	return seed;
}

static int recorded_prefixes(struct network_host *host, struct arena *arena,
	struct prefix_list *used, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network_prefix p;
	/* The same wire may well have several networks of macvlan and ipvlan. */
	int r = metadata_query(host->md, &q, err,
		"SELECT p.subnet FROM network_pool p JOIN network n ON n.id = p.network_id", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		r = network_prefix_parse(metadata_text(q, 0), &p);
		if (r == 0)
			r = prefix_list_add(used, arena, &p);
		if (r < 0)
			return error_errno(err, r, "subnet in the database");
	}
	return r;
}

static int parse_range(
	const struct network_subnet *asked, struct network_family *f, struct hull_error *err)
{
	f->range = f->subnet;
	if (str_empty(asked->ip_range))
		return 0;
	if (network_prefix_parse(asked->ip_range, &f->range) < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid ip-range %.100s", asked->ip_range);
	f->range.address = network_prefix_first(&f->range);
	if (f->range.length < f->subnet.length ||
		!network_prefix_contains(&f->subnet, &f->range.address))
		return error_set(err, HULL_ERROR_INVALID, "no matching subnet for range %s",
			asked->ip_range);
	return 0;
}

static int parse_inside(const char *text, const struct network_family *f, const char *what,
	struct network_address *ret, struct hull_error *err)
{
	if (network_address_parse(text, ret) < 0)
		return error_set(err, HULL_ERROR_INVALID, "invalid %s %.100s", what, text);
	if (!network_prefix_contains(&f->subnet, ret))
		return error_set(
			err, HULL_ERROR_INVALID, "no matching subnet for %s %s", what, text);
	return 0;
}

static int parse_subnet(
	const struct network_subnet *asked, struct network_family *f, struct hull_error *err)
{
	struct network_address aux;
	int r = parse_range(asked, f, err);

	if (r == 0 && !str_empty(asked->gateway))
		r = parse_inside(asked->gateway, f, "gateway", &f->gateway, err);
	for (size_t i = 0; r == 0 && i < asked->n_aux; i++)
		r = parse_inside(asked->aux[i].value, f, "aux-address", &aux, err);
	return r;
}

/* The subnets that the user gave; those left open are chosen afterwards. */
static int take_asked(struct network *n, const struct prefix_list *recorded, struct hull_error *err)
{
	bool shared = n->driver != NETWORK_DRIVER_BRIDGE;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->config->n_subnets; i++) {
		const struct network_subnet *asked = &n->config->subnets[i];
		struct network_prefix p;
		if (str_empty(asked->subnet))
			return error_set(err, HULL_ERROR_INVALID,
				"gateway, ip-range and aux-address need a subnet");
		if (network_prefix_parse(asked->subnet, &p) < 0)
			return error_set(err, HULL_ERROR_INVALID,
				"invalid subnet %.100s : invalid CIDR block notation",
				asked->subnet);
		struct network_family *f = &n->family[p.address.family == AF_INET6];
		if (network_address_is_set(&f->subnet.address))
			return error_set(err, HULL_ERROR_UNSUPPORTED,
				"a network has one subnet of each address family: %s is one more",
				asked->subnet);
		if (!f->enabled)
			return error_set(err, HULL_ERROR_INVALID,
				"subnet %s: the network does not have IPv%c", asked->subnet,
				p.address.family == AF_INET ? '4' : '6');
		if (p.length + 1U > 8 * network_address_size(&p.address))
			return error_set(err, HULL_ERROR_INVALID,
				"subnet %s has no room for containers", asked->subnet);
		p.address = network_prefix_first(&p);
		if (!shared && prefix_list_overlaps(recorded, &p))
			return error_set(err, HULL_ERROR_CONFLICT,
				"invalid pool request: Pool overlaps with other one on this "
				"address space");
		f->subnet = p;
		r = parse_subnet(asked, f, err);
	}
	return r;
}

static bool needs_gateway(const struct network *n, size_t family)
{
	if (n->driver == NETWORK_DRIVER_IPVLAN)
		return !n->mode || str_eq(n->mode, "l2");
	return n->family[family].mode != NETWORK_GATEWAY_ISOLATED;
}

/* In a transaction: what is recorded stays so until the network is recorded too. */
static int choose_subnets(
	struct network_host *host, struct arena *arena, struct network *n, struct hull_error *err)
{
	struct prefix_list used = {0};
	int r = recorded_prefixes(host, arena, &used, err);

	if (r == 0)
		r = take_asked(n, &used, err);
	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct network_family *f = &n->family[i];
		if (!f->enabled)
			continue;
		if (!network_address_is_set(&f->subnet.address)) {
			r = host_used_prefixes(host, arena, &used, err);
			/* The first pool is the default network's, whenever that is used first. */
			if (r == 0 && !str_eq(n->name, NETWORK_DEFAULT))
				r = pool_reserve_default(&used, arena) < 0 ? error_no_memory(err)
									   : 0;
			if (r == 0)
				r = pool_choose(i ? AF_INET6 : AF_INET, i ? machine_seed() : 0,
					&used, &f->subnet, err);
			f->range = f->subnet;
		}
		if (r == 0 && needs_gateway(n, i) && !network_address_is_set(&f->gateway)) {
			struct network_address a = {0};
			pool_next(&f->subnet, &f->range, &a);
			f->gateway = a;
		}
	}
	return r;
}

static int record_pools(struct network_host *host, const struct network *n, struct hull_error *err)
{
	char subnet[NETWORK_PREFIX_TEXT], range[NETWORK_PREFIX_TEXT], gateway[NETWORK_ADDRESS_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		const struct network_family *f = &n->family[i];
		if (!f->enabled)
			continue;
		network_prefix_format(&f->subnet, subnet);
		network_prefix_format(&f->range, range);
		network_address_format(&f->gateway, gateway);
		r = metadata_exec(host->md, err,
			"INSERT INTO network_pool (network_id, family, subnet, range, gateway)"
			" VALUES (?, ?, ?, ?, ?)",
			"tittt", n->id, (int64_t)(i ? 6 : 4), subnet, range, gateway);
	}
	return r;
}

int network_make_ready(struct network_host *host, struct arena *arena, struct network *network,
	struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	struct network *now;

	if (network->ready)
		return 0;
	int r = metadata_begin(host->md, &t, err);
	if (r == 0)
		r = network_find(host, arena, network->id, &now, err);
	if (r == 0 && !now->ready) {
		now->family[0].enabled = true;
		r = choose_subnets(host, arena, now, err);
		if (r == 0)
			r = record_pools(host, now, err);
		now->ready = r == 0;
	}
	if (r == 0)
		r = metadata_commit(&t, err);
	if (r == 0)
		*network = *now;
	return r;
}

/* ---- Creating ---- */

static int check_name(const char *name, struct hull_error *err)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= NETWORK_NAME_MAX && isalnum((unsigned char)name[0]);

	for (size_t i = 0; i < n; i++)
		good &= isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	if (!good)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid network name (%.255s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	if (network_is_predefined(name) || str_eq(name, "default"))
		return error_set(err, HULL_ERROR_DENIED,
			"operation is not permitted on predefined %s network", name);
	return 0;
}

static int check_config(const struct network *n, struct hull_error *err)
{
	const struct network_config *c = n->config;

	if (n->driver == NETWORK_DRIVER_HOST || n->driver == NETWORK_DRIVER_NULL)
		return error_set(err, HULL_ERROR_DENIED,
			"only one instance of \"%s\" network is allowed",
			network_driver_name(n->driver));
	if (c->ingress)
		return error_set(err, HULL_ERROR_UNSUPPORTED, "ingress networks are not supported");
	if (c->ipam_driver && !str_eq(c->ipam_driver, "default"))
		return error_set(err, HULL_ERROR_UNSUPPORTED, "IPAM driver %.100s is not supported",
			c->ipam_driver);
	if (c->n_ipam_options)
		return error_set(err, HULL_ERROR_UNSUPPORTED, "IPAM option %.100s is not supported",
			c->ipam_options[0].key);
	if (c->n_subnets > NETWORK_SUBNETS_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "more than %d subnets", NETWORK_SUBNETS_MAX);
	if (!n->family[0].enabled && !n->family[1].enabled)
		return error_set(err, HULL_ERROR_INVALID, "IPv4 or IPv6 must be enabled");
	if (n->family[1].enabled && !host_has_ipv6())
		return error_set(err, HULL_ERROR_UNSUPPORTED, "this kernel has no IPv6");
	return 0;
}

static int build(struct network *n, struct arena *arena, const struct network_config *config,
	struct hull_error *err)
{
	n->config = arena_memdup(arena, config, sizeof(*config));
	if (!n->config)
		return error_no_memory(err);
	int r = driver_parse(config->driver, &n->driver, err);
	if (r == 0)
		r = network_options_parse(n, arena, err);
	if (r < 0)
		return r;
	n->config->driver = (char *)network_driver_name(n->driver);
	n->family[0].enabled = !config->ipv4.set || config->ipv4.value;
	n->family[1].enabled = config->ipv6;
	return check_config(n, err);
}

static int check_link_free(
	struct network_host *host, const struct network *n, struct hull_error *err)
{
	int64_t other;

	if (n->driver != NETWORK_DRIVER_BRIDGE)
		return 0;
	int r = metadata_get_int(
		host->md, &other, err, "SELECT 1 FROM network WHERE link = ?", "t", n->link);
	return r <= 0 ? r
		      : error_set(err, HULL_ERROR_CONFLICT,
				"another network already has bridge name %s", n->link);
}

static int record(
	struct network_host *host, struct arena *arena, struct network *n, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	int64_t other;
	int r = metadata_begin(host->md, &t, err);

	if (r == 0)
		r = metadata_get_int(host->md, &other, err, "SELECT 1 FROM network WHERE name = ?",
			"t", n->name);
	if (r > 0)
		return error_set(
			err, HULL_ERROR_EXISTS, "network with name %s already exists", n->name);
	if (r == 0)
		r = check_link_free(host, n, err);
	if (r == 0)
		r = choose_subnets(host, arena, n, err);
	if (r == 0)
		r = insert(host, n->id, n->name, n->config, n->link, err);
	if (r == 0)
		r = record_pools(host, n, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

static int forget(struct network_host *host, const char *id, struct hull_error *err)
{
	return metadata_exec(host->md, err, "DELETE FROM network WHERE id = ?", "t", id);
}

/* What is there already under the name that the user chose is the user's own, and used as it is. */
static int make_link(struct network_host *host, const struct network *n, struct hull_error *err)
{
	int index;

	if (n->driver != NETWORK_DRIVER_BRIDGE)
		return parent_ensure(host, n, &index, err);
	int r = firewall_ensure(host, false, err);
	return r < 0 ? r : bridge_ensure(host, n, &index, err);
}

static int remove_link(struct network_host *host, const struct network *n, struct hull_error *err)
{
	return n->driver == NETWORK_DRIVER_BRIDGE ? bridge_remove(host, n, err)
						  : parent_remove(host, n, err);
}

/* Of what the user gave no name: one from the id. */
static void choose_link(struct network *n)
{
	static const char *const prefixes[] = {
		[NETWORK_DRIVER_BRIDGE] = "br-",
		[NETWORK_DRIVER_MACVLAN] = "dm-",
		[NETWORK_DRIVER_IPVLAN] = "di-",
	};

	if (!n->link[0])
		snprintf(n->link, sizeof(n->link), "%s%.12s", prefixes[n->driver], n->id);
}

int network_create(struct network_host *host, struct arena *arena, const char *name,
	const struct network_config *config, struct network **ret, struct hull_error *err)
{
	char id[NETWORK_ID_LENGTH + 1];
	struct network *n = arena_new(arena, struct network);
	int r = check_name(name, err);

	if (r == 0 && !n)
		r = error_no_memory(err);
	if (r == 0)
		r = build(n, arena, config, err);
	if (r == 0)
		r = host_random_id(id, err);
	if (r < 0)
		return r;
	n->id = arena_strdup(arena, id);
	n->name = arena_strdup(arena, name);
	if (!n->id || !n->name)
		return error_no_memory(err);
	choose_link(n);
	r = record(host, arena, n, err);
	if (r == 0) {
		r = make_link(host, n, err);
		if (r < 0) {
			remove_link(host, n, NULL);
			forget(host, id, NULL);
		}
	}
	if (r < 0)
		return r;
	n->ready = true;
	n->created = clock_realtime_ns();
	*ret = n;
	return 0;
}

/* ---- Removing ---- */

static int check_unused(struct network_host *host, const struct network *n, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = metadata_query(host->md, &q, err,
		"SELECT c.name, e.id FROM network_endpoint e JOIN container c ON c.id = e.container_id"
		" WHERE e.network_id = ? AND e.id IS NOT NULL ORDER BY e.id",
		"t", n->id);

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		buf_printf(&text, "%sname:\"%s\" id:\"%.12s\"", text.len ? ", " : "",
			metadata_text(q, 0), metadata_text(q, 1));
		r = 0;
	}
	if (r < 0)
		return r;
	return !text.len
		       ? 0
		       : error_set(err, HULL_ERROR_CONFLICT,
				 "error while removing network: network %s has active endpoints (%s)",
				 n->name, buf_str(&text));
}

/* The bridge goes first: where it is missing, whoever needs it makes it again, with the elements. */
static int take_away(struct network_host *host, const struct network *n, struct hull_error *err)
{
	_cleanup_buf_ struct buf elements = BUF_INIT;
	int r = remove_link(host, n, err);

	if (r < 0 || n->driver != NETWORK_DRIVER_BRIDGE)
		return r;
	firewall_network(&elements, host->table, n, false);
	return firewall_send(host, &elements, err);
}

/*
 * In one transaction, so that nobody gets a lease meanwhile. Whoever is killed in it leaves a network
 * without its bridge, never a bridge without its network.
 */
int network_remove(struct network_host *host, const struct network *network, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;

	if (network_is_predefined(network->name))
		return error_set(err, HULL_ERROR_DENIED,
			"%s is a pre-defined network and cannot be removed", network->name);
	int r = metadata_begin(host->md, &t, err);
	if (r == 0)
		r = check_unused(host, network, err);
	if (r == 0)
		r = take_away(host, network, err);
	if (r == 0)
		r = forget(host, network->id, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

/* Leases are recorded before anything is made for them: while the write lock is held, none can come. */
int network_tidy(struct network_host *host, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network **networks;
	int64_t leases = 0;
	size_t n, bridges = 0;
	int r = metadata_begin(host->md, &t, err);

	if (r == 0)
		r = metadata_get_int(host->md, &leases, err,
			"SELECT count(*) FROM network_endpoint JOIN network ON network.id = network_id"
			" WHERE network.name = '" NETWORK_DEFAULT
			"' AND network_endpoint.id IS NOT NULL",
			"");
	if (r < 0 || leases > 0)
		return r < 0 ? r : 0;
	r = network_list(host, &arena, &networks, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (str_eq(networks[i]->name, NETWORK_DEFAULT))
			r = bridge_remove(host, networks[i], err);
		else
			bridges += networks[i]->driver == NETWORK_DRIVER_BRIDGE;
	}
	return r == 0 && bridges == 0 ? firewall_remove(host, err) : r;
}

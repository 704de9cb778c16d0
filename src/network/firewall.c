/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet filter: one table, made once, in which a network or a published port is an element of
 * a set or map, never a rule. What a packet meets:
 *
 *	raw          what containers send to the host's 127.0.0.1 goes no further
 *	prerouting   to an address of the host, on a published port: led to the container
 *	output       the same for the host's own connections, 127.0.0.1 included
 *	forward      to and from bridges: the administrator's chain "user" first, then what
 *	             belongs to a known connection, traffic inside a network, published ports;
 *	             networks are kept apart, and nobody outside reaches a container that is not
 *	             published
 *	postrouting  out of a bridge: the host's address instead of the container's; also where the
 *	             answer would miss the host: from the host itself, and inside one network
 *
 * A published port is one element whatever its range: the value holds the first and the last port
 * of the container, and a packet's own port is kept if it lies between.
 *
 * Another table's verdict "drop" is final for ours too: docs/network.md has what to do about it.
 */
#include "network/host.h"
#include "base/str.h"
#include "sys/nftables.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>

/* Part of the table's comment: a table with another one is remade. */
#define VERSION "hull, version 3"

#define USER_CHAIN "user"

/* Ports of one range about which the kernel is asked to forget what it knows. */
#define FORGET_MAX 256

enum set_number {
	BRIDGES,
	INTERNAL,
	WITHIN4,
	WITHIN6,
	TALKING,
	UNPROTECTED,
	ROUTED,
	MASQUERADE4,
	MASQUERADE6,
	OPEN4,
	OPEN6,
	PORTS4,
	PORTS6,
	SETS,
};

/* clang-format off */
static const struct nft_set sets[SETS] = {
	[BRIDGES] = {"bridges", .key = {NFT_TYPE_IFNAME}},
	[INTERNAL] = {"internal", .key = {NFT_TYPE_IFNAME}},
	/* Pairs of equal names: there is no other way to say "back where it came from". */
	[TALKING] = {"talking", .key = {NFT_TYPE_IFNAME, NFT_TYPE_IFNAME}},
	[UNPROTECTED] = {"unprotected", .key = {NFT_TYPE_NFPROTO, NFT_TYPE_IFNAME}},
	[ROUTED] = {"routed", .key = {NFT_TYPE_NFPROTO, NFT_TYPE_IFNAME}},
	/* By its subnet, not by where a packet came in: a bridged one that goes through the packet filter
	 * (br_netfilter) has no such place any more when it leaves. */
	[WITHIN4] = {"within4", .key = {NFT_TYPE_IFNAME, NFT_TYPE_IPV4}, .interval = true},
	[WITHIN6] = {"within6", .key = {NFT_TYPE_IFNAME, NFT_TYPE_IPV6}, .interval = true},
	[MASQUERADE4] = {"masquerade4", .key = {NFT_TYPE_IFNAME, NFT_TYPE_IPV4}, .interval = true},
	[MASQUERADE6] = {"masquerade6", .key = {NFT_TYPE_IFNAME, NFT_TYPE_IPV6}, .interval = true},
	/* The port comes first: to remove an element the kernel compares it with the others field by field,
	 * and mostly they differ in their ports. */
	[OPEN4] = {"open4", .key = {NFT_TYPE_PORT, NFT_TYPE_PROTOCOL, NFT_TYPE_IPV4}, .interval = true},
	[OPEN6] = {"open6", .key = {NFT_TYPE_PORT, NFT_TYPE_PROTOCOL, NFT_TYPE_IPV6}, .interval = true},
	[PORTS4] = {"ports4", .key = {NFT_TYPE_PORT, NFT_TYPE_PROTOCOL, NFT_TYPE_IPV4},
		.value = {NFT_TYPE_IPV4, NFT_TYPE_PORT}, .interval = true},
	[PORTS6] = {"ports6", .key = {NFT_TYPE_PORT, NFT_TYPE_PROTOCOL, NFT_TYPE_IPV6},
		.value = {NFT_TYPE_IPV6, NFT_TYPE_PORT}, .interval = true},
};

static const struct nft_chain chains[] = {
	{USER_CHAIN, NULL, 0, 0},
	{"translate4", NULL, 0, 0},
	{"translate6", NULL, 0, 0},
	{"raw", "filter", NF_INET_PRE_ROUTING, -300},
	{"prerouting", "nat", NF_INET_PRE_ROUTING, -100},
	{"output", "nat", NF_INET_LOCAL_OUT, -100},
	{"forward", "filter", NF_INET_FORWARD, 0},
	{"postrouting", "nat", NF_INET_POST_ROUTING, 100},
};

/* Registers are 32 bits; the name of an interface takes four, an IPv6 address too. */
#define IS_FAMILY(family) NFT_META(NFT_META_NFPROTO, 0), NFT_COMPARE(NFT_CMP_EQ, 0, 1, (family))
#define LOCAL_DESTINATION \
	NFT_FIB_TYPE(NFTA_FIB_F_DADDR, 0), NFT_COMPARE(NFT_CMP_EQ, 0, 4, RTN_LOCAL)
#define LOCAL_SOURCE NFT_FIB_TYPE(NFTA_FIB_F_SADDR, 0), NFT_COMPARE(NFT_CMP_EQ, 0, 4, RTN_LOCAL)
#define LOOPBACK_DESTINATION(op) \
	NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 16, 1, 0), NFT_COMPARE(op, 0, 1, 127)
#define IN NFT_META(NFT_META_IIFNAME, 0)
#define OUT NFT_META(NFT_META_OIFNAME, 0)
#define IN_AND_OUT NFT_META(NFT_META_IIFNAME, 0), NFT_META(NFT_META_OIFNAME, 4)
#define FAMILY_AND_OUT NFT_META(NFT_META_NFPROTO, 0), NFT_META(NFT_META_OIFNAME, 1)
#define STATE(bits) \
	NFT_CT(NFT_CT_STATE, 0), NFT_MASK(bits, 0), NFT_COMPARE(NFT_CMP_NEQ, 0, 4, 0)
#define TRANSLATED \
	NFT_CT(NFT_CT_STATUS, 0), NFT_MASK(IPS_DST_NAT, 0), NFT_COMPARE(NFT_CMP_NEQ, 0, 4, 0)
#define DESTINATION4 \
	NFT_PAYLOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0), NFT_META(NFT_META_L4PROTO, 1), \
	NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 2)
#define DESTINATION6 \
	NFT_PAYLOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0), NFT_META(NFT_META_L4PROTO, 1), \
	NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, 2)

/* NF_CT_STATE_BIT() of IP_CT_ESTABLISHED and IP_CT_RELATED. */
#define KNOWN (1u << (IP_CT_ESTABLISHED + 1) | 1u << (IP_CT_RELATED + 1))

#define EXPRS_MAX 16

static const struct {
	const char *chain, *comment;
	struct nft_expr exprs[EXPRS_MAX];
} rules[] = {
	{"raw", "the host's loopback is not for containers",
		/* Every packet comes here: what is cheap and true of few comes first. */
		{IS_FAMILY(NFPROTO_IPV4), LOOPBACK_DESTINATION(NFT_CMP_EQ), IN,
		NFT_LOOKUP("bridges", 0), NFT_DROP, NFT_END}},

	{"translate4", "published ports",
		{IS_FAMILY(NFPROTO_IPV4), DESTINATION4, NFT_LOOKUP_MAP("ports4", 0, 0), NFT_DNAT(NFPROTO_IPV4, 0, 1, 3),
		NFT_END}},
	{"translate6", "published ports",
		{IS_FAMILY(NFPROTO_IPV6), DESTINATION6, NFT_LOOKUP_MAP("ports6", 0, 0), NFT_DNAT(NFPROTO_IPV6, 0, 4, 9),
		NFT_END}},
	{"prerouting", "published ports, except what claims to be for our loopback",
		{IS_FAMILY(NFPROTO_IPV4), LOOPBACK_DESTINATION(NFT_CMP_NEQ), LOCAL_DESTINATION,
		NFT_JUMP_TO("translate4"), NFT_END}},
	{"prerouting", "published ports",
		{IS_FAMILY(NFPROTO_IPV6), LOCAL_DESTINATION, NFT_JUMP_TO("translate6"), NFT_END}},
	{"output", "the host's own connections to published ports",
		{IS_FAMILY(NFPROTO_IPV4), LOCAL_DESTINATION, NFT_JUMP_TO("translate4"), NFT_END}},
	{"output", "the same, except to [::1], which cannot be routed elsewhere",
		{IS_FAMILY(NFPROTO_IPV6), NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, 0),
		NFT_COMPARE(NFT_CMP_NEQ, 0, 16, [15] = 1), LOCAL_DESTINATION,
		NFT_JUMP_TO("translate6"), NFT_END}},

	{"forward", "not ours",
		{IN, NFT_LOOKUP_NOT("bridges", 0), OUT, NFT_LOOKUP_NOT("bridges", 0), NFT_ACCEPT,
		NFT_END}},
	{"forward", "the administrator's rules", {NFT_JUMP_TO(USER_CHAIN), NFT_END}},
	{"forward", "known connections", {STATE(KNOWN), NFT_ACCEPT, NFT_END}},
	{"forward", "containers of one network",
		{IN_AND_OUT, NFT_LOOKUP("talking", 0), NFT_ACCEPT, NFT_END}},
	{"forward", "out of an internal network", {IN, NFT_LOOKUP("internal", 0), NFT_DROP, NFT_END}},
	{"forward", "into an internal network", {OUT, NFT_LOOKUP("internal", 0), NFT_DROP, NFT_END}},
	{"forward", "published ports",
		{OUT, NFT_LOOKUP("bridges", 0), TRANSLATED, NFT_ACCEPT, NFT_END}},
	{"forward", "unprotected networks",
		{FAMILY_AND_OUT, NFT_LOOKUP("unprotected", 0), NFT_ACCEPT, NFT_END}},
	{"forward", "published ports of routed networks",
		{FAMILY_AND_OUT, NFT_LOOKUP("routed", 0), IS_FAMILY(NFPROTO_IPV4), DESTINATION4,
		NFT_LOOKUP("open4", 0), NFT_ACCEPT, NFT_END}},
	{"forward", "published ports of routed networks",
		{FAMILY_AND_OUT, NFT_LOOKUP("routed", 0), IS_FAMILY(NFPROTO_IPV6), DESTINATION6,
		NFT_LOOKUP("open6", 0), NFT_ACCEPT, NFT_END}},
	{"forward", "ICMP to routed networks",
		{FAMILY_AND_OUT, NFT_LOOKUP("routed", 0), NFT_META(NFT_META_L4PROTO, 0),
		NFT_COMPARE(NFT_CMP_EQ, 0, 1, IPPROTO_ICMP), NFT_ACCEPT, NFT_END}},
	{"forward", "ICMP to routed networks",
		{FAMILY_AND_OUT, NFT_LOOKUP("routed", 0), NFT_META(NFT_META_L4PROTO, 0),
		NFT_COMPARE(NFT_CMP_EQ, 0, 1, IPPROTO_ICMPV6), NFT_ACCEPT, NFT_END}},
	{"forward", "other networks and the world",
		{OUT, NFT_LOOKUP("bridges", 0), NFT_DROP, NFT_END}},

	{"postrouting", "the host's own connections to published ports",
		{OUT, NFT_LOOKUP("bridges", 0), TRANSLATED, LOCAL_SOURCE, NFT_MASQUERADE, NFT_END}},
	{"postrouting", "a published port of the same network",
		{TRANSLATED, IS_FAMILY(NFPROTO_IPV4), NFT_META(NFT_META_OIFNAME, 0),
		NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, 4), NFT_LOOKUP("within4", 0),
		NFT_MASQUERADE, NFT_END}},
	{"postrouting", "a published port of the same network",
		{TRANSLATED, IS_FAMILY(NFPROTO_IPV6), NFT_META(NFT_META_OIFNAME, 0),
		NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 8, 16, 4), NFT_LOOKUP("within6", 0),
		NFT_MASQUERADE, NFT_END}},
	{"postrouting", "containers to the world",
		{OUT, NFT_LOOKUP_NOT("bridges", 0), IS_FAMILY(NFPROTO_IPV4),
		NFT_META(NFT_META_IIFNAME, 0), NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, 4),
		NFT_LOOKUP("masquerade4", 0), NFT_MASQUERADE, NFT_END}},
	{"postrouting", "containers to the world",
		{OUT, NFT_LOOKUP_NOT("bridges", 0), IS_FAMILY(NFPROTO_IPV6),
		NFT_META(NFT_META_IIFNAME, 0), NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 8, 16, 4),
		NFT_LOOKUP("masquerade6", 0), NFT_MASQUERADE, NFT_END}},
};
/* clang-format on */

/* ---- Elements ---- */

/* Keys are put together field by field, each padded to 32 bits. */
struct key {
	uint8_t bytes[64];
	size_t n;
};

static void key_put(struct key *k, const void *data, size_t n)
{
	memcpy(k->bytes + k->n, data, n);
	k->n += (n + 3) & ~(size_t)3;
}

static void key_put_byte(struct key *k, uint8_t value)
{
	key_put(k, &value, 1);
}

static void key_put_port(struct key *k, uint16_t port)
{
	uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	key_put(k, bytes, sizeof(bytes));
}

static void key_put_name(struct key *k, const char *name)
{
	char text[IFNAMSIZ] = "";

	str_copy(text, sizeof(text), name);
	key_put(k, text, sizeof(text));
}

static void key_put_address(struct key *k, const struct network_address *a)
{
	key_put(k, a->bytes, network_address_size(a));
}

static void change(struct buf *b, const char *table, enum set_number set, const struct key *key,
	const struct key *end, const struct key *value, bool add)
{
	const struct nft_element element = {.key = key->bytes,
		.key_end = end ? end->bytes : NULL,
		.value = value ? value->bytes : NULL,
		.value_size = value ? value->n : 0};

	nft_change_element(b, table, &sets[set], &element, add, 0);
}

static void change_name(
	struct buf *b, const char *table, enum set_number set, const char *name, bool add)
{
	struct key key = {0};

	key_put_name(&key, name);
	if (set == TALKING)
		key_put_name(&key, name);
	change(b, table, set, &key, NULL, NULL, add);
}

static void change_family(struct buf *b, const char *table, enum set_number set, size_t family,
	const char *name, bool add)
{
	struct key key = {0};

	key_put_byte(&key, family ? NFPROTO_IPV6 : NFPROTO_IPV4);
	key_put_name(&key, name);
	change(b, table, set, &key, NULL, NULL, add);
}

/* The network's addresses on its bridge. */
static void change_subnet(struct buf *b, const char *table, enum set_number set,
	const struct network *n, size_t family, bool add)
{
	struct network_address first = network_prefix_first(&n->family[family].subnet),
			       last = network_prefix_last(&n->family[family].subnet);
	struct key key = {0}, end = {0};

	key_put_name(&key, n->link);
	key_put_address(&key, &first);
	key_put_name(&end, n->link);
	key_put_address(&end, &last);
	change(b, table, set, &key, &end, NULL, add);
}

void firewall_network(struct buf *b, const char *table, const struct network *n, bool add)
{
	change_name(b, table, BRIDGES, n->link, add);
	for (size_t i = 0; i < 2; i++) {
		if (n->family[i].enabled)
			change_subnet(b, table, i ? WITHIN6 : WITHIN4, n, i, add);
	}
	if (n->icc)
		change_name(b, table, TALKING, n->link, add);
	if (n->internal) {
		change_name(b, table, INTERNAL, n->link, add);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct network_family *f = &n->family[i];
		if (!f->enabled)
			continue;
		if (f->mode == NETWORK_GATEWAY_NAT_UNPROTECTED)
			change_family(b, table, UNPROTECTED, i, n->link, add);
		if (f->mode == NETWORK_GATEWAY_ROUTED)
			change_family(b, table, ROUTED, i, n->link, add);
		else if (n->masquerade)
			change_subnet(b, table, i ? MASQUERADE6 : MASQUERADE4, n, i, add);
	}
}

/* Of a routed network: the container's own ports, for everybody. */
static void change_open(struct buf *b, const char *table, const struct network_binding *p,
	const struct network_address *target, bool add)
{
	struct key key = {0}, end = {0};

	key_put_port(&key, p->container_first);
	key_put_byte(&key, p->protocol);
	key_put_address(&key, target);
	key_put_port(&end, (uint16_t)(p->container_first + p->count - 1));
	key_put_byte(&end, p->protocol);
	key_put_address(&end, target);
	change(b, table, target->family == AF_INET6 ? OPEN6 : OPEN4, &key, &end, NULL, add);
}

/* One element for host ports [host, host + count) that go to [container, container + count). */
static void change_port(struct buf *b, const char *table, const struct network_binding *p,
	const struct network_address *target, uint16_t host, uint16_t container, uint16_t count,
	bool add)
{
	struct network_address first = p->host_ip, last = p->host_ip;
	struct key key = {0}, end = {0}, value = {0};

	if (network_address_is_any(&p->host_ip))
		memset(last.bytes, 0xff, network_address_size(&last));
	key_put_port(&key, host);
	key_put_byte(&key, p->protocol);
	key_put_address(&key, &first);
	key_put_port(&end, (uint16_t)(host + count - 1));
	key_put_byte(&end, p->protocol);
	key_put_address(&end, &last);
	key_put_address(&value, target);
	key_put_port(&value, container);
	key_put_address(&value, target);
	key_put_port(&value, (uint16_t)(container + count - 1));
	change(b, table, target->family == AF_INET6 ? PORTS6 : PORTS4, &key, &end, &value, add);
}

void firewall_binding(struct buf *b, const char *table, const struct network *network,
	const struct network_binding *p, const struct network_address *target, bool add)
{
	if (p->host_ip.family != target->family)
		return;
	if (network->family[target->family == AF_INET6].mode == NETWORK_GATEWAY_ROUTED) {
		change_open(b, table, p, target, add);
		return;
	}
	/* The kernel keeps a port that is in the range of the value, so a range that is the same on
	 * both sides is one element; a shifted one has one for each port. */
	if (p->host_first == p->container_first || p->count == 1) {
		change_port(b, table, p, target, p->host_first, p->container_first, p->count, add);
		return;
	}
	for (uint16_t i = 0; i < p->count; i++)
		change_port(b, table, p, target, (uint16_t)(p->host_first + i),
			(uint16_t)(p->container_first + i), 1, add);
}

/* ---- Sending ---- */

static int send_batch(int fd, const void *elements, size_t n)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	nft_batch_begin(&b);
	buf_append(&b, elements, n);
	nft_batch_end(&b);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_send(fd, b.data, b.len, NULL);
}

/* One by one: what is not there (any more) does not keep the others from being removed. */
static int send_each(int fd, const struct buf *elements)
{
	size_t left = elements->len;
	int first = 0;

	for (const struct nlmsghdr *h = (const void *)elements->data; NLMSG_OK(h, left);
		h = NLMSG_NEXT(h, left)) {
		int r = send_batch(fd, h, NLMSG_ALIGN(h->nlmsg_len));
		if (r < 0 && r != -ENOENT && first == 0)
			first = r;
	}
	return first;
}

int firewall_send(struct network_host *host, const struct buf *elements, struct hull_error *err)
{
	int fd = host_nft(host, err);

	if (fd < 0)
		return fd;
	if (buf_error(elements))
		return error_no_memory(err);
	if (elements->len == 0)
		return 0;
	int r = send_batch(fd, elements->data, elements->len);
	if (r == -ENOENT)
		r = send_each(fd, elements);
	return r < 0 ? error_errno(err, r, "nftables table %s", host->table) : 0;
}

/* ---- The table ---- */

static void put_table(struct buf *b, const char *table)
{
	uint32_t seq = 1;

	for (size_t i = 0; i < SETS; i++, seq++)
		nft_add_set(b, table, &sets[i], (uint32_t)i + 1, seq);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++, seq++)
		nft_add_chain(b, table, &chains[i], seq);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++, seq++)
		nft_add_rule(b, table, rules[i].chain, rules[i].comment, rules[i].exprs, seq);
}

/* Everything of ours but the administrator's chain goes, in the batch that makes it anew. */
static int put_removal(struct network_host *host, int fd, struct buf *b)
{
	_cleanup_strv_ char **chain_names = NULL, **set_names = NULL;
	int r = nft_list_names(fd, host->table, NFT_MSG_GETCHAIN, &chain_names);

	if (r == 0)
		r = nft_list_names(fd, host->table, NFT_MSG_GETSET, &set_names);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(chains); i++) {
		if (strv_contains(chain_names, chains[i].name) &&
			!str_eq(chains[i].name, USER_CHAIN))
			nft_flush_chain(b, host->table, chains[i].name, 0);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(chains); i++) {
		if (strv_contains(chain_names, chains[i].name) &&
			!str_eq(chains[i].name, USER_CHAIN))
			nft_delete_chain(b, host->table, chains[i].name, 0);
	}
	for (size_t i = 0; r == 0 && i < SETS; i++) {
		if (strv_contains(set_names, sets[i].name))
			nft_delete_set(b, host->table, sets[i].name, 0);
	}
	return r;
}

static int put_bindings(struct network_host *host, struct arena *arena, const char *container_id,
	struct buf *b, struct hull_error *err)
{
	struct network_endpoint *endpoints;
	struct network_binding *bindings;
	size_t n_endpoints, n_bindings;
	int r = endpoints_load(host, arena, container_id, NULL, &endpoints, &n_endpoints, err);

	if (r == 0)
		r = network_bindings(host, arena, container_id, &bindings, &n_bindings, err);
	if (r == 0)
		attach_port_elements(
			b, host->table, endpoints, n_endpoints, bindings, n_bindings, true);
	return r;
}

/* All elements that the database knows of. */
static int put_elements(
	struct network_host *host, struct arena *arena, struct buf *b, struct hull_error *err)
{
	struct network **networks;
	_cleanup_strv_ char **ids = NULL;
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	size_t n;
	int r = network_list(host, arena, &networks, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (networks[i]->driver == NETWORK_DRIVER_BRIDGE && networks[i]->ready)
			firewall_network(b, host->table, networks[i], true);
	}
	if (r == 0)
		r = metadata_query(
			host->md, &q, err, "SELECT DISTINCT container_id FROM network_binding", "");
	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		r = strv_append(&ids, metadata_text(q, 0));
		if (r < 0)
			return error_no_memory(err);
	}
	for (size_t i = 0; r == 0 && i < strv_length(ids); i++)
		r = put_bindings(host, arena, ids[i], b, err);
	return r;
}

static int no_tables(int r, struct hull_error *err)
{
	return error_errno_kind(err, HULL_ERROR_UNSUPPORTED, r,
		"this kernel has no nf_tables, which bridge networks need");
}

static int make_table(struct network_host *host, int fd, bool there, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint32_t failed = 0;

	nft_batch_begin(&b);
	nft_add_table(&b, host->table, VERSION, there ? 0 : NLM_F_EXCL, 0);
	int r = there ? put_removal(host, fd, &b) : 0;
	if (r < 0)
		return error_errno(err, r, "nftables table %s", host->table);
	put_table(&b, host->table);
	r = put_elements(host, &arena, &b, err);
	nft_batch_end(&b);
	if (r == 0 && buf_error(&b))
		return error_no_memory(err);
	if (r < 0)
		return r;
	r = netlink_send(fd, b.data, b.len, &failed);
	/* Somebody else was faster, to the same end. */
	if (r == -EEXIST && !there)
		return 0;
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
		return no_tables(r, err);
	return r < 0 ? error_errno(
			       err, r, "make nftables table %s: message %u", host->table, failed)
		     : 0;
}

/* A table's comment cannot be changed: one of another version goes as a whole. */
static int remove_table(struct network_host *host, int fd, struct hull_error *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	nft_batch_begin(&b);
	nft_delete_table(&b, host->table, 0);
	nft_batch_end(&b);
	int r = buf_error(&b);
	if (r == 0)
		r = netlink_send(fd, b.data, b.len, NULL);
	return r < 0 && r != -ENOENT ? error_errno(err, r, "remove nftables table %s", host->table)
				     : 0;
}

int firewall_ensure(struct network_host *host, bool force, struct hull_error *err)
{
	int fd = host_nft(host, err);

	if (fd < 0)
		return fd;
	int r = nft_find_table(fd, host->table, VERSION);
	if (r == 1 && !force)
		return 0;
	if (r == -EEXIST) {
		r = remove_table(host, fd, err);
		if (r < 0)
			return r;
	}
	if (r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
		return no_tables(r, err);
	if (r < 0)
		return error_errno(err, r, "nftables table %s", host->table);
	return make_table(host, fd, r == 1, err);
}

int firewall_remove(struct network_host *host, struct hull_error *err)
{
	int fd = host_nft(host, err);

	/* Another version's or another program's table stays. */
	if (fd < 0 || nft_find_table(fd, host->table, VERSION) != 1)
		return fd < 0 ? fd : 0;
	return remove_table(host, fd, err);
}

/* ---- Connections ---- */

#ifndef CTA_FILTER /* Linux 5.8 */
#define CTA_FILTER	       25
#define CTA_FILTER_REPLY_FLAGS 2
#endif
#define FILTER_IP_SOURCE (1u << 0)
#define FILTER_PROTOCOL	 (1u << 3)
#define FILTER_PORT	 (1u << 5) /* of the destination */

/* Connections of a family to a UDP port, whatever the address. */
static void put_forget_port(struct buf *b, uint8_t family, uint16_t port)
{
	const struct nfgenmsg header = {.nfgen_family = family};
	const uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	size_t m = netlink_begin(b, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 1,
		&header, sizeof(header));
	size_t tuple = netlink_nest(b, CTA_TUPLE_ORIG | NLA_F_NESTED);
	size_t protocol = netlink_nest(b, CTA_TUPLE_PROTO | NLA_F_NESTED);
	netlink_attr_u8(b, CTA_PROTO_NUM, IPPROTO_UDP);
	netlink_attr(b, CTA_PROTO_DST_PORT, bytes, sizeof(bytes));
	netlink_nest_end(b, protocol);
	netlink_nest_end(b, tuple);
	size_t filter = netlink_nest(b, CTA_FILTER | NLA_F_NESTED);
	netlink_attr_u32(b, CTA_FILTER_ORIG_FLAGS, FILTER_PROTOCOL | FILTER_PORT);
	netlink_attr_u32(b, CTA_FILTER_REPLY_FLAGS, 0);
	netlink_nest_end(b, filter);
	netlink_end(b, m);
}

void network_forget_datagrams(const struct network_started *started)
{
	for (size_t i = 0; i < started->n_bindings; i++) {
		const struct network_binding *p = &started->bindings[i];

		for (uint32_t k = 0; p->protocol == IPPROTO_UDP && k < p->count && k < FORGET_MAX;
			k++) {
			_cleanup_buf_ struct buf b = BUF_INIT;

			put_forget_port(&b, p->host_ip.family, (uint16_t)(p->host_first + k));
			if (buf_error(&b) == 0)
				netlink_perform(NETLINK_NETFILTER, b.data, b.len, NULL);
		}
	}
}

void firewall_forget_connections(struct network_host *host, const struct network_address *a)
{
	const struct nfgenmsg header = {.nfgen_family = a->family};
	_cleanup_buf_ struct buf b = BUF_INIT;
	int fd = host_nft(host, NULL);

	size_t m = netlink_begin(&b, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
		1, &header, sizeof(header));
	size_t tuple = netlink_nest(&b, CTA_TUPLE_REPLY | NLA_F_NESTED);
	size_t ip = netlink_nest(&b, CTA_TUPLE_IP | NLA_F_NESTED);
	netlink_attr(&b, a->family == AF_INET6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, a->bytes,
		network_address_size(a));
	netlink_nest_end(&b, ip);
	netlink_nest_end(&b, tuple);
	size_t filter = netlink_nest(&b, CTA_FILTER | NLA_F_NESTED);
	netlink_attr_u32(&b, CTA_FILTER_ORIG_FLAGS, 0);
	netlink_attr_u32(&b, CTA_FILTER_REPLY_FLAGS, FILTER_IP_SOURCE);
	netlink_nest_end(&b, filter);
	netlink_end(&b, m);
	/* A courtesy to clients that keep sending: without it they wait for a timeout. */
	if (fd >= 0 && buf_error(&b) == 0)
		netlink_send(fd, b.data, b.len, NULL);
}

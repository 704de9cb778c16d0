/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/nftables.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

#define MESSAGE(type) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (type)))

/* Attributes of user data are nft(8)'s own: type, length, bytes. */
enum {
	USERDATA_COMMENT = 0,
	USERDATA_SET_KEY_BYTEORDER = 0,
	USERDATA_SET_DATA_BYTEORDER = 1,
	USERDATA_SET_DATA_INTERVAL = 6,
};
#define BYTEORDER_HOST 1
#define BYTEORDER_BIG  2

#ifndef NFT_SET_CONCAT /* Linux 5.6 */
#define NFT_SET_CONCAT 0x80
#endif

/* ---- Numbers are big-endian here ---- */

static void put_u32(struct buf *b, uint16_t type, uint32_t value)
{
	netlink_attr_u32(b, type, htonl(value));
}

static size_t nest(struct buf *b, uint16_t type)
{
	return netlink_nest(b, type | NLA_F_NESTED);
}

static size_t begin(struct buf *b, uint16_t type, uint16_t flags, uint32_t seq, const char *table,
	uint16_t table_attribute)
{
	const struct nfgenmsg header = {.nfgen_family = NFPROTO_INET};
	size_t begun = netlink_begin(b, MESSAGE(type), flags, seq, &header, sizeof(header));

	netlink_attr_text(b, table_attribute, table);
	return begun;
}

static void batch_mark(struct buf *b, uint16_t type)
{
	const struct nfgenmsg header = {
		.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};

	netlink_end(b, netlink_begin(b, type, 0, 0, &header, sizeof(header)));
}

void nft_batch_begin(struct buf *b)
{
	batch_mark(b, NFNL_MSG_BATCH_BEGIN);
}

void nft_batch_end(struct buf *b)
{
	batch_mark(b, NFNL_MSG_BATCH_END);
}

/* ---- Tables, chains ---- */

static void put_comment(struct buf *b, uint16_t attribute, const char *comment)
{
	char data[128];
	size_t n = strlen(comment) + 1;

	if (n > sizeof(data) - 2)
		n = sizeof(data) - 2;
	data[0] = USERDATA_COMMENT;
	data[1] = (char)n;
	memcpy(data + 2, comment, n - 1);
	data[n + 1] = '\0';
	netlink_attr(b, attribute, data, n + 2);
}

void nft_add_table(
	struct buf *b, const char *table, const char *comment, uint16_t flags, uint32_t seq)
{
	size_t m = begin(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags, seq, table, NFTA_TABLE_NAME);

	put_comment(b, NFTA_TABLE_USERDATA, comment);
	netlink_end(b, m);
}

void nft_delete_table(struct buf *b, const char *table, uint32_t seq)
{
	netlink_end(b, begin(b, NFT_MSG_DELTABLE, 0, seq, table, NFTA_TABLE_NAME));
}

void nft_add_chain(struct buf *b, const char *table, const struct nft_chain *chain, uint32_t seq)
{
	size_t m = begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, seq, table, NFTA_CHAIN_TABLE);

	netlink_attr_text(b, NFTA_CHAIN_NAME, chain->name);
	if (chain->type) {
		size_t hook = nest(b, NFTA_CHAIN_HOOK);
		put_u32(b, NFTA_HOOK_HOOKNUM, chain->hook);
		put_u32(b, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
		netlink_nest_end(b, hook);
		put_u32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
		netlink_attr_text(b, NFTA_CHAIN_TYPE, chain->type);
	}
	netlink_end(b, m);
}

void nft_delete_chain(struct buf *b, const char *table, const char *chain, uint32_t seq)
{
	size_t m = begin(b, NFT_MSG_DELCHAIN, 0, seq, table, NFTA_CHAIN_TABLE);

	netlink_attr_text(b, NFTA_CHAIN_NAME, chain);
	netlink_end(b, m);
}

void nft_flush_chain(struct buf *b, const char *table, const char *chain, uint32_t seq)
{
	size_t m = begin(b, NFT_MSG_DELRULE, 0, seq, table, NFTA_RULE_TABLE);

	netlink_attr_text(b, NFTA_RULE_CHAIN, chain);
	netlink_end(b, m);
}

/* ---- Sets ---- */

size_t nft_type_size(enum nft_type type)
{
	switch (type) {
	case NFT_TYPE_NFPROTO:
	case NFT_TYPE_PROTOCOL:
		return 1;
	case NFT_TYPE_PORT:
		return 2;
	case NFT_TYPE_IPV4:
		return 4;
	case NFT_TYPE_IPV6:
	case NFT_TYPE_IFNAME:
		return 16;
	}
	return 0;
}

static size_t padded(uint8_t type)
{
	return (nft_type_size((enum nft_type)type) + 3) & ~(size_t)3;
}

static bool is_concatenation(const struct nft_set *set)
{
	return set->key[1] != 0;
}

size_t nft_set_key_size(const struct nft_set *set)
{
	size_t n = 0;

	if (!is_concatenation(set))
		return nft_type_size((enum nft_type)set->key[0]);
	for (size_t i = 0; i < NFT_FIELDS_MAX && set->key[i]; i++)
		n += padded(set->key[i]);
	return n;
}

static size_t value_size(const struct nft_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < NFT_FIELDS_MAX && set->value[i]; i++)
		n += padded(set->value[i]);
	return set->interval ? 2 * n : n;
}

/* nft(8)'s number of a concatenation: six bits for each field. */
static uint32_t combined_type(const uint8_t types[NFT_FIELDS_MAX])
{
	uint32_t type = 0;

	for (size_t i = 0; i < NFT_FIELDS_MAX && types[i]; i++)
		type = type << 6 | types[i];
	return type;
}

static void put_set_description(struct buf *b, const struct nft_set *set)
{
	size_t description = nest(b, NFTA_SET_DESC), fields = nest(b, NFTA_SET_DESC_CONCAT);

	for (size_t i = 0; i < NFT_FIELDS_MAX && set->key[i]; i++) {
		size_t field = nest(b, NFTA_LIST_ELEM);
		put_u32(b, NFTA_SET_FIELD_LEN, (uint32_t)nft_type_size((enum nft_type)set->key[i]));
		netlink_nest_end(b, field);
	}
	netlink_nest_end(b, fields);
	netlink_nest_end(b, description);
}

static void put_set_userdata(struct buf *b, const struct nft_set *set)
{
	static const uint32_t yes = 1;
	const uint32_t byteorder =
		set->key[0] == NFT_TYPE_IFNAME && !set->key[1] ? BYTEORDER_HOST : BYTEORDER_BIG;
	uint8_t data[18];
	size_t n = 0;

	data[n++] = USERDATA_SET_KEY_BYTEORDER;
	data[n++] = 4;
	memcpy(data + n, &byteorder, 4);
	n += 4;
	if (set->value[0]) {
		data[n++] = USERDATA_SET_DATA_BYTEORDER;
		data[n++] = 4;
		memcpy(data + n, &byteorder, 4);
		n += 4;
	}
	if (set->value[0] && set->interval) {
		data[n++] = USERDATA_SET_DATA_INTERVAL;
		data[n++] = 4;
		memcpy(data + n, &yes, 4);
		n += 4;
	}
	netlink_attr(b, NFTA_SET_USERDATA, data, n);
}

void nft_add_set(
	struct buf *b, const char *table, const struct nft_set *set, uint32_t id, uint32_t seq)
{
	uint32_t flags = (set->interval ? NFT_SET_INTERVAL : 0) |
			 (set->interval && is_concatenation(set) ? NFT_SET_CONCAT : 0) |
			 (set->value[0] ? NFT_SET_MAP : 0);
	size_t m = begin(b, NFT_MSG_NEWSET, NLM_F_CREATE, seq, table, NFTA_SET_TABLE);

	netlink_attr_text(b, NFTA_SET_NAME, set->name);
	put_u32(b, NFTA_SET_FLAGS, flags);
	put_u32(b, NFTA_SET_KEY_TYPE, combined_type(set->key));
	put_u32(b, NFTA_SET_KEY_LEN, (uint32_t)nft_set_key_size(set));
	if (set->value[0]) {
		put_u32(b, NFTA_SET_DATA_TYPE, combined_type(set->value));
		put_u32(b, NFTA_SET_DATA_LEN, (uint32_t)value_size(set));
	}
	put_u32(b, NFTA_SET_ID, id);
	if (set->interval && is_concatenation(set))
		put_set_description(b, set);
	put_set_userdata(b, set);
	netlink_end(b, m);
}

void nft_delete_set(struct buf *b, const char *table, const char *set, uint32_t seq)
{
	size_t m = begin(b, NFT_MSG_DELSET, 0, seq, table, NFTA_SET_TABLE);

	netlink_attr_text(b, NFTA_SET_NAME, set);
	netlink_end(b, m);
}

static void put_data(struct buf *b, uint16_t type, const void *data, size_t n)
{
	size_t outer = nest(b, type);

	netlink_attr(b, NFTA_DATA_VALUE, data, n);
	netlink_nest_end(b, outer);
}

void nft_change_element(struct buf *b, const char *table, const struct nft_set *set,
	const struct nft_element *element, bool add, uint32_t seq)
{
	size_t m = begin(b, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0,
		seq, table, NFTA_SET_ELEM_LIST_TABLE);

	netlink_attr_text(b, NFTA_SET_ELEM_LIST_SET, set->name);
	size_t list = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS), one = nest(b, NFTA_LIST_ELEM);
	put_data(b, NFTA_SET_ELEM_KEY, element->key, nft_set_key_size(set));
	if (element->key_end)
		put_data(b, NFTA_SET_ELEM_KEY_END, element->key_end, nft_set_key_size(set));
	if (element->value && add)
		put_data(b, NFTA_SET_ELEM_DATA, element->value, element->value_size);
	netlink_nest_end(b, one);
	netlink_nest_end(b, list);
	netlink_end(b, m);
}

/* ---- Rules ---- */

static uint32_t register_number(uint8_t reg)
{
	return NFT_REG32_00 + reg;
}

static void put_verdict(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nest(b, NFTA_IMMEDIATE_DATA), verdict = nest(b, NFTA_DATA_VERDICT);
	put_u32(b, NFTA_VERDICT_CODE, e->a);
	if (e->name)
		netlink_attr_text(b, NFTA_VERDICT_CHAIN, e->name);
	netlink_nest_end(b, verdict);
	netlink_nest_end(b, data);
}

static void put_value(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_IMMEDIATE_DREG, register_number(e->reg));
	put_data(b, NFTA_IMMEDIATE_DATA, e->data, e->size);
}

static void put_mask(struct buf *b, const struct nft_expr *e)
{
	static const uint32_t zero;

	put_u32(b, NFTA_BITWISE_SREG, register_number(e->reg));
	put_u32(b, NFTA_BITWISE_DREG, register_number(e->reg));
	put_u32(b, NFTA_BITWISE_LEN, sizeof(uint32_t));
	put_data(b, NFTA_BITWISE_MASK, &e->a, sizeof(e->a));
	put_data(b, NFTA_BITWISE_XOR, &zero, sizeof(zero));
}

static void put_lookup(struct buf *b, const struct nft_expr *e)
{
	netlink_attr_text(b, NFTA_LOOKUP_SET, e->name);
	put_u32(b, NFTA_LOOKUP_SREG, register_number(e->reg));
	if (e->map)
		put_u32(b, NFTA_LOOKUP_DREG, register_number(e->result));
	if (e->a)
		put_u32(b, NFTA_LOOKUP_FLAGS, e->a);
}

static void put_dnat(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_u32(b, NFTA_NAT_FAMILY, e->a);
	put_u32(b, NFTA_NAT_REG_ADDR_MIN, register_number(e->reg));
	put_u32(b, NFTA_NAT_REG_PROTO_MIN, register_number((uint8_t)e->b));
	put_u32(b, NFTA_NAT_REG_PROTO_MAX, register_number((uint8_t)e->c));
}

static void put_fib_type(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_FIB_DREG, register_number(e->reg));
	put_u32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_u32(b, NFTA_FIB_FLAGS, e->a);
}

static void put_payload(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_PAYLOAD_DREG, register_number(e->reg));
	put_u32(b, NFTA_PAYLOAD_BASE, e->a);
	put_u32(b, NFTA_PAYLOAD_OFFSET, e->b);
	put_u32(b, NFTA_PAYLOAD_LEN, e->c);
}

static void put_compare(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_CMP_SREG, register_number(e->reg));
	put_u32(b, NFTA_CMP_OP, e->a);
	put_data(b, NFTA_CMP_DATA, e->data, e->size);
}

static void put_meta(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_META_KEY, e->a);
	put_u32(b, NFTA_META_DREG, register_number(e->reg));
}

static void put_ct(struct buf *b, const struct nft_expr *e)
{
	put_u32(b, NFTA_CT_KEY, e->a);
	put_u32(b, NFTA_CT_DREG, register_number(e->reg));
}

static void put_nothing(struct buf *b, const struct nft_expr *e)
{
	(void)b;
	(void)e;
}

static const struct {
	const char *name;
	void (*put)(struct buf *b, const struct nft_expr *e);
} expr_classes[] = {
	[NFT_EXPR_META] = {"meta", put_meta},
	[NFT_EXPR_CT] = {"ct", put_ct},
	[NFT_EXPR_FIB_TYPE] = {"fib", put_fib_type},
	[NFT_EXPR_PAYLOAD] = {"payload", put_payload},
	[NFT_EXPR_MASK] = {"bitwise", put_mask},
	[NFT_EXPR_COMPARE] = {"cmp", put_compare},
	[NFT_EXPR_LOOKUP] = {"lookup", put_lookup},
	[NFT_EXPR_VALUE] = {"immediate", put_value},
	[NFT_EXPR_VERDICT] = {"immediate", put_verdict},
	[NFT_EXPR_DNAT] = {"nat", put_dnat},
	[NFT_EXPR_MASQUERADE] = {"masq", put_nothing},
};

void nft_add_rule(struct buf *b, const char *table, const char *chain, const char *comment,
	const struct nft_expr *exprs, uint32_t seq)
{
	size_t m =
		begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, seq, table, NFTA_RULE_TABLE);

	netlink_attr_text(b, NFTA_RULE_CHAIN, chain);
	put_comment(b, NFTA_RULE_USERDATA, comment);
	size_t list = nest(b, NFTA_RULE_EXPRESSIONS);
	for (const struct nft_expr *e = exprs; e->kind != NFT_EXPR_END; e++) {
		size_t one = nest(b, NFTA_LIST_ELEM);
		netlink_attr_text(b, NFTA_EXPR_NAME, expr_classes[e->kind].name);
		size_t data = nest(b, NFTA_EXPR_DATA);
		expr_classes[e->kind].put(b, e);
		netlink_nest_end(b, data);
		netlink_nest_end(b, one);
	}
	netlink_nest_end(b, list);
	netlink_end(b, m);
}

/* ---- Asking ---- */

struct table_search {
	const char *comment;
	bool same;
};

static int see_table(void *userdata, const struct nlmsghdr *h)
{
	struct table_search *s = userdata;
	size_t n, want = strlen(s->comment) + 1;
	const char *data = netlink_find(h, sizeof(struct nfgenmsg), NFTA_TABLE_USERDATA, &n);

	s->same = data && n == want + 2 && data[0] == USERDATA_COMMENT &&
		  memcmp(data + 2, s->comment, want) == 0;
	return 0;
}

int nft_find_table(int fd, const char *table, const char *comment)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct table_search s = {.comment = comment};

	netlink_end(&b, begin(&b, NFT_MSG_GETTABLE, 0, 1, table, NFTA_TABLE_NAME));
	int r = netlink_query(fd, &b, see_table, &s);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return s.same ? 1 : -EEXIST;
}

struct name_list {
	const char *table;
	char **names;
};

/* The table's name and the thing's own are attributes 1 and 2 (chains: 1 and 3) of every answer. */
static int see_name(void *userdata, const struct nlmsghdr *h)
{
	struct name_list *l = userdata;
	bool chain = (h->nlmsg_type & 0xff) == NFT_MSG_NEWCHAIN;
	size_t n;
	const char *table = netlink_find(
		h, sizeof(struct nfgenmsg), chain ? NFTA_CHAIN_TABLE : NFTA_SET_TABLE, &n);

	if (!table || strcmp(table, l->table) != 0)
		return 0;
	const char *name = netlink_find(
		h, sizeof(struct nfgenmsg), chain ? NFTA_CHAIN_NAME : NFTA_SET_NAME, &n);
	return name ? strv_append(&l->names, name) : 0;
}

int nft_list_names(int fd, const char *table, int what, char ***ret)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct name_list l = {.table = table};

	netlink_end(&b, begin(&b, (uint16_t)what, NLM_F_DUMP, 1, table,
				what == NFT_MSG_GETCHAIN ? NFTA_CHAIN_TABLE : NFTA_SET_TABLE));
	int r = netlink_query(fd, &b, see_name, &l);
	if (r < 0) {
		strv_free(l.names);
		return r;
	}
	*ret = l.names;
	return 0;
}

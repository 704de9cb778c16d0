/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nf_tables over netlink: tables, chains, sets, elements and rules, built as messages of one batch
 * (all or nothing). Rules are arrays of expressions, written with the macros below, so that a rule
 * set is a table in the source. No library of nftables is needed: its text language has meant
 * different bytes in different releases, these messages are the kernel's own interface.
 *
 * Registers are the kernel's 32-bit ones, 0 to 15; a value takes as many as it needs.
 */
#pragma once

#include "base/buf.h"
#include "sys/netlink.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

enum nft_expr_kind {
	NFT_EXPR_END,
	NFT_EXPR_META,
	NFT_EXPR_CT,
	NFT_EXPR_FIB_TYPE,
	NFT_EXPR_PAYLOAD,
	NFT_EXPR_MASK,
	NFT_EXPR_COMPARE,
	NFT_EXPR_LOOKUP,
	NFT_EXPR_VALUE,
	NFT_EXPR_VERDICT,
	NFT_EXPR_DNAT,
	NFT_EXPR_MASQUERADE,
};

struct nft_expr {
	enum nft_expr_kind kind;
	uint8_t reg;	     /* where its result goes, or what it looks at */
	uint32_t a, b, c;    /* by kind, see the macros */
	const char *name;    /* of a set or chain */
	uint8_t data[16];    /* what is compared with */
	uint8_t size;	     /* of data */
	uint8_t result, map; /* of a lookup in a map: the register for the value */
};

#define NFT_META(key_, reg_)                       \
	{                                          \
		NFT_EXPR_META, (reg_), .a = (key_) \
	}
#define NFT_CT(key_, reg_)                       \
	{                                        \
		NFT_EXPR_CT, (reg_), .a = (key_) \
	}
/* The type (RTN_*) of the source or destination address: NFTA_FIB_F_SADDR, NFTA_FIB_F_DADDR. */
#define NFT_FIB_TYPE(flags_, reg_)                       \
	{                                                \
		NFT_EXPR_FIB_TYPE, (reg_), .a = (flags_) \
	}
#define NFT_PAYLOAD(base_, offset_, size_, reg_)                                     \
	{                                                                            \
		NFT_EXPR_PAYLOAD, (reg_), .a = (base_), .b = (offset_), .c = (size_) \
	}
/* reg &= mask, 32 bits */
#define NFT_MASK(mask_, reg_)                       \
	{                                           \
		NFT_EXPR_MASK, (reg_), .a = (mask_) \
	}
/* op is NFT_CMP_EQ or NFT_CMP_NEQ; the bytes follow as a list */
#define NFT_COMPARE(op_, reg_, size_, ...)                                                     \
	{                                                                                      \
		NFT_EXPR_COMPARE, (reg_), .a = (op_), .size = (size_), .data = { __VA_ARGS__ } \
	}
#define NFT_LOOKUP(set_, reg_)                          \
	{                                               \
		NFT_EXPR_LOOKUP, (reg_), .name = (set_) \
	}
#define NFT_LOOKUP_NOT(set_, reg_)                                             \
	{                                                                      \
		NFT_EXPR_LOOKUP, (reg_), .name = (set_), .a = NFT_LOOKUP_F_INV \
	}
#define NFT_LOOKUP_MAP(map_, reg_, result_)                                            \
	{                                                                              \
		NFT_EXPR_LOOKUP, (reg_), .name = (map_), .map = 1, .result = (result_) \
	}
/* The bytes follow as a list. */
#define NFT_VALUE(reg_, size_, ...)                                              \
	{                                                                        \
		NFT_EXPR_VALUE, (reg_), .size = (size_), .data = { __VA_ARGS__ } \
	}
#define NFT_ACCEPT                               \
	{                                        \
		NFT_EXPR_VERDICT, .a = NF_ACCEPT \
	}
#define NFT_DROP                               \
	{                                      \
		NFT_EXPR_VERDICT, .a = NF_DROP \
	}
#define NFT_JUMP_TO(chain_)                                                 \
	{                                                                   \
		NFT_EXPR_VERDICT, .a = (uint32_t)NFT_JUMP, .name = (chain_) \
	}
/* Family NFPROTO_*; registers of the address, the first and the last port (one of these is kept if
 * the packet's own is between them). */
#define NFT_DNAT(family_, address_, first_, last_)                                     \
	{                                                                              \
		NFT_EXPR_DNAT, (address_), .a = (family_), .b = (first_), .c = (last_) \
	}
#define NFT_MASQUERADE              \
	{                           \
		NFT_EXPR_MASQUERADE \
	}
#define NFT_END              \
	{                    \
		NFT_EXPR_END \
	}

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat"; NULL = no base chain */
	uint32_t hook;	  /* NF_INET_* */
	int32_t priority;
};

#define NFT_FIELDS_MAX 3

/* Types have nft(8)'s numbers, which it needs to show elements; the kernel does not look at them. */
enum nft_type {
	NFT_TYPE_NFPROTO = 2,
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_PROTOCOL = 12,
	NFT_TYPE_PORT = 13,
	NFT_TYPE_IFNAME = 41,
};

struct nft_set {
	const char *name;
	uint8_t key[NFT_FIELDS_MAX]; /* enum nft_type; 0 = no more */
	uint8_t value[NFT_FIELDS_MAX];
	bool interval; /* elements are ranges in every field; values too */
};

/* The size of a value of that type, and what it takes in a key: rounded up to 4. */
size_t nft_type_size(enum nft_type type);
size_t nft_set_key_size(const struct nft_set *set);

void nft_batch_begin(struct buf *b);
void nft_batch_end(struct buf *b);

/* All for family inet. seq as in netlink_begin(). flags: NLM_F_CREATE and so on. */
void nft_add_table(
	struct buf *b, const char *table, const char *comment, uint16_t flags, uint32_t seq);
void nft_delete_table(struct buf *b, const char *table, uint32_t seq);
void nft_add_chain(struct buf *b, const char *table, const struct nft_chain *chain, uint32_t seq);
void nft_delete_chain(struct buf *b, const char *table, const char *chain, uint32_t seq);
void nft_flush_chain(struct buf *b, const char *table, const char *chain, uint32_t seq);
/* id tells sets of one batch apart. */
void nft_add_set(
	struct buf *b, const char *table, const struct nft_set *set, uint32_t id, uint32_t seq);
void nft_delete_set(struct buf *b, const char *table, const char *set, uint32_t seq);
void nft_add_rule(struct buf *b, const char *table, const char *chain, const char *comment,
	const struct nft_expr *exprs, uint32_t seq);

/*
 * One element: key (and its end, for intervals) of nft_set_key_size() bytes, value of a map. add: no
 * error if the same is there already.
 */
struct nft_element {
	const void *key, *key_end;
	const void *value;
	size_t value_size;
};
void nft_change_element(struct buf *b, const char *table, const struct nft_set *set,
	const struct nft_element *element, bool add, uint32_t seq);

/*
 * Looks a table up: 1 if it is there with that comment, 0 if it is not there, -EEXIST with another
 * comment, -errno (-EPROTONOSUPPORT, -EOPNOTSUPP, -EINVAL: no nf_tables in the kernel).
 */
int nft_find_table(int fd, const char *table, const char *comment);

/* The names of the chains (NFT_MSG_GETCHAIN) or sets (NFT_MSG_GETSET) of a table; heap vector. */
int nft_list_names(int fd, const char *table, int what, char ***ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parents: the interfaces that macvlan and ipvlan networks are on. One that is there is used as it is.
 * One that is not is made if its name says what it is: a VLAN of another interface ("eth0.50"), or, of a
 * network without the option, an interface that leads nowhere. What we have made is known by
 * its alias, "hull:" and the name of the root's table, and goes with the last network that is on it.
 */
#include "base/str.h"
#include "network/host.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>

#define VLAN_MAX   4094
#define ALIAS_SIZE 64

/* What to make. */
struct recipe {
	const char *kind;
	char below[IFNAMSIZ]; /* of a VLAN; "" = none */
	uint32_t vlan;
};

static int no_parent(const struct network *n, int r, struct hull_error *err)
{
	return error_errno(err, r, "network %s: parent interface %s", n->name, n->link);
}

static bool is_named_by_us(const struct network *n)
{
	const size_t prefix = strlen("dm-"), length = strlen(n->link) - prefix;

	return strlen(n->link) > prefix && strncmp(n->link + prefix, n->id, length) == 0;
}

static int find_recipe(const struct network *n, struct recipe *ret, struct hull_error *err)
{
	const char *dot = strrchr(n->link, '.');

	*ret = (struct recipe){.kind = "dummy"};
	if (is_named_by_us(n))
		return 0;
	if (!dot || dot == n->link)
		return no_parent(n, -ENODEV, err);
	ret->kind = "vlan";
	memcpy(ret->below, n->link, (size_t)(dot - n->link));
	if (str_to_u32(dot + 1, &ret->vlan) < 0 || ret->vlan < 1 || ret->vlan > VLAN_MAX)
		return error_set(err, HULL_ERROR_INVALID,
			"network %s: parent interface %s: \"%s\" is not the number of a VLAN, 1 to "
			"%d",
			n->name, n->link, dot + 1, VLAN_MAX);
	return 0;
}

/* The alias comes in the same buffer: nobody is killed between the two. */
static void put_link(
	struct buf *b, const char *name, const struct recipe *recipe, int below, const char *alias)
{
	static const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, none;
	size_t m = netlink_begin(
		b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, &up, sizeof(up));

	netlink_attr_text(b, IFLA_IFNAME, name);
	if (below)
		netlink_attr_u32(b, IFLA_LINK, (uint32_t)below);
	size_t link = netlink_nest(b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(b, IFLA_INFO_KIND, recipe->kind);
	if (recipe->vlan) {
		size_t data = netlink_nest(b, IFLA_INFO_DATA | NLA_F_NESTED);
		netlink_attr_u16(b, IFLA_VLAN_ID, (uint16_t)recipe->vlan);
		netlink_nest_end(b, data);
	}
	netlink_nest_end(b, link);
	netlink_end(b, m);
	m = netlink_begin(b, RTM_SETLINK, NLM_F_ACK, 2, &none, sizeof(none));
	netlink_attr_text(b, IFLA_IFNAME, name);
	netlink_attr_text(b, IFLA_IFALIAS, alias);
	netlink_end(b, m);
}

static void our_alias(const struct network_host *host, char alias[ALIAS_SIZE])
{
	snprintf(alias, ALIAS_SIZE, "hull:%s", host->table);
}

/* Under the database's lock: not for a network that somebody has removed meanwhile. */
static int make(struct network_host *host, const struct network *n, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	char alias[ALIAS_SIZE];
	struct recipe recipe;
	int below = 0;
	int r = find_recipe(n, &recipe, err);

	if (r == 0)
		r = metadata_begin(host->md, &t, err);
	if (r == 0)
		r = network_check_recorded(host, n, err);
	/* Somebody else may have been faster. */
	if (r < 0 || link_index(host, n->link) > 0)
		return r;
	if (recipe.below[0]) {
		below = link_index(host, recipe.below);
		if (below < 0)
			return error_errno(err, below, "network %s: interface %s of VLAN %s",
				n->name, recipe.below, n->link);
	}
	our_alias(host, alias);
	put_link(&b, n->link, &recipe, below, alias);
	r = buf_error(&b);
	if (r == 0)
		r = netlink_send(host_route(host, NULL), b.data, b.len, NULL);
	/* Another root's process is as far as we are, to the same end. */
	if (r < 0 && r != -EEXIST)
		return error_errno(
			err, r, "network %s: make %s interface %s", n->name, recipe.kind, n->link);
	return 0;
}

int parent_ensure(
	struct network_host *host, const struct network *n, int *ret_index, struct hull_error *err)
{
	if (str_eq(n->link, "lo"))
		return error_set(err, HULL_ERROR_INVALID,
			"network %s: the loopback interface cannot be the parent of %s", n->name,
			network_driver_name(n->driver));
	int r = link_index(host, n->link);
	if (r == -ENODEV) {
		r = make(host, n, err);
		if (r < 0)
			return r;
		r = link_index(host, n->link);
	}
	if (r < 0)
		return no_parent(n, r, err);
	*ret_index = r;
	return 0;
}

int parent_remove(struct network_host *host, const struct network *n, struct hull_error *err)
{
	char alias[ALIAS_SIZE];
	struct link_view v;
	int64_t other;
	int r = metadata_get_int(host->md, &other, err,
		"SELECT 1 FROM network WHERE link = ? AND id != ?", "tt", n->link, n->id);

	if (r != 0)
		return r < 0 ? r : 0;
	our_alias(host, alias);
	r = link_look(host, n->link, &v);
	if (r == 0 && str_eq(v.alias, alias))
		r = link_remove(host, n->link);
	return r < 0 && r != -ENODEV ? error_errno(err, r, "remove interface %s", n->link) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bridges. One of ours is known by its alias: "hull+" and the network's id from birth, "hull:" and the
 * id with the last message that configures it. A bridge without an alias is the user's own, who named
 * it in the option com.docker.network.bridge.name: it gets its addresses and is not removed.
 */
#include "network/host.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/netlink.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#define UNFINISHED "hull+"
#define FINISHED   "hull:"
#define ALIAS_SIZE (NETWORK_ID_LENGTH + 8)

/* ---- Kernel parameters ---- */

static int sysctl_link(const char *family, const char *link, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, name);
	int r = file_write_at(AT_FDCWD, path, value, strlen(value));
	/* A kernel without IPv6 has none of it to switch off. */
	return r == -ENOENT && str_eq(family, "ipv6") ? 0 : r;
}

/* Never put back: others may have come to rely on it. */
static int enable_forwarding(const char *path, struct hull_error *err)
{
	_cleanup_free_ char *value = NULL;
	int r = file_read_line_at(AT_FDCWD, path, &value);

	if (r == 0 && str_eq(value, "0"))
		r = file_write_at(AT_FDCWD, path, "1", 1);
	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

static int set_parameters(const struct network *n, struct hull_error *err)
{
	const char *link = n->link;
	/* Connections of the host's to 127.0.0.1 are led to containers. What containers send there
	 * is dropped in the raw chain of the table. */
	int r = n->internal ? 0 : sysctl_link("ipv4", link, "route_localnet", "1");

	if (r == 0 && n->family[1].enabled) {
		r = sysctl_link("ipv6", link, "disable_ipv6", "0");
		if (r == 0)
			r = sysctl_link("ipv6", link, "accept_ra", "0");
		if (r == 0)
			r = sysctl_link("ipv6", link, "accept_dad", "0");
	} else if (r == 0) {
		r = sysctl_link("ipv6", link, "disable_ipv6", "1");
	}
	if (r < 0)
		return error_errno(err, r, "parameters of bridge %s", link);
	if (n->internal)
		return 0;
	if (n->family[0].enabled)
		r = enable_forwarding("/proc/sys/net/ipv4/ip_forward", err);
	if (r == 0 && n->family[1].enabled)
		r = enable_forwarding("/proc/sys/net/ipv6/conf/all/forwarding", err);
	return r;
}

/* ---- Making ---- */

/* A fixed MAC: without one a bridge takes over that of its ports, and neighbours lose it. */
static void bridge_mac(const struct network *n, uint8_t mac[NETWORK_MAC_SIZE])
{
	const struct network_address *gateway = &n->family[0].gateway;
	const char *id = n->id;

	mac[0] = 0x02;
	mac[1] = 0x42;
	for (size_t i = 0; i < 4; i++)
		mac[2 + i] = network_address_is_set(gateway)
				     ? gateway->bytes[i]
				     : (uint8_t)(id[2 * i] << 4 ^ id[2 * i + 1]);
}

static int make(struct network_host *host, const struct network *n, struct hull_error *err)
{
	static const struct ifinfomsg info;
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint8_t mac[NETWORK_MAC_SIZE];
	char alias[ALIAS_SIZE];
	int fd = host_route(host, err);

	if (fd < 0)
		return fd;
	bridge_mac(n, mac);
	size_t m = netlink_begin(
		&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, n->link);
	netlink_attr(&b, IFLA_ADDRESS, mac, sizeof(mac));
	size_t link = netlink_nest(&b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(&b, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&b, link);
	netlink_end(&b, m);
	/* In the same buffer: nobody is killed between the two. */
	m = netlink_begin(&b, RTM_SETLINK, NLM_F_ACK, 2, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, n->link);
	snprintf(alias, sizeof(alias), UNFINISHED "%s", n->id);
	netlink_attr_text(&b, IFLA_IFALIAS, alias);
	netlink_end(&b, m);
	int r = buf_error(&b);
	if (r == 0)
		r = netlink_send(fd, b.data, b.len, NULL);
	return r < 0 ? error_errno(err, r, "make bridge %s", n->link) : 0;
}

static void put_address(struct buf *b, int index, const struct network_family *f)
{
	const struct ifaddrmsg info = {.ifa_family = f->subnet.address.family,
		.ifa_prefixlen = f->subnet.length,
		.ifa_flags = f->subnet.address.family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = (unsigned int)index};
	size_t size = network_address_size(&f->gateway);
	size_t m = netlink_begin(
		b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, 1, &info, sizeof(info));

	netlink_attr(b, IFA_LOCAL, f->gateway.bytes, size);
	netlink_attr(b, IFA_ADDRESS, f->gateway.bytes, size);
	if (f->subnet.address.family == AF_INET) {
		struct network_address last = network_prefix_last(&f->subnet);
		netlink_attr(b, IFA_BROADCAST, last.bytes, size);
	}
	netlink_end(b, m);
}

static void put_master(struct buf *b, const char *link, int master)
{
	static const struct ifinfomsg info;
	size_t m = netlink_begin(b, RTM_SETLINK, 0, 0, &info, sizeof(info));

	netlink_attr_text(b, IFLA_IFNAME, link);
	netlink_attr_u32(b, IFLA_MASTER, (uint32_t)master);
	netlink_end(b, m);
}

static bool has_host_address(const struct network *n, size_t family)
{
	const struct network_family *f = &n->family[family];

	return f->enabled && f->mode != NETWORK_GATEWAY_ISOLATED &&
	       network_address_is_set(&f->gateway) && !(family == 0 && n->inhibit_ipv4);
}

static int configure(struct network_host *host, const struct network *n, int index, bool ours,
	struct hull_error *err)
{
	const struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	_cleanup_buf_ struct buf b = BUF_INIT;
	char alias[ALIAS_SIZE];
	int r = set_parameters(n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 2; i++) {
		if (has_host_address(n, i))
			put_address(&b, index, &n->family[i]);
	}
	size_t m = netlink_begin(&b, RTM_SETLINK, NLM_F_ACK, 1, &up, sizeof(up));
	if (n->mtu && ours)
		netlink_attr_u32(&b, IFLA_MTU, n->mtu);
	if (ours) {
		snprintf(alias, sizeof(alias), FINISHED "%s", n->id);
		netlink_attr_text(&b, IFLA_IFALIAS, alias);
	}
	netlink_end(&b, m);
	r = buf_error(&b);
	if (r == 0)
		r = netlink_send(host_route(host, NULL), b.data, b.len, NULL);
	return r < 0 ? error_errno(err, r, "configure bridge %s", n->link) : 0;
}

/*
 * Elements of the table come before the alias: a bridge that has it has them. Interfaces of running
 * containers are put back onto a bridge that was made anew.
 */
static int finish(struct network_host *host, const struct network *n, int index, bool ours,
	struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf elements = BUF_INIT, links = BUF_INIT;
	struct network_endpoint *endpoints;
	size_t n_endpoints;

	firewall_network(&elements, host->table, n, true);
	int r = firewall_send(host, &elements, err);
	if (r == 0)
		r = endpoints_load(host, &arena, NULL, n, &endpoints, &n_endpoints, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_endpoints; i++)
		put_master(&links, endpoints[i].host_link, index);
	if (buf_error(&links))
		return error_no_memory(err);
	/* Those of containers that have ended are gone. */
	if (links.len)
		netlink_send(host_route(host, NULL), links.data, links.len, NULL);
	return configure(host, n, index, ours, err);
}

static bool has_alias(const struct link_view *v, const char *state, const struct network *n)
{
	const char *id = str_after(v->alias, state);

	return id && str_eq(id, n->id);
}

static bool is_finished(const struct link_view *v, const struct network *n)
{
	return has_alias(v, FINISHED, n);
}

static bool is_ours(const struct link_view *v, const struct network *n)
{
	return is_finished(v, n) || has_alias(v, UNFINISHED, n);
}

static int make_or_adopt(struct network_host *host, const struct network *network, int *ret_index,
	struct hull_error *err)
{
	struct link_view v;
	int r = link_look(host, network->link, &v);

	if (r == -ENODEV) {
		r = make(host, network, err);
		if (r < 0)
			return r;
		r = link_look(host, network->link, &v);
	}
	if (r < 0)
		return error_errno(err, r, "bridge %s", network->link);
	*ret_index = v.index;
	/* Somebody else may have finished it since we looked first. */
	if (is_finished(&v, network))
		return 0;
	if (!str_eq(v.kind, "bridge"))
		return error_set(err, HULL_ERROR_CONFLICT,
			"network %s: there is an interface %s, and it is not a bridge",
			network->name, network->link);
	bool ours = is_ours(&v, network);
	if (!ours && (str_after(v.alias, UNFINISHED) || str_after(v.alias, FINISHED)))
		return error_set(err, HULL_ERROR_CONFLICT, "bridge %s belongs to another network",
			network->link);
	return finish(host, network, v.index, ours, err);
}

/*
 * Under the database's lock: a network that is being removed gets no bridge any more, and nobody
 * removes one that is half made.
 */
int bridge_ensure(struct network_host *host, const struct network *network, int *ret_index,
	struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	struct link_view v;

	if (link_look(host, network->link, &v) == 0 && is_finished(&v, network)) {
		*ret_index = v.index;
		return 0;
	}
	int r = metadata_begin(host->md, &t, err);
	if (r == 0)
		r = network_check_recorded(host, network, err);
	if (r == 0)
		r = make_or_adopt(host, network, ret_index, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

int bridge_reconfigure(
	struct network_host *host, const struct network *network, struct hull_error *err)
{
	struct link_view v;
	int index;
	int r = link_look(host, network->link, &v);

	if (r == 0 && is_finished(&v, network))
		return finish(host, network, v.index, true, err);
	return bridge_ensure(host, network, &index, err);
}

int bridge_remove(struct network_host *host, const struct network *network, struct hull_error *err)
{
	struct link_view v;
	int r = link_look(host, network->link, &v);

	if (r == 0 && is_ours(&v, network))
		r = link_remove(host, network->link);
	return r < 0 && r != -ENODEV ? error_errno(err, r, "remove bridge %s", network->link) : 0;
}

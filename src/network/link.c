/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces of the host, by name. */
#include "base/str.h"
#include "network/host.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>

#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

/* The kind is the first attribute of IFLA_LINKINFO. */
static void see_kind(struct link_view *v, const char *details, size_t n)
{
	const struct nlattr *a = (const void *)details;

	if (!details || n < NLA_HDRLEN || a->nla_type != IFLA_INFO_KIND || a->nla_len > n ||
		a->nla_len < NLA_HDRLEN || a->nla_len - NLA_HDRLEN >= (int)sizeof(v->kind))
		return;
	memcpy(v->kind, details + NLA_HDRLEN, a->nla_len - NLA_HDRLEN);
}

static int see_link(void *userdata, const struct nlmsghdr *h)
{
	struct link_view *v = userdata;
	const struct ifinfomsg *info = NLMSG_DATA(h);
	size_t n;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return 0;
	v->index = info->ifi_index;
	const char *alias = netlink_find(h, sizeof(*info), IFLA_IFALIAS, &n);
	if (alias && n < sizeof(v->alias))
		memcpy(v->alias, alias, n);
	const char *details = netlink_find(h, sizeof(*info), IFLA_LINKINFO, &n);
	see_kind(v, details, n);
	return 0;
}

int link_look(struct network_host *host, const char *name, struct link_view *ret)
{
	static const struct ifinfomsg info;
	_cleanup_buf_ struct buf b = BUF_INIT;
	int fd = host_route(host, NULL);

	*ret = (struct link_view){0};
	if (fd < 0)
		return fd;
	size_t m = netlink_begin(&b, RTM_GETLINK, 0, 1, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, name);
	netlink_attr_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	netlink_end(&b, m);
	return netlink_query(fd, &b, see_link, ret);
}

int link_index(struct network_host *host, const char *name)
{
	struct link_view v;
	int r = link_look(host, name, &v);

	return r < 0 ? r : v.index;
}

int link_remove(struct network_host *host, const char *name)
{
	static const struct ifinfomsg info;
	_cleanup_buf_ struct buf b = BUF_INIT;
	int fd = host_route(host, NULL);

	if (fd < 0)
		return fd;
	size_t m = netlink_begin(&b, RTM_DELLINK, NLM_F_ACK, 1, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, name);
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_send(fd, b.data, b.len, NULL);
}

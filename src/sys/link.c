/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/link.h"
#include "base/cleanup.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#define LOOPBACK_INDEX 1 /* the same in every namespace since Linux 2.6.26 */

int loopback_up(void)
{
	/* The child between clone and exec calls this: nothing may be allocated. */
	const struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} q = {
		.header = {.nlmsg_len = sizeof(q),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = LOOPBACK_INDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};

	return netlink_perform(NETLINK_ROUTE, &q, sizeof(q), NULL);
}

int link_move(const char *name, const char *new_name, int pid)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct ifinfomsg info = {.ifi_index = (int)if_nametoindex(name)};

	if (info.ifi_index == 0)
		return -errno;
	if (strlen(new_name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	size_t m = netlink_begin(&b, RTM_NEWLINK, 0, 0, &info, sizeof(info));
	netlink_attr_u32(&b, IFLA_NET_NS_PID, (uint32_t)pid);
	netlink_attr_text(&b, IFLA_IFNAME, new_name);
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_perform(NETLINK_ROUTE, b.data, b.len, NULL);
}

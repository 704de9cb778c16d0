/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/link.h"
#include "base/cleanup.h"
#include "sys/netlink.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef IFLA_NEW_IFINDEX /* Linux 5.13 */
#define IFLA_NEW_IFINDEX 49
#endif
#define INDEX_TRIES 4096

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

int link_number(const char *name)
{
	unsigned int index = strlen(name) < IFNAMSIZ ? if_nametoindex(name) : 0;

	return index ? (int)index : errno ? -errno : -ENODEV;
}

/* ---- moving a link, with what the kernel would drop on the way ---- */

struct moved_link {
	int index;	      /* outside, then inside */
	struct buf addresses; /* as RTM_NEWADDR messages */
};

/* Those that somebody has given to the link: not the kernel's own, nor what will expire. */
static int keep_address(void *userdata, const struct nlmsghdr *message)
{
	struct moved_link *link = userdata;
	static const uint16_t kept[] = {IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY};
	const struct ifaddrmsg *a = NLMSG_DATA(message);
	struct ifaddrmsg again = *a;
	size_t n;

	if (message->nlmsg_type != RTM_NEWADDR || a->ifa_index != (unsigned int)link->index)
		return 0;
	const uint32_t *wide = netlink_find(message, sizeof(*a), IFA_FLAGS, &n);
	uint32_t flags = wide && n == sizeof(*wide) ? *wide : a->ifa_flags;
	if (!(flags & IFA_F_PERMANENT) || a->ifa_scope != RT_SCOPE_UNIVERSE)
		return 0;
	again.ifa_flags = 0;
	size_t m = netlink_begin(
		&link->addresses, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 0, &again, sizeof(again));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const void *value = netlink_find(message, sizeof(*a), kept[i], &n);
		if (value)
			netlink_attr(&link->addresses, kept[i], value, n);
	}
	netlink_attr_u32(&link->addresses, IFA_FLAGS, flags & (IFA_F_NODAD | IFA_F_NOPREFIXROUTE));
	netlink_end(&link->addresses, m);
	return buf_error(&link->addresses);
}

static void moved_link_done(struct moved_link *link)
{
	buf_done(&link->addresses);
}

static int find_addresses(struct moved_link *link)
{
	_cleanup_buf_ struct buf request = BUF_INIT;
	const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
	size_t m = netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, 0, &all, sizeof(all));

	netlink_end(&request, m);
	_cleanup_close_ int fd = netlink_open(NETLINK_ROUTE);
	if (fd < 0)
		return fd;
	return buf_error(&request) < 0 ? buf_error(&request)
				       : netlink_query(fd, &request, keep_address, link);
}

/* Its index is chosen here, so that the link is known in there whatever its name becomes. */
static int move_as(struct moved_link *link, const char *new_name, int pid, int new_index)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct ifinfomsg info = {.ifi_index = link->index};
	size_t m = netlink_begin(&b, RTM_NEWLINK, 0, 0, &info, sizeof(info));

	netlink_attr_u32(&b, IFLA_NET_NS_PID, (uint32_t)pid);
	netlink_attr_u32(&b, IFLA_NEW_IFINDEX, (uint32_t)new_index);
	netlink_attr_text(&b, IFLA_IFNAME, new_name);
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_perform(NETLINK_ROUTE, b.data, b.len, NULL);
}

static int move_with_free_index(struct moved_link *link, const char *new_name, int pid)
{
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < INDEX_TRIES; i++) {
		r = move_as(link, new_name, pid, link->index + i);
		if (r == 0)
			link->index += i;
	}
	return r;
}

/* Inside: the addresses again, then up. */
static int revive(struct moved_link *link)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct ifinfomsg info = {
		.ifi_index = link->index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct buf *a = &link->addresses;

	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= a->len;) {
		struct nlmsghdr *m = (struct nlmsghdr *)(void *)(a->data + at);
		((struct ifaddrmsg *)NLMSG_DATA(m))->ifa_index = (unsigned int)link->index;
		at += NLMSG_ALIGN(m->nlmsg_len);
	}
	buf_append(&b, a->data, a->len);
	size_t m = netlink_begin(&b, RTM_NEWLINK, 0, 0, &info, sizeof(info));
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_perform(NETLINK_ROUTE, b.data, b.len, NULL);
}

/*
 * What is looked at and done inside is done by this process in the other namespace. Coming back must
 * not fail: everything that it would do then would be done to the wrong network.
 */
static int inside_namespace(int namespace_fd, int (*act)(void *userdata), void *userdata)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(namespace_fd, CLONE_NEWNET) < 0)
		return -errno;
	int r = act(userdata);
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return r;
}

static int name_is_free(void *name)
{
	return if_nametoindex(name) ? -EEXIST : 0;
}

static int revive_inside(void *link)
{
	return revive(link);
}

int link_move(const char *name, const char *new_name, int pid)
{
	_cleanup_(moved_link_done) struct moved_link link = {.index = (int)if_nametoindex(name)};
	char path[64];

	if (link.index == 0)
		return -errno;
	if (strlen(new_name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	_cleanup_close_ int namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace_fd < 0)
		return -errno;
	/* Found out afterwards, it would be too late: a virtual link does not survive the namespace. */
	int r = inside_namespace(namespace_fd, name_is_free, (void *)new_name);
	if (r == 0)
		r = find_addresses(&link);
	if (r == 0)
		r = move_with_free_index(&link, new_name, pid);
	return r < 0 ? r : inside_namespace(namespace_fd, revive_inside, &link);
}

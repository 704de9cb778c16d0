/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/link.h"
#include "base/cleanup.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define LOOPBACK_INDEX 1 /* the same in every namespace since Linux 2.6.26 */

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[128];
};

static void add_attribute(struct link_request *q, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)q + NLMSG_ALIGN(q->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Sends one RTM_NEWLINK and takes the kernel's verdict. */
static int talk(struct link_request *q)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer;
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	q->header.nlmsg_type = RTM_NEWLINK;
	q->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, q, q->header.nlmsg_len, 0) < 0)
		return -errno;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_TRUNC);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(answer.header) + sizeof(answer.error.error) ||
		answer.header.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return answer.error.error;
}

int loopback_up(void)
{
	struct link_request q = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.info))},
		.info = {.ifi_index = LOOPBACK_INDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};

	return talk(&q);
}

int link_move(const char *name, const char *new_name, int pid)
{
	struct link_request q = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(q.info))},
		.info = {.ifi_index = (int)if_nametoindex(name)},
	};
	uint32_t target = (uint32_t)pid;

	if (q.info.ifi_index == 0)
		return -errno;
	if (strlen(new_name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	add_attribute(&q, IFLA_NET_NS_PID, &target, sizeof(target));
	add_attribute(&q, IFLA_IFNAME, new_name, strlen(new_name) + 1);
	return talk(&q);
}

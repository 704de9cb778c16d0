/* SPDX-License-Identifier: Apache-2.0 */
#include "network/host.h"
#include "base/hash.h"
#include "base/str.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>
#include <sys/random.h>

int network_host_open(struct metadata *md, const struct network_host_options *options,
	struct network_host **ret, struct hull_error *err)
{
	static const struct hash_key key;
	struct network_host *host = calloc(1, sizeof(*host));

	if (!host)
		return error_no_memory(err);
	host->md = md;
	host->route_fd = host->nft_fd = -1;
	if (options->default_root) {
		str_copy(host->table, sizeof(host->table), "hull");
		str_copy(host->default_bridge, sizeof(host->default_bridge), "hull0");
	} else {
		uint32_t hash =
			(uint32_t)hash_siphash13(&key, options->root, strlen(options->root));
		snprintf(host->table, sizeof(host->table), "hull-%08x", hash);
		snprintf(host->default_bridge, sizeof(host->default_bridge), "hull-%08x", hash);
	}
	*ret = host;
	return 0;
}

void network_host_close(struct network_host *host)
{
	if (!host)
		return;
	cleanup_closep(&host->route_fd);
	cleanup_closep(&host->nft_fd);
	free(host);
}

static int open_once(int *fd, int protocol, const char *what, struct hull_error *err)
{
	if (*fd < 0)
		*fd = netlink_open(protocol);
	return *fd < 0 ? error_errno(err, *fd, "%s", what) : *fd;
}

int host_route(struct network_host *host, struct hull_error *err)
{
	return open_once(&host->route_fd, NETLINK_ROUTE, "rtnetlink", err);
}

int host_nft(struct network_host *host, struct hull_error *err)
{
	int fd = open_once(&host->nft_fd, NETLINK_NETFILTER, "nf_tables", err);

	if (fd == -EPROTONOSUPPORT)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"this kernel has no nf_tables, which bridge networks need");
	return fd;
}

bool host_has_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

int host_random_id(char id[NETWORK_ID_LENGTH + 1], struct hull_error *err)
{
	unsigned char bytes[NETWORK_ID_LENGTH / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_errno(err, errno, "random id");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

struct route_walk {
	struct arena *arena;
	struct prefix_list *used;
};

static int see_route(void *userdata, const struct nlmsghdr *h)
{
	struct route_walk *w = userdata;
	const struct rtmsg *route = NLMSG_DATA(h);
	struct network_prefix p = {
		.address = {.family = route->rtm_family}, .length = route->rtm_dst_len};
	size_t n;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return 0;
	const void *data = netlink_find(h, sizeof(*route), RTA_DST, &n);
	/* Default routes, and what is not a unicast route's, overlap with everything. */
	if (!data || n != network_address_size(&p.address) || p.length < 2 ||
		route->rtm_type != RTN_UNICAST)
		return 0;
	memcpy(p.address.bytes, data, n);
	return prefix_list_add(w->used, w->arena, &p);
}

int host_used_prefixes(struct network_host *host, struct arena *arena, struct prefix_list *used,
	struct hull_error *err)
{
	static const struct rtmsg everything = {.rtm_family = AF_UNSPEC};
	struct route_walk w = {arena, used};
	_cleanup_buf_ struct buf b = BUF_INIT;
	int fd = host_route(host, err);

	if (fd < 0)
		return fd;
	netlink_end(&b,
		netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, 1, &everything, sizeof(everything)));
	int r = netlink_query(fd, &b, see_route, &w);
	return r < 0 ? error_errno(err, r, "routes of the host") : 0;
}

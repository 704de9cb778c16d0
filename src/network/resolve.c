/* SPDX-License-Identifier: Apache-2.0 */
#include "network/resolve.h"
#include "sys/nftables.h"

#include <arpa/inet.h>
#include <linux/netlink.h>

#define TABLE "hull-resolver"
/* Above the ports that the kernel gives out by itself (net.ipv4.ip_local_port_range). */
#define PORT 61053

static const struct nft_chain chain = {
	"output", "nat", .hook = NF_INET_LOCAL_OUT, .priority = -100 /* NF_IP_PRI_NAT_DST */};

/* clang-format off */
#define TO_RESOLVER(protocol) \
	NFT_META(NFT_META_NFPROTO, 0), NFT_COMPARE(NFT_CMP_EQ, 0, 1, NFPROTO_IPV4), \
	NFT_META(NFT_META_L4PROTO, 0), NFT_COMPARE(NFT_CMP_EQ, 0, 1, protocol), \
	NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 1), \
	NFT_COMPARE(NFT_CMP_EQ, 1, 4, 127, 0, 0, 11), \
	NFT_PAYLOAD(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 2), NFT_COMPARE(NFT_CMP_EQ, 2, 2, 0, 53), \
	NFT_VALUE(2, 2, PORT >> 8, PORT & 255), NFT_DNAT(NFPROTO_IPV4, 1, 2, 2), NFT_END
static const struct nft_expr rules[][16] = {{TO_RESOLVER(IPPROTO_UDP)}, {TO_RESOLVER(IPPROTO_TCP)}};
/* clang-format on */

static int compile_redirect(struct arena *arena, struct plan_network_step *step)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	nft_batch_begin(&b);
	nft_add_table(&b, TABLE, "hull: questions to 127.0.0.11", NLM_F_CREATE, 0);
	nft_add_chain(&b, TABLE, &chain, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		nft_add_rule(&b, TABLE, chain.name, "questions of this container", rules[i], 0);
	nft_batch_end(&b);
	step->data = buf_error(&b) < 0 ? NULL : arena_memdup(arena, b.data, b.len);
	step->length = b.len;
	return step->data ? 0 : -ENOMEM;
}

int network_resolver_steps(struct arena *arena, int *ret_udp, int *ret_tcp,
	struct plan_network_step steps[NETWORK_RESOLVER_STEPS], struct hull_error *err)
{
	static const char *const subjects[] = {"table " TABLE, NULL};
	struct sockaddr_in *address = arena_new(arena, struct sockaddr_in);

	if (!address)
		return error_no_memory(err);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
	inet_pton(AF_INET, "127.0.0.11", &address->sin_addr);
	steps[0] = (struct plan_network_step){
		.listen = address,
		.ret_udp = ret_udp,
		.ret_tcp = ret_tcp,
		.words = "open the resolver's sockets in the container's network namespace",
		.calls =
			"setns(CLONE_NEWNET), socket(SOCK_DGRAM), socket(SOCK_STREAM), bind(), setns()",
		.shell = "nsenter --net=/proc/PID/ns/net dnsmasq --listen-address=127.0.0.11",
	};
	steps[1] = (struct plan_network_step){
		.child = true,
		.protocol = NETLINK_NETFILTER,
		.subjects = subjects,
		.words = "lead questions to 127.0.0.11 to the resolver's sockets",
		.calls = "sendmsg(NETLINK_NETFILTER): NFT_MSG_NEWTABLE, NEWCHAIN, NEWRULE",
		.shell = "nft add rule inet " TABLE
			 " output ip daddr 127.0.0.11 udp dport 53 dnat to "
			 ":61053",
	};
	return compile_redirect(arena, &steps[1]) < 0 ? error_no_memory(err) : 0;
}

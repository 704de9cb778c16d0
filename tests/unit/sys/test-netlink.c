/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sys/link.h"
#include "sys/netlink.h"
#include "sys/nftables.h"

#include <linux/rtnetlink.h>
#include <stdalign.h>

static void lengths_and_padding(void **state)
{
	static const uint32_t header = 7;
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t m = netlink_begin(&b, 16, NLM_F_ACK, 3, &header, sizeof(header));

	netlink_attr_text(&b, 1, "four");
	size_t nest = netlink_nest(&b, 2);
	netlink_attr_u16(&b, 1, 0x1234);
	netlink_nest_end(&b, nest);
	netlink_end(&b, m);
	assert_int_equal(buf_error(&b), 0);
	const struct nlmsghdr *h = (const void *)b.data;
	/* header 16, the family's 4, text 4 + 5 + 3, nest 4, number 4 + 2 + 2 */
	assert_int_equal(h->nlmsg_len, 16 + 4 + 12 + 4 + 8);
	assert_int_equal(b.len, h->nlmsg_len);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(h->nlmsg_seq, 3);
	size_t n;
	assert_string_equal(netlink_find(h, sizeof(header), 1, &n), "four");
	assert_int_equal(n, 5);
	const struct nlattr *inner = netlink_find(h, sizeof(header), 2, &n);
	assert_int_equal(n, 8);
	assert_int_equal(inner->nla_len, 6);
	assert_null(netlink_find(h, sizeof(header), 3, &n));
}

static void what_is_too_long(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *large = calloc(1, 70000);

	netlink_attr(&b, 1, large, 70000);
	assert_int_equal(buf_error(&b), -E2BIG);
}

/* Lengths of attributes that lie: nothing outside of the message is looked at. */
static void lengths_that_lie(void **state)
{
	static const uint16_t lengths[] = {0, 1, 3, 13, 100, UINT16_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		alignas(struct nlmsghdr) char message[16 + 4 + 8] = {0};
		struct nlmsghdr *h = (void *)message;
		struct nlattr *a = (void *)(message + 20);
		size_t n;
		h->nlmsg_len = sizeof(message);
		*a = (struct nlattr){lengths[i], 1};
		assert_null(netlink_find(h, 4, 1, &n));
		assert_null(netlink_find(h, 4, 2, &n));
	}
}

/* The kernel answers anybody: an interface that is not there, and one that is. */
static void verdicts(void **state)
{
	static const struct ifinfomsg info = {.ifi_index = 0x7ffffff0};
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint32_t failed = 0;

	netlink_end(&b, netlink_begin(&b, RTM_DELLINK, NLM_F_ACK, 41, &info, sizeof(info)));
	int r = netlink_perform(NETLINK_ROUTE, b.data, b.len, &failed);
	/* Without privileges it does not come to the question whether it exists. */
	assert_true(r == -ENODEV || r == -EPERM);
	assert_int_equal(failed, 41);
	assert_int_equal(link_number("lo"), 1);
	assert_int_equal(link_number("no-such-link"), -ENODEV);
	assert_true(link_number("a-name-that-is-too-long") < 0);
}

static void keys_of_sets(void **state)
{
	const struct nft_set plain = {.name = "a", .key = {NFT_TYPE_PORT}},
			     two = {.name = "b", .key = {NFT_TYPE_PORT, NFT_TYPE_IFNAME}},
			     three = {.name = "c",
				     .key = {NFT_TYPE_PROTOCOL, NFT_TYPE_IPV6, NFT_TYPE_PORT}};

	assert_int_equal(nft_set_key_size(&plain), 2);
	assert_int_equal(nft_set_key_size(&two), 4 + 16);
	assert_int_equal(nft_set_key_size(&three), 4 + 16 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_and_padding),
		cmocka_unit_test(what_is_too_long),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(keys_of_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

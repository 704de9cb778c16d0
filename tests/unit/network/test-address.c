/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "network/address.h"

static struct network_address address(const char *text)
{
	struct network_address a;

	assert_int_equal(network_address_parse(text, &a), 0);
	return a;
}

static struct network_prefix prefix(const char *text)
{
	struct network_prefix p;

	assert_int_equal(network_prefix_parse(text, &p), 0);
	return p;
}

static void assert_address(const struct network_address *a, const char *expected)
{
	char text[NETWORK_ADDRESS_TEXT];

	network_address_format(a, text);
	assert_string_equal(text, expected);
}

static void texts(void **state)
{
	static const char *const bad[] = {"", "1.2.3", "1.2.3.256", "01.2.3.4x", "::g", "[1.2.3.4]",
		"[::1", "::1]", "1.2.3.4/8"};
	static const char *const bad_prefixes[] = {
		"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "/8", "[::]/8"};
	struct network_address a, none = {0};
	struct network_prefix p;
	char text[NETWORK_PREFIX_TEXT];

	a = address("[fd00::1]");
	assert_address(&a, "fd00::1");
	a = address("10.1.2.3");
	assert_address(&a, "10.1.2.3");
	assert_address(&none, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(network_address_parse(bad[i], &a), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_prefixes); i++)
		assert_int_equal(network_prefix_parse(bad_prefixes[i], &p), -EINVAL);
	p = prefix("172.17.0.1/16");
	network_prefix_format(&p, text);
	assert_string_equal(text, "172.17.0.1/16");
}

static void subnets(void **state)
{
	struct network_prefix p = prefix("172.17.5.9/20"), six = prefix("fd00:1:2:3::7/61"),
			      all = prefix("0.0.0.0/0"), other = prefix("172.17.16.0/20"),
			      inner = prefix("172.17.15.128/25");
	struct network_address a = network_prefix_first(&p), b = network_prefix_last(&p);

	assert_address(&a, "172.17.0.0");
	assert_address(&b, "172.17.15.255");
	a = network_prefix_first(&six);
	b = network_prefix_last(&six);
	assert_address(&a, "fd00:1:2::");
	assert_address(&b, "fd00:1:2:7:ffff:ffff:ffff:ffff");
	assert_true(network_prefix_overlaps(&p, &inner));
	assert_true(network_prefix_overlaps(&inner, &p));
	assert_true(network_prefix_overlaps(&all, &p));
	assert_false(network_prefix_overlaps(&other, &p));
	assert_false(network_prefix_overlaps(&all, &six));
	a = address("172.17.16.0");
	assert_false(network_prefix_contains(&p, &a));
}

static void arithmetic(void **state)
{
	struct network_address a = address("10.0.255.255");

	assert_true(network_address_add(&a, 1));
	assert_address(&a, "10.1.0.0");
	assert_true(network_address_add(&a, 0x10000));
	assert_address(&a, "10.2.0.0");
	a = address("255.255.255.255");
	assert_false(network_address_add(&a, 1));
	a = address("fd00::ffff:ffff:ffff:ffff");
	assert_true(network_address_add(&a, 2));
	assert_address(&a, "fd00:0:0:1::1");
}

static void macs(void **state)
{
	static const char *const bad[] = {"", "02:42:ac:11:00", "02:42:ac:11:00:0g",
		"01:42:ac:11:00:02", "00:00:00:00:00:00", "02.42.ac.11.00.02",
		"02:42:ac:11:00:02:"};
	uint8_t mac[NETWORK_MAC_SIZE];
	char text[NETWORK_MAC_TEXT];

	assert_int_equal(network_mac_parse("02-42-AC-11-00-02", mac), 0);
	network_mac_format(mac, text);
	assert_string_equal(text, "02:42:ac:11:00:02");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(network_mac_parse(bad[i], mac), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(subnets),
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

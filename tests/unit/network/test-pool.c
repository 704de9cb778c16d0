/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "network/pool.h"

#include <stdio.h>

static void assert_prefix(const struct network_prefix *p, const char *expected)
{
	char text[NETWORK_PREFIX_TEXT];

	network_prefix_format(p, text);
	assert_string_equal(text, expected);
}

static void use(struct prefix_list *used, struct arena *arena, const char *text)
{
	struct network_prefix p;

	assert_int_equal(network_prefix_parse(text, &p), 0);
	assert_int_equal(prefix_list_add(used, arena, &p), 0);
}

static void subnets_in_order(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct prefix_list used = {0};
	struct network_prefix p;

	assert_int_equal(pool_choose(AF_INET, 0, &used, &p, NULL), 0);
	assert_prefix(&p, "172.17.0.0/16");
	/* A small part of the first, and all of the next two. */
	use(&used, &arena, "172.17.200.0/24");
	use(&used, &arena, "172.18.0.0/15");
	assert_int_equal(pool_choose(AF_INET, 0, &used, &p, NULL), 0);
	assert_prefix(&p, "172.20.0.0/16");
	/* What is not IPv4 is not in the way. */
	use(&used, &arena, "fd00::/8");
	use(&used, &arena, "172.16.0.0/12");
	assert_int_equal(pool_choose(AF_INET, 0, &used, &p, NULL), 0);
	assert_prefix(&p, "192.168.0.0/20");
}

static void every_subnet_once(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct prefix_list used = {0};
	struct network_prefix p;
	int n = 0;

	while (pool_choose(AF_INET, 0, &used, &p, &err) == 0) {
		assert_false(prefix_list_overlaps(&used, &p));
		assert_int_equal(prefix_list_add(&used, &arena, &p), 0);
		n++;
	}
	assert_int_equal(n, 15 + 16);
	assert_string_equal(
		hull_error_message(&err), "all predefined address pools have been fully subnetted");
}

static void the_default_networks_own(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct prefix_list used = {0};
	struct network_prefix p;

	assert_int_equal(pool_reserve_default(&used, &arena), 0);
	assert_int_equal(pool_choose(AF_INET, 0, &used, &p, NULL), 0);
	assert_prefix(&p, "172.18.0.0/16");
}

static void local_ipv6(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct prefix_list used = {0};
	struct network_prefix p;

	assert_int_equal(pool_choose(AF_INET6, 0xffff123456789aULL, &used, &p, NULL), 0);
	assert_prefix(&p, "fd12:3456:789a::/64");
	assert_int_equal(prefix_list_add(&used, &arena, &p), 0);
	assert_int_equal(pool_choose(AF_INET6, 0xffff123456789aULL, &used, &p, NULL), 0);
	assert_prefix(&p, "fd12:3456:789a:1::/64");
}

/* The addresses of a range in the order of the circle, until the first comes again. */
static void walk(const char *subnet, const char *range, char *out, size_t size)
{
	struct network_prefix s, r;
	struct network_address a = {0}, first;
	char text[NETWORK_ADDRESS_TEXT];
	size_t n = 0;

	assert_int_equal(network_prefix_parse(subnet, &s), 0);
	assert_int_equal(network_prefix_parse(range, &r), 0);
	out[0] = '\0';
	if (!pool_next(&s, &r, &a))
		return;
	first = a;
	do {
		network_address_format(&a, text);
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", text);
		assert_true(pool_next(&s, &r, &a));
	} while (network_address_compare(&a, &first) != 0 && n < size);
}

static void addresses_in_a_circle(void **state)
{
	static const struct {
		const char *subnet, *range, *expected;
	} cases[] = {
		{"10.0.0.0/29", "10.0.0.0/29",
			"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6"},
		{"10.0.0.0/24", "10.0.0.252/30", "10.0.0.252 10.0.0.253 10.0.0.254"},
		{"10.0.0.0/24", "10.0.0.64/30", "10.0.0.64 10.0.0.65 10.0.0.66 10.0.0.67"},
		{"10.0.0.0/31", "10.0.0.0/31", "10.0.0.0 10.0.0.1"},
		{"10.0.0.0/24", "10.0.0.0/32", ""},
		{"fd00::/126", "fd00::/126", "fd00::1 fd00::2 fd00::3"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		walk(cases[i].subnet, cases[i].range, text, sizeof(text));
		assert_string_equal(text, cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets_in_order),
		cmocka_unit_test(every_subnet_once),
		cmocka_unit_test(the_default_networks_own),
		cmocka_unit_test(local_ipv6),
		cmocka_unit_test(addresses_in_a_circle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

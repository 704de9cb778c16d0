/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Leases in a database, without any interface: networks of macvlan need none to be recorded. */
#include "base/fd.h"
#include "base/str.h"
#include "network/host.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

struct fixture {
	char root[32];
	struct metadata *md;
	struct network_host *host;
	struct arena arena;
};

static int open_host(struct fixture *f)
{
	const struct network_host_options options = {.root = f->root};
	int r = metadata_open(f->root, &f->md, NULL);

	return r < 0 ? r : network_host_open(f->md, &options, &f->host, NULL);
}

/* A host of our own, for whoever may have one, with the interface that the networks are on. */
static bool make_host(void)
{
	static const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	size_t m = netlink_begin(
		&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, &up, sizeof(up));
	netlink_attr_text(&b, IFLA_IFNAME, "wire");
	size_t kind = netlink_nest(&b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(&b, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&b, kind);
	netlink_end(&b, m);
	return netlink_perform(NETLINK_ROUTE, b.data, b.len, NULL) == 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->root, sizeof(f->root), "/tmp/test-lease.XXXXXX");
	if (!mkdtemp(f->root) || open_host(f) < 0)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	network_host_close(f->host);
	metadata_close(f->md);
	arena_done(&f->arena);
	int r = dir_remove_tree_at(AT_FDCWD, f->root);
	free(f);
	return r;
}

static struct network *create(struct fixture *f, const char *name, struct network_subnet *subnet)
{
	static struct json_pair parent = {(char *)"parent", (char *)"wire"};
	const struct network_config config = {.driver = (char *)"macvlan",
		.options = &parent,
		.n_options = 1,
		.subnets = subnet,
		.n_subnets = subnet ? 1 : 0};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct network *n;

	if (network_create(f->host, &f->arena, name, &config, &n, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return n;
}

static void add(struct fixture *f, const char *container, const struct network *n, const char *ip)
{
	const struct network_endpoint_config config = {.ipv4 = (char *)ip};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(metadata_exec(f->md, NULL,
				 "INSERT INTO container (id, name, image_id, image_name, config,"
				 " created, state) VALUES (?1, ?1, '', '', '{}', 0, '')",
				 "t", container),
		0);
	if (network_endpoint_add(f->host, container, n, &config, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
}

/* The address that the container gets, "" with a message in err if it gets none. */
static int lease(struct fixture *f, const char *container, char text[NETWORK_ADDRESS_TEXT],
	struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	struct network_endpoint *e;
	size_t n;
	int r = network_endpoints_of_container(f->host, &f->arena, container, &e, &n, err);

	text[0] = '\0';
	if (r == 0)
		r = metadata_begin(f->md, &t, err);
	if (r == 0)
		r = lease_give(f->host, e, 0, false, err);
	if (r == 0)
		network_address_format(&e->address[0].address, text);
	return r < 0 ? r : metadata_commit(&t, err);
}

static void assert_lease(struct fixture *f, const char *container, const char *expected)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char text[NETWORK_ADDRESS_TEXT];

	if (lease(f, container, text, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_string_equal(text, expected);
}

static void assert_no_lease(struct fixture *f, const char *container, const char *message)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char text[NETWORK_ADDRESS_TEXT];

	assert_true(lease(f, container, text, &err) < 0);
	if (!strstr(hull_error_message(&err), message))
		fail_msg("%s", hull_error_message(&err));
}

static void an_address_comes_back_late(void **state)
{
	struct fixture *f = *state;
	struct json_pair aux = {(char *)"router", (char *)"10.0.0.3"};
	struct network_subnet subnet = {.subnet = (char *)"10.0.0.0/29", .aux = &aux, .n_aux = 1};
	struct network *n = create(f, "n", &subnet);

	add(f, "a", n, NULL);
	add(f, "b", n, NULL);
	add(f, "c", n, NULL);
	add(f, "d", n, NULL);
	add(f, "e", n, NULL);
	/* .1 is the gateway, .3 is kept free. */
	assert_lease(f, "a", "10.0.0.2");
	assert_int_equal(network_stop(f->host, "a", NULL), 0);
	assert_lease(f, "b", "10.0.0.4");
	assert_lease(f, "c", "10.0.0.5");
	assert_int_equal(network_stop(f->host, "c", NULL), 0);
	assert_lease(f, "d", "10.0.0.6");
	assert_lease(f, "a", "10.0.0.2");
	assert_lease(f, "c", "10.0.0.5");
	assert_no_lease(f, "e", "no available IPv4 addresses on this network's address pools: n (");
	/* A row that goes takes its lease along. */
	assert_int_equal(metadata_exec(f->md, NULL, "DELETE FROM container WHERE id = 'b'", ""), 0);
	assert_lease(f, "e", "10.0.0.4");
}

static void a_range_and_requested_addresses(void **state)
{
	struct fixture *f = *state;
	struct network_subnet subnet = {.subnet = (char *)"10.0.0.0/24",
		.ip_range = (char *)"10.0.0.128/30",
		.gateway = (char *)"10.0.0.254"};
	struct network *n = create(f, "n", &subnet);

	add(f, "a", n, "10.0.0.129");
	add(f, "b", n, NULL);
	add(f, "c", n, NULL);
	add(f, "d", n, "10.0.0.129");
	add(f, "e", n, "10.0.0.254");
	add(f, "f", n, "10.0.0.7");
	assert_lease(f, "a", "10.0.0.129");
	assert_lease(f, "b", "10.0.0.128");
	assert_lease(f, "c", "10.0.0.130");
	assert_no_lease(f, "d", "Address already in use: 10.0.0.129");
	assert_no_lease(f, "e", "Address already in use: 10.0.0.254");
	assert_lease(f, "f", "10.0.0.7");
}

static void many_processes_ask_at_once(void **state)
{
	enum { PROCESSES = 4, EACH = 25 };
	struct fixture *f = *state;
	struct network_subnet subnet = {.subnet = (char *)"10.0.0.0/24"};
	struct network *n = create(f, "n", &subnet);
	char name[16], text[NETWORK_ADDRESS_TEXT];
	int64_t count;

	for (int i = 0; i < PROCESSES * EACH; i++) {
		snprintf(name, sizeof(name), "%d", i);
		add(f, name, n, NULL);
	}
	for (int p = 0; p < PROCESSES; p++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid)
			continue;
		struct fixture own = {0};
		str_copy(own.root, sizeof(own.root), f->root);
		int r = open_host(&own);
		for (int i = 0; r == 0 && i < EACH; i++) {
			snprintf(name, sizeof(name), "%d", p * EACH + i);
			r = lease(&own, name, text, NULL);
		}
		_exit(r < 0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(metadata_get_int(f->md, &count, NULL,
				 "SELECT count(DISTINCT address4) FROM network_endpoint", ""),
		1);
	assert_int_equal(count, PROCESSES * EACH);
}

static void a_network_that_was_made_again(void **state)
{
	struct fixture *f = *state;
	struct network_subnet subnet = {.subnet = (char *)"10.0.0.0/24"},
			      other = {.subnet = (char *)"10.1.0.0/24"};
	struct network *n = create(f, "n", &subnet);
	struct network_endpoint *e;
	size_t count;

	add(f, "a", n, NULL);
	assert_int_equal(network_remove(f->host, n, NULL), 0);
	assert_int_equal(
		network_endpoints_of_container(f->host, &f->arena, "a", &e, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_true(e->gone);
	assert_string_equal(e->network->name, "n");
	create(f, "n", &other);
	assert_lease(f, "a", "10.1.0.2");
	assert_int_equal(network_find(f->host, &f->arena, "n", &n, NULL), 0);
	assert_int_equal(network_remove(f->host, n, NULL), -1);
}

static void default_routes(void **state)
{
	struct network_config open = {0};
	struct network networks[] = {{.name = (char *)"z", .config = &open},
		{.name = (char *)"a", .config = &open},
		{.name = (char *)"0", .config = &open, .internal = true}};
	struct network_endpoint_config plain = {0}, first = {.gateway_priority = 1};
	struct network_endpoint e[3] = {0};

	for (size_t i = 0; i < 3; i++) {
		networks[i].family[0].enabled = true;
		networks[i].family[0].gateway.family = AF_INET;
		e[i].network = &networks[i];
		e[i].config = &plain;
	}
	networks[0].family[1] = networks[0].family[0];
	lease_choose_gateways(e, 3);
	/* By name, never an internal one; each family by itself. */
	assert_true(!e[0].gateway4 && e[1].gateway4 && !e[2].gateway4);
	assert_true(e[0].gateway6 && !e[1].gateway6);
	e[0].config = &first;
	lease_choose_gateways(e, 3);
	assert_true(e[0].gateway4 && !e[1].gateway4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address_comes_back_late, setup, teardown),
		cmocka_unit_test_setup_teardown(a_range_and_requested_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(many_processes_ask_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_network_that_was_made_again, setup, teardown),
		cmocka_unit_test(default_routes),
	};

	/* macvlan: its networks are nothing but a record, so leases are all that is tested. */
	if (!make_host()) {
		fputs("needs root for a network namespace\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/*
 * What an endpoint compiles to: its steps in words and as shell commands, and messages that hold
 * together. That the kernel takes them is tested in tests/integration/network-library.bats.
 */
#include "base/str.h"
#include "network/host.h"
#include "sys/netlink.h"

#include <linux/rtnetlink.h>

struct fixture {
	struct arena arena;
	struct network_config network_config;
	struct network network;
	struct network_endpoint_config config;
	struct network_endpoint endpoint;
	struct attach_target target;
	struct plan_network_step steps[2 * ATTACH_STEPS_MAX];
	size_t n;
};

static struct network_prefix prefix(const char *text)
{
	struct network_prefix p;

	assert_int_equal(network_prefix_parse(text, &p), 0);
	return p;
}

static struct network_address address(const char *text)
{
	struct network_address a;

	assert_int_equal(network_address_parse(text, &a), 0);
	return a;
}

static void prepare(struct fixture *f)
{
	*f = (struct fixture){0};
	f->network.config = &f->network_config;
	f->network.name = (char *)"web";
	f->network.driver = NETWORK_DRIVER_BRIDGE;
	str_copy(f->network.link, sizeof(f->network.link), "br0");
	f->network.icc = true;
	f->network.family[0] = (struct network_family){
		.enabled = true, .subnet = prefix("10.1.0.0/24"), .gateway = address("10.1.0.1")};
	f->endpoint = (struct network_endpoint){.network = &f->network,
		.config = &f->config,
		.mac = {2, 0x42, 10, 1, 0, 2},
		.host_link = "veth1",
		.link = "eth0",
		.gateway4 = true};
	f->endpoint.address[0] = prefix("10.1.0.2/24");
	f->target = (struct attach_target){.master = 7, .ipv6 = true, .table = "hull"};
}

static void compile(struct fixture *f)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (attach_compile(&f->arena, &f->endpoint, &f->target, f->steps, &f->n, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
}

static void assert_step(
	const struct plan_network_step *s, bool child, const char *words, const char *shell)
{
	assert_int_equal(s->child, child);
	assert_string_equal(s->words, words);
	assert_string_equal(s->shell, shell);
}

/* Every message fills its place, and the pid's and the interface's lie within. */
static void assert_well_formed(const struct plan_network_step *s)
{
	size_t left = s->length, n = 0;

	for (const struct nlmsghdr *h = s->data; left; h = NLMSG_NEXT(h, left), n++) {
		assert_true(NLMSG_OK(h, left));
		assert_int_equal(NLMSG_ALIGN(h->nlmsg_len), h->nlmsg_len);
		if (s->subjects) {
			assert_int_equal(h->nlmsg_seq, n);
			assert_non_null(s->subjects[n]);
		}
	}
	assert_true(s->pid_offset + sizeof(uint32_t) <= s->length);
	for (size_t i = 0; i < s->n_link_offsets; i++)
		assert_true(s->link_offsets[i] + sizeof(uint32_t) <= s->length);
}

static void on_a_bridge(void **state)
{
	struct fixture f;

	prepare(&f);
	compile(&f);
	assert_int_equal(f.n, 3);
	assert_step(&f.steps[0], false, "connect eth0 to network web: veth1 on bridge br0",
		"ip link add veth1 master br0 up type veth peer name eth0 address "
		"02:42:0a:01:00:02 netns PID");
	assert_step(&f.steps[1], true, "set net/ipv6/conf/eth0/disable_ipv6 to 1",
		"echo '1' > /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
	assert_step(&f.steps[2], true, "configure eth0: 10.1.0.2/24, default route via 10.1.0.1",
		"ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; ip route replace default via "
		"10.1.0.1 dev eth0");
	assert_well_formed(&f.steps[0]);
	assert_well_formed(&f.steps[2]);
	assert_string_equal(f.steps[2].link, "eth0");
	assert_int_equal(f.steps[2].n_link_offsets, 3);
	assert_true(f.steps[0].pid_offset > 0);
	arena_done(&f.arena);
}

static void the_interfaces_number_is_where_it_belongs(void **state)
{
	struct fixture f;
	size_t n;

	prepare(&f);
	compile(&f);
	const struct plan_network_step *s = &f.steps[2];
	char *data = arena_memdup(&f.arena, s->data, s->length);
	for (size_t i = 0; i < s->n_link_offsets; i++)
		memcpy(data + s->link_offsets[i], &(int){4711}, sizeof(int));
	const struct nlmsghdr *h = (const void *)data;
	size_t left = s->length;
	assert_int_equal(h->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(((const struct ifaddrmsg *)NLMSG_DATA(h))->ifa_index, 4711);
	h = NLMSG_NEXT(h, left);
	assert_int_equal(h->nlmsg_type, RTM_SETLINK);
	assert_int_equal(((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index, 4711);
	h = NLMSG_NEXT(h, left);
	assert_int_equal(h->nlmsg_type, RTM_NEWROUTE);
	const int *out = netlink_find(h, sizeof(struct rtmsg), RTA_OIF, &n);
	assert_int_equal(*out, 4711);
	arena_done(&f.arena);
}

static void with_everything(void **state)
{
	static char *link_local[] = {(char *)"169.254.1.1", NULL};
	static struct json_pair options[] = {{(char *)"com.docker.network.endpoint.sysctls",
		(char *)"net.ipv4.conf.IFNAME.log_martians=1"}};
	struct fixture f;

	prepare(&f);
	f.network.mtu = 1400;
	f.network.icc = false;
	f.target.hairpin = true;
	f.network.family[1] = (struct network_family){
		.enabled = true, .subnet = prefix("fd00::/64"), .gateway = address("fd00::1")};
	f.endpoint.address[1] = prefix("fd00::2/64");
	f.endpoint.gateway6 = true;
	f.endpoint.gateway4 = false;
	str_copy(f.endpoint.link, sizeof(f.endpoint.link), "wan.1");
	f.config.link_local = link_local;
	f.config.options = options;
	f.config.n_options = 1;
	compile(&f);
	assert_int_equal(f.n, 5);
	assert_step(&f.steps[0], false,
		"connect wan.1 to network web: veth1 on bridge br0, isolated",
		"ip link add veth1 master br0 up mtu 1400 type veth peer name wan.1 address "
		"02:42:0a:01:00:02 netns PID; ip link set veth1 type bridge_slave isolated on "
		"hairpin on");
	assert_string_equal(f.steps[1].sysctl, "net/ipv6/conf/wan.1/accept_ra");
	assert_string_equal(f.steps[2].sysctl, "net/ipv6/conf/wan.1/accept_dad");
	assert_string_equal(f.steps[3].sysctl, "net/ipv4/conf/wan.1/log_martians");
	assert_string_equal(f.steps[3].value, "1");
	assert_string_equal(f.steps[4].shell,
		"ip addr add 10.1.0.2/24 dev wan.1; ip addr add fd00::2/64 dev wan.1 nodad; "
		"ip addr add 169.254.1.1/16 dev wan.1; ip link set wan.1 up; "
		"ip -6 route replace default via fd00::1 dev wan.1");
	assert_well_formed(&f.steps[0]);
	assert_well_formed(&f.steps[4]);
	arena_done(&f.arena);
}

static void on_a_parent(void **state)
{
	struct fixture f;

	prepare(&f);
	f.network.driver = NETWORK_DRIVER_MACVLAN;
	str_copy(f.network.link, sizeof(f.network.link), "lan0");
	f.endpoint.host_link[0] = '\0';
	compile(&f);
	assert_step(&f.steps[0], false, "connect eth0 to network web: macvlan on lan0",
		"ip link add link lan0 name eth0 netns PID type macvlan mode bridge");
	assert_well_formed(&f.steps[0]);
	f.n = 0;
	f.network.driver = NETWORK_DRIVER_IPVLAN;
	f.network.mode = (char *)"l3";
	f.network.family[0].gateway = (struct network_address){0};
	compile(&f);
	assert_step(&f.steps[0], false, "connect eth0 to network web: ipvlan on lan0",
		"ip link add link lan0 name eth0 netns PID type ipvlan mode l3");
	assert_step(&f.steps[2], true, "configure eth0: 10.1.0.2/24, default route",
		"ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; ip route replace default "
		"dev eth0");
	arena_done(&f.arena);
}

/* A range that is the same on both sides is one element, a shifted one is an element a port. */
static void published_ports(void **state)
{
	const struct network_binding bindings[] = {
		{IPPROTO_TCP, address("0.0.0.0"), 8080, 80, 1},
		{IPPROTO_UDP, address("127.0.0.1"), 5000, 5000, 1000},
		{IPPROTO_TCP, address("::"), 8080, 80, 1},
	};
	const struct network_binding shifted = {IPPROTO_TCP, address("0.0.0.0"), 9000, 80, 3};
	struct fixture f;
	_cleanup_buf_ struct buf one = BUF_INIT, three = BUF_INIT;

	prepare(&f);
	assert_int_equal(attach_ports(&f.arena, "hull", &f.endpoint, 1, bindings,
				 ARRAY_SIZE(bindings), f.steps, &f.n, NULL),
		0);
	assert_int_equal(f.n, 1);
	/* The container has no IPv6 address: that port is relayed. */
	assert_step(&f.steps[0], false,
		"publish 0.0.0.0:8080/tcp to 10.1.0.2:80, 127.0.0.1:5000-5999/udp to "
		"10.1.0.2:5000-5999",
		"nft add element inet hull ports4 '{ 8080 . tcp . 0.0.0.0/0 : 10.1.0.2 . 80 }'; "
		"nft add element inet hull ports4 '{ 5000-5999 . udp . 127.0.0.1 : "
		"10.1.0.2 . 5000-5999 }'");
	assert_well_formed(&f.steps[0]);
	assert_non_null(f.steps[0].undo);
	attach_port_elements(&one, "hull", &f.endpoint, 1, &bindings[1], 1, true);
	attach_port_elements(&three, "hull", &f.endpoint, 1, &shifted, 1, true);
	assert_int_equal(three.len, 3 * one.len);
	/* Nothing to publish is no step. */
	f.n = 0;
	assert_int_equal(attach_ports(&f.arena, "hull", &f.endpoint, 1, &bindings[2], 1, f.steps,
				 &f.n, NULL),
		0);
	assert_int_equal(f.n, 0);
	arena_done(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_bridge),
		cmocka_unit_test(the_interfaces_number_is_where_it_belongs),
		cmocka_unit_test(with_everything),
		cmocka_unit_test(on_a_parent),
		cmocka_unit_test(published_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pool of prepared network namespaces could save: medians, in microseconds, of
 *
 *	fresh		unshare(2) of a network namespace
 *	prepared	setns(2) into one that was made before
 *	veth		a pair of interfaces between the caller's namespace and another
 *
 * `namespace [ROUNDS]`, in a network namespace that may be spoiled.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "sys/netlink.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS_MAX 10000
#define OWN	   "/proc/self/ns/net"

enum sample { FRESH, PREPARED, VETH, SAMPLES };

static int make_veth(int rtnetlink, int netns)
{
	static const struct ifinfomsg info;
	_cleanup_buf_ struct buf b = BUF_INIT;

	size_t m = netlink_begin(
		&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, "bench0");
	size_t link = netlink_nest(&b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(&b, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(&b, IFLA_INFO_DATA | NLA_F_NESTED);
	size_t peer = netlink_nest(&b, VETH_INFO_PEER | NLA_F_NESTED);
	buf_append(&b, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, "eth0");
	netlink_attr_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns);
	netlink_nest_end(&b, peer);
	netlink_nest_end(&b, data);
	netlink_nest_end(&b, link);
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_send(rtnetlink, b.data, b.len, NULL);
}

static int remove_veth(int rtnetlink)
{
	static const struct ifinfomsg info;
	_cleanup_buf_ struct buf b = BUF_INIT;

	size_t m = netlink_begin(&b, RTM_DELLINK, NLM_F_ACK, 1, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, "bench0");
	netlink_end(&b, m);
	int r = buf_error(&b);
	return r < 0 ? r : netlink_send(rtnetlink, b.data, b.len, NULL);
}

/* One of each; prepared is a namespace of before, home the caller's. */
static int one_round(int rtnetlink, int home, int prepared, int64_t took[SAMPLES])
{
	int64_t at = clock_monotonic_ns();

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	took[FRESH] = clock_monotonic_ns() - at;
	if (setns(home, CLONE_NEWNET) < 0)
		return -errno;
	at = clock_monotonic_ns();
	if (setns(prepared, CLONE_NEWNET) < 0)
		return -errno;
	took[PREPARED] = clock_monotonic_ns() - at;
	if (setns(home, CLONE_NEWNET) < 0)
		return -errno;
	at = clock_monotonic_ns();
	int r = make_veth(rtnetlink, prepared);
	took[VETH] = clock_monotonic_ns() - at;
	return r < 0 ? r : remove_veth(rtnetlink);
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void print(const char *name, int64_t *took, uint32_t n)
{
	qsort(took, n, sizeof(*took), compare);
	printf("%s %.0f\n", name, (double)took[n / 2] / 1e3);
}

int main(int argc, char **argv)
{
	static int64_t took[SAMPLES][ROUNDS_MAX];
	static const char *const names[] = {"fresh", "prepared", "veth"};
	uint32_t rounds = 100;

	if (argc > 1 && (str_to_u32(argv[1], &rounds) < 0 || !rounds || rounds > ROUNDS_MAX)) {
		fputs("usage: namespace [ROUNDS]\n", stderr);
		return 2;
	}
	_cleanup_close_ int home = open(OWN, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int rtnetlink = netlink_open(NETLINK_ROUTE);
	if (home < 0 || rtnetlink < 0 || unshare(CLONE_NEWNET) < 0) {
		perror("namespace");
		return 1;
	}
	_cleanup_close_ int prepared = open(OWN, O_RDONLY | O_CLOEXEC);
	if (prepared < 0 || setns(home, CLONE_NEWNET) < 0) {
		perror("namespace");
		return 1;
	}
	for (uint32_t i = 0; i < rounds; i++) {
		int64_t one[SAMPLES] = {0};
		int r = one_round(rtnetlink, home, prepared, one);
		if (r < 0) {
			fprintf(stderr, "namespace: %s\n", strerror(-r));
			return 1;
		}
		for (size_t s = 0; s < SAMPLES; s++)
			took[s][i] = one[s];
		/* The kernel takes a namespace apart in its own time. */
		usleep(5000);
	}
	for (size_t s = 0; s < SAMPLES; s++)
		print(names[s], took[s], rounds);
	return 0;
}

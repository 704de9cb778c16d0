/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "cgroup/resource.h"

#include <stdio.h>

/* A host where one hierarchy has all; no group behind it exists. */
static void fill_host(struct hull_cgroup_host *host, unsigned int version)
{
	*host = (struct hull_cgroup_host){.n_hierarchies = 1, .v2 = version == 2 ? 0 : -1};
	host->hierarchies[0] = (struct hull_cgroup_hierarchy){.version = version,
		.name = version == 2 ? "" : "all",
		.mount_point = "/c",
		.own_path = "/",
		.controllers = version == 2 ? HULL_CGROUP_ALL &
						      ~(HULL_CGROUP_BIT(HULL_CGROUP_NET_CLS) |
							      HULL_CGROUP_BIT(HULL_CGROUP_NET_PRIO))
					    : HULL_CGROUP_ALL,
		.fd = -1};
	for (size_t c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++)
		host->by_controller[c] = 0;
}

/* The plan as text: "FILE=VALUE" each on a line; or the error. */
static char *plan_text(unsigned int version, const struct hull_cgroup_resources *resources)
{
	struct hull_cgroup_host host;
	struct hull_cgroup *group = NULL;
	struct resource_plan plan = RESOURCE_PLAN_INIT;
	struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	fill_host(&host, version);
	assert_int_equal(group_new_at(&host, 1, "/none", &group, NULL), 0);
	if (resources_plan(group, resources, 0, &plan, &err) < 0)
		buf_printf(&text, "error: %s\n", hull_error_message(&err));
	else
		for (size_t i = 0; i < plan.n; i++) {
			buf_printf(&text, "%s=%s", plan.writes[i].file, plan.writes[i].value);
			if (plan.writes[i].other_file)
				buf_printf(&text, " or %s=%s", plan.writes[i].other_file,
					plan.writes[i].other_value);
			buf_putc(&text, '\n');
		}
	hull_error_done(&err);
	resource_plan_done(&plan);
	hull_cgroup_free(group);
	buf_puts(&text, "");
	return buf_take(&text);
}

static void check(
	unsigned int version, const struct hull_cgroup_resources *resources, const char *expected)
{
	_cleanup_free_ char *text = plan_text(version, resources);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void check_both(
	const struct hull_cgroup_resources *resources, const char *v1, const char *v2)
{
	check(1, resources, v1);
	check(2, resources, v2);
}

#define R(...)                          \
	&(struct hull_cgroup_resources) \
	{                               \
		__VA_ARGS__             \
	}
#define SET(v)            \
	{                 \
		true, (v) \
	}

static void test_memory(void **state)
{
	(void)state;
	check_both(
		R(.memory.limit = SET(1000)), "memory.limit_in_bytes=1000\n", "memory.max=1000\n");
	check_both(R(.memory.limit = SET(1000), .memory.swap = SET(1500)),
		"memory.limit_in_bytes=1000\nmemory.memsw.limit_in_bytes=1500\n",
		"memory.max=1000\nmemory.swap.max=500\n");
	check_both(R(.memory.limit = SET(1000), .memory.swap = SET(-1)),
		"memory.limit_in_bytes=1000\nmemory.memsw.limit_in_bytes=-1\n",
		"memory.max=1000\nmemory.swap.max=max\n");
	/* No limit takes that of the sum away as well. */
	check_both(R(.memory.limit = SET(-1)),
		"memory.limit_in_bytes=-1\nmemory.memsw.limit_in_bytes=-1\n",
		"memory.max=max\nmemory.swap.max=max\n");
	check_both(R(.memory.limit = SET(1000), .memory.swap = SET(500)),
		"error: memory.swap: 500: below the memory limit of 1000\n",
		"error: memory.swap: 500: below the memory limit of 1000\n");
	check(2, R(.memory.swap = SET(500)), "error: memory.swap: 500: needs a memory limit\n");
	check_both(R(.memory.reservation = SET(7)), "memory.soft_limit_in_bytes=7\n",
		"memory.low=7\n");
	check_both(R(.memory.limit = SET(-2)), "error: memory.limit: -2: negative\n",
		"error: memory.limit: -2: negative\n");
	check_both(R(.memory.swappiness = SET(60)), "memory.swappiness=60\n",
		"error: memory.swappiness: cgroup v2 has no such limit: Operation not supported\n");
	check_both(R(.memory.disable_oom_killer = SET(false)), "memory.oom_control=0\n", "");
	check(1, R(.memory.disable_oom_killer = SET(true)), "memory.oom_control=1\n");
	check_both(R(.memory.limit = SET(0), .memory.swap = SET(0)), "", "");
}

static void test_cpu(void **state)
{
	(void)state;
	check_both(R(.cpu.shares = SET(1024)), "cpu.shares=1024\n", "cpu.weight=100\n");
	check_both(R(.cpu.quota = SET(50000), .cpu.period = SET(100000)),
		"cpu.cfs_period_us=100000\ncpu.cfs_quota_us=50000\n", "cpu.max=50000 100000\n");
	check_both(R(.cpu.quota = SET(50000)), "cpu.cfs_quota_us=50000\n", "cpu.max=50000\n");
	check_both(R(.cpu.quota = SET(-1)), "cpu.cfs_quota_us=-1\n", "cpu.max=max\n");
	check_both(R(.cpu.period = SET(1000)), "cpu.cfs_period_us=1000\n", "cpu.max=max 1000\n");
	check_both(R(.cpu.burst = SET(0)), "cpu.cfs_burst_us=0\n", "cpu.max.burst=0\n");
	check_both(R(.cpu.idle = SET(1)), "cpu.idle=1\n", "cpu.idle=1\n");
	check_both(R(.cpu.cpus = (char *)"0-3,7", .cpu.mems = (char *)"0"),
		"cpuset.cpus=0-3,7\ncpuset.mems=0\n", "cpuset.cpus=0-3,7\ncpuset.mems=0\n");
	check_both(R(.cpu.cpus = (char *)"0;1"), "error: cpu.cpus: 0;1: not a list of numbers\n",
		"error: cpu.cpus: 0;1: not a list of numbers\n");
	check_both(R(.cpu.shares = SET(1)), "error: cpu.shares: 1: not from 2 to 262144\n",
		"error: cpu.shares: 1: not from 2 to 262144\n");
	check_both(R(.cpu.realtime_runtime = SET(5)), "cpu.rt_runtime_us=5\n",
		"error: cpu.realtimeRuntime: cgroup v2 has no such limit: Operation not supported\n");
}

static void test_pids_and_lists(void **state)
{
	struct hull_cgroup_hugepage pages[] = {{(char *)"2MB", 4096}};
	struct hull_cgroup_hugepage odd[] = {{(char *)"../x", 1}};
	struct hull_cgroup_priority priorities[] = {{(char *)"eth0", 5}};
	struct hull_cgroup_rdma rdma[] = {
		{(char *)"mlx5_0", SET(3), SET(10000)}, {(char *)"mlx5_1", {false, 0}, SET(2)}};
	struct hull_cgroup_setting unified[] = {{(char *)"memory.high", (char *)"5"}};
	struct hull_cgroup_setting escape[] = {{(char *)"../../x", (char *)"5"}};

	(void)state;
	check_both(R(.pids.limit = SET(10)), "pids.max=10\n", "pids.max=10\n");
	check_both(R(.pids.limit = SET(-1)), "pids.max=max\n", "pids.max=max\n");
	check_both(R(.pids.limit = SET(0)), "pids.max=0\n", "pids.max=0\n");
	check_both(R(.hugepages = pages, .n_hugepages = 1),
		"hugetlb.2MB.limit_in_bytes=4096\nhugetlb.2MB.rsvd.limit_in_bytes=4096\n",
		"hugetlb.2MB.max=4096\nhugetlb.2MB.rsvd.max=4096\n");
	check(2, R(.hugepages = odd, .n_hugepages = 1),
		"error: hugepageLimits: ../x: not a valid name\n");
	check_both(R(.network.class_id = SET(1048577)), "net_cls.classid=1048577\n",
		"error: network.classID: the cgroup has no hierarchy for it: Operation not supported\n");
	check(1, R(.network.priorities = priorities, .network.n_priorities = 1),
		"net_prio.ifpriomap=eth0 5\n");
	check(2, R(.rdma = rdma, .n_rdma = 2),
		"rdma.max=mlx5_0 hca_handle=3 hca_object=10000\nrdma.max=mlx5_1 hca_object=2\n");
	check_both(R(.unified = unified, .n_unified = 1),
		"error: unified: memory.high: the cgroup is not in a v2 tree: Operation not supported\n",
		"memory.high=5\n");
	check(2, R(.unified = escape, .n_unified = 1),
		"error: cgroup file: ../../x: no / allowed\n");
}

static void test_block_io(void **state)
{
	struct hull_cgroup_throttle_device rate[] = {{8, 0, 1024}};
	struct hull_cgroup_throttle_device none[] = {{8, 16, 0}};
	struct hull_cgroup_weight_device weights[] = {{8, 0, SET(500), {false, 0}}};

	(void)state;
	check_both(
		R(.block_io.throttle_read_bps = rate, .block_io.n_throttle_read_bps = 1,
			.block_io.throttle_write_iops = none, .block_io.n_throttle_write_iops = 1),
		"blkio.throttle.read_bps_device=8:0 1024\nblkio.throttle.write_iops_device=8:16 0\n",
		"io.max=8:0 rbps=1024\nio.max=8:16 wiops=max\n");
	check_both(R(.block_io.weight = SET(10)), "blkio.bfq.weight=10 or blkio.weight=10\n",
		"io.bfq.weight=10 or io.weight=default 1\n");
	check_both(R(.block_io.weight_devices = weights, .block_io.n_weight_devices = 1),
		"blkio.bfq.weight_device=8:0 500 or blkio.weight_device=8:0 500\n",
		"io.bfq.weight=8:0 500 or io.weight=8:0 4950\n");
	check(1, R(.block_io.weight = SET(5)), "error: blockIO.weight: 5: not from 10 to 1000\n");
	check(2, R(.block_io.leaf_weight = SET(50)),
		"error: blockIO.leafWeight: cgroup v2 has no such limit: Operation not supported\n");
}

static void test_conversions(void **state)
{
	(void)state;
	assert_int_equal(hull_cgroup_shares_to_weight(0), 0);
	assert_int_equal(hull_cgroup_shares_to_weight(1), 1);
	assert_int_equal(hull_cgroup_shares_to_weight(2), 1);
	assert_int_equal(hull_cgroup_shares_to_weight(1024), 100);
	assert_int_equal(hull_cgroup_shares_to_weight(262144), 10000);
	assert_int_equal(hull_cgroup_shares_to_weight(UINT64_MAX), 10000);
	uint64_t last = 0;
	for (uint64_t shares = 2; shares <= 262144; shares += 1 + shares / 64) {
		uint64_t weight = hull_cgroup_shares_to_weight(shares);

		assert_true(weight >= last && weight >= 1 && weight <= 10000);
		last = weight;
	}
	/* The default and both ends are kept both ways, and a weight that shares can say as well. */
	for (uint64_t weight = 1; weight < 10000; weight++) {
		uint64_t shares = hull_cgroup_weight_to_shares(weight);

		assert_true(hull_cgroup_shares_to_weight(shares) >= weight);
		assert_true(shares == 2 || hull_cgroup_shares_to_weight(shares - 1) < weight);
	}
	assert_int_equal(hull_cgroup_blkio_to_io_weight(0), 0);
	assert_int_equal(hull_cgroup_blkio_to_io_weight(10), 1);
	assert_int_equal(hull_cgroup_blkio_to_io_weight(1000), 10000);
}

static void test_empty(void **state)
{
	struct hull_cgroup_device device = {.allow = true};

	(void)state;
	assert_true(hull_cgroup_resources_empty(R()));
	assert_true(hull_cgroup_resources_empty(R(.memory.limit = SET(0))));
	assert_false(hull_cgroup_resources_empty(R(.pids.limit = SET(0))));
	assert_false(hull_cgroup_resources_empty(R(.devices = &device, .n_devices = 1)));
	assert_false(hull_cgroup_resources_empty(R(.cpu.cpus = (char *)"0")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_pids_and_lists),
		cmocka_unit_test(test_block_io),
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "cgroup/file.h"
#include "cgroup/stat.h"

static void test_cpu(void **state)
{
	struct hull_cgroup_cpu_stats cpu = {0};

	(void)state;
	stat_parse_cpu("usage_usec 3000\nuser_usec 1000\nsystem_usec 2000\nnr_periods 5\n"
		       "nr_throttled 4\nthrottled_usec 7\nsomething_new 9\n",
		2, &cpu);
	assert_true(cpu.present);
	assert_int_equal(cpu.usage_ns, 3000000);
	assert_int_equal(cpu.system_ns, 2000000);
	assert_int_equal(cpu.throttled_periods, 4);
	assert_int_equal(cpu.throttled_ns, 7000);
	cpu = (struct hull_cgroup_cpu_stats){0};
	stat_parse_cpu("nr_periods 5\nnr_throttled 4\nthrottled_time 7\n", 1, &cpu);
	assert_int_equal(cpu.throttled_ns, 7);
	stat_parse_cpuacct("cpu user system\n0 10 20\n1 30 40\n", &cpu);
	assert_int_equal(cpu.user_ns, 40);
	assert_int_equal(cpu.system_ns, 60);
	assert_int_equal(cpu.usage_ns, 100);
}

static void test_memory(void **state)
{
	struct hull_cgroup_memory_stats memory = {0};

	(void)state;
	stat_parse_memory("anon 1\nfile 2\ninactive_file 3\npgfault 4\n", 2, &memory);
	assert_int_equal(memory.anon, 1);
	assert_int_equal(memory.inactive_file, 3);
	assert_int_equal(memory.faults, 4);
	memory = (struct hull_cgroup_memory_stats){0};
	stat_parse_memory("rss 9\ntotal_rss 1\ntotal_cache 2", 1, &memory);
	assert_int_equal(memory.anon, 1);
	assert_int_equal(memory.file, 2);
	stat_parse_memory_events("low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n", &memory);
	assert_int_equal(memory.events.oom_kill, 5);
	assert_int_equal(memory.events.oom, 4);
}

static void test_pressure(void **state)
{
	struct hull_cgroup_pressure pressure = {0};

	(void)state;
	stat_parse_pressure("some avg10=1.50 avg60=0.07 avg300=12.00 total=123\n"
			    "full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
		&pressure);
	assert_true(pressure.present);
	assert_int_equal((int)(pressure.some.avg10 * 100 + 0.5), 150);
	assert_int_equal((int)(pressure.some.avg60 * 100 + 0.5), 7);
	assert_int_equal((int)pressure.some.avg300, 12);
	assert_int_equal(pressure.some.total_us, 123);
	assert_int_equal(pressure.full.total_us, 9);
	pressure = (struct hull_cgroup_pressure){0};
	stat_parse_pressure("garbage\nsome avg10=\n", &pressure);
	assert_false(pressure.present);
}

static void test_io(void **state)
{
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;

	(void)state;
	assert_int_equal(stat_parse_io_v2("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
					  "253:1 rbytes=7 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n"
					  "8:16 \nnonsense\n",
				 &stats),
		0);
	assert_int_equal(stats.n_io, 3);
	assert_int_equal(stats.io[0].write_bytes, 2);
	assert_int_equal(stats.io[0].discard_ops, 6);
	assert_int_equal(stats.io[1].major, 253);
	stats.n_io = 0;
	assert_int_equal(stat_parse_io_v1("8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
				 false, &stats),
		0);
	assert_int_equal(stat_parse_io_v1("8:0 Read 1\n8:0 Write 2\n", true, &stats), 0);
	assert_int_equal(stats.n_io, 1);
	assert_int_equal(stats.io[0].read_bytes, 10);
	assert_int_equal(stats.io[0].write_ops, 2);
	hull_cgroup_stats_done(&stats);
}

/* Lists keep their memory: the second reading must not move them. */
static void test_lists_are_kept(void **state)
{
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;

	(void)state;
	assert_int_equal(stat_parse_io_v2("8:0 rbytes=1\n8:1 rbytes=1\n", &stats), 0);
	void *before = stats.io;
	size_t size = stats.io_size;
	stats.n_io = 0;
	assert_int_equal(stat_parse_io_v2("8:0 rbytes=1\n8:1 rbytes=1\n", &stats), 0);
	assert_ptr_equal(stats.io, before);
	assert_int_equal(stats.io_size, size);
	hull_cgroup_stats_done(&stats);
}

static void test_rdma(void **state)
{
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;

	(void)state;
	assert_int_equal(
		stat_parse_rdma("mlx4_0 hca_handle=2 hca_object=2000\n", false, &stats), 0);
	assert_int_equal(stat_parse_rdma("mlx4_0 hca_handle=3 hca_object=max\n", true, &stats), 0);
	assert_int_equal(stats.n_rdma, 1);
	assert_int_equal(stats.rdma[0].hca_handles, 2);
	assert_int_equal(stats.rdma[0].hca_handles_limit, 3);
	assert_true(stats.rdma[0].hca_objects_limit == HULL_CGROUP_NO_LIMIT);
	hull_cgroup_stats_done(&stats);
}

static void test_page_sizes(void **state)
{
	char size[16];

	(void)state;
	assert_true(stat_page_size("hugepages-2048kB", size));
	assert_string_equal(size, "2MB");
	assert_true(stat_page_size("hugepages-1048576kB", size));
	assert_string_equal(size, "1GB");
	assert_true(stat_page_size("hugepages-64kB", size));
	assert_string_equal(size, "64KB");
	assert_false(stat_page_size(".", size));
	assert_false(stat_page_size("hugepages-kB", size));
	assert_false(stat_page_size("hugepages-0kB", size));
}

static void test_keyed(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_true(keyed_u64("oom_kill 3\noom 2\n", "oom", &value));
	assert_int_equal(value, 2);
	assert_true(keyed_u64("a 1\nlast 18446744073709551615", "last", &value));
	assert_true(value == UINT64_MAX);
	assert_false(keyed_u64("oom_kill 3\n", "oom", &value));
	assert_false(keyed_u64("", "oom", &value));
	assert_false(keyed_u64("oom x\n", "oom", &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_lists_are_kept),
		cmocka_unit_test(test_rdma),
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

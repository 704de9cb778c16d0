/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "engine/parse.h"

#include <sched.h>
#include <signal.h>

static void test_ulimit(void **state)
{
	static const struct {
		const char *text, *name;
		int64_t soft, hard;
		const char *error;
	} cases[] = {
		{"nofile=1024", "nofile", 1024, 1024, NULL},
		{"nofile=1024:2048", "nofile", 1024, 2048, NULL},
		{"core=-1", "core", -1, -1, NULL},
		{"core=0:-1", "core", 0, -1, NULL},
		{"memlock=-1:-1", "memlock", -1, -1, NULL},
		{"nofile", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile"},
		{"nofile=", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile="},
		{"nofile=x", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile=x"},
		{"nofile=1:", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile=1:"},
		{"nofile=1:2:3", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile=1:2:3"},
		{"nofile=-2", NULL, 0, 0, "--ulimit: invalid ulimit argument: nofile=-2"},
		{"NOFILE=1", NULL, 0, 0, "--ulimit: invalid ulimit type: NOFILE"},
		{"=1", NULL, 0, 0, "--ulimit: invalid ulimit type: "},
		{"nproc=2:1", NULL, 0, 0,
			"--ulimit nproc=2:1: soft limit must be less than or equal to hard limit: "
			"2 > 1"},
		{"nproc=-1:1", NULL, 0, 0,
			"--ulimit nproc=-1:1: soft limit must be less than or equal to hard limit: "
			"-1 > 1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct container_ulimit limit;
		int r = ulimit_parse(&arena, cases[i].text, &limit, &err);
		if (cases[i].error) {
			assert_true(r < 0);
			assert_string_equal(hull_error_message(&err), cases[i].error);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(limit.name, cases[i].name);
		assert_int_equal(limit.soft, cases[i].soft);
		assert_int_equal(limit.hard, cases[i].hard);
	}
	assert_string_equal(ulimit_rlimit_name("nofile"), "RLIMIT_NOFILE");
	assert_null(ulimit_rlimit_name("files"));
}

static void test_device(void **state)
{
	static const struct {
		const char *text, *host, *path, *permissions, *error;
	} cases[] = {
		{"/dev/kvm", "/dev/kvm", "/dev/kvm", "rwm", NULL},
		{"/dev/kvm:/dev/x", "/dev/kvm", "/dev/x", "rwm", NULL},
		{"/dev/kvm:r", "/dev/kvm", "/dev/kvm", "r", NULL},
		{"/dev/kvm:wr", "/dev/kvm", "/dev/kvm", "wr", NULL},
		{"/dev/kvm:/dev/x:mr", "/dev/kvm", "/dev/x", "mr", NULL},
		{"/dev//a/../kvm", "/dev/kvm", "/dev/kvm", "rwm", NULL},
		{"dev", NULL, NULL, NULL, "--device dev: dev is not an absolute path"},
		{"", NULL, NULL, NULL, "--device :  is not an absolute path"},
		{"vendor.com/class=gpu0", NULL, NULL, NULL, "is not an absolute path"},
		{"/dev/kvm:x", NULL, NULL, NULL, "--device /dev/kvm:x: x is not an absolute path"},
		{"/dev/kvm:rr", NULL, NULL, NULL, "rr is not an absolute path"},
		{"/dev/kvm:/dev/x:", NULL, NULL, NULL, "invalid device mode: "},
		{"/dev/kvm:/dev/x:rwx", NULL, NULL, NULL, "invalid device mode: rwx"},
		{"/dev/kvm:/dev/x:rwmr", NULL, NULL, NULL, "invalid device mode: rwmr"},
		{"/dev/kvm:/dev/x:r:w", NULL, NULL, NULL, "invalid device mode: r:w"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct container_device device;
		int r = device_parse(&arena, cases[i].text, &device, &err);
		if (cases[i].error) {
			if (r == 0 || !strstr(hull_error_message(&err), cases[i].error))
				fail_msg("%s: %s", cases[i].text, hull_error_message(&err));
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(device.host, cases[i].host);
		assert_string_equal(device.path, cases[i].path);
		assert_string_equal(device.permissions, cases[i].permissions);
	}
}

static void test_memory(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	int64_t swap = 7;

	assert_int_equal(memory_check(0, &err), 0);
	assert_int_equal(memory_check(6 << 20, &err), 0);
	assert_true(memory_check((6 << 20) - 1, &err) < 0);
	assert_string_equal(hull_error_message(&err), "Minimum memory limit allowed is 6MB");
	assert_true(memory_check(-1, NULL) < 0);

	assert_int_equal(memory_swap_parse("-1", 0, &swap, NULL), 0);
	assert_int_equal(swap, -1);
	assert_int_equal(memory_swap_parse("1g", 512 << 20, &swap, NULL), 0);
	assert_int_equal(swap, 1 << 30);
	assert_int_equal(memory_swap_parse("0", 0, &swap, NULL), 0);
	assert_int_equal(swap, 0);
	hull_error_done(&err);
	assert_true(memory_swap_parse("1m", 2 << 20, &swap, &err) < 0);
	assert_non_null(strstr(hull_error_message(&err), "larger than memory limit"));
	hull_error_done(&err);
	assert_true(memory_swap_parse("1m", 0, &swap, &err) < 0);
	assert_non_null(strstr(hull_error_message(&err), "always set the Memory limit"));
	assert_true(memory_swap_parse("-2", 0, &swap, NULL) < 0);
	assert_true(memory_swap_parse("x", 0, &swap, NULL) < 0);
	assert_true(memory_swap_parse("99999999999999999999", 1, &swap, NULL) < 0);
}

static void test_bounds(void **state)
{
	static const struct {
		int64_t reservation, memory;
		const char *error;
	} memory[] = {
		{0, 0, NULL},
		{6 << 20, 0, NULL},
		{64 << 20, 64 << 20, NULL},
		{(6 << 20) - 1, 0, "Minimum memory reservation allowed is 6MB"},
		{65 << 20, 64 << 20,
			"Minimum memory limit can not be less than memory reservation limit, see usage"},
	};
	static const struct {
		uint64_t period;
		int64_t quota;
		const char *error;
	} cpu[] = {
		{0, 0, NULL},
		{1000, 1000, NULL},
		{1000000, -1, NULL},
		{999, 0, "CPU cfs period can not be less than 1ms"},
		{1000001, 0, "or larger than 1s (i.e. 1000000)"},
		{0, 999, "CPU cfs quota can not be less than 1ms (i.e. 1000)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		int r = memory_reservation_check(memory[i].reservation, memory[i].memory, &err);

		assert_int_equal(r < 0, memory[i].error != NULL);
		if (memory[i].error)
			assert_string_equal(hull_error_message(&err), memory[i].error);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cpu); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		int r = cpu_bandwidth_check(cpu[i].period, cpu[i].quota, &err);

		assert_int_equal(r < 0, cpu[i].error != NULL);
		if (cpu[i].error)
			assert_non_null(strstr(hull_error_message(&err), cpu[i].error));
	}
}

static void test_cpus(void **state)
{
	static const struct {
		const char *text;
		int64_t nano;
	} good[] = {{"0.5", 500000000}, {"1", 1000000000}, {".25", 250000000}, {"0", 0}, {"0.", 0},
		{"0.010000001", 10000001}, {"1.000", 1000000000}, {"0.0100000010000000", 10000001},
		{"0.123456789", 123456789}, {"00.5", 500000000}, {"0.01", 10000000}};
	static const char *const bad[] = {"", ".", "-1", "x", "1x", "1.5.5", "0.0000000001", "1e3",
		"0.12345678901", "100000", "0.009", "0.000000001", "99999999999999999999999", " 1"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t nano = -1;
		assert_int_equal(cpus_parse(good[i].text, &nano, NULL), 0);
		assert_int_equal(nano, good[i].nano);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		int64_t nano = -1;
		if (cpus_parse(bad[i], &nano, &err) == 0)
			fail_msg("\"%s\" gave %lld", bad[i], (long long)nano);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_non_null(strstr(hull_error_message(&err), "--cpus"));
	}
}

static void test_cpuset(void **state)
{
	static const char *const good[] = {"", "0", "0-3", "0,2-3,7", "1-1", "8191"};
	static const char *const bad[] = {",", "0,", "-1", "1-", "3-1", "a", "0--1", "0 1", "8192",
		"1-9999999999999999999999"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(cpuset_check("cpuset-cpus", good[i], NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		assert_true(cpuset_check("cpuset-mems", bad[i], NULL, &err) < 0);
		assert_non_null(strstr(hull_error_message(&err), "cpuset-mems: invalid value"));
	}
}

static void test_cpuset_available(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(cpuset_check("cpuset-cpus", "0,2-3", "0-3,8", NULL), 0);
	assert_int_equal(cpuset_check("cpuset-cpus", "", "0", NULL), 0);
	assert_true(cpuset_check("cpuset-cpus", "0-4", "0-3,8", &err) < 0);
	assert_string_equal(hull_error_message(&err),
		"Requested CPUs are not available - requested 0-4, available: 0-3,8");
	assert_true(cpuset_check("cpuset-mems", "9", "0", &err) < 0);
	assert_string_equal(hull_error_message(&err),
		"Requested memory nodes are not available - requested 9, available: 0");
	/* What is not a list says nothing. */
	assert_int_equal(cpuset_check("cpuset-cpus", "7", "?", NULL), 0);

	assert_int_equal(cpuset_check_host("cpuset-cpus", "", NULL), 0);
	assert_true(cpuset_check_host("cpuset-cpus", "8191", NULL) < 0);
	assert_true(cpuset_check_host("cpuset-cpus", "x", NULL) < 0);
}

static void test_signal(void **state)
{
	static const struct {
		const char *text;
		int signal;
	} good[] = {{"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"15", 15}, {"kill", SIGKILL}};
	static const char *const bad[] = {"", "0", "FOO", "-1", "99", "SIG"};
	int signal;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(signal_option_parse(good[i].text, &signal, NULL), 0);
		assert_int_equal(signal, good[i].signal);
	}
	assert_int_equal(signal_option_parse("RTMIN+1", &signal, NULL), 0);
	assert_true(signal > SIGSYS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		if (signal_option_parse(bad[i], &signal, &err) == 0)
			fail_msg("\"%s\" gave %d", bad[i], signal);
		assert_non_null(strstr(hull_error_message(&err), "invalid signal: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ulimit),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_cpuset),
		cmocka_unit_test(test_cpuset_available),
		cmocka_unit_test(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

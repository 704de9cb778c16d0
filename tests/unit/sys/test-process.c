/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "sys/process.h"

#include <sys/syscall.h>
#include <sys/wait.h>

static void test_signal_parse(void **state)
{
	static const struct {
		const char *text;
		int number;
	} cases[] = {
		{"KILL", 9},
		{"SIGKILL", 9},
		{"sigkill", 9},
		{"9", 9},
		{"0", 0},
		{"TERM", 15},
		{"SIGRTMIN", 34},
		{"RTMIN+1", 35},
		{"RTMAX", 64},
		{"SIGRTMAX-2", 62},
		{"64", 64},
		{"65", -EINVAL},
		{"-1", -EINVAL},
		{"SIG", -EINVAL},
		{"", -EINVAL},
		{"RTMIN+31", -EINVAL},
		{"RTMIN-1", -EINVAL},
		{"9x", -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (signal_parse(cases[i].text) != cases[i].number)
			fail_msg("%s: %d", cases[i].text, signal_parse(cases[i].text));
	}
	assert_string_equal(signal_name(9), "SIGKILL");
	assert_null(signal_name(64));
}

static void test_own_stat(void **state)
{
	uint64_t start = 0;

	assert_int_equal(process_start_time(getpid(), &start), 0);
	assert_true(start > 0);
	uint64_t again = 0;
	assert_int_equal(process_state(getpid(), &again), 'R');
	assert_int_equal(again, start);
	assert_int_equal(process_start_time(INT32_MAX, &start), -ESRCH);
}

static void test_clone_and_pidfd(void **state)
{
	int pidfd = -1, status;
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = process_clone(&args);

	if (pid == 0) {
		for (;;)
			syscall(SYS_pause);
	}
	assert_true(pid > 0);
	assert_true(pidfd >= 0);
	assert_int_equal(process_pidfd_signal(pidfd, SIGTERM), 0);
	assert_int_equal(process_wait(pid, &status), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(process_pidfd_signal(pidfd, 0), -ESRCH);
	close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_parse),
		cmocka_unit_test(test_own_stat),
		cmocka_unit_test(test_clone_and_pidfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

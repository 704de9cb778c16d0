/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "sys/capability.h"

static void test_names(void **state)
{
	assert_int_equal(capability_parse("CAP_CHOWN"), 0);
	assert_int_equal(capability_parse("cap_sys_admin"), 21);
	assert_int_equal(capability_parse("SYS_ADMIN"), 21);
	assert_int_equal(capability_parse("CAP_CHECKPOINT_RESTORE"), 40);
	assert_int_equal(capability_parse("TEST_CAP"), -EINVAL);
	assert_int_equal(capability_parse(""), -EINVAL);
	for (int i = 0; i <= 40; i++)
		assert_int_equal(capability_parse(capability_name(i)), i);
	assert_null(capability_name(41));
	assert_null(capability_name(-1));
}

static void test_kernel(void **state)
{
	uint64_t effective, permitted, inheritable;
	int last = capability_last();

	/* CAP_CHECKPOINT_RESTORE is of Linux 5.9, and capability sets have 64 bits. */
	assert_in_range(last, 40, 63);
	assert_int_equal(capability_get(&effective, &permitted, &inheritable), 0);
	assert_int_equal(effective & ~permitted, 0);
	assert_int_equal(capability_set(effective, permitted, inheritable), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

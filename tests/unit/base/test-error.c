/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

static void a_message_is_one_line(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(
		error_set(&err, HULL_ERROR_INVALID, "no \"%s\" here", "a\nb\033[2Jc\x7f"), -1);
	assert_string_equal(hull_error_message(&err), "no \"a?b?[2Jc?\" here");
	assert_int_equal(error_wrap(&err, -1, "%s", "x\r\ty"), -1);
	assert_string_equal(hull_error_message(&err), "x??y: no \"a?b?[2Jc?\" here");
	/* Other bytes stay as they are. */
	assert_int_equal(error_errno(&err, ENOENT, "%s", "h\xc3\xa9"), -ENOENT);
	assert_string_equal(hull_error_message(&err), "h\xc3\xa9: No such file or directory");
	assert_int_equal(err.kind, HULL_ERROR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

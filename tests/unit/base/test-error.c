/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"

#include <limits.h>

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

/* With glibc itself, the words are glibc's. */
static void texts_are_complete(void **state)
{
	unsigned int known = 0;

	for (int i = 1; i < 200; i++) {
		if (str_eq(error_name(i), "unknown")) {
			assert_string_equal(error_text(i), "Unknown error");
			continue;
		}
		known++;
#ifdef __GLIBC__
		assert_string_equal(error_name(i), strerrorname_np(i));
		assert_string_equal(error_text(i), strerror(i));
#endif
	}
	assert_in_range(known, 131, 200);
	assert_string_equal(error_text(-EBUSY), "Device or resource busy");
	assert_string_equal(error_name(EHWPOISON), "EHWPOISON");
	assert_string_equal(error_text(0), "Unknown error");
	assert_string_equal(error_text(INT_MIN), "Unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_one_line),
		cmocka_unit_test(texts_are_complete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

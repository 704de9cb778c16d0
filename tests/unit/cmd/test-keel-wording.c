/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of the contract of words, and what must not be touched. */
#include "wording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum hull_error_kind kind_of(const struct wording *w)
{
	return w->kind != HULL_ERROR_NONE ? w->kind : error_kind_from_errno(w->errnum);
}

/* An error of that row says its words, exactly once, whatever the cause wrote. */
static void test_rows(void **state)
{
	for (size_t i = 0; i < n_wordings; i++) {
		const struct wording *w = &wordings[i];
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		if (w->errnum)
			error_errno_kind(&err, kind_of(w), w->errnum, "noun");
		else
			error_set(&err, w->kind, "noun");
		_cleanup_free_ char *message = wording_message(&err);
		assert_non_null(message);
		assert_memory_equal(message, "noun: ", 6);
		const char *at = strstr(message, w->text);
		assert_non_null(at);
		assert_null(strstr(at + 1, w->text));
		assert_non_null(w->caller);
	}
}

/* The kind counts before the errno, and words that are there already are not said again. */
static void test_messages(void **state)
{
	static const struct {
		enum hull_error_kind kind;
		int errnum;
		const char *text, *message;
	} cases[] = {
		{HULL_ERROR_NOT_FOUND, 0, "container \"x\" does not exist",
			"container \"x\" does not exist"},
		{HULL_ERROR_NO_COMMAND, 0, "exec: \"x\": executable file not found in $PATH",
			"exec: \"x\": executable file not found in $PATH"},
		{HULL_ERROR_NO_COMMAND, ENOENT, "exec: \"/x\"",
			"exec: \"/x\": no such file or directory"},
		{HULL_ERROR_NOT_EXECUTABLE, EISDIR, "exec: \"/x\"",
			"exec: \"/x\": is a directory: permission denied"},
		{HULL_ERROR_CONFLICT, 0, "container not running", "container not running"},
		{HULL_ERROR_CONFLICT, ESRCH, "signal 9",
			"signal 9: no such process: process already finished"},
		{HULL_ERROR_INVALID, 0, "Permission denied", "Permission denied"},
		{HULL_ERROR_IO, ENOSPC, "write state", "write state: no space left on device"},
		{HULL_ERROR_IO, ERFKILL, "x", "x: operation not possible due to RF-kill"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		if (cases[i].errnum)
			error_errno_kind(&err, cases[i].kind, cases[i].errnum, "%s", cases[i].text);
		else
			error_set(&err, cases[i].kind, "%s", cases[i].text);
		_cleanup_free_ char *message = wording_message(&err);
		assert_string_equal(message, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

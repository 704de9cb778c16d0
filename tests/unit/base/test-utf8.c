/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

static const struct {
	const char *text, *keep, *printable;
} cases[] = {
	{"", "", ""},
	{"plain text, ~", "", "plain text, ~"},
	{"\033[2J\033]0;title\a", "", "?[2J?]0;title?"},
	{"a\rb\nc\td\be\x7f", "", "a?b?c?d?e?"},
	{"a\rb\nc\td", "\n\t", "a?b\nc\td"},
	/* CSI as one character, in UTF-8 and as the byte of an 8-bit terminal; NEL, and what follows C1 */
	{"\xc2\x9b"
	 "31m \x9b"
	 "31m \xc2\x85\xc2\x80\xc2\x9f\xc2\xa0",
		"", "?31m ?31m ???\xc2\xa0"},
	/* Latin, Cyrillic, Han, emoji with a joiner, right to left */
	{"Gr\xc3\xbc\xc3\x9f"
	 "e \xd0\xb6 \xe5\xb1\x82 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb \xd7\xa9",
		"",
		"Gr\xc3\xbc\xc3\x9f"
		"e \xd0\xb6 \xe5\xb1\x82 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb \xd7\xa9"},
	/* cut short, overlong (of ESC), surrogate, past the last, a byte alone */
	{"a\xe5\xb1", "", "a??"},
	{"\xc0\x9b[\xe0\x80\x9b[", "", "??[???["},
	{"\xed\xa0\x80\xf4\x90\x80\x80\xff", "", "????????"},
	{"\xe5\033[m", "", "??[m"},
};

static void shown_or_not(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];
		size_t n = strlen(cases[i].text);

		memcpy(text, cases[i].text, n + 1);
		assert_int_equal(utf8_is_printable(text, n, cases[i].keep),
			strcmp(text, cases[i].printable) == 0);
		text[utf8_make_printable(text, n, cases[i].keep)] = '\0';
		assert_string_equal(text, cases[i].printable);
		assert_true(utf8_is_printable(text, strlen(text), cases[i].keep));
	}
}

static void nul_is_a_control_character(void **state)
{
	char text[] = "a\0b";

	assert_false(utf8_is_printable(text, 3, "\n"));
	assert_int_equal(utf8_make_printable(text, 3, "\n"), 3);
	assert_memory_equal(text, "a?b", 3);
}

static void the_end_of_a_buffer(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_make_printable(&b, 0, "");
	assert_string_equal(buf_str(&b), "");
	buf_puts(&b, "\033a\xc2\x9b"
		     "b\n");
	buf_make_printable(&b, 7, "");
	buf_make_printable(&b, 2, "\n");
	assert_int_equal(b.len, 5);
	assert_string_equal(buf_str(&b), "\033a?b\n");
}

static void errors_are_lines_of_text(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

		if (*cases[i].keep)
			continue;
		error_set(&err, HULL_ERROR_REMOTE, "%s", cases[i].text);
		assert_string_equal(hull_error_message(&err), cases[i].printable);
		error_set(&err, HULL_ERROR_REMOTE, "x");
		error_wrap(&err, -1, "%s", cases[i].text);
		assert_memory_equal(
			hull_error_message(&err), cases[i].printable, strlen(cases[i].printable));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown_or_not),
		cmocka_unit_test(nul_is_a_control_character),
		cmocka_unit_test(the_end_of_a_buffer),
		cmocka_unit_test(errors_are_lines_of_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

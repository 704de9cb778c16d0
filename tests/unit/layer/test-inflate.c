/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/inflate.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_FIELDS "\x1f\x8b\x08\x1e\0\0\0\0\0\3\3\0abcname\0comment\0xx"
#define NO_FIELDS  "\x1f\x8b\x08\0\0\0\0\0\0\3"
/* "hello\n" deflated, its checksum and length. */
#define HELLO	   "\xcb\x48\xcd\xc9\xc9\xe7\2\0\x20\x30\x3a\x36\6\0\0\0"
#define ZSTD_HELLO "\x28\xb5\x2f\xfd\x20\6\x31\0\0hello\n"
#define XZ_HELLO                                                                           \
	"\375\067\172\130\132\000\000\001\151\042\336\066\002\000\041\001\026\000\000\000" \
	"\164\057\345\243\001\000\005\150\145\154\154\157\012\000\000\000\040\060\072\066" \
	"\000\001\032\006\305\352\310\171\220\102\231\015\001\000\000\000\000\001\131\132"
#define BZIP2_HELLO                                                                        \
	"\102\132\150\071\061\101\131\046\123\131\301\300\200\342\000\000\001\101\000\000" \
	"\020\002\104\240\000\060\315\000\303\106\051\227\027\162\105\070\120\220\301\300" \
	"\200\342"
#define SKIPPABLE "\x5f\x2a\x4d\x18\3\0\0\0abc"

static int flush(struct inflate_output *output, struct hull_error *err)
{
	buf_append(output->arg, output->data, output->fill);
	output->fill = 0;
	return 0;
}

static int inflate(const char *data, size_t n, size_t step, size_t room, struct buf *all,
	struct hull_error *err)
{
	_cleanup_inflater_ struct inflater *in = NULL;
	unsigned char buffer[64];
	struct inflate_output output = {buffer, room, 0, flush, all};
	int r = inflater_new(&output, &in, err);

	for (size_t at = 0; r == 0 && at < n; at += step)
		r = inflater_feed(in, data + at, n - at < step ? n - at : step, err);
	return r < 0 ? r : inflater_finish(in, err);
}

#define ROW(text) text, sizeof(text) - 1

static void test_forms(void **state)
{
	static const struct {
		const char *data;
		size_t n;
		const char *text;
	} rows[] = {
		{ROW(""), ""},
		{ROW(XZ_HELLO), "hello\n"},
		{ROW(XZ_HELLO XZ_HELLO), "hello\nhello\n"},
		{ROW(BZIP2_HELLO), "hello\n"},
		{ROW(BZIP2_HELLO BZIP2_HELLO), "hello\nhello\n"},
		{ROW("BZh9 is the name of a file"), "BZh9 is the name of a file"},
		{ROW("abc"), "abc"},
		{ROW("plain text"), "plain text"},
		{ROW(NO_FIELDS HELLO), "hello\n"},
		{ROW(ALL_FIELDS HELLO), "hello\n"},
		{ROW(NO_FIELDS HELLO ALL_FIELDS HELLO), "hello\nhello\n"},
		{ROW(NO_FIELDS HELLO "\0\0\0\0\0\0"), "hello\n"},
		{ROW(ZSTD_HELLO), "hello\n"},
		{ROW(ZSTD_HELLO ZSTD_HELLO), "hello\nhello\n"},
		{ROW(SKIPPABLE ZSTD_HELLO SKIPPABLE), "hello\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t step = 1; step <= 64; step *= 4) {
			_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
			_cleanup_buf_ struct buf all = BUF_INIT;
			if (inflate(rows[i].data, rows[i].n, step, step == 4 ? 1 : 64, &all, &err) <
				0)
				fail_msg("row %zu: %s", i, hull_error_message(&err));
			assert_string_equal(buf_str(&all), rows[i].text);
		}
	}
}

static void test_bad_input(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} rows[] = {
		{ROW(NO_FIELDS)},
		{ROW("\x1f\x8b\x08")},
		{ROW("\x1f\x8b\x08\xe0\0\0\0\0\0\3" HELLO)},
		{ROW(NO_FIELDS "\xcb\x48\xcd\xc9\xc9\xe7\2\0\x20\x30\x3a\x36\6\0\0")},
		{ROW(NO_FIELDS "\xcb\x48\xcd\xc9\xc9\xe7\2\0\x20\x30\x3a\x37\6\0\0\0")},
		{ROW(NO_FIELDS "\xff\xff\xff\xff")},
		{ROW(NO_FIELDS HELLO "garbage")},
		{ROW(NO_FIELDS HELLO "\0\0\1")},
		{ROW(NO_FIELDS HELLO "\x1f\x8b")},
		{ROW("\x28\xb5\x2f\xfd\x20\6\x31\0\0hell")},
		{ROW(ZSTD_HELLO "garbage")},
		{ROW("\x5f\x2a\x4d\x18\3\0\0\0ab")},
		{XZ_HELLO, sizeof(XZ_HELLO) - 2},
		{XZ_HELLO, 20},
		{ROW(XZ_HELLO "garbage")},
		{BZIP2_HELLO, sizeof(BZIP2_HELLO) - 2},
		{BZIP2_HELLO, 20},
		{ROW(BZIP2_HELLO "garbage")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t step = 1; step <= 64; step *= 8) {
			_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
			_cleanup_buf_ struct buf all = BUF_INIT;
			if (inflate(rows[i].data, rows[i].n, step, 64, &all, &err) >= 0)
				fail_msg("row %zu passes", i);
			assert_int_equal(err.kind, HULL_ERROR_INVALID);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_bad_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the compressor makes the inflater takes, in whatever portions both are fed. */
#include "layer/compress.h"

#include "base/buf.h"
#include "layer/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int to_buf(void *arg, const void *data, size_t n, struct hull_error *err)
{
	buf_append(arg, data, n);
	return buf_error(arg);
}

static int flush(struct inflate_output *output, struct hull_error *err)
{
	buf_append(output->arg, output->data, output->fill);
	output->fill = 0;
	return 0;
}

static void compress_all(
	enum compress_form form, const struct buf *in, size_t step, struct buf *out)
{
	_cleanup_compressor_ struct compressor *c = NULL;
	struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(compressor_new(form, COMPRESS_LEVEL_DEFAULT, to_buf, out, &c, &err), 0);
	for (size_t at = 0; at < in->len; at += step)
		assert_int_equal(compressor_write(c, in->data + at,
					 in->len - at < step ? in->len - at : step, &err),
			0);
	assert_int_equal(compressor_end(c, &err), 0);
}

static void inflate_all(const struct buf *in, struct buf *out)
{
	_cleanup_inflater_ struct inflater *inflater = NULL;
	struct hull_error err = HULL_ERROR_INIT;
	unsigned char room[4096];
	struct inflate_output output = {room, sizeof(room), 0, flush, out};

	assert_int_equal(inflater_new(&output, &inflater, &err), 0);
	if (inflater_feed(inflater, in->data, in->len, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_int_equal(inflater_finish(inflater, &err), 0);
}

static void fill(struct buf *b, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		buf_putc(b, (char)(x >> 28));
	}
}

static void test_round_trips(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 1 << 20, (1 << 20) + 1, 3 * (1 << 20)};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_cleanup_buf_ struct buf in = BUF_INIT;

		fill(&in, sizes[i]);
		for (int form = COMPRESS_NONE; form <= COMPRESS_ZSTD; form++) {
			_cleanup_buf_ struct buf one = BUF_INIT, other = BUF_INIT, back = BUF_INIT;

			compress_all((enum compress_form)form, &in, 1 << 16, &one);
			compress_all((enum compress_form)form, &in, 77777, &other);
			/* zstd may cut its blocks where its input was cut. */
			if (form != COMPRESS_ZSTD) {
				assert_int_equal(one.len, other.len);
				if (one.len > 0)
					assert_memory_equal(one.data, other.data, one.len);
			}
			inflate_all(&one, &back);
			assert_int_equal(back.len, in.len);
			if (in.len > 0)
				assert_memory_equal(back.data, in.data, in.len);
		}
	}
}

/* eStargz begins a file with a member of its own. */
static void test_ends_in_the_middle(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT, back = BUF_INIT;
	_cleanup_compressor_ struct compressor *c = NULL;
	struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(compressor_new(COMPRESS_GZIP, 9, to_buf, &out, &c, &err), 0);
	assert_int_equal(compressor_write(c, "abc", 3, &err), 0);
	assert_int_equal(compressor_end(c, &err), 0);
	size_t middle = out.len;
	assert_int_equal(compressor_end(c, &err), 0);
	assert_int_equal(out.len, middle);
	assert_int_equal(compressor_write(c, "def", 3, &err), 0);
	assert_int_equal(compressor_end(c, &err), 0);
	assert_memory_equal(out.data + middle, "\x1f\x8b\x08", 3);
	inflate_all(&out, &back);
	assert_string_equal(buf_str(&back), "abcdef");
}

static int refuse(void *arg, const void *data, size_t n, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_IO, "full");
}

static void test_sink_errors_are_passed_on(void **state)
{
	for (int form = COMPRESS_NONE; form <= COMPRESS_ZSTD; form++) {
		_cleanup_compressor_ struct compressor *c = NULL;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

		assert_int_equal(
			compressor_new((enum compress_form)form, 1, refuse, NULL, &c, &err), 0);
		int r = compressor_write(c, "abc", 3, &err);
		if (r == 0)
			r = compressor_end(c, &err);
		assert_true(r < 0);
		assert_int_equal(err.kind, HULL_ERROR_IO);
	}
}

static void test_names(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	enum compress_form form;

	for (int i = COMPRESS_NONE; i <= COMPRESS_ZSTD; i++) {
		assert_int_equal(
			compress_form_parse(compress_form_name((enum compress_form)i), &form, &err),
			0);
		assert_int_equal(form, i);
	}
	assert_true(compress_form_parse("rar", &form, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_ends_in_the_middle),
		cmocka_unit_test(test_sink_errors_are_passed_on),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tar.h"

#include "base/str.h"
#include "tar-builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The members of an archive as text, one line each. */
struct seen {
	struct buf text;
	unsigned int dirty;
};

static int on_member(void *arg, const struct tar_member *m, struct hull_error *err)
{
	struct seen *seen = arg;

	buf_printf(&seen->text, "%d %s", m->type, m->name);
	if (*m->link)
		buf_printf(&seen->text, " -> %s", m->link);
	buf_printf(&seen->text, " %o %u:%u %lld.%09u %llu@%llu", m->mode, m->uid, m->gid,
		(long long)m->mtime, m->mtime_ns, (unsigned long long)m->size,
		(unsigned long long)m->data_offset);
	if (m->type == TAR_CHAR_DEVICE || m->type == TAR_BLOCK_DEVICE)
		buf_printf(&seen->text, " %u,%u", m->major, m->minor);
	for (size_t i = 0; i < m->n_xattrs; i++)
		buf_printf(&seen->text, " %s=%.*s", m->xattrs[i].name, (int)m->xattrs[i].size,
			(const char *)m->xattrs[i].value);
	for (size_t i = 0; i < m->n_extents; i++)
		buf_printf(&seen->text, " [%llu+%llu]", (unsigned long long)m->extents[i].offset,
			(unsigned long long)m->extents[i].size);
	buf_putc(&seen->text, '\n');
	return 0;
}

static int on_data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	((struct seen *)arg)->dirty += !padding_is_zero;
	return 0;
}

static const struct tar_handler handler = {on_member, on_data_end};

static int read_in_steps(
	const struct buf *b, size_t step, uint64_t max, struct seen *seen, struct hull_error *err)
{
	_cleanup_tar_reader_ struct tar_reader *r = NULL;
	int e = tar_reader_new(&handler, seen, max, &r, err);

	for (size_t at = 0; e == 0 && at < b->len; at += step)
		e = tar_reader_feed(r, b->data + at, step < b->len - at ? step : b->len - at, err);
	return e < 0 ? e : tar_reader_finish(r, err);
}

/* Reads the archive whole and in odd steps; both must say the same. */
static void expect(const struct buf *b, const char *text)
{
	static const size_t steps[] = {1 << 30, 1, 511, 513, 4096};

	assert_int_equal(buf_error(b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct seen seen = {BUF_INIT, 0};
		if (read_in_steps(b, steps[i], 0, &seen, &err) < 0)
			fail_msg("%s", hull_error_message(&err));
		assert_string_equal(buf_str(&seen.text), text);
		buf_done(&seen.text);
	}
}

static void expect_refusal(const struct buf *b, enum hull_error_kind kind, const char *why)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct seen seen = {BUF_INIT, 0};

	assert_true(read_in_steps(b, 1 << 30, 0, &seen, &err) < 0);
	buf_done(&seen.text);
	if (!strstr(hull_error_message(&err), why))
		fail_msg("\"%s\" does not say \"%s\"", hull_error_message(&err), why);
	assert_int_equal(err.kind, kind);
}

static void test_plain_members(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct tar_raw_header h = tar_header('3', "null", 0);

	tar_put(&b, '5', "dir/", "");
	tar_put(&b, '0', "dir/file", "hello");
	tar_put(&b, '\0', "old-dir/", "");
	tar_put_link(&b, '2', "link", "target");
	tar_put_link(&b, '1', "hard", "dir/file");
	memcpy(h.major, "0000001", 8);
	memcpy(h.minor, "0000003", 8);
	tar_put_header(&b, h);
	tar_put(&b, '6', "fifo", "");
	tar_put_end(&b);
	expect(&b, "5 dir/ 644 0:0 1.000000000 0@512\n"
		   "0 dir/file 644 0:0 1.000000000 5@1024\n"
		   "5 old-dir/ 644 0:0 1.000000000 0@2048\n"
		   "2 link -> target 644 0:0 1.000000000 0@2560\n"
		   "1 hard -> dir/file 644 0:0 1.000000000 0@3072\n"
		   "3 null 644 0:0 1.000000000 0@3584 1,3\n"
		   "6 fifo 644 0:0 1.000000000 0@4096\n");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *field;
		size_t n;
		int r;
		int64_t value;
	} rows[] = {
		{"0000644", 8, 0, 0644},
		{"   644 ", 8, 0, 0644},
		{"77777777", 8, 0, 077777777},
		{"\0\0\0\0\0\0\0\0", 8, 0, 0},
		{"        ", 8, 0, 0},
		{"644\0junk", 8, 0, 0644},
		{"\0 644\0\0\0", 8, -EINVAL, 0},
		{"64x", 8, -EINVAL, 0},
		{"-1\0\0\0\0\0\0", 8, -EINVAL, 0},
		{"\x80\0\0\0\0\0\1\0", 8, 0, 256},
		{"\xff\xff\xff\xff\xff\xff\xff\xfe", 8, 0, -2},
		{"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, 0, INT64_MAX},
		{"\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, -ERANGE, 0},
		{"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, -ERANGE, 0},
		{"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12, 0, INT64_MIN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t value = 0;
		assert_int_equal(tar_number(rows[i].field, rows[i].n, &value), rows[i].r);
		assert_true(value == rows[i].value);
	}
}

static void test_long_names(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, expected = BUF_INIT;
	struct tar_raw_header h = tar_header('0', "base", 0);
	char name[301], target[301];

	memset(name, 'n', 300);
	memset(target, 't', 300);
	name[300] = target[300] = '\0';
	memcpy(h.prefix, "a/prefix", 8);
	tar_put_header(&b, h);
	tar_put_header(&b, tar_gnu_header('L', "././@LongLink", 301));
	tar_put_data(&b, name, 301);
	tar_put_header(&b, tar_gnu_header('K', "././@LongLink", 301));
	tar_put_data(&b, target, 301);
	tar_put_link(&b, '2', "short", "short");
	tar_put_pax_one(&b, "path", name);
	tar_put(&b, '0', "short", "");
	tar_put_end(&b);
	buf_printf(&expected,
		"0 a/prefix/base 644 0:0 1.000000000 0@512\n"
		"2 %s -> %s 644 0:0 1.000000000 0@3072\n"
		"0 %s 644 0:0 1.000000000 0@4608\n",
		name, target, name);
	expect(&b, buf_str(&expected));
}

static void test_pax_fields(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, text = BUF_INIT;

	tar_pax_record(&text, "mtime", "-12.75", 6);
	tar_pax_record(&text, "uid", "4294967294", 10);
	tar_pax_record(&text, "gid", "70000", 5);
	tar_pax_record(&text, "comment", "", 0);
	tar_pax_record(&text, "SCHILY.xattr.user.a", "1", 1);
	tar_pax_record(&text, "SCHILY.xattr.user.a", "2", 1);
	tar_pax_record(&text, "LIBARCHIVE.xattr.user.a", "ignored=", 8);
	tar_pax_record(&text, "LIBARCHIVE.xattr.user.%62", "aGVsbG8", 7);
	tar_pax_record(&text, "SCHILY.xattr.user.empty", "", 0);
	tar_put_header(&b, tar_header('g', "global", 20));
	tar_put_data(&b, "20 comment=harmless\n", 20);
	tar_put_pax(&b, &text);
	tar_put(&b, '0', "file", "x");
	tar_put(&b, '0', "next", "");
	tar_put_end(&b);
	expect(&b, "0 file 644 4294967294:70000 -13.250000000 1@2560 user.a=2 user.b=hello "
		   "user.empty=\n"
		   "0 next 644 0:0 1.000000000 0@3584\n");
}

static void test_pax_size(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, smuggled = BUF_INIT, huge = BUF_INIT;

	tar_put_pax_one(&b, "size", "5");
	tar_put(&b, '0', "same", "hello");
	tar_put_end(&b);
	expect(&b, "0 same 644 0:0 1.000000000 5@1536\n");

	/* Header 0, extended header 512: who believes the header sees an archive in the data. */
	tar_put_pax_one(&smuggled, "size", "512");
	tar_put(&smuggled, '0', "outer", "");
	tar_put(&smuggled, '0', "inner", "");
	tar_put_end(&smuggled);
	expect_refusal(&smuggled, HULL_ERROR_INVALID, "different sizes");

	/* What a header cannot hold. The archive is cut off then, but the size was taken. */
	tar_put_pax_one(&huge, "size", "8589934592");
	tar_put(&huge, '0', "huge", "");
	expect_refusal(&huge, HULL_ERROR_INVALID, "cut off");
}

static void test_old_sparse(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct tar_raw_header h = tar_gnu_header('S', "sparse", 1024);
	struct tar_raw_sparse more = {0};
	char data[1024] = {0};

	memcpy(h.gnu.sparse[0].offset, "00000002000", 12);
	memcpy(h.gnu.sparse[0].size, "00000001000", 12);
	h.gnu.is_extended = 1;
	memcpy(h.gnu.real_size, "00000100000", 12);
	tar_put_header(&b, h);
	memcpy(more.sparse[0].offset, "00000010000", 12);
	memcpy(more.sparse[0].size, "00000001000", 12);
	memcpy(more.sparse[1].offset, "00000100000", 12);
	memcpy(more.sparse[1].size, "00000000000", 12);
	buf_append(&b, &more, sizeof(more));
	tar_put_data(&b, data, sizeof(data));
	tar_put_end(&b);
	expect(&b, "0 sparse 644 0:0 1.000000000 32768@1024 [1024+512] [4096+512]\n");
}

static void put_sparse_1(struct buf *b, const char *map, size_t data, const char *real_size)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char zeros[1024] = {0};

	tar_pax_record(&text, "GNU.sparse.major", "1", 1);
	tar_pax_record(&text, "GNU.sparse.minor", "0", 1);
	tar_pax_record(&text, "GNU.sparse.name", "real-name", 9);
	tar_pax_record(&text, "GNU.sparse.realsize", real_size, strlen(real_size));
	tar_put_pax(b, &text);
	tar_put_header(
		b, tar_header('0', "GNUSparseFile.1/name", (strlen(map) + 511) / 512 * 512 + data));
	tar_put_data(b, map, strlen(map));
	tar_put_data(b, zeros, data);
	tar_put_end(b);
}

static void test_pax_sparse(void **state)
{
	_cleanup_buf_ struct buf b0 = BUF_INIT, b1 = BUF_INIT, text = BUF_INIT;

	put_sparse_1(&b1, "2\n10\n3\n1000\n7\n", 10, "5000");
	expect(&b1, "0 real-name 644 0:0 1.000000000 5000@2048 [10+3] [1000+7]\n");

	tar_pax_record(&text, "GNU.sparse.size", "100", 3);
	tar_pax_record(&text, "GNU.sparse.numblocks", "2", 1);
	tar_pax_record(&text, "GNU.sparse.offset", "0", 1);
	tar_pax_record(&text, "GNU.sparse.numbytes", "1", 1);
	tar_pax_record(&text, "GNU.sparse.offset", "99", 2);
	tar_pax_record(&text, "GNU.sparse.numbytes", "1", 1);
	tar_put_pax(&b0, &text);
	tar_put(&b0, '0', "version-0", "ab");
	buf_reset(&text);
	tar_pax_record(&text, "GNU.sparse.size", "100", 3);
	tar_pax_record(&text, "GNU.sparse.map", "50,2", 4);
	tar_put_pax(&b0, &text);
	tar_put(&b0, '0', "version-0.1", "ab");
	tar_put_end(&b0);
	expect(&b0, "0 version-0 644 0:0 1.000000000 100@1536 [0+1] [99+1]\n"
		    "0 version-0.1 644 0:0 1.000000000 100@3584 [50+2]\n");
}

static void test_bad_sparse(void **state)
{
	static const struct {
		const char *map;
		size_t data;
		const char *real_size;
		enum hull_error_kind kind;
		const char *why;
	} rows[] = {
		{"1\n10\n3\n", 4, "5000", HULL_ERROR_INVALID, "covers 3 bytes"},
		{"1\n10\n3\n", 3, "12", HULL_ERROR_INVALID, "out of order"},
		{"2\n10\n3\n11\n3\n", 6, "5000", HULL_ERROR_INVALID, "out of order"},
		{"1\n-1\n3\n", 3, "5000", HULL_ERROR_INVALID, "malformed map"},
		{"1\n9223372036854775807\n9223372036854775807\n", 3, "5000", HULL_ERROR_INVALID,
			"out of order"},
		{"99999999\n10\n3\n", 3, "5000", HULL_ERROR_INVALID, "too large"},
		{"2\n10\n3\n", 3, "5000", HULL_ERROR_INVALID, "map"},
		{"x", 3, "5000", HULL_ERROR_INVALID, "map"},
		{"1\n10\n3\n", 3, "9223372036854775807", HULL_ERROR_INVALID, "malformed sparse"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		put_sparse_1(&b, rows[i].map, rows[i].data, rows[i].real_size);
		expect_refusal(&b, rows[i].kind, rows[i].why);
	}
}

/* A map may not grow without bound, nor be read again and again. */
static void test_huge_sparse_map(void **state)
{
	_cleanup_buf_ struct buf map = BUF_INIT, b = BUF_INIT;
	struct tar_raw_header h = tar_gnu_header('S', "sparse", 0);
	struct tar_raw_sparse more = {0};

	buf_puts(&map, "65536\n");
	for (int i = 0; i < 65536; i++)
		buf_printf(&map, "%d\n1\n", 1000000000 + i * 2);
	put_sparse_1(&b, buf_str(&map), 0, "5000000000");
	expect_refusal(&b, HULL_ERROR_INVALID, "covers 65536 bytes");

	buf_reset(&b);
	h.gnu.is_extended = 1;
	memcpy(h.gnu.real_size, "77777777777", 12);
	tar_put_header(&b, h);
	for (int i = 0; i < 21; i++)
		memcpy(more.sparse[i].offset, "00000000001", 12);
	more.is_extended = 1;
	for (int i = 0; i < 4000; i++)
		buf_append(&b, &more, sizeof(more));
	expect_refusal(&b, HULL_ERROR_LIMIT, "extents");
}

static void refuse_one(struct tar_raw_header h, enum hull_error_kind kind, const char *why)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put_header(&b, h);
	tar_put_end(&b);
	expect_refusal(&b, kind, why);
}

static void test_bad_headers(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct tar_raw_header h = tar_header('0', "file", 0);

	buf_append(&b, &h, sizeof(h));
	b.data[0] = 'g';
	expect_refusal(&b, HULL_ERROR_INVALID, "checksum");
	refuse_one(tar_header('5', "dir", 512), HULL_ERROR_INVALID, "data behind");
	refuse_one(tar_header('1', "link", 512), HULL_ERROR_INVALID, "data behind");
	refuse_one(tar_header('2', "link", 0), HULL_ERROR_INVALID, "without a target");
	refuse_one(tar_header('0', "", 0), HULL_ERROR_INVALID, "without a name");
	refuse_one(tar_header('V', "label", 0), HULL_ERROR_UNSUPPORTED, "unsupported type");
	refuse_one(tar_header('M', "rest", 0), HULL_ERROR_UNSUPPORTED, "unsupported type");
	refuse_one(tar_header('x', "pax", 2 << 20), HULL_ERROR_LIMIT, "extended header");
	refuse_one(tar_header('L', "long", 2 << 20), HULL_ERROR_LIMIT, "extended header");
	refuse_one(tar_header('S', "sparse", 0), HULL_ERROR_INVALID, "GNU");
	memcpy(h.size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	refuse_one(h, HULL_ERROR_INVALID, "malformed size");
	memcpy(h.size, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	refuse_one(h, HULL_ERROR_INVALID, "out of range");
	h = tar_header('0', "file", 0);
	memcpy(h.uid, "\x80\0\0\0\xff\xff\xff\xff", 8); /* (uid_t)-1 */
	refuse_one(h, HULL_ERROR_INVALID, "owner");
	memcpy(h.uid, "\x80\0\0\1\0\0\0\0", 8); /* 2^32, root if it were cut */
	refuse_one(h, HULL_ERROR_INVALID, "owner");
	h = tar_gnu_header('0', "file", 0);
	memcpy(h.prefix, "some/prefix", 11);
	refuse_one(h, HULL_ERROR_INVALID, "prefix in a GNU header");
}

static void test_two_readings(void **state)
{
	_cleanup_buf_ struct buf names = BUF_INIT, global = BUF_INIT, twice = BUF_INIT,
				 lone = BUF_INIT, behind = BUF_INIT, end = BUF_INIT;
	char zeros[TAR_BLOCK] = {0};

	tar_put_pax_one(&names, "path", "one");
	tar_put_header(&names, tar_gnu_header('L', "long", 4));
	tar_put_data(&names, "two", 4);
	tar_put(&names, '0', "three", "");
	expect_refusal(&names, HULL_ERROR_INVALID, "two long names");

	tar_put_header(&global, tar_header('g', "global", 12));
	tar_put_data(&global, "12 path=all\n", 12);
	tar_put(&global, '0', "file", "");
	expect_refusal(&global, HULL_ERROR_INVALID, "global header");

	tar_put_pax_one(&twice, "path", "one");
	tar_put_pax_one(&twice, "path", "two");
	tar_put(&twice, '0', "file", "");
	expect_refusal(&twice, HULL_ERROR_INVALID, "where a member must follow");

	tar_put(&lone, '0', "one", "");
	buf_append(&lone, zeros, sizeof(zeros));
	tar_put(&lone, '0', "two", "");
	expect_refusal(&lone, HULL_ERROR_INVALID, "lone zero block");

	tar_put(&behind, '0', "one", "");
	tar_put_end(&behind);
	tar_put(&behind, '0', "two", "");
	expect_refusal(&behind, HULL_ERROR_INVALID, "after the end");

	tar_put_pax_one(&end, "path", "one");
	tar_put_end(&end);
	expect_refusal(&end, HULL_ERROR_INVALID, "extended header");
}

static void test_bad_pax(void **state)
{
	static const char *const rows[] = {
		"6 a=\n", /* longer than its record */
		"x path=a\n",
		"99 path=a\n",
		"9 path=ab",
		"8 =abcd\n",
		"6 abc\n",
		"11 uid=-12\n",
		"11 size=ab\n",
		"14 mtime=1.2x\n",
		"27 GNU.sparse.numbytes=100\n",
		"24 GNU.sparse.offset=10\n",
		"25 GNU.sparse.map=1,2,33\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		tar_put_header(&b, tar_header('x', "pax", strlen(rows[i])));
		tar_put_data(&b, rows[i], strlen(rows[i]));
		tar_put(&b, '0', "file", "");
		expect_refusal(&b, HULL_ERROR_INVALID, "");
	}
}

static void test_limits(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT, text = BUF_INIT, value = BUF_INIT;
	struct seen seen = {BUF_INIT, 0};
	char name[TAR_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	tar_put_pax_one(&b, "path", name);
	expect_refusal(&b, HULL_ERROR_LIMIT, "longer than");

	buf_reset(&b);
	for (unsigned int i = 0; i < TAR_XATTR_VALUE_MAX + 1; i++)
		buf_putc(&value, 'v');
	tar_put_pax_one(&b, "SCHILY.xattr.user.a", buf_str(&value));
	expect_refusal(&b, HULL_ERROR_LIMIT, "too long");

	buf_reset(&b);
	value.len = 50000;
	for (int i = 0; i < 3; i++) {
		char key[32];
		snprintf(key, sizeof(key), "SCHILY.xattr.user.%d", i);
		tar_pax_record(&text, key, value.data, value.len);
	}
	tar_put_pax(&b, &text);
	expect_refusal(&b, HULL_ERROR_LIMIT, "extended attributes");

	buf_reset(&b);
	for (int i = 0; i < 3; i++)
		tar_put(&b, '0', "file", "");
	assert_true(read_in_steps(&b, 1 << 30, 2, &seen, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_LIMIT);
	buf_done(&seen.text);
}

static void test_padding(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct seen seen = {BUF_INIT, 0};

	tar_put(&b, '0', "clean", "hello");
	tar_put(&b, '0', "dirty", "hello");
	b.data[b.len - 1] = 'x';
	assert_int_equal(read_in_steps(&b, 100, 0, &seen, NULL), 0);
	assert_int_equal(seen.dirty, 1);
	buf_done(&seen.text);
}

static void test_every_cut_is_noticed(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put_pax_one(&b, "path", "long");
	tar_put(&b, '0', "short", "hello");
	for (size_t n = 1; n < b.len; n++) {
		struct seen seen = {BUF_INIT, 0};
		struct buf cut = {b.data, n, b.size, 0, 0};
		assert_true(read_in_steps(&cut, 1 << 30, 0, &seen, NULL) < 0);
		buf_done(&seen.text);
	}
	expect(&b, "0 long 644 0:0 1.000000000 5@1536\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_members),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_pax_fields),
		cmocka_unit_test(test_pax_size),
		cmocka_unit_test(test_old_sparse),
		cmocka_unit_test(test_pax_sparse),
		cmocka_unit_test(test_bad_sparse),
		cmocka_unit_test(test_huge_sparse_map),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_two_readings),
		cmocka_unit_test(test_bad_pax),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_every_cut_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

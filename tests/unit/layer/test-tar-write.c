/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is read again by our own strict reader, whatever the member is like. */
#include "layer/tar-write.h"

#include "base/buf.h"
#include "base/str.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int to_buf(void *arg, const void *data, size_t n, struct hull_error *err)
{
	buf_append(arg, data, n);
	return 0;
}

struct expected {
	const struct tar_member *members;
	size_t n, seen;
};

static int check_member(void *arg, const struct tar_member *m, struct hull_error *err)
{
	struct expected *e = arg;
	const struct tar_member *want = &e->members[e->seen++];

	assert_true(e->seen <= e->n);
	assert_string_equal(m->name, want->name);
	assert_string_equal(m->link, want->link);
	assert_int_equal(m->type, want->type);
	assert_int_equal(m->mode, want->mode);
	assert_int_equal(m->uid, want->uid);
	assert_int_equal(m->gid, want->gid);
	assert_int_equal(m->size, want->size);
	assert_true(m->mtime == want->mtime);
	assert_int_equal(m->mtime_ns, want->mtime_ns);
	assert_int_equal(m->major, want->major);
	assert_int_equal(m->minor, want->minor);
	assert_int_equal(m->n_xattrs, want->n_xattrs);
	for (size_t i = 0; i < m->n_xattrs; i++) {
		assert_string_equal(m->xattrs[i].name, want->xattrs[i].name);
		assert_int_equal(m->xattrs[i].size, want->xattrs[i].size);
		assert_memory_equal(
			m->xattrs[i].value, want->xattrs[i].value, want->xattrs[i].size);
	}
	return 0;
}

static int data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	assert_true(padding_is_zero);
	return 0;
}

static void write_and_read(const struct tar_member *members, size_t n)
{
	static const struct tar_handler handler = {check_member, data_end};
	_cleanup_buf_ struct buf out = BUF_INIT, again = BUF_INIT;
	_cleanup_tar_reader_ struct tar_reader *reader = NULL;
	struct hull_error err = HULL_ERROR_INIT;
	struct expected expected = {.members = members, .n = n};
	struct tar_sink sink = {to_buf, &out};

	for (int pass = 0; pass < 2; pass++) {
		sink.arg = pass ? &again : &out;
		for (size_t i = 0; i < n; i++) {
			char data[1000];

			memset(data, 'x', sizeof(data));
			assert_int_equal(tar_write_header(&sink, &members[i], &err), 0);
			assert_true(members[i].size <= sizeof(data));
			assert_int_equal(
				tar_write_data(&sink, data, (size_t)members[i].size, &err), 0);
			assert_int_equal(tar_write_padding(&sink, members[i].size, &err), 0);
		}
		assert_int_equal(tar_write_end(&sink, &err), 0);
	}
	assert_int_equal(out.len % TAR_BLOCK, 0);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.data, again.data, out.len);
	assert_int_equal(tar_reader_new(&handler, &expected, 0, &reader, &err), 0);
	if (tar_reader_feed(reader, out.data, out.len, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_int_equal(tar_reader_finish(reader, &err), 0);
	assert_int_equal(expected.seen, n);
}

static void test_types(void **state)
{
	const struct tar_member members[] = {
		{.type = TAR_DIRECTORY, .name = "d/", .link = "", .mode = 0755},
		{.type = TAR_FILE, .name = "d/f", .link = "", .mode = 04711, .size = 513},
		{.type = TAR_FILE, .name = "d/empty", .link = ""},
		{.type = TAR_HARD_LINK, .name = "d/h", .link = "d/f", .mode = 0644},
		{.type = TAR_SYMLINK, .name = "d/s", .link = "../x", .mode = 0777},
		{.type = TAR_CHAR_DEVICE, .name = "null", .link = "", .major = 1, .minor = 3},
		{.type = TAR_BLOCK_DEVICE, .name = "sda", .link = "", .major = 8, .minor = 1048575},
		{.type = TAR_FIFO, .name = "p", .link = "", .mode = 0600},
	};

	write_and_read(members, sizeof(members) / sizeof(members[0]));
}

static void test_extremes(void **state)
{
	char name[3000], link[2000];
	const struct tar_member members[] = {
		{.type = TAR_FILE,
			.name = "big ids",
			.link = "",
			.uid = 4294967294u,
			.gid = 2097152,
			.mtime = 1700000000,
			.mtime_ns = 123456789},
		{.type = TAR_FILE,
			.name = "before",
			.link = "",
			.mtime = -2,
			.mtime_ns = 500000000},
		{.type = TAR_FILE, .name = "whole", .link = "", .mtime = -86400},
		{.type = TAR_FILE, .name = "far", .link = "", .mtime = 99999999999},
		{.type = TAR_SYMLINK, .name = name, .link = link},
		{.type = TAR_FILE, .name = "\xc3\xa4\xff", .link = "", .size = 1},
	};

	memset(name, 'n', sizeof(name));
	for (size_t i = 200; i < sizeof(name); i += 200)
		name[i] = '/';
	name[sizeof(name) - 1] = '\0';
	memset(link, 'l', sizeof(link));
	link[sizeof(link) - 1] = '\0';
	write_and_read(members, sizeof(members) / sizeof(members[0]));
}

/* Each length about the limits of name and prefix, and about the digits of a record's length. */
static void test_name_lengths(void **state)
{
	for (size_t n = 1; n < 300; n++) {
		char name[301];
		const struct tar_member m = {.type = TAR_FILE, .name = name, .link = ""};

		memset(name, 'a', n);
		for (size_t i = 60; i + 1 < n; i += 60)
			name[i] = '/';
		name[n] = '\0';
		write_and_read(&m, 1);
	}
}

static void test_xattrs(void **state)
{
	const struct tar_xattr xattrs[] = {
		{"security.capability", "\1\0\0\2\0\n=\0", 8},
		{"user.empty", "", 0},
		{"user.x", "value", 5},
	};
	const struct tar_member m = {
		.type = TAR_FILE, .name = "f", .link = "", .xattrs = xattrs, .n_xattrs = 3};

	write_and_read(&m, 1);
}

static void test_too_many_xattrs(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char *value = calloc(1, TAR_PAX_MAX);
	const struct tar_xattr xattr = {"user.x", value, TAR_PAX_MAX};
	const struct tar_member m = {
		.type = TAR_FILE, .name = "f", .link = "", .xattrs = &xattr, .n_xattrs = 1};
	const struct tar_sink sink = {to_buf, &out};

	assert_non_null(value);
	assert_true(tar_write_header(&sink, &m, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_LIMIT);
	assert_int_equal(out.len, 0);
	free(value);
}

/* The size is told before: what is missing by then is zeros. */
static void test_shrunken_file(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_close_ int fd = memfd_create("f", MFD_CLOEXEC);
	const struct tar_sink sink = {to_buf, &out};
	struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(write(fd, "abcdef", 6), 6);
	assert_int_equal(tar_write_file(&sink, fd, 2, 600, &err), 0);
	assert_int_equal(out.len, 2 * TAR_BLOCK);
	assert_memory_equal(out.data, "cdef\0\0", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_name_lengths),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_too_many_xattrs),
		cmocka_unit_test(test_shrunken_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/erofs.h"

#include "base/fd.h"
#include "base/str.h"
#include "erofs-check.h"
#include "tar-builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

static void write_image(const struct buf *tar, struct buf *image)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_tree_ struct tree *tree = NULL;
	_cleanup_tar_reader_ struct tar_reader *r = NULL;
	_cleanup_close_ int tar_fd = memfd_create("tar", MFD_CLOEXEC);
	_cleanup_close_ int fd = memfd_create("erofs", MFD_CLOEXEC);
	struct erofs_source source = {
		.tar_fd = tar_fd, .tar_bytes = tar->len, .uuid = "0123456789abcde"};
	uint64_t bytes;

	assert_int_equal(fd_write_all(tar_fd, tar->data, tar->len), 0);
	assert_int_equal(tree_new(0, &tree, &err), 0);
	assert_int_equal(tar_reader_new(&tree_tar_handler, tree, 0, &r, &err), 0);
	if (tar_reader_feed(r, tar->data, tar->len, &err) < 0 || tree_finish(tree, &err) < 0 ||
		erofs_write(tree, &source, fd, &bytes, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_to_buf(fd, image, 0), 0);
	assert_int_equal(image->len, bytes);
}

static struct erofs_check_result check_image(const struct buf *tar)
{
	_cleanup_buf_ struct buf image = BUF_INIT;
	struct erofs_check_result result;

	write_image(tar, &image);
	const char *bad =
		erofs_check((const unsigned char *)image.data, image.len, tar->len, &result);
	if (bad)
		fail_msg("%s", bad);
	return result;
}

static void test_empty(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT;

	tar_put_end(&tar);
	assert_int_equal(check_image(&tar).names, 0);
}

static void test_all_kinds(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT;

	tar_put(&tar, '5', "dir", "");
	tar_put(&tar, '0', "dir/file", "hello");
	tar_put_link(&tar, '1', "hard", "dir/file");
	tar_put_link(&tar, '2', "link", "target");
	tar_put(&tar, '6', "fifo", "");
	tar_put(&tar, '0', ".wh.gone", "");
	tar_put(&tar, '0', "!before-the-dots", "");
	tar_put(&tar, '0', "dir/.wh..wh..opq", "");
	tar_put_end(&tar);
	struct erofs_check_result result = check_image(&tar);
	assert_int_equal(result.names, 7);
	assert_int_equal(result.directories, 2);
	assert_int_equal(result.tar_bytes, 10); /* both names of the file */
}

/* Names of every length, so that every fill of a block comes up, with attributes of every size. */
static void test_every_size(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT;
	char name[260], text[600];
	unsigned int names = 0;

	memset(text, 'x', sizeof(text));
	for (int n = 1; n <= 255; n++) {
		memset(name, 'n', (size_t)n);
		name[n] = '\0';
		tar_put_pax_one(&tar, "path", name);
		tar_put(&tar, n % 2 ? '5' : '6', "x", "");
		names++;
	}
	for (int n = 1; n < 600; n++) {
		_cleanup_buf_ struct buf pax = BUF_INIT;
		snprintf(name, sizeof(name), "link-%d", n);
		tar_pax_record(&pax, "linkpath", text, (size_t)n);
		tar_pax_record(&pax, "SCHILY.xattr.trusted.x", text, (size_t)(n * 7 % 600));
		tar_put_pax(&tar, &pax);
		tar_put(&tar, '2', name, "");
		names++;
	}
	for (int dir = 0; dir < 120; dir++) {
		for (int i = 0; i <= dir; i++) {
			snprintf(name, sizeof(name), "d%d/%0*d", dir, 1 + dir % 13, i);
			tar_put(&tar, '0', name, i % 3 ? "" : "data");
			names++;
		}
		names++;
	}
	struct erofs_check_result result = check_image(&tar);
	assert_int_equal(result.directories, 1 + 128 + 120);
	assert_true(result.names > 120 * 60 && result.names <= names);
}

/* The size of a value has 16 bits: the largest must not wrap, and what follows must be found. */
static void test_large_attributes(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT, pax = BUF_INIT;
	_cleanup_free_ char *value = calloc(1, TAR_XATTR_VALUE_MAX);

	assert_int_equal(TAR_XATTR_VALUE_MAX, UINT16_MAX);
	tar_pax_record(&pax, "SCHILY.xattr.user.large", value, TAR_XATTR_VALUE_MAX);
	tar_pax_record(&pax, "SCHILY.xattr.user.small", "x", 1);
	tar_put_pax(&tar, &pax);
	tar_put(&tar, '0', "file", "data");
	tar_put(&tar, '0', "next", "data");
	assert_int_equal(check_image(&tar).tar_bytes, 8);
}

static void put_sparse(
	struct buf *tar, const char *name, const char *map, const char *size, size_t data)
{
	_cleanup_buf_ struct buf pax = BUF_INIT;
	_cleanup_free_ char *text = calloc(1, data + 1);

	memset(text, 'd', data);
	tar_pax_record(&pax, "GNU.sparse.size", size, strlen(size));
	tar_pax_record(&pax, "GNU.sparse.map", map, strlen(map));
	tar_put_pax(tar, &pax);
	tar_put(tar, '0', name, text);
}

static void test_sparse(void **state)
{
	_cleanup_buf_ struct buf aligned = BUF_INIT, odd = BUF_INIT, hole = BUF_INIT,
				 huge = BUF_INIT;
	struct erofs_check_result result;

	put_sparse(&aligned, "f", "512,1024,4096,100", "4196", 1124);
	result = check_image(&aligned);
	assert_int_equal(result.tar_bytes, 1124);
	assert_int_equal(result.own_bytes, 0);
	assert_int_equal(result.hole_bytes, 4196 - 1124);

	put_sparse(&odd, "f", "10,3,100000,7", "200000", 10);
	result = check_image(&odd);
	assert_int_equal(result.own_bytes, 8192);
	assert_int_equal(result.hole_bytes, 200000 - 8192);

	put_sparse(&hole, "f", "", "5000", 0);
	result = check_image(&hole);
	assert_int_equal(result.hole_bytes, 5000);

	/* A terabyte of hole takes few chunks and few bytes. */
	put_sparse(&huge, "f", "512,512", "1099511627776", 512);
	result = check_image(&huge);
	assert_true(result.hole_bytes > 1000000000000ull);
}

static void test_dirty_padding_is_copied(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT, image = BUF_INIT;
	struct erofs_check_result result;

	tar_put(&tar, '0', "f", "hello");
	tar.data[tar.len - 1] = 'x';
	result = check_image(&tar);
	assert_int_equal(result.own_bytes, 5);
	write_image(&tar, &image);
	assert_string_equal(image.data + image.len - 512, "hello");
	assert_true(tar_is_zero(image.data + image.len - 507, 507));
}

static void test_same_tar_same_bytes(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT, a = BUF_INIT, b = BUF_INIT;

	for (int i = 0; i < 300; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%d/%d", i % 7, i * 31 % 1000);
		tar_put(&tar, '0', name, "data");
	}
	write_image(&tar, &a);
	write_image(&tar, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

/* The checker finds what it is there to find. */
static void test_checker(void **state)
{
	_cleanup_buf_ struct buf tar = BUF_INIT, image = BUF_INIT;
	struct erofs_check_result result;
	unsigned int found = 0;

	tar_put(&tar, '5', "dir", "");
	tar_put(&tar, '0', "dir/file", "hello");
	write_image(&tar, &image);
	for (size_t i = 1024; i < image.len; i++) {
		image.data[i] ^= 0x55;
		found += erofs_check((const unsigned char *)image.data, image.len, tar.len,
				 &result) != NULL;
		image.data[i] ^= 0x55;
	}
	assert_true(found > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_large_attributes),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_dirty_padding_is_copied),
		cmocka_unit_test(test_same_tar_same_bytes),
		cmocka_unit_test(test_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files as archives. Needs no root: whiteouts of overlayfs are tested with containers. */
#include "layer/pack.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/hull-test-pack.XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	int r = dir_remove_tree_at(AT_FDCWD, f->path);
	free(f);
	return r;
}

static void make_file(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(file_replace_at(f->fd, name, text, strlen(text), 0644, false), 0);
}

static int to_buf(void *arg, const void *data, size_t n, struct hull_error *err)
{
	buf_append(arg, data, n);
	return 0;
}

/* "TYPE NAME LINK SIZE" lines. */
static int list_member(void *arg, const struct tar_member *m, struct hull_error *err)
{
	buf_printf(arg, "%c %s%s%s %llu\n", "fhscbdp"[m->type], m -> name, *m -> link ? " -> " : "",
		m->link, (unsigned long long)m->size);
	return 0;
}

static int data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	return 0;
}

static void pack(struct fixture *f, const struct pack_options *options, struct buf *listing,
	uint64_t *ret_members)
{
	static const struct tar_handler handler = {list_member, data_end};
	_cleanup_tar_reader_ struct tar_reader *reader = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct tar_sink sink = {to_buf, &out};
	struct hull_error err = HULL_ERROR_INIT;

	if (pack_tree(f->fd, options, &sink, ret_members, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_int_equal(tar_write_end(&sink, &err), 0);
	assert_int_equal(tar_reader_new(&handler, listing, 0, &reader, &err), 0);
	assert_int_equal(tar_reader_feed(reader, out.data, out.len, &err), 0);
	assert_int_equal(tar_reader_finish(reader, &err), 0);
}

static void test_tree(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf listing = BUF_INIT;
	const struct pack_options options = {.lower_fd = -1};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t members = 0;

	assert_int_equal(mkdirat(f->fd, "d", 0755), 0);
	make_file(f, "d/z", "zz");
	make_file(f, "d/a", "a");
	make_file(f, "b", "text");
	assert_int_equal(linkat(f->fd, "b", f->fd, "d/hard", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->fd, "sym"), 0);
	assert_int_equal(mkfifoat(f->fd, "pipe", 0600), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.40s/sock", f->path);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	pack(f, &options, &listing, &members);
	assert_string_equal(buf_str(&listing), "f b 4\n"
					       "d d/ 0\n"
					       "f d/a 1\n"
					       "h d/hard -> b 0\n"
					       "f d/z 2\n"
					       "p pipe 0\n"
					       "s sym -> /etc/passwd 0\n");
	assert_int_equal(members, 7);
}

/* user.* attributes, where the file system of /tmp has them. */
static void test_xattrs(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct hull_error err = HULL_ERROR_INIT;
	const struct pack_options options = {.lower_fd = -1};
	const struct tar_sink sink = {to_buf, &out};
	char path[80];

	make_file(f, "x", "");
	snprintf(path, sizeof(path), "%s/x", f->path);
	if (setxattr(path, "user.mark", "here", 4, 0) < 0)
		skip();
	assert_int_equal(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(pack_tree(f->fd, &options, &sink, NULL, &err), 0);
	assert_non_null(memmem(out.data, out.len, "SCHILY.xattr.user.mark=here\n", 28));
	assert_null(memmem(out.data, out.len, "overlay", 7));
}

static bool skip_d(void *arg, const char *path, const struct stat *st)
{
	return str_eq(path, arg);
}

static void test_skip_and_root(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf listing = BUF_INIT;
	const struct pack_options options = {
		.lower_fd = -1, .root = true, .skip = skip_d, .skip_arg = (char *)"d/in"};

	assert_int_equal(mkdirat(f->fd, "d", 0755), 0);
	assert_int_equal(mkdirat(f->fd, "d/in", 0755), 0);
	make_file(f, "d/in/x", "");
	make_file(f, "d/y", "");
	pack(f, &options, &listing, NULL);
	assert_string_equal(buf_str(&listing), "d ./ 0\nd d/ 0\nf d/y 0\n");
}

static void test_many_names(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf listing = BUF_INIT;
	const struct pack_options options = {.lower_fd = -1};
	uint64_t members = 0;
	char name[64];

	/* More links than the table begins with. */
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "f%03d", i);
		make_file(f, name, "");
		char other[64];
		snprintf(other, sizeof(other), "l%03d", i);
		assert_int_equal(linkat(f->fd, name, f->fd, other, 0), 0);
	}
	pack(f, &options, &listing, &members);
	assert_int_equal(members, 1200);
	assert_non_null(strstr(buf_str(&listing), "h l599 -> f599 0\n"));
}

/* In a layer such a name would mean that another one is gone. */
static void test_whiteout_names_are_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	const struct pack_options options = {.lower_fd = -1, .upper = true};
	const struct tar_sink sink = {to_buf, &out};

	make_file(f, ".wh.x", "");
	assert_true(pack_tree(f->fd, &options, &sink, NULL, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_UNSUPPORTED);
}

static void test_canceled(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	volatile int canceled = 1;
	const struct pack_options options = {.lower_fd = -1, .canceled = &canceled};
	const struct tar_sink sink = {to_buf, &out};

	make_file(f, "x", "");
	assert_true(pack_tree(f->fd, &options, &sink, NULL, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_CANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_skip_and_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whiteout_names_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_canceled, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile tree: whatever its links say, nothing outside of it is reached or made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "sys/resolve.h"

#include <limits.h>
#include <sys/stat.h>

struct tree {
	char path[64];
	int outside, root;
};

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	str_copy(t->path, sizeof(t->path), "/tmp/resolve-XXXXXX");
	assert_non_null(mkdtemp(t->path));
	t->outside = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(t->outside, "root", 0755), 0);
	t->root = openat(t->outside, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(t->root, "dir", 0755), 0);
	assert_int_equal(symlinkat("/", t->root, "top"), 0);
	assert_int_equal(symlinkat("../../..", t->root, "up"), 0);
	assert_int_equal(symlinkat("/missing/place", t->root, "dangling"), 0);
	assert_int_equal(symlinkat("dir/../gone", t->root, "relative"), 0);
	assert_int_equal(symlinkat("loop", t->root, "loop"), 0);
	assert_int_equal(symlinkat(t->path, t->root, "host"), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	close(t->root);
	close(t->outside);
	dir_remove_tree_at(AT_FDCWD, t->path);
	free(t);
	return 0;
}

/* The path of an fd below the root, or NULL if it is outside. */
static const char *inside(const struct tree *t, int fd, char path[PATH_MAX])
{
	char link[64], root[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	assert_true(n > 0);
	path[n] = '\0';
	snprintf(root, sizeof(root), "%s/root", t->path);
	return str_after(path, root);
}

static void assert_made(
	const struct tree *t, const char *path, enum resolve_type type, const char *expected)
{
	char where[PATH_MAX];
	struct stat st;
	int fd = resolve_make_in_root(t->root, path, type);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	const char *got = inside(t, fd, where);
	if (!got)
		fail_msg("%s: outside, at %s", path, where);
	assert_string_equal(got, expected);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(type == RESOLVE_DIRECTORY ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode));
	close(fd);
}

static void test_make(void **state)
{
	const struct tree *t = *state;

	assert_made(t, "/dir", RESOLVE_DIRECTORY, "/dir");
	assert_made(t, "/a/b/c", RESOLVE_DIRECTORY, "/a/b/c");
	assert_made(t, "/a/b/file", RESOLVE_FILE, "/a/b/file");
	assert_made(t, "top/x", RESOLVE_DIRECTORY, "/x");
	assert_made(t, "/up/y", RESOLVE_DIRECTORY, "/y");
	assert_made(t, "/up/up/../z", RESOLVE_FILE, "/z");
	assert_made(t, "/dangling", RESOLVE_DIRECTORY, "/missing/place");
	assert_made(t, "/dangling/more", RESOLVE_DIRECTORY, "/missing/place/more");
	assert_made(t, "/relative/f", RESOLVE_FILE, "/gone/f");
	assert_made(t, "/", RESOLVE_DIRECTORY, "");
}

static void test_outside_stays(void **state)
{
	const struct tree *t = *state;
	char expected[PATH_MAX];

	/* An absolute link to the host's directory is a path inside. */
	snprintf(expected, sizeof(expected), "%s/new", t->path);
	assert_made(t, "/host/new", RESOLVE_DIRECTORY, expected);
	assert_int_equal(faccessat(t->outside, "new", F_OK, 0), -1);
	assert_int_equal(faccessat(t->outside, "y", F_OK, 0), -1);
}

static void test_refused(void **state)
{
	const struct tree *t = *state;
	char *deep = malloc(PATH_MAX + 10);

	assert_int_equal(resolve_make_in_root(t->root, "/loop/x", RESOLVE_DIRECTORY), -ELOOP);
	assert_made(t, "/file", RESOLVE_FILE, "/file");
	assert_int_equal(resolve_make_in_root(t->root, "/file/below", RESOLVE_DIRECTORY), -ENOTDIR);
	assert_int_equal(resolve_in_root_nofollow(t->root, "/top", O_PATH), -ELOOP);
	memset(deep, 'a', PATH_MAX + 9);
	deep[PATH_MAX + 9] = '\0';
	assert_int_equal(resolve_make_in_root(t->root, deep, RESOLVE_FILE), -ENAMETOOLONG);
	free(deep);
}

static void test_parent(void **state)
{
	const struct tree *t = *state;
	char where[PATH_MAX];
	const char *name;
	int fd = resolve_make_parent_in_root(t->root, "/dev/net/tun", &name);

	assert_true(fd >= 0);
	assert_string_equal(name, "tun");
	assert_string_equal(inside(t, fd, where), "/dev/net");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_make, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outside_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

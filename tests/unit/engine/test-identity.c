/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/identity.h"

#include <sys/stat.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "\n"
			     "broken line\n"
			     "nouid:x::5:x:/x:\n"
			     "toobig:x:4294967296:0::/:\n"
			     "negative:x:-1:0::/:\n"
			     "1000:x:0:0:a name of digits:/evil:/bin/sh\n"
			     "web:x:33:34:www:/var/www:/usr/sbin/nologin\n"
			     "nohome:x:50:51\n"
			     "last:x:1234:1234:no newline:/home/last:/bin/sh";

static const char group[] = "root:x:0:\n"
			    "adm:x:4:web,last\n"
			    "tty:x:5:webx,xweb,we\n"
			    "web:x:34:\n"
			    "video:x:44:last,web,other\n"
			    "dup:x:44:web\n"
			    "bad:x:x:web\n"
			    "2000:x:7:\n"
			    "end:x:99:nohome";

struct expect {
	const char *user;
	const char *add;
	uint32_t uid, gid;
	const char *gids;
	const char *home;
	const char *error;
};

static const char range[] = "uids and gids must be in range 0-2147483647";

static const struct expect table[] = {
	{NULL, NULL, 0, 0, "0", "/root", NULL},
	{"", NULL, 0, 0, "0", "/root", NULL},
	{"root", NULL, 0, 0, "0", "/root", NULL},
	{"web", NULL, 33, 34, "34 4 44", "/var/www", NULL},
	{"33", NULL, 33, 34, "34 4 44", "/var/www", NULL},
	{"+33", NULL, 33, 34, "34 4 44", "/var/www", NULL},
	{"web:adm", NULL, 33, 4, "4", "/var/www", NULL},
	{"web:4", NULL, 33, 4, "4", "/var/www", NULL},
	{"web:", NULL, 33, 34, "34 4 44", "/var/www", NULL},
	{":adm", NULL, 0, 4, "4", "/root", NULL},
	{"nohome", NULL, 50, 51, "51 99", "/", NULL},
	{"last", NULL, 1234, 1234, "1234 4 44", "/home/last", NULL},
	/* Digits are numbers, whatever the files call themselves (CVE-2016-3697). */
	{"1000", NULL, 1000, 0, "0", "/", NULL},
	{"1000:2000", NULL, 1000, 2000, "2000", "/", NULL},
	{"4000:0", NULL, 4000, 0, "0", "/", NULL},
	{"2147483647", NULL, 2147483647, 0, "0", "/", NULL},
	{"0:2147483647", NULL, 0, 2147483647, "2147483647", "/root", NULL},
	/* --group-add */
	{"web", "adm 4 44 7 end", 33, 34, "34 4 44 7 99", "/var/www", NULL},
	{"web:web", "video 44 34", 33, 34, "34 44", "/var/www", NULL},
	{"1:1", "5 5 6", 1, 1, "1 5 6", "/", NULL},
	/* errors */
	{"2147483648", NULL, 0, 0, NULL, NULL, range},
	{"99999999999999999999999", NULL, 0, 0, NULL, NULL, range},
	{"-1", NULL, 0, 0, NULL, NULL, range},
	{"0:-1", NULL, 0, 0, NULL, NULL, range},
	{"0:4294967296", NULL, 0, 0, NULL, NULL, range},
	{"web", "2147483648", 0, 0, NULL, NULL, range},
	{"nobody", NULL, 0, 0, NULL, NULL,
		"unable to find user nobody: no matching entries in passwd file"},
	{"toobig", NULL, 0, 0, NULL, NULL,
		"unable to find user toobig: no matching entries in passwd file"},
	{"negative", NULL, 0, 0, NULL, NULL,
		"unable to find user negative: no matching entries in passwd file"},
	{"nouid", NULL, 0, 0, NULL, NULL,
		"unable to find user nouid: no matching entries in passwd file"},
	{"broken line", NULL, 0, 0, NULL, NULL,
		"unable to find user broken line: no matching entries in passwd file"},
	{"we", NULL, 0, 0, NULL, NULL,
		"unable to find user we: no matching entries in passwd file"},
	{"+", NULL, 0, 0, NULL, NULL, "unable to find user +: no matching entries in passwd file"},
	{"web:nogroup", NULL, 0, 0, NULL, NULL,
		"unable to find group nogroup: no matching entries in group file"},
	{"web:bad", NULL, 0, 0, NULL, NULL,
		"unable to find group bad: no matching entries in group file"},
	{"web:adm:x", NULL, 0, 0, NULL, NULL,
		"unable to find group adm:x: no matching entries in group file"},
	{"web", "4 nogroup", 0, 0, NULL, NULL,
		"unable to find group nogroup: no matching entries in group file"},
};

static char *gids_text(const struct identity *id)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < id->n_additional_gids; i++)
		buf_printf(&b, "%s%u", i ? " " : "", id->additional_gids[i]);
	return strdup(buf_str(&b));
}

static void check(const struct expect *e, const struct identity *id, int r, struct hull_error *err)
{
	if (e->error) {
		assert_true(r < 0);
		assert_int_equal(err->kind, HULL_ERROR_INVALID);
		assert_string_equal(hull_error_message(err), e->error);
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", e->user, hull_error_message(err));
	_cleanup_free_ char *gids = gids_text(id);
	assert_int_equal(id->uid, e->uid);
	assert_int_equal(id->gid, e->gid);
	assert_string_equal(gids, e->gids);
	assert_string_equal(id->home, e->home);
}

static void test_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct expect *e = &table[i];
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_strv_ char **add = e->add ? strv_split(e->add, " ") : NULL;
		struct identity id = {0};

		int r = identity_resolve_texts(&arena, passwd, sizeof(passwd) - 1, group,
			sizeof(group) - 1, e->user, add, &id, &err);
		check(e, &id, r, &err);
	}
}

static void test_name(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct identity id;

	assert_int_equal(identity_resolve_texts(
				 &arena, passwd, strlen(passwd), "", 0, "33", NULL, &id, NULL),
		0);
	assert_string_equal(id.name, "web");
	assert_int_equal(identity_resolve_texts(
				 &arena, passwd, strlen(passwd), "", 0, "77", NULL, &id, NULL),
		0);
	assert_null(id.name);
}

/* A member list of the greatest size, a line past the limit, and more groups than are sensible. */
static void test_limits(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct identity id;

	buf_puts(&b, "long:x:70:");
	while (b.len < 70000)
		buf_puts(&b, "someone,");
	buf_puts(&b, "web\nshort:x:71:web\n");
	assert_int_equal(identity_resolve_texts(&arena, passwd, strlen(passwd), b.data, b.len,
				 "web", NULL, &id, &err),
		0);
	assert_int_equal(id.n_additional_gids, 2);
	assert_int_equal(id.additional_gids[1], 71);

	buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "g%d:x:%d:web\n", i, 100000 + i);
	assert_true(identity_resolve_texts(&arena, passwd, strlen(passwd), b.data, b.len, "web",
			    NULL, &id, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
}

/* A root directory to play with. */
struct root {
	char path[64];
	int fd;
};

static int setup_root(void **state)
{
	static struct root root;

	snprintf(root.path, sizeof(root.path), "/tmp/hull-test-identity-XXXXXX");
	assert_non_null(mkdtemp(root.path));
	root.fd = open(root.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root.fd >= 0);
	assert_int_equal(mkdirat(root.fd, "etc", 0755), 0);
	*state = &root;
	return 0;
}

static int teardown_root(void **state)
{
	struct root *root = *state;

	close(root->fd);
	return dir_remove_tree_at(AT_FDCWD, root->path);
}

static void put(struct root *root, const char *path, const char *text)
{
	assert_int_equal(file_replace_at(root->fd, path, text, strlen(text), 0644, false), 0);
}

static void expect_file_error(struct root *root, const char *message)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct identity id;

	assert_true(identity_resolve(&arena, root->fd, "", NULL, &id, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_string_equal(hull_error_message(&err), message);
}

static void test_files(void **state)
{
	struct root *root = *state;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct identity id;

	put(root, "etc/passwd", passwd);
	put(root, "etc/group", group);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct expect *e = &table[i];
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_strv_ char **add = e->add ? strv_split(e->add, " ") : NULL;
		int r = identity_resolve(&arena, root->fd, e->user, add, &id, &err);
		check(e, &id, r, &err);
	}
	/* An absolute link is taken from the container's root. */
	put(root, "etc/real", "linked:x:77:78::/l:\n");
	assert_int_equal(unlinkat(root->fd, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/etc/real", root->fd, "etc/passwd"), 0);
	assert_int_equal(identity_resolve(&arena, root->fd, "linked", NULL, &id, NULL), 0);
	assert_int_equal(id.uid, 77);
}

static void test_missing_files(void **state)
{
	struct root *root = *state;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct identity id;

	assert_int_equal(identity_resolve(&arena, root->fd, "5:6", NULL, &id, NULL), 0);
	assert_int_equal(id.uid, 5);
	assert_int_equal(id.gid, 6);
	assert_string_equal(id.home, "/");
	assert_int_equal(identity_resolve(&arena, root->fd, NULL, NULL, &id, NULL), 0);
	assert_int_equal(id.uid, 0);
	assert_int_equal(symlinkat("nowhere", root->fd, "etc/passwd"), 0);
	assert_int_equal(identity_resolve(&arena, root->fd, NULL, NULL, &id, NULL), 0);
}

static void test_hostile_files(void **state)
{
	struct root *root = *state;
	_cleanup_free_ char *big = malloc(((size_t)1 << 20) + 2);

	assert_int_equal(mkfifoat(root->fd, "etc/passwd", 0644), 0);
	expect_file_error(root, "/etc/passwd in the container: not a regular file");
	assert_int_equal(unlinkat(root->fd, "etc/passwd", 0), 0);
	assert_int_equal(mkdirat(root->fd, "etc/passwd", 0755), 0);
	expect_file_error(root, "/etc/passwd in the container: not a regular file");
	assert_int_equal(unlinkat(root->fd, "etc/passwd", AT_REMOVEDIR), 0);

	memset(big, 'x', ((size_t)1 << 20) + 1);
	big[((size_t)1 << 20) + 1] = '\0';
	put(root, "etc/passwd", big);
	expect_file_error(root, "/etc/passwd in the container: larger than 1048576 bytes");
	free(TAKE_PTR(big));
	put(root, "etc/passwd", passwd);

	if (mknodat(root->fd, "etc/group", S_IFCHR | 0666, (dev_t)(1 << 8 | 5)) == 0) {
		expect_file_error(root, "/etc/group in the container: not a regular file");
		assert_int_equal(unlinkat(root->fd, "etc/group", 0), 0);
	}
	/* Magic links would lead out of the root. */
	assert_int_equal(symlinkat("/proc/self/root/etc/group", root->fd, "etc/group"), 0);
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct identity id;
	assert_int_equal(identity_resolve(&arena, root->fd, "web", NULL, &id, NULL), 0);
	assert_int_equal(id.n_additional_gids, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_limits),
		cmocka_unit_test_setup_teardown(test_files, setup_root, teardown_root),
		cmocka_unit_test_setup_teardown(test_missing_files, setup_root, teardown_root),
		cmocka_unit_test_setup_teardown(test_hostile_files, setup_root, teardown_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tree.h"

#include "base/str.h"
#include "tar-builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static int read_tree(const struct buf *b, struct tree **ret, struct hull_error *err)
{
	_cleanup_tree_ struct tree *tree = NULL;
	_cleanup_tar_reader_ struct tar_reader *r = NULL;
	int e = tree_new(0, &tree, err);

	if (e == 0)
		e = tar_reader_new(&tree_tar_handler, tree, 0, &r, err);
	if (e == 0)
		e = tar_reader_feed(r, b->data, b->len, err);
	if (e == 0)
		e = tar_reader_finish(r, err);
	if (e == 0)
		e = tree_finish(tree, err);
	if (e == 0)
		*ret = TAKE_PTR(tree);
	return e;
}

static char type_letter(const struct tree_node *node)
{
	switch (node ? node->mode & S_IFMT : 0) {
	case 0:
		return 'w';
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return node->implied ? 'i' : 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	default:
		return 'o';
	}
}

static void print_below(const struct tree_node *dir, const char *path, struct buf *text)
{
	for (size_t i = 0; i < dir->dir.n_entries; i++) {
		const struct tree_entry *e = dir->dir.entries[i];
		_cleanup_free_ char *name = str_printf("%s%s", path, e->name);
		buf_printf(text, "%c %s", type_letter(e->node), name);
		if (e->node && S_ISREG(e->node->mode))
			buf_printf(text, " @%llu", (unsigned long long)e->node->file.offset);
		if (e->node && !S_ISDIR(e->node->mode) && e->node->nlink > 1)
			buf_printf(text, " x%u", e->node->nlink);
		if (e->node && S_ISDIR(e->node->mode) && e->node->opaque)
			buf_puts(text, " opaque");
		if (e->node && S_ISDIR(e->node->mode) && e->node->whiteouts)
			buf_puts(text, " whiteouts");
		buf_putc(text, '\n');
		if (e->node && S_ISDIR(e->node->mode)) {
			_cleanup_free_ char *below = str_printf("%s/", name);
			print_below(e->node, below, text);
		}
	}
}

static void expect(const struct buf *b, const char *text)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_tree_ struct tree *tree = NULL;
	_cleanup_buf_ struct buf got = BUF_INIT;

	if (read_tree(b, &tree, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	print_below(tree_root(tree), "", &got);
	assert_string_equal(buf_str(&got), text);
}

static void expect_refusal(const struct buf *b, const char *why)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_tree_ struct tree *tree = NULL;

	assert_true(read_tree(b, &tree, &err) < 0);
	if (!strstr(hull_error_message(&err), why))
		fail_msg("\"%s\" does not say \"%s\"", hull_error_message(&err), why);
}

static void test_names_are_cleaned(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put(&b, '5', "./", "");
	tar_put(&b, '0', "/absolute", "");
	tar_put(&b, '0', "./a//b/./c", "");
	tar_put(&b, '0', "a/b/../d", "");
	tar_put(&b, '0', "/../../up", "");
	tar_put(&b, '5', "e/", "");
	expect(&b, "i a\n"
		   "i a/b\n"
		   "f a/b/c @1536\n"
		   "f a/d @2048\n"
		   "f absolute @1024\n"
		   "d e\n"
		   "f up @2560\n");
}

static void test_escapes_are_refused(void **state)
{
	static const char *const names[] = {"../x", "a/../../x", "..", "./../x", "a/b/../../../x"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT, link = BUF_INIT;
		tar_put(&b, '0', names[i], "");
		expect_refusal(&b, "leads out");
		tar_put_link(&link, '1', "link", names[i]);
		expect_refusal(&link, "leads out");
	}
}

static void test_root_stays_a_directory(void **state)
{
	static const char *const names[] = {".", "./", "/", "a/.."};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct buf link = BUF_INIT, file = BUF_INIT, hard = BUF_INIT;
		tar_put_link(&link, '2', names[i], "/etc");
		expect_refusal(&link, "root directory");
		tar_put_link(&hard, '1', "x", names[i]);
		expect_refusal(&hard, "root directory");
		tar_put(&file, '6', names[i], "");
		expect_refusal(&file, "root directory");
	}
}

static void test_symlinks_stay_inside(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, loop = BUF_INIT, missing = BUF_INIT;

	tar_put_link(&b, '2', "root", "/");
	tar_put_link(&b, '2', "up", "../../../..");
	tar_put_link(&b, '2', "chain", "up/root/host");
	tar_put(&b, '0', "root/1", "");
	tar_put(&b, '0', "up/2", "");
	tar_put(&b, '0', "chain/3", "");
	tar_put(&b, '5', "dir", "");
	tar_put_link(&b, '2', "dir/sibling", "../other");
	tar_put(&b, '0', "dir/sibling/4", "");
	expect(&b, "f 1 @2048\n"
		   "f 2 @2560\n"
		   "l chain\n"
		   "d dir\n"
		   "l dir/sibling\n"
		   "i host\n"
		   "f host/3 @3072\n"
		   "i other\n"
		   "f other/4 @4608\n"
		   "l root\n"
		   "l up\n");

	tar_put_link(&loop, '2', "a", "b");
	tar_put_link(&loop, '2', "b", "a");
	tar_put(&loop, '0', "a/x", "");
	expect_refusal(&loop, "too many symlinks");

	tar_put(&missing, '0', "file", "");
	tar_put(&missing, '0', "file/x", "");
	expect_refusal(&missing, "not a directory");
}

static void test_replacing(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put(&b, '5', "dir", "");
	tar_put(&b, '0', "dir/kept", "");
	tar_put(&b, '5', "dir", "");
	tar_put(&b, '5', "gone", "");
	tar_put(&b, '0', "gone/below", "");
	tar_put(&b, '0', "gone", "");
	tar_put(&b, '0', "file", "");
	tar_put(&b, '5', "file", "");
	tar_put(&b, '0', "twice", "old");
	tar_put(&b, '0', "twice", "new");
	expect(&b, "d dir\n"
		   "f dir/kept @1024\n"
		   "d file\n"
		   "f gone @3072\n"
		   "f twice @5632\n");
}

static void test_whiteouts(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put(&b, '0', ".wh.gone", "");
	tar_put(&b, '0', "a/.wh.x", "");
	tar_put(&b, '0', "a/x", "");
	tar_put(&b, '0', "a/.wh.y", "");
	tar_put(&b, '5', "a/y", "");
	tar_put(&b, '5', "b", "");
	tar_put(&b, '0', "b/.wh.needless", "");
	tar_put(&b, '0', "b/new", "");
	tar_put(&b, '0', "b/.wh..wh..opq", "");
	tar_put(&b, '3', "c/null", ""); /* device 0/0 */
	tar_put(&b, '5', ".wh..wh.aufs", "");
	tar_put(&b, '0', ".wh..wh.plnk/1.2", "");
	tar_put_link(&b, '1', "c/same", "c/null");
	expect(&b, "i a\n"
		   "f a/x @1536\n"
		   "d a/y opaque\n"
		   "d b opaque\n"
		   "f b/new @4096\n"
		   "i c whiteouts\n"
		   "w c/null\n"
		   "w c/same\n"
		   "w gone\n");
}

static void test_bad_whiteouts(void **state)
{
	static const char *const names[] = {".wh.", "a/.wh.", ".wh..", ".wh...", ".wh.x/y"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		tar_put(&b, '0', names[i], "");
		expect_refusal(&b, "whiteout");
	}
}

static void test_hard_links(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	tar_put_link(&b, '1', "early", "chain");
	tar_put_link(&b, '1', "again", "early");
	tar_put_link(&b, '1', "chain", "late");
	tar_put(&b, '0', "file", "");
	tar_put_link(&b, '1', "same", "/file");
	tar_put(&b, '0', "file", "new");
	tar_put(&b, '0', "late", "");
	tar_put_link(&b, '1', "replaced", "never-there");
	tar_put(&b, '0', "replaced", "");
	expect(&b, "f again @4096 x4\n"
		   "f chain @4096 x4\n"
		   "f early @4096 x4\n"
		   "f file @3072\n"
		   "f late @4096 x4\n"
		   "f replaced @5120\n"
		   "f same @2048\n");
}

static void test_bad_hard_links(void **state)
{
	_cleanup_buf_ struct buf missing = BUF_INIT, self = BUF_INIT, loop = BUF_INIT,
				 directory = BUF_INIT, late = BUF_INIT;

	tar_put_link(&missing, '1', "link", "nowhere");
	expect_refusal(&missing, "not in this layer");
	tar_put_link(&self, '1', "link", "link");
	expect_refusal(&self, "itself");
	tar_put_link(&loop, '1', "a", "b");
	tar_put_link(&loop, '1', "b", "a");
	expect_refusal(&loop, "itself");
	tar_put(&directory, '5', "dir", "");
	tar_put_link(&directory, '1', "link", "dir");
	expect_refusal(&directory, "directory");
	tar_put_link(&late, '1', "link", "dir");
	tar_put(&late, '5', "dir", "");
	expect_refusal(&late, "directory");
}

static void test_long_chain_of_links(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_tree_ struct tree *tree = NULL;

	/* Each points to the next: resolving one by one must not go through all each time. */
	for (int i = 0; i < 20000; i++) {
		char name[16], target[16];
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i + 1);
		tar_put_link(&b, '1', name, target);
	}
	tar_put(&b, '0', "l20000", "");
	assert_int_equal(read_tree(&b, &tree, NULL), 0);
	assert_int_equal(tree_get_totals(tree)->nodes, 2);
	assert_int_equal(tree_get_totals(tree)->entries, 20001);
}

static void test_xattrs(void **state)
{
	static const char acl[] = "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\7\0\12\0\0\0"
				  "\4\0\4\0\377\377\377\377\20\0\5\0\377\377\377\377"
				  "\40\0\0\0\377\377\377\377";
	_cleanup_buf_ struct buf b = BUF_INIT, text = BUF_INIT, bad = BUF_INIT;
	_cleanup_tree_ struct tree *tree = NULL;

	tar_pax_record(&text, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
	tar_pax_record(&text, "SCHILY.xattr.user.overlay.opaque", "y", 1);
	tar_pax_record(&text, "SCHILY.xattr.security.selinux", "x", 1);
	tar_pax_record(&text, "SCHILY.xattr.system.nfs4_acl", "x", 1);
	tar_pax_record(&text, "SCHILY.xattr.nonsense", "x", 1);
	tar_pax_record(&text, "SCHILY.xattr.user.", "x", 1);
	tar_pax_record(&text, "SCHILY.xattr.user.kept", "x", 1);
	tar_pax_record(&text, "SCHILY.xattr.system.posix_acl_access", acl, sizeof(acl) - 1);
	tar_put_pax(&b, &text);
	tar_put(&b, '0', "file", "");
	assert_int_equal(read_tree(&b, &tree, NULL), 0);
	const struct tree_node *node = tree_root(tree)->dir.entries[0]->node;
	assert_int_equal(node->n_xattrs, 2);
	assert_string_equal(node->xattrs[0].name, "user.kept");
	assert_string_equal(node->xattrs[1].name, "system.posix_acl_access");
	assert_int_equal(node->mode, S_IFREG | 0650);

	tar_put_pax_one(&bad, "SCHILY.xattr.system.posix_acl_access", "abcd");
	tar_put(&bad, '0', "file", "");
	expect_refusal(&bad, "access control list");
}

static void test_depth_is_bounded(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, name = BUF_INIT;

	for (int i = 0; i < 600; i++)
		buf_puts(&name, "d/");
	buf_putc(&name, 'x');
	tar_put_pax_one(&b, "path", buf_str(&name));
	tar_put(&b, '0', "x", "");
	expect_refusal(&b, "nested deeper");
}

static int append_path(
	void *arg, const char *path, const struct tree_node *dir, struct hull_error *err)
{
	buf_printf(arg, "%s ", path);
	return 0;
}

static void test_implied_directories(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT, text = BUF_INIT;
	_cleanup_tree_ struct tree *tree = NULL;

	tar_put(&b, '0', "a/b/c", "");
	tar_put(&b, '5', "a/b", "");
	tar_put(&b, '0', "a/d/e/f", "");
	tar_put(&b, '0', "a/opaque/.wh..wh..opq", "");
	/* Not what lower layers have under this name, but a directory of its own. */
	tar_put(&b, '0', "a/.wh.new", "");
	tar_put(&b, '0', "a/new/f", "");
	assert_int_equal(read_tree(&b, &tree, NULL), 0);
	assert_int_equal(tree_walk_implied(tree, append_path, &text, NULL), 0);
	assert_string_equal(buf_str(&text), "a a/d a/d/e a/opaque ");
	assert_int_equal(tree_get_totals(tree)->implied, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_cleaned),
		cmocka_unit_test(test_escapes_are_refused),
		cmocka_unit_test(test_root_stays_a_directory),
		cmocka_unit_test(test_symlinks_stay_inside),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_bad_whiteouts),
		cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_bad_hard_links),
		cmocka_unit_test(test_long_chain_of_links),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_implied_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

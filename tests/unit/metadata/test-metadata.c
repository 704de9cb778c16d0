/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/metadata.h"
#include "base/fd.h"
#include "base/str.h"
#include "metadata/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <cmocka.h>

static int make_root(void **state)
{
	char *root = strdup("/tmp/hull-test-XXXXXX");

	*state = mkdtemp(root);
	return *state ? 0 : -1;
}

static int remove_root(void **state)
{
	int r = dir_remove_tree_at(AT_FDCWD, *state);

	free(*state);
	return r;
}

static int add_image(struct metadata *md, const char *id, struct hull_error *err)
{
	return metadata_exec(md, err,
		"INSERT INTO image (id, manifest_digest, manifest_type, config_type, size, os,"
		" architecture, added) VALUES (?, 'd', 't', 'c', ?, 'linux', 'amd64', ?)",
		"tii", id, (int64_t)5, (int64_t)7);
}

static int64_t count_images(struct metadata *md)
{
	int64_t n = -1;

	assert_int_equal(metadata_get_int(md, &n, NULL, "SELECT count(*) FROM image", ""), 1);
	return n;
}

static void rows_come_back(void **state)
{
	_cleanup_(metadata_closep) struct metadata *md = NULL;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(metadata_open(*state, &md, &err), 0);
	assert_int_equal(add_image(md, "a", &err), 0);
	assert_int_equal(metadata_changes(md), 1);
	assert_true(add_image(md, "a", &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_EXISTS);
	metadata_close(TAKE_PTR(md));

	assert_int_equal(metadata_open(*state, &md, &err), 0);
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	assert_int_equal(metadata_query(md, &q, &err,
				 "SELECT id, size, variant FROM image WHERE id = ?", "t", "a"),
		0);
	assert_int_equal(metadata_next(q, &err), 1);
	assert_string_equal(metadata_text(q, 0), "a");
	assert_int_equal(metadata_int(q, 1), 5);
	assert_true(metadata_is_null(q, 2));
	assert_int_equal(metadata_next(q, &err), 0);
}

static void a_transaction_is_all_or_nothing(void **state)
{
	_cleanup_(metadata_closep) struct metadata *md = NULL;

	assert_int_equal(metadata_open(*state, &md, NULL), 0);
	{
		_cleanup_(metadata_rollback) struct metadata_transaction t =
			METADATA_TRANSACTION_INIT;
		assert_int_equal(metadata_begin(md, &t, NULL), 0);
		assert_int_equal(add_image(md, "a", NULL), 0);
	}
	assert_int_equal(count_images(md), 0);
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	assert_int_equal(metadata_begin(md, &t, NULL), 0);
	assert_int_equal(add_image(md, "a", NULL), 0);
	assert_int_equal(metadata_commit(&t, NULL), 0);
	assert_int_equal(count_images(md), 1);
}

static void an_inner_transaction_is_the_outer_ones(void **state)
{
	_cleanup_(metadata_closep) struct metadata *md = NULL;

	assert_int_equal(metadata_open(*state, &md, NULL), 0);
	{
		_cleanup_(metadata_rollback) struct metadata_transaction outer =
			METADATA_TRANSACTION_INIT;
		_cleanup_(metadata_rollback) struct metadata_transaction inner =
			METADATA_TRANSACTION_INIT;
		assert_int_equal(metadata_begin(md, &outer, NULL), 0);
		assert_int_equal(metadata_begin(md, &inner, NULL), 0);
		assert_int_equal(add_image(md, "a", NULL), 0);
		assert_int_equal(metadata_commit(&inner, NULL), 0);
	}
	assert_int_equal(count_images(md), 0);
}

static void many_processes_write_at_once(void **state)
{
	enum { PROCESSES = 8, EACH = 20 };
	pid_t pids[PROCESSES];

	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		if (pids[p] == 0) {
			struct metadata *md;
			if (metadata_open(*state, &md, NULL) < 0)
				_exit(1);
			for (int i = 0; i < EACH; i++) {
				char id[32];
				snprintf(id, sizeof(id), "%d-%d", p, i);
				if (add_image(md, id, NULL) < 0)
					_exit(2);
			}
			_exit(0);
		}
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	_cleanup_(metadata_closep) struct metadata *md = NULL;
	assert_int_equal(metadata_open(*state, &md, NULL), 0);
	assert_int_equal(count_images(md), PROCESSES * EACH);
}

static void a_newer_schema_is_refused(void **state)
{
	_cleanup_(metadata_closep) struct metadata *md = NULL;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(metadata_open(*state, &md, NULL), 0);
	assert_int_equal(metadata_exec(md, NULL, "PRAGMA user_version=1000", ""), 0);
	metadata_close(TAKE_PTR(md));
	assert_true(metadata_open(*state, &md, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_come_back, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_transaction_is_all_or_nothing, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			an_inner_transaction_is_the_outer_ones, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			many_processes_write_at_once, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

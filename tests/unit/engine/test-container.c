/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container.h"
#include "base/fd.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <cmocka.h>

struct fixture {
	char root[64], run[64];
	struct engine *engine;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->root, sizeof(f->root), "/tmp/hull-test-XXXXXX");
	str_copy(f->run, sizeof(f->run), "/tmp/hull-test-XXXXXX");
	if (!mkdtemp(f->root) || !mkdtemp(f->run))
		return -1;
	const struct engine_options options = {.root = f->root, .run_root = f->run};
	*state = f;
	return engine_open(&options, &f->engine, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	engine_close(f->engine);
	dir_remove_tree_at(AT_FDCWD, f->root);
	dir_remove_tree_at(AT_FDCWD, f->run);
	free(f);
	return 0;
}

static struct container *make(struct fixture *f, const char *name)
{
	struct container *c;

	assert_int_equal(container_new(name, &c, NULL), 0);
	c->image_id = arena_strdup(&c->arena, "sha256:abc");
	c->image_name = arena_strdup(&c->arena, "busybox");
	arena_strv_append(&c->arena, &c->config->cmd, "true");
	arena_strv_append(&c->arena, &c->layers, "sha256:1");
	arena_strv_append(&c->arena, &c->layers, "sha256:2");
	return c;
}

static void a_record_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	_cleanup_container_ struct container *c = make(f, "web"), *back = NULL;

	c->config->memory = 52428800;
	c->config->pids_limit = (struct hull_opt_i64){true, 0};
	assert_int_equal(container_insert(f->engine, c, NULL), 0);
	assert_int_equal(container_load(f->engine, "web", &back, NULL), 0);
	assert_string_equal(back->id, c->id);
	assert_string_equal(back->state, "created");
	assert_string_equal(back->config->cmd[0], "true");
	assert_int_equal(back->config->memory, 52428800);
	assert_true(back->config->pids_limit.set);
	assert_int_equal(strv_length(back->layers), 2);
	assert_string_equal(back->layers[1], "sha256:2");

	_cleanup_free_ char *dir = container_dir(f->engine, c->id);
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(container_delete(f->engine, c, NULL), 0);
	assert_int_equal(access(dir, F_OK), -1);
}

static void names_and_prefixes_find(void **state)
{
	struct fixture *f = *state;
	_cleanup_container_ struct container *a = make(f, "aaaa"), *b = make(f, NULL),
					     *found = NULL;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char prefix[7];

	assert_int_equal(container_insert(f->engine, a, NULL), 0);
	assert_int_equal(container_insert(f->engine, b, NULL), 0);
	assert_non_null(b->name);
	snprintf(prefix, sizeof(prefix), "%s", b->id);
	assert_int_equal(container_load(f->engine, prefix, &found, NULL), 0);
	assert_string_equal(found->id, b->id);
	container_free(TAKE_PTR(found));
	/* A name wins over a prefix: "aaaa" is hex, too. */
	assert_int_equal(container_load(f->engine, "aaaa", &found, NULL), 0);
	assert_string_equal(found->id, a->id);
	container_free(TAKE_PTR(found));
	assert_true(container_load(f->engine, "nothing", &found, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_NOT_FOUND);
	assert_string_equal(hull_error_message(&err), "No such container: nothing");
	assert_true(container_load(f->engine, "", &found, &err) < 0);
}

static void a_prefix_of_two_is_ambiguous(void **state)
{
	struct fixture *f = *state;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct container *found = NULL;
	int r = 0;

	/* Of seventeen ids at least two begin alike. */
	for (int i = 0; i < 17; i++) {
		_cleanup_container_ struct container *c = make(f, NULL);
		assert_int_equal(container_insert(f->engine, c, NULL), 0);
	}
	for (const char *digit = "0123456789abcdef"; *digit; digit++) {
		const char text[] = {*digit, '\0'};
		r = container_load(f->engine, text, &found, &err);
		container_free(TAKE_PTR(found));
		if (r < 0 && err.kind == HULL_ERROR_INVALID)
			break;
	}
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_non_null(strstr(hull_error_message(&err), "multiple IDs found"));
}

static void a_taken_name_is_refused_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_container_ struct container *a = make(f, "one"), *b = make(f, "one");
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(container_insert(f->engine, a, NULL), 0);
	assert_true(container_insert(f->engine, b, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_EXISTS);
	_cleanup_free_ char *dir = container_dir(f->engine, b->id);
	assert_int_equal(access(dir, F_OK), -1);
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {"", "a", "-ab", "a b", "a/b", "a\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(container_name_is_valid(bad[i]));
	assert_true(container_name_is_valid("a.b-c_D9"));
}

static void the_lock_goes_with_its_last_holder(void **state)
{
	struct fixture *f = *state;
	int lock = -1, other = -1, ends[2];

	assert_int_equal(container_lock(f->engine, "x", false, &lock, NULL), 1);
	assert_true(container_is_locked(f->engine, "x"));
	assert_int_equal(container_lock(f->engine, "x", false, &other, NULL), 0);
	/* A child that inherits it keeps it. */
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(ends[1]);
		_exit(read(ends[0], &c, 1) != 0);
	}
	close(ends[0]);
	close(lock);
	assert_true(container_is_locked(f->engine, "x"));
	close(ends[1]);
	waitpid(pid, NULL, 0);
	assert_false(container_is_locked(f->engine, "x"));
}

static void a_running_row_that_nobody_holds_is_settled(void **state)
{
	struct fixture *f = *state;
	_cleanup_container_ struct container *c = make(f, "gone"), *back = NULL;

	c->state = arena_strdup(&c->arena, "running");
	c->run = 1;
	c->started = 1;
	assert_int_equal(container_insert(f->engine, c, NULL), 0);
	assert_int_equal(container_load(f->engine, "gone", &back, NULL), 0);
	assert_string_equal(back->state, "exited");
	assert_int_equal(back->exit_code, 137);
	assert_string_equal(back->error, "its monitor was killed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_comes_back_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(names_and_prefixes_find, setup, teardown),
		cmocka_unit_test_setup_teardown(a_prefix_of_two_is_ambiguous, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_taken_name_is_refused_and_leaves_nothing, setup, teardown),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test_setup_teardown(
			the_lock_goes_with_its_last_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_running_row_that_nobody_holds_is_settled, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

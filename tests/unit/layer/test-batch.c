/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that come in together; of both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "layer/store.h"
#include "tar-builder.h"

#include <pthread.h>
#include <stdatomic.h>

struct place {
	char directory[32];
	char *root, *run;
	struct layer_store *store;
	struct layer_batch *batch;
};

static int open_place(void **state, enum layer_store_kind kind)
{
	const struct layer_store_options options = {.kind = kind};
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->directory, sizeof(p->directory), "/tmp/test-batch.XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	p->root = str_printf("%s/root", p->directory);
	p->run = str_printf("%s/run", p->directory);
	*state = p;
	/* Who may not give files away cannot unpack them, who may not mount has no EROFS store. */
	if (geteuid() == 0 && layer_store_open(p->root, p->run, &options, &p->store, NULL) == 0)
		assert_int_equal(layer_batch_new(p->store, &p->batch, NULL), 0);
	return 0;
}

static int open_dir(void **state)
{
	return open_place(state, LAYER_STORE_DIR);
}

static int open_erofs(void **state)
{
	return open_place(state, LAYER_STORE_EROFS);
}

static int remove_place(void **state)
{
	struct place *p = *state;

	layer_batch_free(p->batch);
	layer_store_close(p->store);
	dir_remove_tree_at(AT_FDCWD, p->directory);
	free(p->root);
	free(p->run);
	free(p);
	return 0;
}

/* Takes in a layer of one file that has `size` bytes and the number in it. */
static struct digest take_in(struct place *p, unsigned int number, size_t size)
{
	const struct layer_ingest_options options = {.batch = p->batch};
	_cleanup_layer_ingest_ struct layer_ingest *ingest = NULL;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf tar = BUF_INIT;
	_cleanup_free_ char *data = calloc(1, size + 16);
	struct layer_ingest_result result;

	memset(data, 'x', size);
	snprintf(data, size + 16, "%u", number);
	tar_put_header(&tar, tar_header('0', "file", size));
	tar_put_data(&tar, data, size);
	tar_put_end(&tar);
	if (layer_ingest_begin(p->store, &options, &ingest, &err) < 0 ||
		layer_ingest_write(ingest, tar.data, tar.len, &err) < 0 ||
		layer_ingest_finish(TAKE_PTR(ingest), &result, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return result.diff_id;
}

static size_t count_staged(const struct place *p)
{
	_cleanup_free_ char *path = str_printf("%s/ingest", p->root);
	_cleanup_closedir_ DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

static void visible_when_published(void **state)
{
	struct place *p = *state;
	struct digest layers[6];

	if (!p->store)
		skip();
	for (unsigned int round = 0; round < 3; round++) {
		/* One, some, and the same as before once more. */
		size_t n = round == 0 ? 1 : ARRAY_SIZE(layers);

		for (unsigned int i = 0; i < n; i++) {
			layers[i] = take_in(p, 10 * (round > 0) + i % 4, 100);
			assert_int_equal(layer_store_has(p->store, &layers[i]), round == 2);
		}
		assert_int_equal(count_staged(p), round == 2 ? 0 : n);
		assert_int_equal(layer_batch_publish(p->batch, NULL), 0);
		for (size_t i = 0; i < n; i++)
			assert_true(layer_store_has(p->store, &layers[i]));
		assert_int_equal(count_staged(p), 0);
	}
	assert_int_equal(layer_batch_publish(p->batch, NULL), 0);
}

static void large_ones_do_not_wait(void **state)
{
	struct place *p = *state;

	if (!p->store)
		skip();
	struct digest small = take_in(p, 1, 100), large = take_in(p, 2, (size_t)20 << 20);
	assert_false(layer_store_has(p->store, &small));
	assert_true(layer_store_has(p->store, &large));
}

static void gone_if_not_published(void **state)
{
	struct place *p = *state;

	if (!p->store)
		skip();
	struct digest a = take_in(p, 1, 100);
	take_in(p, 2, 100);
	p->batch = layer_batch_free(p->batch);
	assert_false(layer_store_has(p->store, &a));
	assert_int_equal(count_staged(p), 0);
}

/* Another process may have been faster. */
static void beside_others(void **state)
{
	struct place *p = *state;

	if (!p->store)
		skip();
	struct digest a = take_in(p, 1, 100);
	struct layer_batch *batch = p->batch;
	p->batch = NULL;
	take_in(p, 1, 100);
	p->batch = batch;
	assert_true(layer_store_has(p->store, &a));
	struct digest b = take_in(p, 2, 100);
	assert_int_equal(layer_batch_publish(p->batch, NULL), 0);
	assert_true(layer_store_has(p->store, &b));
	assert_int_equal(count_staged(p), 0);
}

#define MANY 90

static void *take_in_many(void *state)
{
	struct place *p = state;
	static atomic_uint number;

	for (unsigned int i = 0; i < MANY; i++)
		take_in(p, atomic_fetch_add(&number, 1), 100);
	return NULL;
}

static int count_layer(const struct digest *diff_id, void *arg)
{
	++*(size_t *)arg;
	return 0;
}

/* More than a batch holds. */
static void threads_share_one(void **state)
{
	struct place *p = *state;
	pthread_t threads[2];
	size_t n = 0;

	if (!p->store)
		skip();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_in_many, p), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(layer_batch_publish(p->batch, NULL), 0);
	assert_int_equal(layer_store_list(p->store, count_layer, &n, NULL), 0);
	assert_int_equal(n, 2 * MANY);
	assert_int_equal(count_staged(p), 0);
}

int main(void)
{
#define TEST(f)                                                     \
	cmocka_unit_test_setup_teardown(f, open_dir, remove_place), \
		cmocka_unit_test_setup_teardown(f, open_erofs, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(visible_when_published),
		TEST(large_ones_do_not_wait),
		TEST(gone_if_not_published),
		TEST(beside_others),
		TEST(threads_share_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a staging directory to a layer: the files are synced, the directory gets its name, and the
 * name is synced. For one layer that is about five flushes of the disk's cache, a millisecond each,
 * however small the layer is. So small layers that come together wait for each other: syncfs(2) is
 * one flush for all their files, and all names are in one directory. It also writes what others
 * have changed in the file system, which is why it is not used for one or two layers, nor for large
 * ones, which take longer to come than to be synced.
 */
#include "layer/store-internal.h"

#include "base/fd.h"

#include <pthread.h>
#include <string.h>

#define BATCH_MAX	 128 /* each has a descriptor open */
#define BATCH_SYNCFS_MIN 3

/* ---- One ---- */

/* The directory for layers of the diff id's algorithm. */
static int open_layers_dir(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	char path[LAYER_PATH_SIZE];

	layer_path(diff_id, path);
	*strchr(path, '/') = '\0';
	int fd = openat(store->layers_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, errno, "open the layer store") : fd;
}

static int sync_names(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_close_ int dir_fd = open_layers_dir(store, diff_id, err);

	if (dir_fd < 0)
		return dir_fd;
	return fsync(dir_fd) < 0 ? error_errno(err, errno, "sync the layer's directory") : 0;
}

static int sync_files(struct layer_store *store, int dir_fd, struct hull_error *err)
{
	int r = layer_form_sync(store, dir_fd, err);

	if (r == 0 && fsync(dir_fd) < 0)
		return error_errno(err, errno, "sync the layer");
	return r;
}

/* Gives the directory its name, which is not synced. 1: the layer is there already. */
static int give_name(struct layer_store *store, struct staging *staging,
	const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_close_ int dir_fd = open_layers_dir(store, diff_id, err);
	_cleanup_close_ int layer_fd = -1;
	char path[LAYER_PATH_SIZE];

	if (dir_fd < 0)
		return dir_fd;
	layer_path(diff_id, path);
	int r = staging_publish(staging, dir_fd, strchr(path, '/') + 1, err);
	if (r <= 0)
		return r;
	/* It is there, but perhaps made by a store of the other kind. */
	r = layer_open_dir(store, diff_id, &layer_fd, err);
	if (r == 0)
		r = layer_form_ensure(store, layer_fd, diff_id, err);
	return r < 0 ? r : 1;
}

int layer_publish(struct layer_store *store, struct staging *staging, const struct digest *diff_id,
	struct hull_error *err)
{
	int r = sync_files(store, staging->fd, err);

	if (r == 0)
		r = give_name(store, staging, diff_id, err);
	return r != 0 ? r : sync_names(store, diff_id, err);
}

/* ---- Several ---- */

struct batch_item {
	struct staging staging;
	struct digest diff_id;
};

struct layer_batch {
	struct layer_store *store;
	pthread_mutex_t lock;
	struct batch_item items[BATCH_MAX];
	size_t n;
};

int layer_batch_new(struct layer_store *store, struct layer_batch **ret, struct hull_error *err)
{
	int r = staging_clean(store->ingest_fd, err);
	struct layer_batch *batch = r < 0 ? NULL : calloc(1, sizeof(*batch));

	if (r < 0)
		return r;
	if (!batch)
		return error_no_memory(err);
	batch->store = store;
	pthread_mutex_init(&batch->lock, NULL);
	*ret = batch;
	return 0;
}

struct layer_batch *layer_batch_free(struct layer_batch *batch)
{
	if (!batch)
		return NULL;
	for (size_t i = 0; i < batch->n; i++)
		staging_done(&batch->items[i].staging);
	pthread_mutex_destroy(&batch->lock);
	free(batch);
	return NULL;
}

static int sync_items(struct layer_batch *batch, struct hull_error *err)
{
	int r = 0;

	if (batch->n >= BATCH_SYNCFS_MIN)
		return syncfs(batch->store->ingest_fd) < 0
			       ? error_errno(err, errno, "sync the layers")
			       : 0;
	for (size_t i = 0; r == 0 && i < batch->n; i++)
		r = sync_files(batch->store, batch->items[i].staging.fd, err);
	return r;
}

static int publish_items(struct layer_batch *batch, struct hull_error *err)
{
	bool named[DIGEST_ALGORITHM_MAX] = {0};
	int r = sync_items(batch, err);

	for (size_t i = 0; r >= 0 && i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		r = give_name(batch->store, &item->staging, &item->diff_id, err);
		named[item->diff_id.algorithm] |= r == 0;
	}
	for (size_t i = 0; r >= 0 && i < batch->n; i++) {
		const struct digest *diff_id = &batch->items[i].diff_id;

		if (named[diff_id->algorithm])
			r = sync_names(batch->store, diff_id, err);
		named[diff_id->algorithm] = false;
	}
	for (size_t i = 0; i < batch->n; i++)
		staging_done(&batch->items[i].staging);
	batch->n = 0;
	return r < 0 ? r : 0;
}

int layer_batch_publish(struct layer_batch *batch, struct hull_error *err)
{
	pthread_mutex_lock(&batch->lock);
	int r = batch->n > 0 ? publish_items(batch, err) : 0;
	pthread_mutex_unlock(&batch->lock);
	return r;
}

int layer_batch_add(struct layer_batch *batch, struct staging *staging,
	const struct digest *diff_id, struct hull_error *err)
{
	int r = 0;

	pthread_mutex_lock(&batch->lock);
	if (batch->n == BATCH_MAX)
		r = publish_items(batch, err);
	if (r == 0) {
		batch->items[batch->n++] = (struct batch_item){*staging, *diff_id};
		*staging = (struct staging)STAGING_INIT;
	}
	pthread_mutex_unlock(&batch->lock);
	return r;
}

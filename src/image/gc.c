/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage collection: what no row names goes. It runs alone (see image_hold_alone()), so whatever
 * is unnamed then is a remain: of a removed image, or of a command that was killed between making
 * files and writing its row. If somebody works on the store, it is left to their own collection.
 */
#include "image/digest-set.h"
#include "image/store.h"

#include "base/str.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Adds every digest of a query's first column. */
static int add_from_query(struct digest_set *set, struct metadata_query *q, struct hull_error *err)
{
	int r;

	while ((r = metadata_next(q, err)) > 0) {
		const char *text = metadata_text(q, 0);
		const char *at = text ? strchr(text, '@') : NULL;
		struct digest digest;

		if (!text || digest_parse(at ? at + 1 : text, &digest, NULL) < 0)
			continue;
		if (digest_set_add(set, &digest) < 0)
			return error_no_memory(err);
	}
	return r;
}

static int find_needed_layers(
	struct image_store *store, struct digest_set *set, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(store->md, &q, err,
		"SELECT diff_id FROM image_layer UNION SELECT diff_id FROM container_layer", "");

	if (r == 0)
		r = add_from_query(set, q, err);
	digest_set_sort(set);
	return r;
}

static int find_needed_blobs(
	struct image_store *store, struct digest_set *set, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(store->md, &q, err,
		"SELECT id FROM image UNION SELECT manifest_digest FROM image"
		" UNION SELECT name FROM image_name WHERE instr(name, '@') > 0"
		/* Most layers are not kept as they came. */
		" UNION SELECT blob_digest FROM image_layer WHERE blob_digest IS NOT NULL",
		"");

	if (r == 0)
		r = add_from_query(set, q, err);
	digest_set_sort(set);
	return r;
}

struct collection {
	struct image_store *store;
	int64_t *bytes; /* NULL: nobody asks */
	bool synced;
};

/*
 * Once, before the first thing is deleted. Rows of images that were removed a moment ago must not
 * come back after a power cut when what they name does not.
 */
static int sync_rows(struct collection *c, struct hull_error *err)
{
	int r = c->synced ? 0 : metadata_sync(c->store->md, err);

	c->synced = r == 0;
	return r;
}

struct orphans {
	const struct digest_set *needed;
	struct digest_set found;
};

static int look_at_layer(const struct digest *diff_id, void *arg)
{
	struct orphans *orphans = arg;

	return digest_set_has(orphans->needed, diff_id) ? 0
							: digest_set_add(&orphans->found, diff_id);
}

/* Who wants to know how much was freed wants it to be free; others need not wait for it. */
static int remove_layers(
	struct collection *c, const struct digest_set *orphans, struct hull_error *err)
{
	_cleanup_layer_trash_ struct layer_trash *trash = NULL;

	if (orphans->count == 0)
		return 0;
	int r = sync_rows(c, err);
	if (r == 0)
		r = layer_trash_new(c->store->layers, &trash, err);
	for (size_t i = 0; r == 0 && i < orphans->count; i++)
		r = layer_trash_add(trash, &orphans->items[i], err);
	if (trash && c->bytes)
		*c->bytes += (int64_t)layer_trash_bytes(trash);
	if (trash)
		layer_trash_empty(trash, !c->bytes);
	return r;
}

static int collect_layers(struct collection *c, struct hull_error *err)
{
	struct image_store *store = c->store;
	_cleanup_digest_set_ struct digest_set needed = {0};
	int r = find_needed_layers(store, &needed, err);

	if (r < 0)
		return r;
	struct orphans orphans = {.needed = &needed};
	r = layer_store_list(store->layers, look_at_layer, &orphans, err);
	if (r == 0)
		r = remove_layers(c, &orphans.found, err);
	/* What layers are known as elsewhere is of no use without them. */
	if (r == 0 && orphans.found.count > 0)
		r = metadata_exec(store->md, err,
			"DELETE FROM layer_blob WHERE diff_id NOT IN (SELECT diff_id FROM image_layer"
			" UNION SELECT diff_id FROM container_layer)",
			"");
	digest_set_done(&orphans.found);
	return r < 0 ? r : layer_store_clean(store->layers, err);
}

static int remove_file(struct collection *c, int dirfd, const char *name, struct hull_error *err)
{
	struct stat st;
	int r = sync_rows(c, err);

	if (r < 0)
		return r;
	if (c->bytes && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*c->bytes += st.st_blocks * 512;
	unlinkat(dirfd, name, 0);
	return 0;
}

/* Files of one blobs/<algorithm> that are not needed documents: others' names and half-written ones too. */
static int collect_blobs_of(struct collection *c, enum digest_algorithm algorithm,
	const struct digest_set *needed, struct hull_error *err)
{
	struct image_store *store = c->store;
	const char *name = digest_algorithm_name(algorithm);
	int fd = openat(store->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd < 0 && errno == ENOENT)
			return 0;
		int r = error_errno(err, errno, "%s/blobs/%s", store->root, name);
		if (fd >= 0)
			close(fd);
		return r;
	}
	int r = 0;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		char text[DIGEST_TEXT_SIZE];
		struct digest digest;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		int n = snprintf(text, sizeof(text), "%s:%s", name, e->d_name);
		bool needed_here = n > 0 && (size_t)n < sizeof(text) &&
				   digest_parse(text, &digest, NULL) == 0 &&
				   digest_set_has(needed, &digest);
		if (!needed_here)
			r = remove_file(c, dirfd(dir), e->d_name, err);
	}
	return r;
}

/* Locks of pulls that were killed: whoever pulls holds the store. */
static void collect_pull_locks(struct image_store *store)
{
	int fd = openat(store->blobs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (str_after(e->d_name, "pull-"))
			unlinkat(fd, e->d_name, 0);
}

static int collect_blobs(struct collection *c, struct hull_error *err)
{
	_cleanup_digest_set_ struct digest_set needed = {0};
	int r = find_needed_blobs(c->store, &needed, err);

	for (int i = 0; r == 0 && i < DIGEST_ALGORITHM_MAX; i++)
		r = collect_blobs_of(c, (enum digest_algorithm)i, &needed, err);
	collect_pull_locks(c->store);
	return r;
}

int image_collect_garbage(struct image_store *store, int64_t *ret_bytes, struct hull_error *err)
{
	_cleanup_close_ int fd = -1;
	int64_t bytes = 0;
	int r = image_hold_alone(store, &fd, err);

	if (r > 0) {
		struct collection c = {.store = store, .bytes = ret_bytes ? &bytes : NULL};
		r = collect_layers(&c, err);
		if (r == 0)
			r = collect_blobs(&c, err);
	}
	if (r >= 0 && ret_bytes)
		*ret_bytes = bytes;
	return r < 0 ? r : 0;
}

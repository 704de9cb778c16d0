/* SPDX-License-Identifier: Apache-2.0 */
#include "image/known-blob.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <sys/random.h>
#include <sys/stat.h>

#define MAX_KNOWN 64

int known_blobs_insert(struct image_store *store, const char *repository,
	const struct image_layer *layers, size_t n, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	char diff_id[DIGEST_TEXT_SIZE];
	int r = metadata_begin(store->md, &t, err);

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct image_layer *layer = &layers[i];

		if (!layer->blob_digest || layer->blob_size <= 0)
			continue;
		r = metadata_exec(store->md, err,
			"INSERT INTO layer_blob (diff_id, digest, repository, size, media_type, added)"
			" SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?7 OR " BLOB_IS_PROVEN("?1",
				"?2") " ON CONFLICT (diff_id, digest, repository) DO UPDATE SET added = ?6",
			"tttitii", digest_format(&layer->diff_id, diff_id), layer->blob_digest,
			repository, layer->blob_size, layer->media_type ? layer->media_type : "",
			clock_realtime_ns(), (int64_t)layer->blob_proven);
	}
	return r < 0 ? r : metadata_commit(&t, err);
}

int known_blobs_find(struct image_store *store, struct arena *arena, const struct digest *diff_id,
	struct known_blob **ret, size_t *ret_n, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct known_blob *v = arena_array(arena, MAX_KNOWN, sizeof(*v));
	char text[DIGEST_TEXT_SIZE];
	size_t n = 0;

	if (!v)
		return error_no_memory(err);
	int r = metadata_query(store->md, &q, err,
		"SELECT digest, size, media_type, repository FROM layer_blob WHERE diff_id = ?"
		" ORDER BY added DESC LIMIT 64",
		"t", digest_format(diff_id, text));
	while (r == 0 && n < MAX_KNOWN && (r = metadata_next(q, err)) > 0) {
		struct known_blob *b = &v[n++];

		b->digest = arena_strdup(arena, metadata_text(q, 0));
		b->size = metadata_int(q, 1);
		b->media_type = arena_strdup(arena, metadata_text(q, 2));
		b->repository = arena_strdup(arena, metadata_text(q, 3));
		r = b->digest && b->media_type && b->repository ? 0 : error_no_memory(err);
	}
	if (r < 0)
		return r;
	*ret = v;
	*ret_n = n;
	return 0;
}

int kept_blob_begin(struct image_store *store, struct kept_blob *blob, struct hull_error *err)
{
	uint64_t random;

	blob->store = store;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, errno, "getrandom");
	/* Under blobs/<algorithm> garbage collection takes away what was left half-written. */
	if (mkdirat(store->blobs_fd, "sha256", 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "%s/blobs/sha256", store->root);
	blob->name = str_printf("sha256/tmp-%016llx", (unsigned long long)random);
	if (!blob->name)
		return error_no_memory(err);
	blob->fd = openat(store->blobs_fd, blob->name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (blob->fd < 0)
		return error_errno(err, errno, "%s/blobs/%s", store->root, blob->name);
	return 0;
}

int kept_blob_write(struct kept_blob *blob, const void *p, size_t n, struct hull_error *err)
{
	int r = blob->fd < 0 ? 0 : fd_write_all(blob->fd, p, n);

	return r < 0 ? error_errno(err, r, "%s/blobs/%s", blob->store->root, blob->name) : 0;
}

int kept_blob_finish(struct kept_blob *blob, const struct digest *digest, struct hull_error *err)
{
	const char *directory = digest_algorithm_name(digest->algorithm);
	char path[DIGEST_TEXT_SIZE];

	if (blob->fd < 0)
		return 0;
	blob_path(digest, path);
	if ((mkdirat(blob->store->blobs_fd, directory, 0700) < 0 && errno != EEXIST) ||
		fsync(blob->fd) < 0 ||
		renameat(blob->store->blobs_fd, blob->name, blob->store->blobs_fd, path) < 0)
		return error_errno(err, errno, "%s/blobs/%s", blob->store->root, path);
	cleanup_closep(&blob->fd);
	return 0;
}

void kept_blob_done(struct kept_blob *blob)
{
	if (blob->fd >= 0)
		unlinkat(blob->store->blobs_fd, blob->name, 0);
	cleanup_closep(&blob->fd);
	free(blob->name);
	*blob = (struct kept_blob)KEPT_BLOB_INIT;
}

int kept_blob_open(struct image_store *store, const struct digest *digest, int64_t size,
	int *ret_fd, struct hull_error *err)
{
	char path[DIGEST_TEXT_SIZE];
	struct stat st;

	blob_path(digest, path);
	_cleanup_close_ int fd = openat(store->blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, errno, "%s/blobs/%s", store->root, path);
	if (st.st_size != size)
		return 0;
	*ret_fd = TAKE_FD(fd);
	return 1;
}

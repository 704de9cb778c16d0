/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree of a layer to what a store of either kind mounts. */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "layer/erofs.h"
#include "layer/unpack.h"

#include <string.h>
#include <sys/stat.h>

#define READ_SIZE ((size_t)128 << 10)

/* A UUID made of the digest, marked as one of an own scheme (RFC 9562, version 8). */
static void make_uuid(const struct digest *diff_id, uint8_t uuid[16])
{
	memcpy(uuid, diff_id->bytes, 16);
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static int write_erofs(int dir_fd, struct tree *tree, int tar_fd, uint64_t tar_bytes,
	const struct digest *diff_id, struct hull_error *err)
{
	struct erofs_source source = {.tar_fd = tar_fd, .tar_bytes = tar_bytes};
	uint64_t bytes;
	_cleanup_close_ int fd = openat(
		dir_fd, LAYER_EROFS, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err, errno, "make the layer's metadata");
	make_uuid(diff_id, source.uuid);
	return erofs_write(tree, &source, fd, &bytes, err);
}

static int write_info(int dir_fd, struct tree *tree, struct hull_error *err)
{
	const struct tree_totals *totals = tree_get_totals(tree);
	char text[128];
	int n = snprintf(text, sizeof(text), "content-bytes %llu\nentries %llu\n",
		(unsigned long long)totals->content_bytes, (unsigned long long)totals->entries);
	int r = file_replace_at(dir_fd, LAYER_INFO, text, (size_t)n, 0600, false);

	return r < 0 ? error_errno(err, r, "write the layer's sizes") : 0;
}

/*
 * Syncs the files of a layer, all of which are written. To begin writing them all before the first
 * fsync() lets a journal commit them together: the first waits for that, the others find it done.
 */
static int sync_files(int dir_fd, struct hull_error *err)
{
	static const char *const names[] = {LAYER_TAR, LAYER_EROFS, LAYER_INFO, LAYER_STACK};
	int r = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
			_cleanup_close_ int fd =
				openat(dir_fd, names[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
			if (fd < 0 && errno == ENOENT)
				continue;
			if (fd >= 0 && pass == 0)
				sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* advice */
			else if (fd < 0 || fsync(fd) < 0)
				r = error_errno(err, errno, "sync the layer's %s", names[i]);
		}
	}
	return r;
}

int layer_form_sync(struct layer_store *store, int dir_fd, struct hull_error *err)
{
	/* A tree of files is too many to sync one by one. */
	if (store->kind == LAYER_STORE_DIR)
		return syncfs(dir_fd) < 0 ? error_errno(err, errno, "sync the layer") : 0;
	return sync_files(dir_fd, err);
}

int layer_form_write(struct layer_store *store, int dir_fd, struct tree *tree, int tar_fd,
	uint64_t tar_bytes, const struct digest *diff_id, struct hull_error *err)
{
	int r = store->kind == LAYER_STORE_EROFS
			? write_erofs(dir_fd, tree, tar_fd, tar_bytes, diff_id, err)
			: unpack_tree(tree, tar_fd, dir_fd, LAYER_TREE, err);

	if (r == 0)
		r = write_info(dir_fd, tree, err);
	return r < 0 ? r : layer_stack_file_write(dir_fd, tree, err);
}

int layer_read_tree(int tar_fd, struct tree *tree, struct hull_error *err)
{
	_cleanup_tar_reader_ struct tar_reader *reader = NULL;
	_cleanup_free_ char *buffer = malloc(READ_SIZE);
	off_t at = 0;
	int r = tar_reader_new(&tree_tar_handler, tree, TREE_ENTRIES_DEFAULT, &reader, err);

	if (r < 0)
		return r;
	if (!buffer)
		return error_no_memory(err);
	for (;;) {
		uint64_t skip = tar_reader_skippable(reader);
		tar_reader_skip(reader, skip);
		at += (off_t)skip;
		ssize_t n = pread(tar_fd, buffer, READ_SIZE, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read the layer's tar");
		if (n == 0)
			break;
		r = tar_reader_feed(reader, buffer, (size_t)n, err);
		if (r < 0)
			return r;
		at += n;
	}
	r = tar_reader_finish(reader, err);
	return r < 0 ? r : tree_finish(tree, err);
}

int layer_form_ensure(struct layer_store *store, int layer_fd, const struct digest *diff_id,
	struct hull_error *err)
{
	_cleanup_staging_ struct staging staging = STAGING_INIT;
	_cleanup_tree_ struct tree *tree = NULL;
	const char *form = layer_form_name(store);
	struct stat st;

	if (faccessat(layer_fd, form, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	_cleanup_close_ int tar_fd = openat(layer_fd, LAYER_TAR, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (tar_fd < 0 || fstat(tar_fd, &st) < 0)
		return error_errno(err, errno, "open the layer's tar");
	int r = tree_new(TREE_ENTRIES_DEFAULT, &tree, err);
	if (r == 0)
		r = layer_read_tree(tar_fd, tree, err);
	if (r == 0)
		r = staging_new(&staging, store->ingest_fd, err);
	if (r == 0)
		r = layer_form_write(
			store, staging.fd, tree, tar_fd, (uint64_t)st.st_size, diff_id, err);
	if (r == 0)
		r = layer_form_sync(store, staging.fd, err);
	if (r < 0)
		return r;
	/* Another process may have been faster; what it made is the same. */
	if (renameat(staging.fd, form, layer_fd, form) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return error_errno(err, errno, "move the layer to its place");
	return fsync(layer_fd) < 0 ? error_errno(err, errno, "sync the layer") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's tar is proved by its digest. Everything else in a layer's directory was made from the tar
 * by rules that give the same bytes each time, so it is proved by making it again.
 */
#include "layer/store-internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <sys/stat.h>

#define READ_SIZE     ((size_t)1 << 20)
#define INFO_FILE_MAX ((size_t)128 << 20)

static int hash_tar(int tar_fd, const struct digest *diff_id, const volatile int *canceled,
	struct digest *ret, struct hull_error *err)
{
	_cleanup_digest_hash_ struct digest_hash *hash = NULL;
	_cleanup_free_ char *chunk = malloc(READ_SIZE);
	int r = chunk ? digest_hash_new(diff_id->algorithm, &hash, err) : error_no_memory(err);

	for (off_t at = 0; r == 0;) {
		ssize_t n = pread(tar_fd, chunk, READ_SIZE, at);

		if (canceled && *canceled)
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read the layer's tar");
		if (n == 0)
			return digest_hash_finish(hash, ret, err);
		digest_hash_update(hash, chunk, (size_t)n);
		at += n;
	}
	return r;
}

/* True if both directories have the file with the same bytes, or neither has it. */
static bool same_file(int a, int b, const char *name)
{
	_cleanup_close_ int x = openat(a, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int y = openat(b, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *left = malloc(READ_SIZE), *right = malloc(READ_SIZE);

	if (x < 0 || y < 0)
		return x < 0 && y < 0;
	while (left && right) {
		ssize_t n = fd_read_full(x, left, READ_SIZE);
		ssize_t m = fd_read_full(y, right, READ_SIZE);

		if (n < 0 || n != m || memcmp(left, right, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
	}
	return false;
}

/* Makes all that a tar gives in a staging directory. */
static int make_form(struct layer_store *store, int tar_fd, const struct digest *diff_id,
	struct staging *staging, struct hull_error *err)
{
	_cleanup_tree_ struct tree *tree = NULL;
	struct stat st;

	if (fstat(tar_fd, &st) < 0)
		return error_errno(err, errno, "the layer's tar");
	int r = tree_new(TREE_ENTRIES_DEFAULT, &tree, err);
	if (r == 0)
		r = layer_read_tree(tar_fd, tree, err);
	if (r == 0)
		r = staging_new(staging, store->ingest_fd, err);
	return r < 0 ? r
		     : layer_form_write(store, staging->fd, tree, tar_fd, (uint64_t)st.st_size,
			       diff_id, err);
}

static int verify_form(struct layer_store *store, int layer_fd, int tar_fd,
	const struct digest *diff_id, enum layer_damage *ret, const char **ret_what,
	struct hull_error *err)
{
	static const char *const names[] = {LAYER_EROFS, LAYER_INFO, LAYER_STACK};
	_cleanup_staging_ struct staging staging = STAGING_INIT;
	bool is_erofs = store->kind == LAYER_STORE_EROFS;

	/* A form that is missing is made at its first use. */
	if (faccessat(layer_fd, layer_form_name(store), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	/* Of an unpacked layer the files are not compared: unpacking anew costs as much as loading. */
	int r = is_erofs ? make_form(store, tar_fd, diff_id, &staging, err) : 0;
	for (size_t i = 0; is_erofs && r == 0 && i < ARRAY_SIZE(names); i++) {
		if (same_file(layer_fd, staging.fd, names[i]))
			continue;
		*ret = LAYER_FORM_DAMAGED;
		*ret_what = names[i];
	}
	return r;
}

int layer_store_verify(struct layer_store *store, const struct digest *diff_id,
	const volatile int *canceled, enum layer_damage *ret, const char **ret_what,
	struct hull_error *err)
{
	_cleanup_close_ int layer_fd = -1;
	struct digest is;
	int r = layer_open_dir(store, diff_id, &layer_fd, err);

	*ret = LAYER_SOUND;
	*ret_what = "";
	if (r < 0)
		return r;
	_cleanup_close_ int tar_fd = openat(layer_fd, LAYER_TAR, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (tar_fd < 0) {
		bool unpacked = faccessat(layer_fd, LAYER_TREE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		if (errno == ENOENT && unpacked && store->kind == LAYER_STORE_DIR)
			return 0;
		*ret = LAYER_TAR_DAMAGED;
		*ret_what = LAYER_TAR " is missing";
		return 0;
	}
	r = hash_tar(tar_fd, diff_id, canceled, &is, err);
	if (r < 0)
		return r;
	if (!digest_equal(&is, diff_id)) {
		*ret = LAYER_TAR_DAMAGED;
		*ret_what = LAYER_TAR " does not have the layer's digest";
		return 0;
	}
	return verify_form(store, layer_fd, tar_fd, diff_id, ret, ret_what, err);
}

/* Puts a staged file in the place of the old one; what the tar does not call for goes. */
static int replace_part(int from, int to, const char *name, struct hull_error *err)
{
	if (renameat(from, name, to, name) == 0)
		return 0;
	if (errno == ENOENT)
		return unlinkat(to, name, 0) < 0 && errno != ENOENT
			       ? error_errno(err, errno, "remove the layer's %s", name)
			       : 0;
	return error_errno(err, errno, "replace the layer's %s", name);
}

int layer_store_repair(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_staging_ struct staging staging = STAGING_INIT;
	_cleanup_close_ int layer_fd = -1;
	const char *form = layer_form_name(store);
	int r = layer_open_dir(store, diff_id, &layer_fd, err);

	if (r < 0)
		return r;
	_cleanup_close_ int tar_fd = openat(layer_fd, LAYER_TAR, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (tar_fd < 0)
		return error_errno(err, errno, "open the layer's tar");
	r = make_form(store, tar_fd, diff_id, &staging, err);
	if (r == 0)
		r = layer_form_sync(store, staging.fd, err);
	if (r == 0)
		r = layer_unmount(store, diff_id, err);
	if (r == 0)
		r = layer_chain_forget(store, diff_id, err);
	if (r == 0 && store->kind == LAYER_STORE_DIR)
		r = staging_remove_tree(store->ingest_fd, layer_fd, form, err);
	if (r == 0)
		r = replace_part(staging.fd, layer_fd, form, err);
	if (r == 0)
		r = replace_part(staging.fd, layer_fd, LAYER_INFO, err);
	if (r == 0)
		r = replace_part(staging.fd, layer_fd, LAYER_STACK, err);
	if (r == 0 && fsync(layer_fd) < 0)
		r = error_errno(err, errno, "sync the layer");
	return r;
}

int layer_store_take_out(struct layer_store *store, const struct digest *diff_id, int dirfd,
	const char *name, struct hull_error *err)
{
	char path[LAYER_PATH_SIZE];
	int r = layer_unmount(store, diff_id, err);

	if (r == 0)
		r = layer_chain_forget(store, diff_id, err);
	if (r == 0 && renameat(store->layers_fd, layer_path(diff_id, path), dirfd, name) < 0)
		r = error_errno(err, errno, "move a damaged layer");
	return r;
}

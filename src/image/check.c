/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole store against what it says of itself: the database by SQLite's own check, documents and
 * layers by their digests, rows by what is there, and what is there by rows. Reads every byte.
 *
 * A layer's metadata can be made again, the lost manifest of an image is made again when it is pushed;
 * an image without its configuration or a layer is lost and goes, so that it can be pulled anew. What was
 * damaged is moved to <root>/quarantine rather than deleted.
 */
#include "image/check.h"
#include "image/digest-set.h"
#include "image/known-blob.h"
#include "image/store.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#define QUARANTINE "quarantine"
#define READ_SIZE  ((size_t)1 << 20)

struct check {
	struct image_store *store;
	const struct image_check_options *options;
	struct image_check_result *result;
	struct digest_set seen, lost; /* layers that were looked at; those of them that are gone */
};

static void tell(struct check *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct check *k, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(4096);
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&text, format, ap);
	va_end(ap);
	k->result->problems++;
	if (k->options->problem)
		k->options->problem(k->options->problem_data, buf_str(&text));
}

static void repaired(struct check *k)
{
	k->result->repaired++;
}

/* ---- Quarantine ---- */

static int open_quarantine(struct check *k, struct hull_error *err)
{
	if (mkdirat(k->store->blobs_fd, "../" QUARANTINE, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "%s/" QUARANTINE, k->store->root);
	int fd = openat(k->store->blobs_fd, "../" QUARANTINE,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_errno(err, errno, "%s/" QUARANTINE, k->store->root) : fd;
}

/* An older thing of that name has been looked at by then. */
static int quarantine_layer(struct check *k, const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_close_ int fd = open_quarantine(k, err);
	char name[DIGEST_TEXT_SIZE];

	if (fd < 0)
		return fd;
	digest_format(diff_id, name);
	dir_remove_tree_at(fd, name);
	return layer_store_take_out(k->store->layers, diff_id, fd, name, err);
}

static int quarantine_blob(struct check *k, const struct digest *digest, struct hull_error *err)
{
	_cleanup_close_ int fd = open_quarantine(k, err);
	char name[DIGEST_TEXT_SIZE], path[DIGEST_TEXT_SIZE];

	if (fd < 0)
		return fd;
	blob_path(digest, path);
	if (renameat(k->store->blobs_fd, path, fd, digest_format(digest, name)) < 0 &&
		errno != ENOENT)
		return error_errno(err, errno, "move a damaged document");
	return 0;
}

/* ---- Layers ---- */

static bool is_in(const struct digest_set *set, const struct digest *digest)
{
	for (size_t i = 0; i < set->count; i++)
		if (digest_equal(&set->items[i], digest))
			return true;
	return false;
}

static int lose_layer(
	struct check *k, const struct digest *diff_id, bool there, struct hull_error *err)
{
	if (digest_set_add(&k->lost, diff_id) < 0)
		return error_no_memory(err);
	if (!k->options->repair)
		return 0;
	/* What is not there may still be mounted. */
	return there ? quarantine_layer(k, diff_id, err)
		     : layer_store_remove(k->store->layers, diff_id, err);
}

static int repair_form(struct check *k, const struct digest *diff_id, struct hull_error *err)
{
	if (!k->options->repair)
		return 0;
	int r = layer_store_repair(k->store->layers, diff_id, err);
	if (r == 0)
		repaired(k);
	return r;
}

/* Each layer is read once, however many images have it. */
static int check_layer(struct check *k, const struct digest *diff_id, struct hull_error *err)
{
	enum layer_damage damage;
	const char *what;
	char text[DIGEST_TEXT_SIZE], id[13];

	if (is_in(&k->seen, diff_id))
		return 0;
	if (digest_set_add(&k->seen, diff_id) < 0)
		return error_no_memory(err);
	digest_format(diff_id, text);
	k->result->layers++;
	if (!layer_store_has(k->store->layers, diff_id)) {
		tell(k, "layer %s is missing", text);
		return lose_layer(k, diff_id, false, err);
	}
	short_id(diff_id, id);
	progress_event(&k->options->progress, id, "Checking", 0, 0);
	int r = layer_store_verify(
		k->store->layers, diff_id, k->options->canceled, &damage, &what, err);
	if (r < 0 && err->kind == HULL_ERROR_INVALID) {
		/* The digest is right: it was never a layer. */
		tell(k, "layer %s: %s", text, hull_error_message(err));
		hull_error_done(err);
		return lose_layer(k, diff_id, true, err);
	}
	if (r < 0)
		return error_wrap(err, r, "layer %s", text);
	progress_event(&k->options->progress, id, damage ? "Damaged" : "Sound", 0, 0);
	if (damage == LAYER_TAR_DAMAGED) {
		tell(k, "layer %s: %s", text, what);
		return lose_layer(k, diff_id, true, err);
	}
	if (damage == LAYER_FORM_DAMAGED) {
		tell(k, "layer %s: %s is damaged", text, what);
		return repair_form(k, diff_id, err);
	}
	return 0;
}

/* ---- Documents ---- */

/* 1: sound; 0: damaged or missing, which has been told. */
static int check_blob(struct check *k, const struct digest *digest, const char *what,
	const char *whose, size_t max, struct buf *text, struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	struct digest is;

	k->result->documents++;
	int r = blob_read(k->store, digest, max, text, &why);
	if (r < 0) {
		tell(k, "image %s: %s: %s", whose, what, hull_error_message(&why));
		return 0;
	}
	r = digest_of(digest->algorithm, buf_str(text), text->len, &is, err);
	if (r < 0)
		return r;
	if (digest_equal(digest, &is))
		return 1;
	tell(k, "image %s: its %s does not have its digest", whose, what);
	r = k->options->repair ? quarantine_blob(k, digest, err) : 0;
	return r < 0 ? r : 0;
}

static int forget_manifest(struct check *k, const struct image *image, struct hull_error *err)
{
	if (!k->options->repair)
		return 0;
	int r = metadata_exec(k->store->md, err,
		"UPDATE image SET manifest_digest = '', manifest_type = '' WHERE id = ?", "t",
		image->id_text);
	if (r == 0)
		repaired(k);
	return r;
}

static int check_manifest(struct check *k, const struct image *image, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct digest digest;

	if (!image->manifest_digest)
		return 0;
	if (digest_parse(image->manifest_digest, &digest, NULL) < 0) {
		tell(k, "image %s: %s is no digest", image->id_text, image->manifest_digest);
		return forget_manifest(k, image, err);
	}
	int r = check_blob(k, &digest, "manifest", image->id_text, OCI_MANIFEST_MAX, &text, err);
	return r != 0 ? (r < 0 ? r : 0) : forget_manifest(k, image, err);
}

/* ---- Blobs that are kept as they came ---- */

static int hash_blob(
	int fd, const struct digest *wanted, struct digest *ret, struct hull_error *err)
{
	_cleanup_digest_hash_ struct digest_hash *hash = NULL;
	_cleanup_free_ char *chunk = malloc(READ_SIZE);
	int r = chunk ? digest_hash_new(wanted->algorithm, &hash, err) : error_no_memory(err);

	while (r == 0) {
		ssize_t n = read(fd, chunk, READ_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read a blob");
		if (n == 0)
			return digest_hash_finish(hash, ret, err);
		digest_hash_update(hash, chunk, (size_t)n);
	}
	return r;
}

/* Most layers have none. Without it a push packs the layer again, so it may simply go. */
static int check_kept_blob(struct check *k, const struct image *image,
	const struct image_layer *layer, struct hull_error *err)
{
	struct digest digest, is;
	_cleanup_close_ int fd = -1;

	if (!layer->blob_digest || digest_parse(layer->blob_digest, &digest, NULL) < 0)
		return 0;
	int r = kept_blob_open(k->store, &digest, layer->blob_size, &fd, err);
	if (r < 0 || (r == 0 && !blob_exists(k->store, &digest)))
		return r;
	if (r > 0)
		r = hash_blob(fd, &digest, &is, err);
	else
		is = (struct digest){0};
	if (r < 0 || digest_equal(&is, &digest))
		return r < 0 ? r : 0;
	tell(k, "image %s: the kept layer %s does not have its digest", image->id_text,
		layer->blob_digest);
	r = k->options->repair ? quarantine_blob(k, &digest, err) : 0;
	if (r == 0 && k->options->repair)
		repaired(k);
	return r;
}

static int check_kept_blobs(struct check *k, const struct image *image, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->n_layers; i++)
		r = check_kept_blob(k, image, &image->layers[i], err);
	return r;
}

/* ---- Images ---- */

static int lose_image(struct check *k, const struct image *image, struct hull_error *err)
{
	if (!k->options->repair)
		return 0;
	int r = metadata_exec(
		k->store->md, err, "DELETE FROM image WHERE id = ?", "t", image->id_text);
	if (r < 0)
		return r;
	repaired(k);
	k->result->removed++;
	strv_foreach (name, image->repo_tags)
		if (strv_append(&k->result->removed_names, *name) < 0)
			return error_no_memory(err);
	if (!image->repo_tags && strv_append(&k->result->removed_names, image->id_text) < 0)
		return error_no_memory(err);
	return 0;
}

/* The layers that the rows name, and whether the configuration names the same. 0: not sound. */
static int check_layers(struct check *k, struct image *image, struct hull_error *err)
{
	char *const *diff_ids = image->config.rootfs.diff_ids;
	int sound = 1;

	if (strv_length(diff_ids) != image->n_layers) {
		tell(k, "image %s: %zu layers are recorded, its configuration names %zu",
			image->id_text, image->n_layers, strv_length(diff_ids));
		sound = 0;
	}
	for (size_t i = 0; i < image->n_layers; i++) {
		struct digest named;

		int r = check_layer(k, &image->layers[i].diff_id, err);
		if (r < 0)
			return r;
		if (is_in(&k->lost, &image->layers[i].diff_id))
			sound = 0;
		if (sound && (digest_parse(diff_ids[i], &named, NULL) < 0 ||
				     !digest_equal(&named, &image->layers[i].diff_id))) {
			tell(k, "image %s: layer %zu is not the one that its configuration names",
				image->id_text, i);
			sound = 0;
		}
	}
	return sound;
}

static int check_image(struct check *k, struct image *image, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	k->result->images++;
	int r = check_blob(
		k, &image->id, "configuration", image->id_text, OCI_CONFIG_MAX, &text, err);
	if (r > 0 && image_read(k->store, image, &why) < 0) {
		tell(k, "%s", hull_error_message(&why));
		r = 0;
	}
	if (r > 0)
		r = check_layers(k, image, err);
	if (r == 0)
		return lose_image(k, image, err);
	if (r > 0)
		r = check_kept_blobs(k, image, err);
	return r < 0 ? r : check_manifest(k, image, err);
}

static int check_images(struct check *k, struct hull_error *err)
{
	struct image **images = NULL;
	size_t n = 0;
	int r = image_list(k->store, &images, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_image(k, images[i], err);
	image_list_free(images, n);
	return r;
}

/* Layers of containers whose image is gone. */
static int check_container_layers(struct check *k, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(k->store->md, &q, err,
		"SELECT diff_id, container_id FROM container_layer ORDER BY container_id, position",
		"");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		struct digest diff_id;

		r = digest_parse(metadata_text(q, 0), &diff_id, err);
		if (r == 0)
			r = check_layer(k, &diff_id, err);
		if (r == 0 && is_in(&k->lost, &diff_id))
			tell(k, "container %.12s cannot start: it needs layer %s",
				metadata_text(q, 1), metadata_text(q, 0));
	}
	return r;
}

/* ---- The database ---- */

static int check_database(struct check *k, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	_cleanup_metadata_query_ struct metadata_query *keys = NULL;
	int r = metadata_query(k->store->md, &q, err, "PRAGMA integrity_check", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		if (!str_eq(metadata_text(q, 0), "ok"))
			tell(k, "database: %s", metadata_text(q, 0));
		r = 0;
	}
	if (r == 0)
		r = metadata_query(k->store->md, &keys, err, "PRAGMA foreign_key_check", "");
	while (r == 0 && (r = metadata_next(keys, err)) > 0) {
		tell(k, "database: a row of %s belongs to nothing in %s", metadata_text(keys, 0),
			metadata_text(keys, 2));
		r = 0;
	}
	return r;
}

static int check_all(struct check *k, struct hull_error *err)
{
	_cleanup_close_ int hold = -1;
	int r = k->options->repair ? image_hold_alone(k->store, &hold, err) : 0;

	if (r == 0 && k->options->repair)
		return error_set(err, HULL_ERROR_BUSY,
			"cannot repair now: another command works on the store");
	if (r == 0)
		r = image_hold(k->store, &hold, err);
	if (r >= 0)
		r = check_database(k, err);
	if (r == 0)
		r = check_images(k, err);
	if (r == 0)
		r = check_container_layers(k, err);
	return r;
}

int image_store_check(struct image_store *store, const struct image_check_options *options,
	struct image_check_result *ret, struct hull_error *err)
{
	struct check k = {.store = store, .options = options, .result = ret};
	int r = check_all(&k, err);

	digest_set_done(&k.seen);
	digest_set_done(&k.lost);
	/* What no row names any more, and what killed commands left. */
	return r < 0 || !options->repair ? r : image_collect_garbage(store, &ret->freed_bytes, err);
}

void image_check_result_done(struct image_check_result *result)
{
	strv_free(result->removed_names);
	result->removed_names = NULL;
}

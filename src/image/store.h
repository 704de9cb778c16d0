/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of src/image: the store, its documents, its locks and its rows.
 *
 *	<root>/blobs/<algorithm>/<hex>	configs, manifests, indexes
 *	<root>/blobs/lock		held shared by whoever uses or brings in what no row names yet,
 *					exclusively by garbage collection
 *	<root>/blobs/pull-<hex>		lock of one pull of one manifest, removed by its holder
 */
#pragma once

#include "image/image.h"
#include "layer/store.h"
#include "metadata/metadata.h"
#include "registry/reference.h"

struct image_store {
	char *root;
	int blobs_fd; /* <root>/blobs */
	struct metadata *md;
	struct layer_store *layers;
};

/* ---- Documents (store.c) ---- */

/* "sha256/<hex>" below blobs/. */
void blob_path(const struct digest *digest, char path[DIGEST_TEXT_SIZE]);

/* Writes a document under its digest, its bytes on disk before it returns; none if it is there. */
int blob_write(struct image_store *store, const struct digest *digest, const void *data, size_t n,
	struct hull_error *err);

/*
 * What was written or kept is on disk by its name, too: before a row says that it is there. A journal
 * that keeps all changes in one order needs no help, file systems that log each file by itself do.
 */
int blob_names_sync(struct image_store *store, struct hull_error *err);

/*
 * Reads a document, which was verified when it came. HULL_ERROR_NOT_FOUND if it is not there. The
 * start of a container does this, so nothing is hashed here: loading libcrypto alone takes as long
 * as a third of a start.
 */
int blob_read(struct image_store *store, const struct digest *digest, size_t max, struct buf *ret,
	struct hull_error *err);

/*
 * For who skips a download because of what it finds: 1 if the document is there and sound, 0 if
 * not; a damaged one is removed.
 */
int blob_read_verified(struct image_store *store, const struct digest *digest, size_t max,
	struct buf *ret, struct hull_error *err);

bool blob_exists(struct image_store *store, const struct digest *digest);

/* ---- Locks (store.c) ---- */

/* 1: nobody else works on the store, *ret_fd holds it so; 0: somebody does. */
int image_hold_alone(struct image_store *store, int *ret_fd, struct hull_error *err);

/* Waits until no other process pulls that manifest; *ret_fd is given to pull_unlock(). */
int pull_lock(struct image_store *store, const struct digest *digest,
	const struct http_cancel *cancel, int *ret_fd, struct hull_error *err);
void pull_unlock(struct image_store *store, const struct digest *digest, int fd);

/* ---- Rows (record.c) ---- */

/* Everything that makes an image, with its documents and layers in place. */
struct image_record {
	struct digest id;
	const struct oci_image *config;
	const char *config_media_type;
	const char *manifest_digest; /* NULL: none */
	const char *manifest_media_type;
	const char *parent;		  /* id, or NULL */
	const struct image_layer *layers; /* lowest first */
	size_t n_layers;
	char *const *names; /* full names to give to it, NULL-terminated; taken ones move */
};

/*
 * One transaction. An image that is there already gets the names (and keeps its layers). A layer's
 * blob digest is written down only if blob_proven says that it was looked at, or an earlier record.
 */
int image_record_insert(
	struct image_store *store, const struct image_record *record, struct hull_error *err);

/* As image_remove() without collecting what is left over (remove.c). */
int image_remove_rows(struct image_store *store, const char *text,
	const struct image_remove_options *options, struct image_removed *ret,
	struct hull_error *err);

/* 1 and the id of the image with that full name; 0: no such name. */
int image_name_find(
	struct image_store *store, const char *name, struct digest *ret, struct hull_error *err);

/* 1 if the image is there, with all its layers in the layer store; else 0. */
int image_is_complete(struct image_store *store, const struct digest *id, struct hull_error *err);

/* ---- Messages ---- */

void progress_event(const struct image_progress *progress, const char *id, const char *status,
	int64_t current, int64_t total);
void progress_eventf(const struct image_progress *progress, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Twelve hex digits of a digest. */
void short_id(const struct digest *digest, char text[13]);

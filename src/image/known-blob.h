/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of src/image: in which forms a layer is known, and where. A layer is one diff id, but as
 * many blobs as there are ways to pack it; the store keeps the tar alone. So it is written down
 * which blobs a layer came as or went as, and in which repositories they are: a push asks for
 * those first. With image_pull_options.keep_blobs the bytes of a blob are kept, too, beside the
 * documents under its digest.
 */
#pragma once

#include "image/store.h"

/*
 * SQL: true if a layer is known to be what a blob unpacks to. A manifest may claim that of any blob;
 * if the layer is here already, nobody looks. Such a claim must not outlive its image: a push of
 * another image would name the blob as that layer's, an archive with the blob would be taken for
 * known.
 */
#define BLOB_IS_PROVEN(diff_id, digest)                                                           \
	"(" diff_id " = " digest " OR EXISTS (SELECT 1 FROM image_layer WHERE diff_id = " diff_id \
	" AND blob_digest = " digest ") OR EXISTS (SELECT 1 FROM layer_blob WHERE"                \
	" diff_id = " diff_id " AND digest = " digest "))"

struct known_blob {
	char *digest;
	int64_t size;
	char *media_type;
	char *repository; /* "docker.io/library/busybox" */
};

/* Writes down that these layers (those with a blob that is proven) are blobs of a repository. */
int known_blobs_insert(struct image_store *store, const char *repository,
	const struct image_layer *layers, size_t n, struct hull_error *err);

/* All blobs that a layer is known as, the latest first; in the arena. */
int known_blobs_find(struct image_store *store, struct arena *arena, const struct digest *diff_id,
	struct known_blob **ret, size_t *ret_n, struct hull_error *err);

/* A blob that is being kept: nothing is visible before kept_blob_finish(). */
struct kept_blob {
	struct image_store *store;
	int fd; /* -1: nothing is to be kept, and all functions do nothing */
	char *name;
};

#define KEPT_BLOB_INIT   \
	{                \
		.fd = -1 \
	}

int kept_blob_begin(struct image_store *store, struct kept_blob *blob, struct hull_error *err);
int kept_blob_write(struct kept_blob *blob, const void *p, size_t n, struct hull_error *err);
/* The caller knows that the bytes have this digest. */
int kept_blob_finish(struct kept_blob *blob, const struct digest *digest, struct hull_error *err);
void kept_blob_done(struct kept_blob *blob);

/* Opens a blob that is kept: 1, or 0 if it is not, or not of that size. */
int kept_blob_open(struct image_store *store, const struct digest *digest, int64_t size,
	int *ret_fd, struct hull_error *err);

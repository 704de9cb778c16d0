/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of images, read in one pass from a file or a pipe, compressed or not. What is inside is
 * only known at its end (manifest.json, index.json), so everything is sorted by what it looks like
 * as it comes: small JSON documents are kept in memory; all else may be a layer. From a plain file
 * a layer's place is noted and its bytes are read when it is known to be needed. From a stream it is
 * taken into the layer store right away, under the digests that it turns out to have; what the
 * documents then do not ask for is collected later. Nothing is ever spooled.
 */
#pragma once

#include "image/store.h"

struct archive;

int archive_read(struct image_store *store, int fd, const char *what,
	const struct image_load_options *options, struct archive **ret, struct hull_error *err);
struct archive *archive_free(struct archive *archive); /* returns NULL */

DEFINE_CLEANUP(struct archive *, archive_freep, archive_free)
#define _cleanup_archive_ _cleanup_(archive_freep)

/* A document by its path, links followed; NULL if there is none. Owned by the archive. */
const char *archive_document(const struct archive *archive, const char *path, size_t *ret_len);

/* True if there is a member of that name, be it a document or not. */
bool archive_has(const struct archive *archive, const char *path);

/* "blobs/sha256/<hex>". */
void archive_blob_path(const struct digest *digest, char path[DIGEST_TEXT_SIZE + 6]);

/*
 * Sees to it that the layer store has the layer `diff_id`, whose bytes are at `path`, once
 * archive_publish_layers() has been called. blob, if not
 * NULL, is the digest that those bytes must have; *ret_proven tells whether they were read and are
 * that layer, or it was here already and nobody knows.
 */
int archive_need_layer(struct archive *archive, const char *path, const struct digest *blob,
	const struct digest *diff_id, bool *ret_proven, struct hull_error *err);
int archive_publish_layers(struct archive *archive, struct hull_error *err);

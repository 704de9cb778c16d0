/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of src/image: the bytes of a layer on their way to a registry, as a registry_source.
 * Either a file that is there (a raw tar, a kept blob), or a tar that is being compressed into a
 * nameless file while the upload already reads from it; so a broken upload goes on anywhere, and
 * nothing of a layer's size is in memory.
 */
#pragma once

#include "image/store.h"
#include "layer/compress.h"
#include "registry/registry.h"

struct packed;

struct packed_options {
	enum compress_form form; /* COMPRESS_NONE: the file goes as it is */
	int level;
	const struct http_cancel *cancel;
	void (*progress)(void *data, int64_t offset); /* of the upload */
	void *progress_data;
};

/* `fd` is what to send or to compress; it stays the caller's and is open until packed_free(). */
int packed_new(struct image_store *store, int fd, const struct packed_options *options,
	struct packed **ret, struct hull_error *err);
struct packed *packed_free(struct packed *packed); /* ends the work; NULL allowed; returns NULL */

DEFINE_CLEANUP(struct packed *, packed_freep, packed_free)
#define _cleanup_packed_ _cleanup_(packed_freep)

/* What to give to registry_put_blob(). */
struct registry_source packed_source(struct packed *packed);

/* After all was read: digest and size of the bytes. */
int packed_result(struct packed *packed, struct digest *ret_digest, int64_t *ret_size,
	struct hull_error *err);

/* Bytes of the tar that are packed so far, and of all of it. */
int64_t packed_taken(struct packed *packed, int64_t *ret_total);

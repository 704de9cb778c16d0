/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/image: images on their way into an archive, and the documents that list them. */
#pragma once

#include "image/archive.h"
#include "image/store.h"
#include "layer/tar-write.h"

#define ARCHIVE_PATH_SIZE (DIGEST_TEXT_SIZE + 6)

/* A layer in the archive. */
struct saved_layer {
	struct digest diff_id;
	struct digest blob;
	uint64_t size;
};

struct saved_image {
	struct image *image;
	char **names; /* full, the ones to be saved with it */
	struct saved_layer *layers;
	struct digest manifest;
	size_t manifest_size;
	bool kept; /* with its own manifest */
};

struct save {
	struct image_store *store;
	const struct image_save_options *options;
	int fd;
	struct tar_file file; /* an archive goes through it */
	struct tar_sink sink;
	struct saved_image *images;
	size_t n_images;
	struct saved_layer *layers; /* written so far */
	size_t n_layers;
	struct digest *written; /* blobs */
	size_t n_written;
	unsigned int directories; /* bits of algorithms whose directory was made */
};

/* Adds what a word of the command line stands for. */
int save_find(struct save *s, const char *text, struct hull_error *err);

/* index.json, manifest.json and repositories; the last is empty if no image has a tag. */
int save_format_index(const struct save *s, struct buf *text, struct hull_error *err);
int save_format_docker(const struct save *s, struct buf *text, struct hull_error *err);
int save_format_repositories(const struct save *s, struct buf *text, struct hull_error *err);

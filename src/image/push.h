/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/image: a push on its way. */
#pragma once

#include "image/connect.h"
#include "image/known-blob.h"
#include "image/packed.h"

#include <pthread.h>
#include <stdatomic.h>

/* One layer of an image that is pushed. */
struct push_layer {
	struct digest diff_id;
	char id[13];   /* as progress shows it */
	bool repeated; /* the same as one before it, which is pushed for both */
	size_t first;  /* that one */
	/* As the image's manifest has it; blob.digest is NULL if the layer was made here. */
	struct known_blob original;
	bool foreign;
	struct known_blob *known; /* forms in which it is known elsewhere */
	size_t n_known;
	/* Result: what the registry has now, and whether that is not the original. */
	struct known_blob blob;
	bool changed;
	bool packed; /* blob was made of the layer now */
};

struct push {
	struct image_store *store;
	const struct image_push_options *options;
	struct reference ref;
	char *repository; /* "docker.io/library/busybox" */
	struct registry *registry;
	struct http_cancel cancel; /* the user's */
	bool form_given;
	enum compress_form form;
	struct arena arena;
	int hold_fd;

	/* The layers of the image that is being pushed. */
	struct push_layer *layers;
	size_t n_layers;
	pthread_mutex_t lock; /* of what follows, and around progress */
	size_t next;
	atomic_int failed;
	struct hull_error error;
};

/* A manifest or index that the registry has, or is to have. */
struct push_document {
	struct buf body;
	char *media_type; /* in the push's arena */
	struct digest digest;
	bool changed; /* not the one that the image came with */
};

/* True once a layer failed or the user gave up; usable as http_cancel. */
bool push_canceled(void *push);

void push_tell(struct push *p, const char *id, const char *status, int64_t current, int64_t total);

/* Gets all layers of p->layers into the registry. */
int push_layers(struct push *p, struct hull_error *err);

/* A blob in memory: a config. */
int push_small_blob(struct push *p, const struct digest *digest, const void *data, size_t n,
	struct hull_error *err);

/* Everything of one image but its manifest, which is made or found in *ret. */
int push_image_content(struct push *p, const struct image *image, struct push_document *ret,
	struct hull_error *err);

/*
 * The whole index that an image was pulled from, with all that it names. 1: done, *ret is it;
 * 0: there is none, or not everything it names is here or there (*ret_incomplete).
 */
int push_index(struct push *p, const struct image *image, struct push_document *ret,
	bool *ret_incomplete, struct hull_error *err);

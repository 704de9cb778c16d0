/* SPDX-License-Identifier: Apache-2.0 */
/* Layers from a registry into the layer store, several at once. */
#pragma once

#include "image/store.h"
#include "registry/registry.h"

#include <pthread.h>
#include <stdatomic.h>

/* One layer of an image; what is in the store already is only looked at. */
struct layer_job {
	const struct oci_descriptor *descriptor;
	struct digest blob;
	struct digest diff_id;
	char id[13]; /* as progress shows it */
	bool needed;
	bool keep;	      /* the bytes as they come, too: they are not the tar's */
	int64_t content_size; /* result */
};

struct layer_fetch {
	struct image_store *store;
	struct registry *registry;
	const struct image_progress *progress;
	const struct http_cancel *cancel;
	struct layer_job *jobs;
	size_t n_jobs;
	unsigned int max_threads;

	/* Inside. */
	struct layer_batch *batch;
	pthread_mutex_t lock; /* of everything below, and around progress */
	size_t next;
	atomic_int failed;
	struct hull_error error; /* the first one */
};

/*
 * Brings in all jobs that are needed. The first failure ends the others; layers that were complete
 * by then are in the store nevertheless. Answers `cancel`, which the registry's own cancellation should be too.
 */
int layer_fetch_run(struct layer_fetch *fetch, struct hull_error *err);

/* True once a job failed or the user gave up; usable as http_cancel. */
bool layer_fetch_canceled(void *fetch);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One root of the engine: where its data and its run-time state are, and the stores on it, each
 * opened at first use, so that a command pays only for what it touches.
 *
 *	<root>      /var/lib/hull: hull.db, blobs/, layers/, containers/<id>/ (upper, work, log)
 *	<run_root>  /run/hull or /run/hull-roots/<hash of root>: layers/ (mounts), containers/<id>/
 *	            (lock, monitor socket, config.json, hosts, ...); gone after a reboot
 *
 * Roots are independent of each other. Any number of processes work on one root at once. A struct
 * engine belongs to one thread.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct metadata;
struct layer_store;
struct image_store;
struct network_host;

struct engine_options {
	const char *root;	  /* NULL = /var/lib/hull */
	const char *run_root;	  /* NULL = by root, as above */
	const char *layer_store;  /* "erofs", "dir", "auto"; NULL = auto */
	uint64_t max_layer_ratio; /* as layer_store_options.max_ratio */
	const char *program; /* path of the hull that settles; its helpers are looked for nearby */
};

int engine_open(const struct engine_options *options, struct engine **ret, struct hull_error *err);
void engine_close(struct engine *engine);

DEFINE_CLEANUP(struct engine *, engine_closep, engine_close)
#define _cleanup_engine_ _cleanup_(engine_closep)

const char *engine_root(const struct engine *engine);
const char *engine_run_root(const struct engine *engine);

/* The options as command-line words that make another hull process work on the same root. */
const struct engine_options *engine_get_options(const struct engine *engine);

int engine_metadata(struct engine *engine, struct metadata **ret, struct hull_error *err);
int engine_layers(struct engine *engine, struct layer_store **ret, struct hull_error *err);
int engine_images(struct engine *engine, struct image_store **ret, struct hull_error *err);
int engine_networks(struct engine *engine, struct network_host **ret, struct hull_error *err);

/* The directory of compiled seccomp filters, opened at first use; -1 if it cannot be had, which
 * only costs time. Owned by the engine. */
int engine_seccomp_cache(struct engine *engine);

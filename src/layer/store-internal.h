/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of the layer store: the store, ingest, forms, mounts, stacks. */
#pragma once

#include "layer/staging.h"
#include "layer/store.h"
#include "layer/tree.h"

#define LAYER_TAR   "layer.tar"
#define LAYER_EROFS "layer.erofs"
#define LAYER_TREE  "tree"
#define LAYER_INFO  "info"
#define LAYER_STACK "stack"

/* "sha256/<hex>": of a layer or chain below its directory. */
#define LAYER_PATH_SIZE (8 + DIGEST_HEX_SIZE)

struct layer_store {
	enum layer_store_kind kind;
	bool discard_tar;
	uint64_t max_ratio;
	int layers_fd; /* ROOT/layers */
	int chains_fd; /* ROOT/chains */
	int ingest_fd; /* ROOT/ingest */
	int run_fd;    /* RUN/layers: mount points and their locks */
	char *root;    /* paths, for mount(2)'s sake */
	char *run;     /* of run_fd */
};

const char *layer_path(const struct digest *digest, char path[LAYER_PATH_SIZE]);

/* Opens ROOT/layers/<diff id>; HULL_ERROR_NOT_FOUND if the layer is not there. */
int layer_open_dir(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err);

/* The name of the form that this store mounts layers from. */
const char *layer_form_name(const struct layer_store *store);

/* ---- Forms (form.c) ---- */

/*
 * Makes this store's form of a layer, and its info and stack files, in the directory dir_fd from a
 * finished tree. Nothing is synced.
 */
int layer_form_write(struct layer_store *store, int dir_fd, struct tree *tree, int tar_fd,
	uint64_t tar_bytes, const struct digest *diff_id, struct hull_error *err);

/* Syncs the files of a layer, its tar among them, all of which are written; the directory it does not. */
int layer_form_sync(struct layer_store *store, int dir_fd, struct hull_error *err);

/* Reads a tar in the store into a new tree and finishes it; contents are seeked over. */
int layer_read_tree(int tar_fd, struct tree *tree, struct hull_error *err);

/* Makes the form of a layer that is in the store if it was made by a store of the other kind. */
int layer_form_ensure(struct layer_store *store, int layer_fd, const struct digest *diff_id,
	struct hull_error *err);

/* ---- From staging to the store (publish.c) ---- */

/* Syncs a layer that is written, and makes it visible. 1: it was there already. */
int layer_publish(struct layer_store *store, struct staging *staging, const struct digest *diff_id,
	struct hull_error *err);

/* Takes the staging directory. A batch that is full is published first. */
int layer_batch_add(struct layer_batch *batch, struct staging *staging,
	const struct digest *diff_id, struct hull_error *err);

/* ---- What stacking needs (stack-file.c) ---- */

/*
 * Some layers say less than their directory tree shows: implied directories take the attributes
 * of the layers below, and an opaque root hides all of these. The file "stack" of such a layer
 * says so; most layers have none.
 */
struct layer_stack_file {
	bool opaque_root;
	bool root_described; /* by a member of the tar */
	bool root_differs;   /* and not as the plain 0755 of root's */
	char **implied;	     /* paths, parents first; NULL if none */
};

void layer_stack_file_done(struct layer_stack_file *file);
int layer_stack_file_write(int dir_fd, struct tree *tree, struct hull_error *err);

/* 1 if the layer has such a file, 0 if it needs none. */
int layer_stack_file_read(int layer_fd, struct layer_stack_file *ret, struct hull_error *err);

/* ---- Mounts (mount.c) ---- */

/* True if the kernel can mount EROFS from a file and we may; tried once per call. */
bool layer_mount_erofs_works(struct layer_store *store);

/* Unmounts the shared mount of a layer; success if there is none. */
int layer_unmount(struct layer_store *store, const struct digest *diff_id, struct hull_error *err);

/* ---- Chains (chain.c) ---- */

/*
 * Opens the directory that goes on top of these layers, lowest first, to give implied directories
 * their attributes; made at first use. *ret_fd is -1 if the layers need none. Sorts the files' paths.
 */
int layer_chain_open(struct layer_store *store, const struct digest *diff_ids, const int *layer_fds,
	struct layer_stack_file *files, size_t n, int *ret_fd, struct hull_error *err);

/* The layer whose root directory is the one to show, -1 if no layer describes it. */
int layer_chain_root(const struct layer_stack_file *files, size_t n);

/* Copies owner, mode, times and attributes but overlayfs's own from one directory to another. */
int layer_copy_attributes(int from, int to);

/* Removes what was made for chains that contain the layer. */
int layer_chain_forget(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err);

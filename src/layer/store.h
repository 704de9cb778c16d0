/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer store: image layers by diff id, and root file systems stacked from them.
 *
 * On disk, below the store's root:
 *   layers/<algorithm>/<hex of diff id>/layer.tar    the raw tar, bit for bit
 *                                      /layer.erofs  EROFS metadata over it, written by us
 *                                      /tree/        or: the layer unpacked
 *                                      /stack        only if stacking needs more than the layer
 *   chains/<algorithm>/<hex>/                        what stacking needed, per chain of layers
 *   ingest/<random>/                                 layers on their way in, one lock each
 * and below the run directory, which is empty after a reboot:
 *   layers/<algorithm>/<hex>                         where a layer is mounted, once per host
 *
 * A layer appears under layers/ by one rename, after its digests were verified and its bytes
 * reached the disk. Any number of processes may use one store at once; one killed at any moment
 * leaves at most a directory under ingest/, which a later ingest removes.
 *
 * The two kinds of store differ only in the form a layer is mounted from. EROFS needs file-backed
 * mounts (Linux 6.12) and initial-namespace root; the directory store works everywhere. Both keep
 * layer.tar, so that saving and pushing a layer is exact; a directory store may be told not to.
 */
#pragma once

#include "base/error.h"
#include "oci/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum layer_store_kind {
	LAYER_STORE_AUTO, /* erofs where the kernel can, else dir */
	LAYER_STORE_EROFS,
	LAYER_STORE_DIR,
};

/* "auto", "erofs", "dir". */
const char *layer_store_kind_name(enum layer_store_kind kind);
int layer_store_kind_parse(const char *text, enum layer_store_kind *ret, struct hull_error *err);

struct layer_store;

struct layer_store_options {
	enum layer_store_kind kind;
	bool discard_tar; /* directory store only: do not keep layer.tar; such layers cannot be saved */
	uint64_t max_ratio; /* see layer_store_check_ratio(); 0 = 250, UINT64_MAX = any */
};

/*
 * Opens, and makes if need be, the store at directory `root` with its run directory `run`. NULL
 * options are defaults. HULL_ERROR_UNSUPPORTED if the kind asked for cannot work here.
 */
int layer_store_open(const char *root, const char *run, const struct layer_store_options *options,
	struct layer_store **ret, struct hull_error *err);
struct layer_store *layer_store_close(struct layer_store *store); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct layer_store *, layer_store_closep, layer_store_close)
#define _cleanup_layer_store_ _cleanup_(layer_store_closep)

/* What the store settled on: never LAYER_STORE_AUTO. */
enum layer_store_kind layer_store_get_kind(const struct layer_store *store);

/*
 * HULL_ERROR_LIMIT if that much came out of so little that it must be a bomb: more than the store's
 * max_ratio times the packed bytes, once 4 GiB are unpacked. Real layers shrink to a half or a
 * tenth; a file system of zeros does not, and fills a disk from a file of some kilobytes.
 */
int layer_store_check_ratio(const struct layer_store *store, uint64_t packed, uint64_t unpacked,
	struct hull_error *err);

/* ---- What is there ---- */

/* True if the layer is complete in the store. One system call. */
bool layer_store_has(struct layer_store *store, const struct digest *diff_id);

struct layer_info {
	uint64_t tar_bytes;	/* size of the raw tar, 0 if it was discarded */
	uint64_t content_bytes; /* sum of the sizes of its files: what docker calls the size */
	uint64_t disk_bytes;	/* allocated on disk, all forms together */
	uint64_t entries;	/* names in the layer */
};

/* HULL_ERROR_NOT_FOUND if the layer is not there. disk_bytes walks an unpacked layer. */
int layer_store_info(struct layer_store *store, const struct digest *diff_id,
	struct layer_info *ret, struct hull_error *err);

/* Calls func for each layer; a non-zero result ends the walk and becomes the result. */
int layer_store_list(struct layer_store *store,
	int (*func)(const struct digest *diff_id, void *arg), void *arg, struct hull_error *err);

/*
 * Removes a layer: unmounts its shared mount and deletes its files. That nothing uses it any more
 * is the caller's knowledge; mounted stacks keep their own hold on an EROFS layer, not on an
 * unpacked one. A missing layer is success.
 */
int layer_store_remove(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err);

/* What layer_store_verify() found, the worst of it. */
enum layer_damage {
	LAYER_SOUND,
	LAYER_FORM_DAMAGED, /* what we made from the tar is not as it should be: can be made anew */
	LAYER_TAR_DAMAGED,  /* the tar is not the layer's: nothing can be made from it */
};

/*
 * Checks a layer against its diff id: reads all of it, and compares what was made from the tar with
 * what would be made now (of an unpacked layer, only that it is there). *ret_what says what is wrong, "" if
 * nothing is. A layer whose tar was not kept cannot be checked and passes. canceled may be NULL.
 */
int layer_store_verify(struct layer_store *store, const struct digest *diff_id,
	const volatile int *canceled, enum layer_damage *ret, const char **ret_what,
	struct hull_error *err);

/* Makes anew what was made from the tar. Stacks that are mounted keep the old. */
int layer_store_repair(
	struct layer_store *store, const struct digest *diff_id, struct hull_error *err);

/* Moves a layer to dirfd/name, out of the store. */
int layer_store_take_out(struct layer_store *store, const struct digest *diff_id, int dirfd,
	const char *name, struct hull_error *err);

/*
 * Layers that go together. layer_trash_add() does what layer_store_remove() does except for the
 * deleting: the layer is moved out of sight. layer_trash_empty() deletes, at once or, if that would take long
 * and background is set, in a process of its own that outlives the caller: with the lowest priority,
 * no descriptors of the caller's, and if it dies the next ingest or clean-up deletes the rest. Without
 * layer_trash_empty() the layers are deleted when the trash is freed.
 */
struct layer_trash;
int layer_trash_new(struct layer_store *store, struct layer_trash **ret, struct hull_error *err);
int layer_trash_add(
	struct layer_trash *trash, const struct digest *diff_id, struct hull_error *err);
void layer_trash_empty(struct layer_trash *trash, bool background);
struct layer_trash *layer_trash_free(struct layer_trash *trash); /* NULL allowed; returns NULL */

/* What the layers that were added occupied on the disk. */
uint64_t layer_trash_bytes(const struct layer_trash *trash);

DEFINE_CLEANUP(struct layer_trash *, layer_trash_freep, layer_trash_free)
#define _cleanup_layer_trash_ _cleanup_(layer_trash_freep)

/* Opens the raw tar, read only; HULL_ERROR_NOT_FOUND if the layer or its tar is not there. */
int layer_open_tar(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err);

/* Removes what killed processes left under ingest/. Done by every layer_ingest_begin() too. */
int layer_store_clean(struct layer_store *store, struct hull_error *err);

/* ---- Bringing a layer in ---- */

/* Caps on what a layer may cost; 0 is the default given here. */
struct layer_limits {
	uint64_t tar_bytes; /* uncompressed size, 256 GiB; free disk space bounds what is written */
	uint64_t entries;   /* members of the tar, 2,000,000 */
};

/*
 * Layers that come in together. What is small waits in the batch, whole but not visible, until
 * layer_batch_publish() syncs all of it at once and makes it visible; larger layers do not wait. What
 * was not published goes with layer_batch_free(). Threads may share a batch.
 */
struct layer_batch;
int layer_batch_new(struct layer_store *store, struct layer_batch **ret, struct hull_error *err);
int layer_batch_publish(struct layer_batch *batch, struct hull_error *err);
struct layer_batch *layer_batch_free(struct layer_batch *batch); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct layer_batch *, layer_batch_freep, layer_batch_free)
#define _cleanup_layer_batch_ _cleanup_(layer_batch_freep)

struct layer_ingest_options {
	const struct digest *blob_digest; /* of the bytes as written, NULL: not checked */
	const struct digest *diff_id;	  /* of the uncompressed bytes, NULL: not checked */
	uint64_t blob_size;		  /* number of bytes as written, 0: not checked */
	struct layer_limits limits;
	struct layer_batch *batch; /* NULL: visible when layer_ingest_finish() has returned */
	/* Called by layer_ingest_write() now and then, with bytes taken and bytes unpacked. */
	void (*progress)(void *arg, uint64_t blob_bytes, uint64_t tar_bytes);
	void *progress_arg;
};

struct layer_ingest_result {
	struct digest diff_id;
	struct digest blob_digest; /* in the algorithm of options.blob_digest, else sha256 */
	uint64_t blob_bytes;
	uint64_t tar_bytes;
	uint64_t content_bytes;
	uint64_t entries;
	bool existed; /* the layer was there, or (without a batch) another process was faster */
};

struct layer_ingest;

/*
 * Begins to take in a layer: a plain, gzip or zstd tar, told apart by its first bytes. The bytes
 * come by layer_ingest_write() in any portions and in order, for as long as it takes; who has to
 * resume a download just goes on writing. Decompression, hashing and writing run in threads of the
 * ingest meanwhile, with a few MB of memory whatever the layer's size. Not thread-safe: one
 * ingest belongs to one thread at a time, different ones may run at once.
 *
 * A failure found in one of the threads is reported by the next write or by finish. After a
 * failure only layer_ingest_abort() may follow. Nothing is visible to others before
 * layer_ingest_finish() succeeds, which verifies sizes, both digests and the end of the tar first.
 * finish and abort both end the ingest, whatever finish returns.
 */
int layer_ingest_begin(struct layer_store *store, const struct layer_ingest_options *options,
	struct layer_ingest **ret, struct hull_error *err);
int layer_ingest_write(
	struct layer_ingest *ingest, const void *data, size_t n, struct hull_error *err);
int layer_ingest_finish(
	struct layer_ingest *ingest, struct layer_ingest_result *ret, struct hull_error *err);
struct layer_ingest *layer_ingest_abort(struct layer_ingest *ingest); /* NULL allowed */

DEFINE_CLEANUP(struct layer_ingest *, layer_ingest_abortp, layer_ingest_abort)
#define _cleanup_layer_ingest_ _cleanup_(layer_ingest_abortp)

/* All of it from a file. */
int layer_ingest_fd(struct layer_store *store, int fd, const struct layer_ingest_options *options,
	struct layer_ingest_result *ret, struct hull_error *err);

/* ---- Using layers ---- */

/*
 * Mounts the layer at its place in the run directory unless it is there, and opens it: a read-only
 * directory fd, good as an overlay layer. An unpacked layer is opened without a mount.
 */
int layer_mount(struct layer_store *store, const struct digest *diff_id, int *ret_fd,
	struct hull_error *err);

/*
 * Unmounts the shared mounts of layers for which in_use returns false. Stacks that are mounted
 * keep working without it, but a later mount of the same layer would have its own page cache.
 */
int layer_release_unused(struct layer_store *store,
	bool (*in_use)(const struct digest *diff_id, void *arg), void *arg, struct hull_error *err);

enum layer_stack_flags {
	LAYER_STACK_VOLATILE =
		1 << 0, /* never sync the upper directory; it is lost if the host crashes */
	LAYER_STACK_USERXATTR =
		1 << 1, /* overlay attributes in user.*, for mounts in user namespaces */
	/* Below the layers, empty: what a container has mounts on whatever its image is. Each of them
	 * that an image lacks would be made, and removed again, in every container's upper directory. */
	LAYER_STACK_MOUNT_POINTS = 1 << 2,
};

/*
 * Makes a root file system of n layers, lowest first, as a detached mount: nothing shows in the
 * host's mount table and closing the fd unmounts it, unless it was moved somewhere. With upper and
 * work (directory fds of one file system) it is writable, with -1 for both read-only; with -1 for work
 * alone it shows what is in upper, but is read-only. n may be 0.
 */
int layer_stack_mount(struct layer_store *store, const struct digest *diff_ids, size_t n, int upper,
	int work, unsigned int flags, int *ret_mount_fd, struct hull_error *err);

/*
 * Gives a new, empty upper directory the attributes of the root directory of the layers, which it
 * will hide. Once, before its first layer_stack_mount().
 */
int layer_stack_prepare_upper(struct layer_store *store, const struct digest *diff_ids, size_t n,
	int upper, struct hull_error *err);

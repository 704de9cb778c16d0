/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of one root: what docker calls the image store.
 *
 * An image is a config document; its sha256 is the image's id. The layers it names belong to
 * src/layer, found by diff id. The documents (config, manifest, index) are kept bit for bit as files
 * blobs/<algorithm>/<hex>; which images there are, what they are called and which layers they
 * use is in the database. An image is visible when its row is there, and its row is written last.
 *
 * Every function may be called by any number of processes at once. A struct image_store belongs
 * to one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "json/json.h"
#include "layer/compress.h"
#include "oci/digest.h"
#include "oci/image_spec.h"
#include "registry/auth.h"
#include "registry/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_store;
struct layer_store;
struct metadata;

/*
 * Opens the images of a root. The database and the layer store are the caller's and outlive it.
 * `root` is the data root ("/var/lib/hull").
 */
int image_store_open(const char *root, struct metadata *metadata, struct layer_store *layers,
	struct image_store **ret, struct hull_error *err);
struct image_store *image_store_close(struct image_store *store); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct image_store *, image_store_closep, image_store_close)
#define _cleanup_image_store_ _cleanup_(image_store_closep)

struct image_layer {
	struct digest diff_id;
	char *blob_digest; /* of the blob that is this layer; NULL: none is known */
	int64_t blob_size;
	char *media_type;
	int64_t content_size; /* bytes of its files */
	bool blob_proven;     /* of a layer to be written down: see image_record_insert() */
};

/* One image as the store knows it. All strings live in its arena. */
struct image {
	struct arena arena;
	struct digest id;
	char id_text[DIGEST_TEXT_SIZE]; /* "sha256:..." */
	char **repo_tags;		/* "busybox:latest", as Docker shows them */
	char **repo_digests;		/* "busybox@sha256:..." */
	char *os, *architecture, *variant;
	int64_t size;	       /* bytes of its layers' files */
	int64_t created_ns;    /* from the config, 0 if it says nothing */
	int64_t tagged_ns;     /* last time a name was given to it, 0 = never */
	char *parent;	       /* id of the image it was made from here (commit, build), or NULL */
	char *manifest_digest; /* "sha256:..." of the manifest kept for it; NULL: none (import) */
	char *manifest_media_type;

	/* What follows image_list() leaves out; image_read() adds it. */
	struct oci_image config;
	char *config_text; /* the exact document; NULL: not read */
	size_t config_len;
	struct digest *diff_ids; /* lowest layer first */
	struct image_layer *layers;
	size_t n_layers;
};

struct image *image_free(struct image *image); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct image *, image_freep, image_free)
#define _cleanup_image_ _cleanup_(image_freep)

/*
 * Finds an image by name ("busybox", "busybox:1.36", "host:5000/a/b@sha256:..."), by id
 * ("sha256:<hex>") or by a unique prefix of an id. HULL_ERROR_NOT_FOUND "No such image: X";
 * HULL_ERROR_INVALID if X is malformed or the prefix ambiguous. *ret_name, if not NULL, gets the
 * familiar name that matched (heap), NULL if it was an id.
 */
int image_resolve(struct image_store *store, const char *text, struct image **ret, char **ret_name,
	struct hull_error *err);

/* By exact id. HULL_ERROR_NOT_FOUND if it is not there. */
int image_get(struct image_store *store, const struct digest *id, struct image **ret,
	struct hull_error *err);

/* Reads config and layers of an image that image_list() gave; does nothing for one that has them. */
int image_read(struct image_store *store, struct image *image, struct hull_error *err);

/* All images, newest first, without config and layers; freed by image_list_free(). */
int image_list(
	struct image_store *store, struct image ***ret, size_t *ret_count, struct hull_error *err);
void image_list_free(struct image **images, size_t count);

/*
 * Progress. Calls come from any thread, one at a time. `id` is the short layer id ("a1b2c3d4e5f6"), the tag
 * ("latest") or NULL; `status` is Docker's text; total is 0 while unknown. A step that does not
 * count (most) has current and total 0.
 */
struct image_progress_event {
	const char *id;
	const char *status;
	int64_t current;
	int64_t total;
};

struct image_progress {
	void (*event)(void *data, const struct image_progress_event *event);
	void *data;
};

/*
 * While the fd is open no layer or document is collected, whether anything refers to it or not.
 * Held by whoever found an image and has not yet recorded that a container needs its layers.
 */
int image_hold(struct image_store *store, int *ret_fd, struct hull_error *err);

/* Where and how to reach registries, see registry/endpoint.h. */
struct image_registry_options {
	struct endpoint_settings settings;
	struct auth_options auth;
	unsigned int stall_seconds; /* a connection that moves nothing is given up; 0 = 60 */
};

/*
 * Ends a long operation: it looks at *canceled (any thread, or a signal handler, may set it) and
 * returns HULL_ERROR_CANCELED with nothing half-visible left. NULL: cannot be ended.
 */
struct image_pull_options {
	const char *platform; /* "os/arch[/variant]", NULL = this machine's */
	struct image_registry_options registry;
	struct image_progress progress;
	const volatile int *canceled;
	unsigned int max_downloads; /* layers at once, 0 = 3 */
	bool keep_blobs; /* keep layers as they came, too, for a push that is the same to the bit */
};

struct image_pull_result {
	struct digest id;
	char digest[DIGEST_TEXT_SIZE]; /* of the document the reference named (index or manifest) */
	char *name;		       /* "docker.io/library/busybox:latest"; heap */
	bool up_to_date;	       /* nothing was new */
};

void image_pull_result_done(struct image_pull_result *result);

/* All tags that a repository has in its registry; appended to *ret (heap). */
int image_remote_tags(const char *repository, const struct image_registry_options *options,
	const volatile int *canceled, char ***ret, struct hull_error *err);

int image_pull(struct image_store *store, const char *name,
	const struct image_pull_options *options, struct image_pull_result *ret,
	struct hull_error *err);

struct image_push_options {
	const char
		*platform; /* this image of an index alone; NULL = the whole index if it can be */
	const char *compression; /* "gzip", "zstd", "none"; NULL = as it came, gzip if made here */
	int compression_level;	 /* 0 = the form's default */
	int64_t piece;		 /* uploads in pieces of at most this size, 0 = whole */
	struct image_registry_options registry;
	struct image_progress progress;
	const volatile int *canceled;
	unsigned int max_uploads; /* layers at once, 0 = 5 */
};

struct image_push_result {
	char digest[DIGEST_TEXT_SIZE]; /* of the document that the tag names now */
	size_t size;		       /* of that document */
	bool platform_only; /* an index had to be left out: not everything it names is here or there */
	bool packed_again; /* layers went in another form than they came: the digest is a new one */
};

/*
 * Uploads the image with that name, under that name (a tag, "latest" without one). Blobs that the
 * registry has are not sent; ones that another repository of it has are mounted from there.
 */
int image_push(struct image_store *store, const char *name,
	const struct image_push_options *options, struct image_push_result *ret,
	struct hull_error *err);

/* Tags of a repository that are here ("v1"); appended to *ret (heap). */
int image_repository_tags(
	struct image_store *store, const char *repository, char ***ret, struct hull_error *err);

/* One image that load brought in. */
struct image_loaded {
	struct digest id;
	char **names; /* familiar names that now point to it; NULL = none */
};

struct image_load_options {
	const char *platform; /* of an index inside; NULL = this machine's, else the first */
	struct image_progress progress;
	const volatile int *canceled;
};

/*
 * Loads the images of an archive read from fd (file or pipe): docker-archive, oci-archive or both
 * in one, plain or compressed. `what` names it in errors.
 */
int image_load(struct image_store *store, int fd, const char *what,
	const struct image_load_options *options, struct image_loaded **ret, size_t *ret_count,
	struct hull_error *err);
void image_loaded_free(struct image_loaded *loaded, size_t count);

/* How images are written for others to read. */
enum image_archive_format {
	IMAGE_DOCKER_ARCHIVE, /* as docker save: manifest.json and an OCI layout in one tar */
	IMAGE_OCI_ARCHIVE,    /* an OCI layout in a tar */
	IMAGE_OCI_DIRECTORY,  /* an OCI layout */
};

struct image_save_options {
	enum image_archive_format format;
	enum compress_form compression; /* of the layers */
	int level;			/* COMPRESS_LEVEL_DEFAULT or the form's */
	const char *platform;		/* what the images must be for, NULL = any */
	struct image_progress progress;
	const volatile int *canceled;
};

/*
 * Writes images, found by name or id, to fd: a file or pipe for an archive, an empty directory for
 * IMAGE_OCI_DIRECTORY. A repository without tag stands for all its tags. The same images in the same
 * order give the same bytes. Layers that images share are written once.
 */
int image_save(struct image_store *store, char *const *names, int fd,
	const struct image_save_options *options, struct hull_error *err);

struct image_import_options {
	const char *reference; /* name for it, NULL = none */
	const char *message;   /* history comment, NULL = "Imported from -" */
	const char *source;    /* where it came from, for the history */
	char *const *changes;  /* Dockerfile instructions, as -c takes them */
	const char *platform;  /* NULL = this machine's */
	struct image_progress progress;
	const volatile int *canceled;
};

/*
 * Makes an image of one layer from a root file system's tar, plain or compressed, read from fd; if
 * that is -1, from options.source, a URL (http or https).
 */
int image_import(struct image_store *store, int fd, const struct image_import_options *options,
	struct digest *ret_id, struct hull_error *err);

/*
 * Makes an image over layers that are in the layer store already: what commit and build end with.
 * `config` is the whole document, whose diff ids must be there. reference and parent may be NULL.
 */
int image_create(struct image_store *store, const char *config, size_t config_len,
	const char *reference, const struct digest *parent, struct digest *ret_id,
	struct hull_error *err);

/* Applies one Dockerfile instruction ("ENV A=b", "CMD [\"sh\"]") to a config; strings go into arena. */
int image_config_change(struct arena *arena, struct oci_image_config *config,
	const char *instruction, struct hull_error *err);

/* Gives an image one more name; a name that is taken moves. */
int image_tag(struct image_store *store, const struct digest *id, const char *name,
	struct hull_error *err);

/* Says whether something (a container) needs an image; *ret_user gets what to call it (heap). */
struct image_users {
	int (*find)(void *data, const struct digest *id, char **ret_user, bool *ret_running,
		struct hull_error *err); /* 1 = used, 0 = not, negative = error */
	void *data;
	/* The same for a mount; *ret_path gets where (heap). NULL: nothing is ever mounted. */
	int (*mounted)(
		void *data, const struct digest *id, char **ret_path, struct hull_error *err);
};

struct image_remove_options {
	bool force;
	bool no_prune; /* keep untagged parents */
	struct image_users users;
};

/* What was done, in order: "Untagged: busybox:latest", "Deleted: sha256:...". */
struct image_removed {
	char **untagged;
	char **deleted;
};

void image_removed_done(struct image_removed *removed);

/*
 * Docker's rmi: a name is taken away, and with the last one the image; an id takes all names if it
 * has only one or force is set. Images that containers use are refused (HULL_ERROR_CONFLICT).
 */
int image_remove(struct image_store *store, const char *text,
	const struct image_remove_options *options, struct image_removed *ret,
	struct hull_error *err);

/* Docker's `image inspect` object. */
int image_inspect_json(struct image_store *store, const struct image *image,
	struct json_writer *writer, struct hull_error *err);

/* Rows of `image history`, newest first. */
struct image_history_row {
	char id[DIGEST_TEXT_SIZE]; /* of the image for the first row, "" = "<missing>" */
	const char *created_by, *comment;
	int64_t created_ns;
	int64_t size;
};

int image_history(struct image_store *store, const struct image *image,
	struct image_history_row **ret, size_t *ret_count, struct hull_error *err);

/*
 * Frees what no image needs: layers, documents, remains of commands that were killed. Cheap when
 * there is nothing; called by remove, and by whoever finds remains. With ret_bytes all of it is
 * deleted when this returns; without, much of it may be left to a process in the background.
 */
int image_collect_garbage(struct image_store *store, int64_t *ret_bytes, struct hull_error *err);

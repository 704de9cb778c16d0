/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of one registry, by the OCI distribution specification: documents by tag or
 * digest, verified; blobs as streams that survive broken connections; and the way back. What the
 * machine's settings put before the registry (mirrors) is tried first, see endpoint.h. Threads may
 * share a struct registry.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "oci/digest.h"
#include "registry/auth.h"
#include "registry/endpoint.h"
#include "registry/reference.h"

#include <stdbool.h>
#include <stdint.h>

struct registry;

struct registry_options {
	struct endpoint_settings settings;
	struct auth_options auth;
	struct http_cancel cancel;
	bool write;		    /* for pushing: mirrors are passed over */
	unsigned int stall_seconds; /* a connection that moves nothing is given up; 0 = 60 */
};

/* Talks to nobody yet. */
int registry_open(const struct reference *ref, const struct registry_options *options,
	struct registry **ret, struct hull_error *err);
struct registry *registry_close(struct registry *registry); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct registry *, registry_closep, registry_close)
#define _cleanup_registry_ _cleanup_(registry_closep)

/*
 * What the registry asked to tell its users (Warning: 299), each text once; NULL-terminated, the
 * registry's. Not while other threads use the registry.
 */
char *const *registry_warnings(const struct registry *registry);

/* ---- Reading ---- */

/* A manifest or index, byte for byte. */
struct registry_document {
	struct buf body;
	char *media_type; /* Content-Type without parameters; NULL if there was none */
	struct digest digest;
};

#define REGISTRY_DOCUMENT_INIT          \
	{                               \
		.body = BUF_INIT_MAX(0) \
	}

void registry_document_done(struct registry_document *document);

#define _cleanup_registry_document_ _cleanup_(registry_document_done)

/*
 * Fetches by tag, or by digest if `digest` is not NULL; the content is verified against it.
 * HULL_ERROR_NOT_FOUND, HULL_ERROR_DENIED, HULL_ERROR_REMOTE, HULL_ERROR_LIMIT.
 */
int registry_get_manifest(struct registry *registry, const char *tag, const struct digest *digest,
	struct registry_document *ret, struct hull_error *err);

/* Receives a blob in order, each byte once, however often the connection broke. */
struct registry_sink {
	int (*write)(void *data, const void *p, size_t n, struct hull_error *err);
	void *data;
};

/*
 * Streams a blob of exactly `size` bytes; verifying its digest is the sink's. `urls` (may be NULL)
 * are where a foreign layer can be had if the registry does not have it; no credentials go there.
 * A large blob that comes slowly is fetched over several connections, with at most
 * REGISTRY_WINDOW_BYTES waiting in memory for all blobs of the registry together.
 */
int registry_get_blob(struct registry *registry, const struct digest *digest, int64_t size,
	char *const *urls, const struct registry_sink *sink, struct hull_error *err);

#define REGISTRY_WINDOW_BYTES ((size_t)16 << 20)

/* A small blob into memory, digest verified. */
int registry_get_small_blob(struct registry *registry, const struct digest *digest, int64_t size,
	size_t max, struct buf *ret, struct hull_error *err);

/* All tags, over as many pages as there are; appended to *ret (heap). At most 100,000. */
int registry_list_tags(struct registry *registry, char ***ret, struct hull_error *err);

/*
 * The index of manifests whose subject is `digest`, of one artifact type or of all (NULL): over
 * the referrers API, else from the tag that stands in for it. One JSON text whatever the pages;
 * an index without entries if nothing refers to it.
 */
int registry_get_referrers(struct registry *registry, const struct digest *digest,
	const char *artifact_type, struct buf *ret, struct hull_error *err);

/* ---- Writing ---- */

/* 1: the blob is there; 0: not. */
int registry_has_blob(
	struct registry *registry, const struct digest *digest, struct hull_error *err);

/* The same for a manifest or index. */
int registry_has_manifest(
	struct registry *registry, const struct digest *digest, struct hull_error *err);

/* What is uploaded: bytes that can be read again, as a connection may break. */
struct registry_source {
	/*
	 * Waits until at least `end` bytes are there, or all: the number of bytes there so far.
	 * *ret_whole tells if that is all there will be.
	 */
	int64_t (*wait)(void *data, int64_t end, bool *ret_whole, struct hull_error *err);
	/* Bytes that wait() said are there: 1 to n of them, or negative. */
	ssize_t (*read)(void *data, int64_t offset, void *p, size_t n, struct hull_error *err);
	/* After all bytes are there. */
	int (*digest)(void *data, struct digest *ret, struct hull_error *err);
	/* How far the upload is; may go back. NULL: nobody wants to know. Any thread. */
	void (*progress)(void *data, int64_t offset);
	void *data;
};

struct registry_upload_options {
	/* If set, the source's bytes are known already: they go in one request. */
	const struct digest *digest;
	int64_t size;  /* of that blob; -1: not known */
	int64_t piece; /* sends pieces of at most this size; 0: all in one request */
};

/* Uploads a blob; goes on where it was when the connection breaks. */
int registry_put_blob(struct registry *registry, const struct registry_source *source,
	const struct registry_upload_options *options, struct hull_error *err);

/*
 * Asks the registry to take a blob from another repository of its own. 1: it did; 0: it did not,
 * for whatever reason.
 */
int registry_mount_blob(struct registry *registry, const struct digest *digest, const char *from,
	struct hull_error *err);

/*
 * Puts a document under a tag, or under its digest if tag is NULL. A document with a subject is
 * made known under the tag that stands in for the referrers API, if the registry has none.
 */
int registry_put_manifest(struct registry *registry, const char *tag, const char *media_type,
	const void *body, size_t len, const struct digest *digest, struct hull_error *err);

/* ---- The registry as a whole ---- */

/*
 * Asks a registry ("docker.io", "host:port") whether credentials are good. *ret_identity is an
 * identity token to keep in place of the password (heap), NULL if it gives none.
 */
int registry_login(const char *host, const struct registry_options *options,
	const struct auth_credentials *credentials, char **ret_identity, struct hull_error *err);

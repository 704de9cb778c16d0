/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of one registry, by the OCI distribution specification. Reading needs no more
 * than this: documents by tag or digest, verified, and blobs as streams that survive broken
 * connections. Threads may share a struct registry.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "oci/digest.h"
#include "registry/auth.h"
#include "registry/reference.h"

#include <stdbool.h>
#include <stdint.h>

struct registry;

struct registry_options {
	char *const *plain_http; /* hosts ("host:port") that speak HTTP without TLS */
	bool insecure; /* certificates are not verified, and HTTP is tried where TLS fails */
	struct auth_options auth;
	struct http_cancel cancel;
};

/* Talks to nobody yet. HTTP without TLS is also tried where the host is a loopback address. */
int registry_open(const struct reference *ref, const struct registry_options *options,
	struct registry **ret, struct hull_error *err);
struct registry *registry_close(struct registry *registry); /* NULL allowed; returns NULL */

DEFINE_CLEANUP(struct registry *, registry_closep, registry_close)
#define _cleanup_registry_ _cleanup_(registry_closep)

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
 */
int registry_get_blob(struct registry *registry, const struct digest *digest, int64_t size,
	char *const *urls, const struct registry_sink *sink, struct hull_error *err);

/* A small blob into memory, digest verified. */
int registry_get_small_blob(struct registry *registry, const struct digest *digest, int64_t size,
	size_t max, struct buf *ret, struct hull_error *err);

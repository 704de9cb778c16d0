/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content digests of the OCI image specification: "sha256:<64 hex>" and "sha512:<128 hex>".
 *
 * A digest from outside is a struct digest before it is anything else: the text form is only ever
 * made by us again, so nothing but lower-case hex reaches a path. Hashing is libcrypto's, loaded at
 * first use; a static program, which hashes no more than small documents, does it by itself.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_algorithm {
	DIGEST_SHA256,
	DIGEST_SHA512,
	DIGEST_ALGORITHM_MAX,
};

#define DIGEST_BYTES_MAX 64
#define DIGEST_TEXT_SIZE (7 + 2 * DIGEST_BYTES_MAX + 1)
#define DIGEST_HEX_SIZE	 (2 * DIGEST_BYTES_MAX + 1)

struct digest {
	enum digest_algorithm algorithm;
	uint8_t bytes[DIGEST_BYTES_MAX]; /* the tail that the algorithm does not use is zero */
};

/* "sha256", "sha512". */
const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* Bytes of a digest: 32 or 64. */
size_t digest_algorithm_bytes(enum digest_algorithm algorithm);

/*
 * Reads "ALGORITHM:HEX", nothing after it. Malformed text is HULL_ERROR_INVALID, a well-formed
 * digest of an algorithm we do not know HULL_ERROR_UNSUPPORTED.
 */
int digest_parse(const char *text, struct digest *ret, struct hull_error *err);

/* True if text is "ALGORITHM:HEX" of a known algorithm. */
bool digest_is_valid(const char *text);

/* "sha256:..." and the hex alone. Both return their argument `text`. */
const char *digest_format(const struct digest *d, char text[DIGEST_TEXT_SIZE]);
const char *digest_format_hex(const struct digest *d, char text[DIGEST_HEX_SIZE]);

bool digest_equal(const struct digest *a, const struct digest *b);

/* A total order, as of memcmp(). */
int digest_compare(const struct digest *a, const struct digest *b);

/* A hash in progress. Not shared between threads; different ones may run at the same time. */
struct digest_hash;

int digest_hash_new(
	enum digest_algorithm algorithm, struct digest_hash **ret, struct hull_error *err);
struct digest_hash *digest_hash_free(struct digest_hash *h); /* NULL allowed; returns NULL */

/* Failure is remembered and reported by digest_hash_finish(). */
void digest_hash_update(struct digest_hash *h, const void *data, size_t n);

/* The digest of everything so far; the hash starts again from nothing. */
int digest_hash_finish(struct digest_hash *h, struct digest *ret, struct hull_error *err);

DEFINE_CLEANUP(struct digest_hash *, digest_hash_freep, digest_hash_free)
#define _cleanup_digest_hash_ _cleanup_(digest_hash_freep)

/* The digest of a buffer. */
int digest_of(enum digest_algorithm algorithm, const void *data, size_t n, struct digest *ret,
	struct hull_error *err);

/* The chain id of layers 0..n: chain(0) = diff id(0), chain(n) = sha256(chain(n-1) " " diff(n)). */
int digest_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret,
	struct hull_error *err);

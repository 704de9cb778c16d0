/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and SHA-512 (FIPS 180-4) for programs that can load no library. Plain C: good for documents
 * of some kilobytes, five times slower than libcrypto on more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sha2 {
	union {
		uint32_t h32[8];
		uint64_t h64[8];
	};
	unsigned char block[128];
	uint64_t total; /* bytes */
	size_t size;	/* of the digest: 32 or 64 */
};

/* size: 32 for SHA-256, 64 for SHA-512. */
void sha2_init(struct sha2 *s, size_t size);
void sha2_update(struct sha2 *s, const void *data, size_t n);

/* Writes the digest. The state is of no use afterwards, until sha2_init(). */
void sha2_finish(struct sha2 *s, unsigned char *digest);

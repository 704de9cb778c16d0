/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-1-3, a keyed hash for tables whose keys an outsider chooses: without the key nobody can
 * make keys that collide. Not a digest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

/* A random key. 0 or -errno. */
int hash_key_generate(struct hash_key *ret);

uint64_t hash_siphash13(const struct hash_key *key, const void *data, size_t n);

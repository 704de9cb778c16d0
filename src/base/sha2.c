/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha2.h"

#include <endian.h>
#include <string.h>

/*
 * The fractional parts of the cube roots of the first 80 primes, and of the square roots of the first
 * eight. SHA-256's constants are the upper halves of SHA-512's.
 */
static const uint64_t constants[80] = {
	0x428a2f98d728ae22,
	0x7137449123ef65cd,
	0xb5c0fbcfec4d3b2f,
	0xe9b5dba58189dbbc,
	0x3956c25bf348b538,
	0x59f111f1b605d019,
	0x923f82a4af194f9b,
	0xab1c5ed5da6d8118,
	0xd807aa98a3030242,
	0x12835b0145706fbe,
	0x243185be4ee4b28c,
	0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f,
	0x80deb1fe3b1696b1,
	0x9bdc06a725c71235,
	0xc19bf174cf692694,
	0xe49b69c19ef14ad2,
	0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5,
	0x240ca1cc77ac9c65,
	0x2de92c6f592b0275,
	0x4a7484aa6ea6e483,
	0x5cb0a9dcbd41fbd4,
	0x76f988da831153b5,
	0x983e5152ee66dfab,
	0xa831c66d2db43210,
	0xb00327c898fb213f,
	0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2,
	0xd5a79147930aa725,
	0x06ca6351e003826f,
	0x142929670a0e6e70,
	0x27b70a8546d22ffc,
	0x2e1b21385c26c926,
	0x4d2c6dfc5ac42aed,
	0x53380d139d95b3df,
	0x650a73548baf63de,
	0x766a0abb3c77b2a8,
	0x81c2c92e47edaee6,
	0x92722c851482353b,
	0xa2bfe8a14cf10364,
	0xa81a664bbc423001,
	0xc24b8b70d0f89791,
	0xc76c51a30654be30,
	0xd192e819d6ef5218,
	0xd69906245565a910,
	0xf40e35855771202a,
	0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8,
	0x1e376c085141ab53,
	0x2748774cdf8eeb99,
	0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63,
	0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373,
	0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc,
	0x78a5636f43172f60,
	0x84c87814a1f0ab72,
	0x8cc702081a6439ec,
	0x90befffa23631e28,
	0xa4506cebde82bde9,
	0xbef9a3f7b2c67915,
	0xc67178f2e372532b,
	0xca273eceea26619c,
	0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e,
	0xf57d4f7fee6ed178,
	0x06f067aa72176fba,
	0x0a637dc5a2c898a6,
	0x113f9804bef90dae,
	0x1b710b35131c471b,
	0x28db77f523047d84,
	0x32caab7b40c72493,
	0x3c9ebe0a15c9bebc,
	0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6,
	0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec,
	0x6c44198c4a475817,
};
static const uint64_t initial[8] = {
	0x6a09e667f3bcc908,
	0xbb67ae8584caa73b,
	0x3c6ef372fe94f82b,
	0xa54ff53a5f1d36f1,
	0x510e527fade682d1,
	0x9b05688c2b3e6c1f,
	0x1f83d9abfb41bd6b,
	0x5be0cd19137e2179,
};

#define ROTATE(x, n)	  ((x) >> (n) | (x) << (8 * sizeof(x) - (n)))
#define CHOOSE(x, y, z)	  (((x) & (y)) ^ (~(x) & (z)))
#define MAJORITY(x, y, z) (((x) & (y)) ^ ((x) & (z)) ^ ((y) & (z)))

/*
 * One round of either function: h[0..7] are a to h. Names and numbers are those of the standard:
 * s0 and s1 are its capital sigmas.
 */
#define ROUND(h, s0, s1, k, w)                                                           \
	do {                                                                             \
		__auto_type t1 = h[7] + s1(h[4]) + CHOOSE(h[4], h[5], h[6]) + (k) + (w); \
		__auto_type t2 = s0(h[0]) + MAJORITY(h[0], h[1], h[2]);                  \
		memmove(h + 1, h, 7 * sizeof(h[0]));                                     \
		h[4] += t1;                                                              \
		h[0] = t1 + t2;                                                          \
	} while (0)

#define BIG0_32(x)   (ROTATE(x, 2) ^ ROTATE(x, 13) ^ ROTATE(x, 22))
#define BIG1_32(x)   (ROTATE(x, 6) ^ ROTATE(x, 11) ^ ROTATE(x, 25))
#define SMALL0_32(x) (ROTATE(x, 7) ^ ROTATE(x, 18) ^ (x) >> 3)
#define SMALL1_32(x) (ROTATE(x, 17) ^ ROTATE(x, 19) ^ (x) >> 10)
#define BIG0_64(x)   (ROTATE(x, 28) ^ ROTATE(x, 34) ^ ROTATE(x, 39))
#define BIG1_64(x)   (ROTATE(x, 14) ^ ROTATE(x, 18) ^ ROTATE(x, 41))
#define SMALL0_64(x) (ROTATE(x, 1) ^ ROTATE(x, 8) ^ (x) >> 7)
#define SMALL1_64(x) (ROTATE(x, 19) ^ ROTATE(x, 61) ^ (x) >> 6)

static void compress_32(uint32_t state[8], const unsigned char *block)
{
	uint32_t h[8], w[64];

	memcpy(w, block, 64);
	memcpy(h, state, sizeof(h));
	for (size_t i = 0; i < 16; i++)
		w[i] = be32toh(w[i]);
	for (size_t i = 16; i < 64; i++)
		w[i] = SMALL1_32(w[i - 2]) + w[i - 7] + SMALL0_32(w[i - 15]) + w[i - 16];
	for (size_t i = 0; i < 64; i++)
		ROUND(h, BIG0_32, BIG1_32, (uint32_t)(constants[i] >> 32), w[i]);
	for (size_t i = 0; i < 8; i++)
		state[i] += h[i];
}

static void compress_64(uint64_t state[8], const unsigned char *block)
{
	uint64_t h[8], w[80];

	memcpy(w, block, 128);
	memcpy(h, state, sizeof(h));
	for (size_t i = 0; i < 16; i++)
		w[i] = be64toh(w[i]);
	for (size_t i = 16; i < 80; i++)
		w[i] = SMALL1_64(w[i - 2]) + w[i - 7] + SMALL0_64(w[i - 15]) + w[i - 16];
	for (size_t i = 0; i < 80; i++)
		ROUND(h, BIG0_64, BIG1_64, constants[i], w[i]);
	for (size_t i = 0; i < 8; i++)
		state[i] += h[i];
}

static void compress(struct sha2 *s, const unsigned char *block)
{
	if (s->size == 32)
		compress_32(s->h32, block);
	else
		compress_64(s->h64, block);
}

void sha2_init(struct sha2 *s, size_t size)
{
	*s = (struct sha2){.size = size};
	for (size_t i = 0; i < 8; i++) {
		if (size == 32)
			s->h32[i] = (uint32_t)(initial[i] >> 32);
		else
			s->h64[i] = initial[i];
	}
}

void sha2_update(struct sha2 *s, const void *data, size_t n)
{
	const size_t block = 2 * s->size;
	const unsigned char *p = data;
	size_t used = s->total % block;

	s->total += n;
	if (used) {
		size_t part = n < block - used ? n : block - used;
		memcpy(s->block + used, p, part);
		p += part;
		n -= part;
		if (used + part < block)
			return;
		compress(s, s->block);
	}
	for (; n >= block; p += block, n -= block)
		compress(s, p);
	if (n)
		memcpy(s->block, p, n);
}

/* A bit, zeros, and the length in bits at the end of a block: 8 bytes of it, or 16. */
void sha2_finish(struct sha2 *s, unsigned char *digest)
{
	const size_t block = 2 * s->size, length = s->size / 4;
	const uint64_t total = s->total, bits = htobe64(total << 3), high = htobe64(total >> 61);
	size_t used = total % block;

	s->block[used++] = 0x80;
	memset(s->block + used, 0, block - used);
	if (used > block - length) {
		compress(s, s->block);
		memset(s->block, 0, block);
	}
	memcpy(s->block + block - 8, &bits, 8);
	if (length == 16)
		memcpy(s->block + block - 16, &high, 8);
	compress(s, s->block);
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htobe32(s->h32[i]);
		uint64_t wide = htobe64(s->h64[i]);
		if (s->size == 32)
			memcpy(digest + 4 * i, &word, 4);
		else
			memcpy(digest + 8 * i, &wide, 8);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sha2.h"

#include <stdio.h>
#include <string.h>

/* FIPS 180-4's own examples, and what pads to one block more. */
static const struct {
	const char *text, *sha256, *sha512;
} vectors[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		"204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
		"96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
};

static void assert_digest(const unsigned char *digest, size_t size, const char *hex)
{
	char text[2 * 64 + 1];

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, hex);
}

static void standard_vectors(void **state)
{
	struct sha2 s;
	unsigned char digest[64];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		sha2_init(&s, 32);
		sha2_update(&s, vectors[i].text, strlen(vectors[i].text));
		sha2_finish(&s, digest);
		assert_digest(digest, 32, vectors[i].sha256);
		sha2_init(&s, 64);
		sha2_update(&s, vectors[i].text, strlen(vectors[i].text));
		sha2_finish(&s, digest);
		assert_digest(digest, 64, vectors[i].sha512);
	}
}

/* A million times "a", in pieces that meet the blocks at every place. */
static void pieces(void **state)
{
	char text[997];
	struct sha2 s256, s512;
	unsigned char digest[64];
	size_t left = 1000000;

	memset(text, 'a', sizeof(text));
	sha2_init(&s256, 32);
	sha2_init(&s512, 64);
	for (size_t n = 0; left > 0; n = (n + 1) % sizeof(text)) {
		size_t part = n < left ? n : left;
		sha2_update(&s256, text, part);
		sha2_update(&s512, text, part);
		left -= part;
	}
	sha2_finish(&s256, digest);
	assert_digest(
		digest, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	sha2_finish(&s512, digest);
	assert_digest(digest, 64,
		"e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
		"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_vectors),
		cmocka_unit_test(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Key 00..0f, message 00..n-1, from an independent implementation checked with SipHash-2-4's vectors. */
static void test_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t hash;
	} rows[] = {
		{0, 0xabac0158050fc4dcull},
		{1, 0xc9f49bf37d57ca93ull},
		{2, 0x82cb9b024dc7d44dull},
		{3, 0x8bf80ab8e7ddf7fbull},
		{15, 0xd320d86d2a519956ull},
	};
	const struct hash_key key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
	unsigned char message[16];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(hash_siphash13(&key, message, rows[i].n) == rows[i].hash);
}

static void test_keys_differ(void **state)
{
	struct hash_key a, b;

	assert_int_equal(hash_key_generate(&a), 0);
	assert_int_equal(hash_key_generate(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_true(hash_siphash13(&a, "x", 1) != hash_siphash13(&b, "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

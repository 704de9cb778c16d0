/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "oci/digest.h"

#include <string.h>

#define EMPTY_SHA256 "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA256   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_SHA512                                                                \
	"sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static void parse_accepts_and_formats_back(void **state)
{
	static const char *const good[] = {EMPTY_SHA256, ABC_SHA256, ABC_SHA512};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct digest d;
		char text[DIGEST_TEXT_SIZE], hex[DIGEST_HEX_SIZE];

		assert_int_equal(digest_parse(good[i], &d, NULL), 0);
		assert_string_equal(digest_format(&d, text), good[i]);
		assert_string_equal(digest_format_hex(&d, hex), good[i] + 7);
		assert_true(digest_is_valid(good[i]));
	}
}

static void parse_refuses(void **state)
{
	static const struct {
		const char *text;
		enum hull_error_kind kind;
	} bad[] = {
		{"", HULL_ERROR_INVALID},
		{"sha256", HULL_ERROR_INVALID},
		{"sha256:", HULL_ERROR_INVALID},
		{":abc", HULL_ERROR_INVALID},
		{EMPTY_SHA256 "0", HULL_ERROR_INVALID},
		{EMPTY_SHA256 "/..", HULL_ERROR_INVALID},
		{" " EMPTY_SHA256, HULL_ERROR_INVALID},
		{"sha256:../../../../../../../../../../../../../../../../../../../etc/passwd",
			HULL_ERROR_INVALID},
		{"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
			HULL_ERROR_INVALID},
		{"sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			HULL_ERROR_INVALID},
		{"SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			HULL_ERROR_INVALID},
		{"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
			HULL_ERROR_UNSUPPORTED},
		{"md5:d41d8cd98f00b204e9800998ecf8427e", HULL_ERROR_UNSUPPORTED},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hull_error err = HULL_ERROR_INIT;
		struct digest d;

		assert_true(digest_parse(bad[i].text, &d, &err) < 0);
		assert_int_equal(err.kind, bad[i].kind);
		assert_false(digest_is_valid(bad[i].text));
		hull_error_done(&err);
	}
	assert_true(digest_parse(NULL, &(struct digest){0}, NULL) < 0);
}

static void order_is_total(void **state)
{
	struct digest a, b, c;

	assert_int_equal(digest_parse(ABC_SHA256, &a, NULL), 0);
	assert_int_equal(digest_parse(EMPTY_SHA256, &b, NULL), 0);
	assert_int_equal(digest_parse(ABC_SHA512, &c, NULL), 0);
	assert_true(digest_compare(&a, &b) < 0 && digest_compare(&b, &a) > 0);
	assert_true(digest_compare(&b, &c) < 0 && digest_compare(&c, &a) > 0);
	assert_true(digest_equal(&a, &a) && !digest_equal(&a, &b) && !digest_equal(&a, &c));
}

static void hash_of_pieces_equals_hash_of_whole(void **state)
{
	struct digest_hash *h = NULL;
	struct digest d;
	char text[DIGEST_TEXT_SIZE];

	assert_int_equal(digest_hash_new(DIGEST_SHA256, &h, NULL), 0);
	digest_hash_update(h, "a", 1);
	digest_hash_update(h, NULL, 0);
	digest_hash_update(h, "bc", 2);
	assert_int_equal(digest_hash_finish(h, &d, NULL), 0);
	assert_string_equal(digest_format(&d, text), ABC_SHA256);
	/* It starts again from nothing. */
	assert_int_equal(digest_hash_finish(h, &d, NULL), 0);
	assert_string_equal(digest_format(&d, text), EMPTY_SHA256);
	assert_null(digest_hash_free(h));
	assert_null(digest_hash_free(NULL));

	assert_int_equal(digest_of(DIGEST_SHA512, "abc", 3, &d, NULL), 0);
	assert_string_equal(digest_format(&d, text), ABC_SHA512);
}

static void chain_follows_the_specification(void **state)
{
	struct digest first, second, chain, expected;
	static const char line[] = ABC_SHA256 " " EMPTY_SHA256;

	assert_int_equal(digest_parse(ABC_SHA256, &first, NULL), 0);
	assert_int_equal(digest_parse(EMPTY_SHA256, &second, NULL), 0);
	assert_int_equal(digest_chain(NULL, &first, &chain, NULL), 0);
	assert_true(digest_equal(&chain, &first));
	assert_int_equal(digest_chain(&chain, &second, &chain, NULL), 0);
	assert_int_equal(digest_of(DIGEST_SHA256, line, strlen(line), &expected, NULL), 0);
	assert_true(digest_equal(&chain, &expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_accepts_and_formats_back),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(order_is_total),
		cmocka_unit_test(hash_of_pieces_equals_hash_of_whole),
		cmocka_unit_test(chain_follows_the_specification),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

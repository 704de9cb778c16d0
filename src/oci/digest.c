/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/digest.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/library.h"

#include <openssl/evp.h>
#include <sha2.h>
#include <string.h>

static const struct {
	const char *name;
	size_t bytes;
} algorithms[DIGEST_ALGORITHM_MAX] = {
	[DIGEST_SHA256] = {"sha256", 32},
	[DIGEST_SHA512] = {"sha512", 64},
};

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

size_t digest_algorithm_bytes(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].bytes;
}

/* Only lower case: the specification allows nothing else, and one digest has one name. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool decode_hex(const char *hex, size_t bytes, uint8_t *out)
{
	if (strlen(hex) != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* algorithm ::= component (separator component)*, encoded ::= [a-zA-Z0-9=_-]+ */
static bool is_foreign_digest(const char *text)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789+._-";
	static const char encoded[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=_-";
	size_t n = strspn(text, name);

	if (n == 0 || text[n] != ':' || n > 32)
		return false;
	size_t m = strspn(text + n + 1, encoded);
	return m > 0 && m <= 256 && text[n + 1 + m] == '\0';
}

static int parse(const char *text, struct digest *ret)
{
	for (int i = 0; i < DIGEST_ALGORITHM_MAX; i++) {
		struct digest d = {.algorithm = (enum digest_algorithm)i};
		const char *hex = str_after(text, algorithms[i].name);

		if (!hex || *hex != ':')
			continue;
		if (!decode_hex(hex + 1, algorithms[i].bytes, d.bytes))
			return -EINVAL;
		*ret = d;
		return 0;
	}
	return is_foreign_digest(text) ? -EOPNOTSUPP : -EINVAL;
}

int digest_parse(const char *text, struct digest *ret, struct hull_error *err)
{
	int r = parse(text ? text : "", ret);

	if (r == -EOPNOTSUPP)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"digest %.160s: this algorithm is not supported", text);
	if (r < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid digest \"%.160s\"", text ? text : "");
	return 0;
}

bool digest_is_valid(const char *text)
{
	struct digest d;

	return text && parse(text, &d) == 0;
}

const char *digest_format_hex(const struct digest *d, char text[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t bytes = algorithms[d->algorithm].bytes;

	for (size_t i = 0; i < bytes; i++) {
		text[2 * i] = digits[d->bytes[i] >> 4];
		text[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	text[2 * bytes] = '\0';
	return text;
}

const char *digest_format(const struct digest *d, char text[DIGEST_TEXT_SIZE])
{
	size_t n = strlen(algorithms[d->algorithm].name);

	memcpy(text, algorithms[d->algorithm].name, n);
	text[n] = ':';
	digest_format_hex(d, text + n + 1);
	return text;
}

int digest_compare(const struct digest *a, const struct digest *b)
{
	if (a->algorithm != b->algorithm)
		return a->algorithm < b->algorithm ? -1 : 1;
	return memcmp(a->bytes, b->bytes, algorithms[a->algorithm].bytes);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return digest_compare(a, b) == 0;
}

/* What we use of libcrypto. */
static struct {
	EVP_MD_CTX *(*ctx_new)(void);
	void (*ctx_free)(EVP_MD_CTX *);
	int (*init)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);
	int (*update)(EVP_MD_CTX *, const void *, size_t);
	int (*final)(EVP_MD_CTX *, unsigned char *, unsigned int *);
	const EVP_MD *(*sha256)(void);
	const EVP_MD *(*sha512)(void);
} crypto;

static const struct library_symbol crypto_symbols[] = {
	{"EVP_MD_CTX_new", (void **)&crypto.ctx_new},
	{"EVP_MD_CTX_free", (void **)&crypto.ctx_free},
	{"EVP_DigestInit_ex", (void **)&crypto.init},
	{"EVP_DigestUpdate", (void **)&crypto.update},
	{"EVP_DigestFinal_ex", (void **)&crypto.final},
	{"EVP_sha256", (void **)&crypto.sha256},
	{"EVP_sha512", (void **)&crypto.sha512},
};

static struct library crypto_library = {
	.soname = "libcrypto.so.3",
	.package = "libssl3",
	.symbols = crypto_symbols,
	.n_symbols = ARRAY_SIZE(crypto_symbols),
};

struct digest_hash {
	enum digest_algorithm algorithm;
	EVP_MD_CTX *
		ctx; /* NULL in a program that can load no library: libmd is in it, five times slower */
	SHA2_CTX md;
	bool failed;
};

static bool hash_start(struct digest_hash *h)
{
	if (!h->ctx) {
		if (h->algorithm == DIGEST_SHA256)
			SHA256Init(&h->md);
		else
			SHA512Init(&h->md);
		return true;
	}
	const EVP_MD *md = h->algorithm == DIGEST_SHA256 ? crypto.sha256() : crypto.sha512();

	return crypto.init(h->ctx, md, NULL) == 1;
}

int digest_hash_new(
	enum digest_algorithm algorithm, struct digest_hash **ret, struct hull_error *err)
{
	const bool plain = !library_can_load();
	int r = plain ? 0 : library_load(&crypto_library, err);

	if (r < 0)
		return r;
	_cleanup_digest_hash_ struct digest_hash *h = calloc(1, sizeof(*h));
	if (!h)
		return error_no_memory(err);
	h->algorithm = algorithm;
	h->ctx = plain ? NULL : crypto.ctx_new();
	if (!plain && !h->ctx)
		return error_no_memory(err);
	if (!hash_start(h))
		return error_set(err, HULL_ERROR_UNSUPPORTED, "libcrypto does not offer %s",
			algorithms[algorithm].name);
	*ret = TAKE_PTR(h);
	return 0;
}

struct digest_hash *digest_hash_free(struct digest_hash *h)
{
	if (h) {
		if (h->ctx)
			crypto.ctx_free(h->ctx);
		free(h);
	}
	return NULL;
}

void digest_hash_update(struct digest_hash *h, const void *data, size_t n)
{
	if (h->failed || n == 0)
		return;
	if (h->ctx)
		h->failed = crypto.update(h->ctx, data, n) != 1;
	else if (h->algorithm == DIGEST_SHA256)
		SHA256Update(&h->md, data, n);
	else
		SHA512Update(&h->md, data, n);
}

int digest_hash_finish(struct digest_hash *h, struct digest *ret, struct hull_error *err)
{
	struct digest d = {.algorithm = h->algorithm};
	unsigned int n = 0;

	if (h->ctx)
		h->failed = h->failed || crypto.final(h->ctx, d.bytes, &n) != 1;
	else if (h->algorithm == DIGEST_SHA256)
		SHA256Final(d.bytes, &h->md);
	else
		SHA512Final(d.bytes, &h->md);
	if (h->failed || !hash_start(h))
		return error_set(err, HULL_ERROR_INTERNAL, "libcrypto failed to compute %s",
			algorithms[h->algorithm].name);
	*ret = d;
	return 0;
}

int digest_of(enum digest_algorithm algorithm, const void *data, size_t n, struct digest *ret,
	struct hull_error *err)
{
	_cleanup_digest_hash_ struct digest_hash *h = NULL;
	int r = digest_hash_new(algorithm, &h, err);

	if (r < 0)
		return r;
	digest_hash_update(h, data, n);
	return digest_hash_finish(h, ret, err);
}

int digest_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret,
	struct hull_error *err)
{
	char text[2 * DIGEST_TEXT_SIZE];

	if (!below) {
		*ret = *diff_id;
		return 0;
	}
	digest_format(below, text);
	size_t n = strlen(text);
	text[n] = ' ';
	digest_format(diff_id, text + n + 1);
	return digest_of(DIGEST_SHA256, text, strlen(text), ret, err);
}

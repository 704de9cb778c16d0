/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, struct buf *out)
{
	size_t n = strlen(text), padding = 0;
	uint32_t bits = 0;
	unsigned int n_bits = 0;

	while (padding < 2 && padding < n && text[n - padding - 1] == '=')
		padding++;
	if (n % 4)
		return -EINVAL;
	for (size_t i = 0; i < n - padding; i++) {
		int digit = digit_value(text[i]);
		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			buf_putc(out, (char)(bits >> n_bits & 0xff));
		}
	}
	/* What the padding stands for must be zero: one text per value. */
	if (bits & ((UINT32_C(1) << n_bits) - 1))
		return -EINVAL;
	return buf_error(out);
}

char *base64_encode(const void *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = data;
	char *out = malloc((n + 2) / 3 * 4 + 1), *o = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned int v = (unsigned int)in[i] << 16;

		if (left > 1)
			v |= (unsigned int)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*o++ = left > 2 ? digits[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

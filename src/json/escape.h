/* SPDX-License-Identifier: Apache-2.0 */
/* Within src/json only: the parts of \u escapes. */
#pragma once

#include <ctype.h>
#include <errno.h>
#include <stddef.h>

/* The value of four hexadecimal digits at p. */
static inline int hex4(const char *p, const char *end, unsigned int *ret)
{
	unsigned int value = 0;

	if (end - p < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return -EINVAL;
		int digit = p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10;
		value = value * 16 + (unsigned int)digit;
	}
	*ret = value;
	return 0;
}

/* Writes a code point to out (room for 4 bytes), returns the length. */
static inline size_t utf8_encode(unsigned int code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

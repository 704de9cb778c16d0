/* SPDX-License-Identifier: Apache-2.0 */
/* Text as bytes that are meant to be UTF-8. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Length (1 to 4) of the UTF-8 sequence at p, which is before end; 0 if there is no valid one
 * there: overlong, surrogate, past U+10FFFF, truncated, or a stray byte.
 */
static inline size_t utf8_length(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = (size_t)(end - text);

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
			(p[3] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

/*
 * Makes text that strangers wrote (names and labels of images, messages of registries, names of
 * files) harmless to show: control characters (C0 but those in `keep`, DEL, C1), which can move the
 * cursor, forge lines or make a terminal answer, and bytes that are not UTF-8 become '?' each. In
 * place: the text gets no longer, and n becomes what is returned. Everything else stays as it is.
 */
size_t utf8_make_printable(char *text, size_t n, const char *keep);

/* The same for what stands in a buffer from `start` on. */
void buf_make_printable(struct buf *b, size_t start, const char *keep);

/* Whether utf8_make_printable() would leave the text as it is. */
bool utf8_is_printable(const char *text, size_t n, const char *keep);

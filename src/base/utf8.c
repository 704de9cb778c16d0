/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

/* C1 are the code points from U+0080 to U+009F: 0xc2 and one byte more. */
static bool is_control(const char *p, size_t length)
{
	unsigned char first = (unsigned char)p[0];

	if (length == 1)
		return first < ' ' || first == 0x7f;
	return length == 2 && first == 0xc2 && (unsigned char)p[1] < 0xa0;
}

/* How many of the bytes at p may be shown, 0 if none; *ret_step is how far the next are. */
static size_t printable_length(const char *p, const char *end, const char *keep, size_t *ret_step)
{
	size_t n = utf8_length(p, end);

	*ret_step = n ? n : 1;
	if (n == 0 || (is_control(p, n) && (n > 1 || !*p || !strchr(keep, *p))))
		return 0;
	return n;
}

bool utf8_is_printable(const char *text, size_t n, const char *keep)
{
	size_t step;

	for (const char *p = text, *end = text + n; p < end; p += step)
		if (printable_length(p, end, keep, &step) == 0)
			return false;
	return true;
}

size_t utf8_make_printable(char *text, size_t n, const char *keep)
{
	char *to = text;
	size_t step;

	for (const char *p = text, *end = text + n; p < end; p += step) {
		size_t length = printable_length(p, end, keep, &step);

		if (length == 0) {
			*to++ = '?';
		} else {
			memmove(to, p, length);
			to += length;
		}
	}
	return (size_t)(to - text);
}

void buf_make_printable(struct buf *b, size_t start, const char *keep)
{
	if (b->len <= start)
		return;
	b->len = start + utf8_make_printable(b->data + start, b->len - start, keep);
	b->data[b->len] = '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

void buf_done(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->size = 0;
	b->error = 0;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t max = b->max ? b->max : BUF_MAX_DEFAULT;

	if (b->error)
		return NULL;
	if (n > max || b->len > max - n) {
		b->error = E2BIG;
		return NULL;
	}
	size_t need = b->len + n + 1;
	if (need > b->size) {
		size_t size = b->size ? b->size : 64;
		while (size < need)
			size *= 2;
		char *data = realloc(b->data, size);
		if (!data) {
			b->error = ENOMEM;
			return NULL;
		}
		b->data = data;
		b->size = size;
	}
	return b->data + b->len;
}

void buf_append(struct buf *b, const void *data, size_t n)
{
	char *to = buf_reserve(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	va_list copy;
	va_copy(copy, ap);
	int n = vsnprintf(NULL, 0, format, copy);
	va_end(copy);
	if (n < 0)
		return;
	char *to = buf_reserve(b, (size_t)n);
	if (!to)
		return;
	vsnprintf(to, (size_t)n + 1, format, ap);
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(b, format, ap);
	va_end(ap);
}

char *buf_take(struct buf *b)
{
	if (!b->error && !b->data)
		buf_append(b, "", 0);
	if (b->error) {
		buf_done(b);
		return NULL;
	}
	char *data = TAKE_PTR(b->data);
	b->len = b->size = 0;
	return data;
}

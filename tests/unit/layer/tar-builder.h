/* SPDX-License-Identifier: Apache-2.0 */
/* Archives by hand, right and wrong ones, in a buffer. */
#pragma once

#include "base/buf.h"
#include "layer/tar-header.h"

#include <stdio.h>
#include <string.h>

static inline void tar_set_checksum(struct tar_raw_header *h)
{
	unsigned int sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

/* A ustar header; the caller may change it and set the checksum again. */
static inline struct tar_raw_header tar_header(char type, const char *name, unsigned long long size)
{
	struct tar_raw_header h = {.type = type};
	size_t n = strlen(name);

	memcpy(h.name, name, n < sizeof(h.name) ? n : sizeof(h.name));
	memcpy(h.mode, "0000644", 8);
	memcpy(h.uid, "0000000", 8);
	memcpy(h.gid, "0000000", 8);
	snprintf(h.size, sizeof(h.size), "%011llo", size & 077777777777ull);
	memcpy(h.mtime, "00000000001", 12);
	memcpy(h.magic,
		"ustar\0"
		"00",
		8);
	tar_set_checksum(&h);
	return h;
}

static inline struct tar_raw_header tar_gnu_header(
	char type, const char *name, unsigned long long size)
{
	struct tar_raw_header h = tar_header(type, name, size);

	memcpy(h.magic, "ustar  ", 8);
	tar_set_checksum(&h);
	return h;
}

static inline void tar_put_header(struct buf *b, struct tar_raw_header h)
{
	tar_set_checksum(&h);
	buf_append(b, &h, sizeof(h));
}

/* Data and zeros to the end of the block. */
static inline void tar_put_data(struct buf *b, const void *data, size_t n)
{
	static const char zeros[TAR_BLOCK];

	buf_append(b, data, n);
	buf_append(b, zeros, -n & (TAR_BLOCK - 1));
}

static inline void tar_put(struct buf *b, char type, const char *name, const char *data)
{
	tar_put_header(b, tar_header(type, name, strlen(data)));
	tar_put_data(b, data, strlen(data));
}

static inline void tar_put_link(struct buf *b, char type, const char *name, const char *target)
{
	struct tar_raw_header h = tar_header(type, name, 0);
	size_t n = strlen(target);

	memcpy(h.link, target, n < sizeof(h.link) ? n : sizeof(h.link));
	tar_put_header(b, h);
}

/* Appends a record "LENGTH KEY=VALUE\n" to the text of an extended header. */
static inline void tar_pax_record(struct buf *text, const char *key, const void *value, size_t n)
{
	size_t length = strlen(key) + n + 3, digits = 1;

	for (size_t limit = 10; length + digits >= limit; limit *= 10)
		digits++;
	buf_printf(text, "%zu %s=", length + digits, key);
	buf_append(text, value, n);
	buf_putc(text, '\n');
}

static inline void tar_put_pax(struct buf *b, const struct buf *text)
{
	tar_put_header(b, tar_header('x', "pax", text->len));
	tar_put_data(b, text->data, text->len);
}

static inline void tar_put_pax_one(struct buf *b, const char *key, const char *value)
{
	struct buf text = BUF_INIT;

	tar_pax_record(&text, key, value, strlen(value));
	tar_put_pax(b, &text);
	buf_done(&text);
}

static inline void tar_put_end(struct buf *b)
{
	static const char zeros[2 * TAR_BLOCK];

	buf_append(b, zeros, sizeof(zeros));
}

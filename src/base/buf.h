/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a cap that is set where it is made. The content is always followed
 * by a NUL that does not count. The first failure (out of memory, or past the cap) sticks: later
 * appends do nothing, so a caller may append freely and look at buf_error() once at the end.
 */
#pragma once

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t size; /* allocated */
	size_t max;  /* cap on len, 0 = BUF_MAX_DEFAULT */
	int error;   /* 0, ENOMEM or E2BIG */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_INIT                 \
	{                        \
		NULL, 0, 0, 0, 0 \
	}
#define BUF_INIT_MAX(max)            \
	{                            \
		NULL, 0, 0, (max), 0 \
	}

void buf_done(struct buf *b);

/* Forgets the content and a past failure, keeps the memory. */
void buf_reset(struct buf *b);

/* Makes room for n more bytes and returns where they go, NULL on failure. */
char *buf_reserve(struct buf *b, size_t n);

void buf_append(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* 0, -ENOMEM or -E2BIG. */
static inline int buf_error(const struct buf *b)
{
	return -b->error;
}

/* The content as a string, "" while empty. Owned by the buffer. */
static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

/* Hands the content over as a heap string; NULL if an append had failed or memory is out. */
char *buf_take(struct buf *b);

#define _cleanup_buf_ _cleanup_(buf_done)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with one owner and one end: everything taken from an arena lives until arena_done().
 * Parsed documents and plans live in one, so nobody frees their parts. Memory comes zeroed.
 */
#pragma once

#include "base/cleanup.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used; /* in head */
};

#define ARENA_INIT      \
	{               \
		NULL, 0 \
	}

void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t n);		       /* zeroed; NULL if memory is out */
void *arena_array(struct arena *a, size_t count, size_t size); /* NULL on overflow too */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *arena_memdup(struct arena *a, const void *data, size_t n);

/* A vector for n strings, all NULL yet; NULL if memory is out. */
char **arena_strv_new(struct arena *a, size_t n);

/*
 * Appends a copy of s to a NULL-terminated vector in the arena, which must be NULL or made by this
 * function or arena_strv_new(): its length stands before the first element. The vector may be cut
 * between calls, if it is NULL from there to its old end. 0 or -ENOMEM.
 */
int arena_strv_append(struct arena *a, char ***v, const char *s);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#define _cleanup_arena_ _cleanup_(arena_done)

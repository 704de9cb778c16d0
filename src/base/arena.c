/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/str.h"

#include <stdalign.h>

#define ARENA_BLOCK_SIZE ((size_t)16 << 10)

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(16) unsigned char data[];
};

void arena_done(struct arena *a)
{
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (!a->head || a->head->size - a->used < n) {
		size_t size = n > ARENA_BLOCK_SIZE ? n : ARENA_BLOCK_SIZE;
		struct arena_block *b = calloc(1, sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		b->next = a->head;
		a->head = b;
		a->used = 0;
	}
	void *p = a->head->data + a->used;
	a->used += n;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

void *arena_memdup(struct arena *a, const void *data, size_t n)
{
	void *p = arena_alloc(a, n);

	return p && n ? memcpy(p, data, n) : p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	return p ? memcpy(p, s, n) : NULL;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	char *p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, format);
	vsnprintf(p, (size_t)n + 1, format, ap);
	va_end(ap);
	return p;
}

/* What stands before a growing vector's first element. */
struct vector {
	size_t length;	 /* as it was after the last append: its owner may have cut it since */
	size_t capacity; /* with the NULL at the end */
	char *items[];
};

static struct vector *vector_of(char **items)
{
	return (struct vector *)((char *)items - offsetof(struct vector, items));
}

static struct vector *vector_new(struct arena *a, size_t capacity)
{
	size_t size;

	if (__builtin_mul_overflow(capacity, sizeof(char *), &size) ||
		__builtin_add_overflow(size, sizeof(struct vector), &size))
		return NULL;
	struct vector *v = arena_alloc(a, size);
	if (!v)
		return NULL;
	v->length = 0;
	v->capacity = capacity;
	return v;
}

static struct vector *vector_grow(struct arena *a, const struct vector *old)
{
	struct vector *v = vector_new(a, old ? 2 * old->capacity : 2);

	if (v && old && old->length) {
		v->length = old->length;
		memcpy(v->items, old->items, old->length * sizeof(char *));
	}
	return v;
}

char **arena_strv_new(struct arena *a, size_t n)
{
	struct vector *v = n < SIZE_MAX ? vector_new(a, n + 1) : NULL;

	if (!v)
		return NULL;
	v->length = n;
	return v->items;
}

int arena_strv_append(struct arena *a, char ***to, const char *s)
{
	struct vector *v = *to ? vector_of(*to) : NULL;
	char *copy = arena_strdup(a, s);

	if (v && v->length && !v->items[v->length - 1])
		v->length = strv_length(v->items);
	if (!v || v->length + 1 >= v->capacity)
		v = vector_grow(a, v);
	if (!copy || !v)
		return -ENOMEM;
	v->items[v->length++] = copy;
	v->items[v->length] = NULL;
	*to = v->items;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, NULL-terminated string vectors, and numbers in text. */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool str_empty(const char *s)
{
	return !s || !*s;
}

/* The part of s after prefix, NULL if s does not start with it. */
static inline const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends_with(const char *s, const char *suffix);

/* A formatted heap string, NULL if memory is out. */
char *str_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies into a field of a fixed size; 0, or -ENAMETOOLONG and dest is as it was. */
int str_copy(char *dest, size_t size, const char *src);

/* Replaces *p (freed) with a copy of value (NULL allowed). 0 or -ENOMEM. */
int str_set(char **p, const char *value);

/* Decimal numbers, strict: no sign for unsigned, no spaces, nothing after. 0, -EINVAL, -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);
int str_to_u32(const char *s, uint32_t *ret);

/* "1024", "50m", "1.5G", "64KiB", "10MB": bytes with binary units, as Docker reads them. */
int str_to_size(const char *s, uint64_t *ret);

/* true/false, 1/0, t/f, yes/no as Go's ParseBool plus yes and no. 0 or -EINVAL. */
int str_to_bool(const char *s, bool *ret);

/* "1h30m", "500ms", "10s" (Go durations), or a bare number of seconds; nanoseconds. */
int str_to_duration(const char *s, int64_t *ret_ns);

/* A NULL-terminated vector of heap strings; NULL is the empty vector. */
size_t strv_length(char *const *v);
void strv_free(char **v);
bool strv_contains(char *const *v, const char *s);
int strv_append(char ***v, const char *s); /* copies s; 0 or -ENOMEM */
int strv_append_take(char ***v, char *s);  /* takes s, also on failure; 0 or -ENOMEM */
int strv_append_printf(char ***v, const char *format, ...) __attribute__((format(printf, 2, 3)));
int strv_extend(char ***v, char *const *more); /* appends copies of all of more */
char **strv_split(
	const char *s, const char *separators); /* no empty parts; NULL if out of memory */
char *strv_join(char *const *v, const char *separator);

#define strv_foreach(s, v) for (char *const *s = (v); s && *s; s++)

DEFINE_CLEANUP(char **, strv_freep, strv_free)
#define _cleanup_strv_ _cleanup_(strv_freep)

/* The value of NAME in an environment vector of NAME=VALUE, NULL if unset. */
const char *env_get(char *const *env, const char *name);

/* Sets NAME=VALUE, replacing an earlier value in place. 0 or -ENOMEM. */
int env_set(char ***env, const char *assignment);

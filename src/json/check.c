/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate before the JSON library: a pass over the text that accepts exactly RFC 8259 in UTF-8
 * and refuses what I-JSON (RFC 7493) calls interoperability traps: duplicate keys (compared after
 * unescaping), NUL in strings, integers past 64 bits. It builds nothing but the keys of the objects
 * that are open, so hostile text costs one pass and little memory.
 */
#include "json/json.h"
#include "json/escape.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

struct key {
	const char *text; /* unescaped; into the document or the arena */
	size_t len;
};

struct checker {
	const char *start, *p, *end;
	unsigned int depth_left;
	struct key *keys; /* of all open objects, innermost last */
	size_t n_keys, keys_size;
	struct arena arena; /* unescaped keys */
	const char *what;
	struct hull_error *err;
};

static int check_value(struct checker *c);

static int fail(struct checker *c, const char *reason)
{
	size_t line = 1, column = 1;

	for (const char *p = c->start; p < c->p && p < c->end; p++) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
	}
	return error_set(c->err, HULL_ERROR_INVALID, "%s: line %zu, column %zu: %s", c->what, line,
		column, reason);
}

static void skip_space(struct checker *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* At a backslash; appends what it stands for to out (room for 4 bytes) and moves on. */
static int check_escape(struct checker *c, char *out, size_t *ret_len)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";

	if (c->end - c->p < 2)
		return fail(c, "unterminated string");
	if (c->p[1] != 'u') {
		const char *name = c->p[1] ? strchr(names, c->p[1]) : NULL;
		if (!name)
			return fail(c, "unknown escape in a string");
		out[0] = values[name - names];
		*ret_len = 1;
		c->p += 2;
		return 0;
	}
	unsigned int code, low;
	if (hex4(c->p + 2, c->end, &code) < 0)
		return fail(c, "bad \\u escape in a string");
	if (code == 0)
		return fail(c, "NUL in a string");
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(c, "lone surrogate in a string");
	size_t used = 6;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (c->end - c->p < 12 || c->p[6] != '\\' || c->p[7] != 'u' ||
			hex4(c->p + 8, c->end, &low) < 0 || low < 0xdc00 || low > 0xdfff)
			return fail(c, "lone surrogate in a string");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		used = 12;
	}
	*ret_len = utf8_encode(code, out);
	c->p += used;
	return 0;
}

/* At a quote. If key is not NULL it gets the unescaped text. */
static int check_string(struct checker *c, struct key *key)
{
	const char *start = ++c->p, *run = start;
	struct buf unescaped = BUF_INIT;
	int r = 0;

	while (r == 0 && c->p < c->end && *c->p != '"') {
		unsigned char ch = (unsigned char)*c->p;
		if (ch < 0x20) {
			r = fail(c, "control character in a string");
		} else if (ch == '\\') {
			char bytes[4];
			size_t n = 0;
			const char *run_end = c->p;
			r = check_escape(c, bytes, &n);
			if (r == 0 && key) {
				buf_append(&unescaped, run, (size_t)(run_end - run));
				buf_append(&unescaped, bytes, n);
			}
			run = c->p;
		} else {
			size_t n = utf8_length(c->p, c->end);
			if (n == 0)
				r = fail(c, "invalid UTF-8 in a string");
			c->p += n;
		}
	}
	if (r == 0 && c->p >= c->end)
		r = fail(c, "unterminated string");
	if (r == 0 && key) {
		if (run == start) {
			*key = (struct key){start, (size_t)(c->p - start)};
		} else {
			buf_append(&unescaped, run, (size_t)(c->p - run));
			key->len = unescaped.len;
			key->text = buf_error(&unescaped)
					    ? NULL
					    : arena_memdup(&c->arena, buf_str(&unescaped),
						      unescaped.len);
			if (!key->text)
				r = error_no_memory(c->err);
		}
	}
	buf_done(&unescaped);
	c->p++;
	return r;
}

static int check_number(struct checker *c)
{
	const char *start = c->p;
	bool integer = true;

	if (*c->p == '-')
		c->p++;
	if (c->p >= c->end || !isdigit((unsigned char)*c->p))
		return fail(c, "not a JSON value");
	const char *digits = c->p;
	while (c->p < c->end && isdigit((unsigned char)*c->p))
		c->p++;
	if (*digits == '0' && c->p - digits > 1)
		return fail(c, "number with a leading zero");
	if (c->p < c->end && *c->p == '.') {
		integer = false;
		c->p++;
		if (c->p >= c->end || !isdigit((unsigned char)*c->p))
			return fail(c, "number without digits after the point");
		while (c->p < c->end && isdigit((unsigned char)*c->p))
			c->p++;
	}
	if (c->p < c->end && (*c->p | 0x20) == 'e') {
		integer = false;
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (c->p >= c->end || !isdigit((unsigned char)*c->p))
			return fail(c, "number without digits in the exponent");
		while (c->p < c->end && isdigit((unsigned char)*c->p))
			c->p++;
	}
	if (!integer)
		return 0;
	uint64_t value = 0, limit = *start == '-' ? (uint64_t)1 << 63 : UINT64_MAX;
	for (const char *p = digits; p < c->p; p++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value) ||
			value > limit)
			return fail(c, "integer past 64 bits");
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int d = memcmp(x->text, y->text, n);

	return d ? d : (x->len > y->len) - (x->len < y->len);
}

static int push_key(struct checker *c, const struct key *key)
{
	if (c->n_keys == c->keys_size) {
		size_t size = c->keys_size ? 2 * c->keys_size : 64;
		struct key *larger = reallocarray(c->keys, size, sizeof(*larger));
		if (!larger)
			return error_no_memory(c->err);
		c->keys = larger;
		c->keys_size = size;
	}
	c->keys[c->n_keys++] = *key;
	return 0;
}

static int check_duplicates(struct checker *c, size_t first)
{
	size_t n = c->n_keys - first;

	if (n > 1)
		qsort(c->keys + first, n, sizeof(*c->keys), compare_keys);
	for (size_t i = first + 1; i < c->n_keys; i++) {
		const struct key *k = &c->keys[i];
		if (compare_keys(k - 1, k) == 0)
			return error_set(c->err, HULL_ERROR_INVALID, "%s: duplicate key \"%.*s\"",
				c->what, (int)(k->len < 200 ? k->len : 200), k->text);
	}
	c->n_keys = first;
	return 0;
}

static int check_member(struct checker *c)
{
	struct key key;

	skip_space(c);
	if (c->p >= c->end || *c->p != '"')
		return fail(c, "expected a key in quotes");
	int r = check_string(c, &key);
	if (r < 0)
		return r;
	r = push_key(c, &key);
	if (r < 0)
		return r;
	skip_space(c);
	if (c->p >= c->end || *c->p != ':')
		return fail(c, "expected a colon after a key");
	c->p++;
	return check_value(c);
}

/* An object or array: opened, members separated by commas, closed. */
static int check_container(struct checker *c, char close, int (*member)(struct checker *))
{
	size_t first_key = c->n_keys;

	if (c->depth_left-- == 0)
		return fail(c, "nested too deeply");
	c->p++;
	skip_space(c);
	if (c->p < c->end && *c->p == close) {
		c->p++;
	} else {
		for (;;) {
			int r = member(c);
			if (r < 0)
				return r;
			skip_space(c);
			if (c->p >= c->end)
				return fail(c, "unexpected end");
			char separator = *c->p;
			if (separator != ',' && separator != close)
				return fail(c, close == '}' ? "expected a comma or }"
							    : "expected a comma or ]");
			c->p++;
			if (separator == close)
				break;
		}
	}
	c->depth_left++;
	return check_duplicates(c, first_key);
}

static int check_value(struct checker *c)
{
	static const char *const words[] = {"true", "false", "null"};

	skip_space(c);
	if (c->p >= c->end)
		return fail(c, "unexpected end");
	switch (*c->p) {
	case '{':
		return check_container(c, '}', check_member);
	case '[':
		return check_container(c, ']', check_value);
	case '"':
		return check_string(c, NULL);
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(c->end - c->p) >= n && memcmp(c->p, words[i], n) == 0) {
			c->p += n;
			return 0;
		}
	}
	return check_number(c);
}

int json_check(const char *text, size_t len, const struct json_limits *limits, const char *what,
	struct hull_error *err)
{
	size_t max = limits && limits->bytes ? limits->bytes : BUF_MAX_DEFAULT;
	struct checker c = {.start = text,
		.p = text,
		.end = text + len,
		.depth_left = limits && limits->depth ? limits->depth : JSON_DEPTH_DEFAULT,
		.arena = ARENA_INIT,
		.what = what,
		.err = err};

	if (len > max)
		return error_set(err, HULL_ERROR_LIMIT, "%s: %zu bytes of JSON, the limit is %zu",
			what, len, max);
	int r = check_value(&c);
	if (r == 0) {
		skip_space(&c);
		if (c.p != c.end)
			r = fail(&c, "text after the end");
	}
	free(c.keys);
	arena_done(&c.arena);
	return r;
}

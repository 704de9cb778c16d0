/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of a log. Millions of them may be read for one command, each of the same three or four
 * members, so they are decoded where they lie instead of through a tree of values. Accepted is
 * every JSON object that has a "log" and a "time"; the grammar of members that are skipped is not
 * looked at closely.
 */
#include "base/clock.h"
#include "base/str.h"
#include "engine/logs.h"

#define DEPTH_MAX 32

struct cursor {
	char *p, *end;
};

static void skip_spaces(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
		c->p++;
}

/* Takes one character after spaces. */
static bool take(struct cursor *c, char expected)
{
	skip_spaces(c);
	if (c->p == c->end || *c->p != expected)
		return false;
	c->p++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits after \u, or -1. */
static int take_code_unit(struct cursor *c)
{
	int unit = 0;

	if (c->end - c->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(c->p[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	c->p += 4;
	return unit;
}

static char *put_utf8(char *to, unsigned int code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* What follows \u: never longer than the escape it came from. A lone surrogate becomes U+FFFD. */
static char *take_unicode(struct cursor *c, char *to)
{
	int unit = take_code_unit(c);

	if (unit < 0)
		return NULL;
	if (unit < 0xd800 || unit > 0xdfff)
		return put_utf8(to, (unsigned int)unit);
	if (unit < 0xdc00 && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u') {
		struct cursor ahead = {c->p + 2, c->end};
		int low = take_code_unit(&ahead);
		if (low >= 0xdc00 && low <= 0xdfff) {
			c->p = ahead.p;
			return put_utf8(to, 0x10000 + ((unsigned int)(unit & 0x3ff) << 10) +
						    (unsigned int)(low & 0x3ff));
		}
	}
	return put_utf8(to, 0xfffd);
}

/* One escape after its backslash; NULL if there is no such. */
static char *take_escape(struct cursor *c, char *to)
{
	static const char from[] = "\"\\/bfnrt";
	static const char into[] = "\"\\/\b\f\n\r\t";

	if (c->p == c->end)
		return NULL;
	char e = *c->p++;
	if (e == 'u')
		return take_unicode(c, to);
	const char *known = e ? strchr(from, e) : NULL;
	if (!known)
		return NULL;
	*to = into[known - from];
	return to + 1;
}

/* Decodes a string in place and ends it with a NUL (where its quote or an escape was). */
static bool take_string(struct cursor *c, char **ret, size_t *ret_len)
{
	if (!take(c, '"'))
		return false;
	char *start = c->p, *to = c->p;
	while (c->p < c->end) {
		char ch = *c->p;
		if (ch == '"') {
			c->p++;
			*to = '\0';
			*ret = start;
			*ret_len = (size_t)(to - start);
			return true;
		}
		if ((unsigned char)ch < 0x20)
			return false;
		c->p++;
		if (ch == '\\')
			to = take_escape(c, to);
		else
			*to++ = ch;
		if (!to)
			return false;
	}
	return false;
}

/* Moves past a string without changing it. */
static bool skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end; c->p++) {
		if (*c->p == '\\')
			c->p++;
		else if (*c->p == '"') {
			c->p++;
			return true;
		}
	}
	c->p = c->end;
	return false;
}

/* Moves past a value of any type. */
static bool skip_value(struct cursor *c)
{
	unsigned int depth = 0;

	skip_spaces(c);
	char *start = c->p;
	while (c->p < c->end) {
		char ch = *c->p;
		if (ch == '"') {
			if (!skip_string(c))
				return false;
		} else if (ch == '{' || ch == '[') {
			if (depth++ == DEPTH_MAX)
				return false;
			c->p++;
		} else if (ch == '}' || ch == ']' || ch == ',') {
			if (depth == 0)
				return c->p > start;
			depth -= ch != ',';
			c->p++;
		} else {
			c->p++;
		}
	}
	return false;
}

struct found {
	bool log, time;
};

static bool take_member(struct cursor *c, struct logs_entry *e, struct found *found)
{
	char *key, *value = NULL;
	size_t len;

	if (!take_string(c, &key, &len) || !take(c, ':'))
		return false;
	if (str_eq(key, "log")) {
		found->log = take_string(c, &value, &e->text_len);
		e->text = value;
		return found->log;
	}
	if (str_eq(key, "stream")) {
		if (!take_string(c, &value, &len))
			return false;
		e->is_stderr = str_eq(value, "stderr");
		return true;
	}
	if (str_eq(key, "time")) {
		found->time =
			take_string(c, &value, &len) && clock_parse_rfc3339(value, &e->time) == 0;
		return found->time;
	}
	skip_spaces(c);
	char *start = c->p;
	if (!skip_value(c))
		return false;
	if (str_eq(key, "attrs") && *start == '{') {
		e->attrs = start;
		e->attrs_len = (size_t)(c->p - start);
	}
	return true;
}

int logs_entry_parse(char *line, size_t len, struct logs_entry *ret)
{
	struct cursor c = {line, line + len};
	struct logs_entry e = {0};
	struct found found = {0};

	if (!take(&c, '{'))
		return -EINVAL;
	do {
		if (!take_member(&c, &e, &found))
			return -EINVAL;
	} while (take(&c, ','));
	if (!take(&c, '}'))
		return -EINVAL;
	skip_spaces(&c);
	if (c.p != c.end || !found.log || !found.time)
		return -EINVAL;
	*ret = e;
	return 0;
}

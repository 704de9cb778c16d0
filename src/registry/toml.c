/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the text. What makes TOML awkward is that a table may be opened in several places:
 * by a header, by a dotted key, or inline; each way may be used once and the rest forbids it. So a
 * table remembers how it came about (see enum table_state), and that decides what may still be
 * added to it.
 */
#include "registry/toml.h"

#include "base/str.h"

#define TEXT_MAX  ((size_t)1 << 20)
#define DEPTH_MAX 64

enum table_state {
	IMPLICIT = 1 << 0, /* made on the way to [a.b] or by a.b = 1: a header may still open it */
	DOTTED = 1 << 1, /* made by a dotted key: only dotted keys of the same section add to it */
	CLOSED = 1 << 2, /* inline: nothing is added any more */
	TABLES = 1 << 3, /* an array made by [[...]] */
};

struct parser {
	struct arena *arena;
	const char *what;
	const char *p, *end;
	unsigned int line;
	unsigned int depth;
	struct hull_error *err;
};

static int fail(struct parser *t, const char *message)
{
	return error_set(t->err, HULL_ERROR_INVALID, "%s: line %u: %s", t->what, t->line, message);
}

static int at(const struct parser *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

static bool at_text(const struct parser *t, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(t->end - t->p) >= n && memcmp(t->p, text, n) == 0;
}

static void skip_blank(struct parser *t)
{
	while (at(t) == ' ' || at(t) == '\t')
		t->p++;
}

static bool skip_newline(struct parser *t)
{
	if (at_text(t, "\r\n"))
		t->p++;
	else if (at(t) != '\n')
		return false;
	t->p++;
	t->line++;
	return true;
}

static bool is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct parser *t)
{
	if (at(t) != '#')
		return 0;
	while (at(t) >= 0 && at(t) != '\n' && !at_text(t, "\r\n")) {
		if (is_control(at(t)))
			return fail(t, "control character in a comment");
		t->p++;
	}
	return 0;
}

/* Spaces, newlines and comments. */
static int skip_lines(struct parser *t)
{
	do {
		skip_blank(t);
		if (skip_comment(t) < 0)
			return -1;
	} while (skip_newline(t));
	return 0;
}

static int end_line(struct parser *t)
{
	skip_blank(t);
	if (skip_comment(t) < 0)
		return -1;
	if (at(t) < 0 || skip_newline(t))
		return 0;
	return fail(t, "expected the end of the line");
}

static struct toml_value *new_value(struct parser *t, enum toml_type type)
{
	struct toml_value *v = arena_new(t->arena, struct toml_value);

	if (v) {
		v->type = type;
		v->line = t->line;
	}
	return v;
}

static void append(struct toml_value *holder, struct toml_value *v)
{
	if (holder->last)
		holder->last->next = v;
	else
		holder->first = v;
	holder->last = v;
}

static struct toml_value *find(const struct toml_value *table, const char *key)
{
	for (struct toml_value *v = table->first; v; v = v->next)
		if (str_eq(v->key, key))
			return v;
	return NULL;
}

/* ---- Strings ---- */

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *put_utf8(char *o, uint32_t c)
{
	if (c < 0x80) {
		*o++ = (char)c;
		return o;
	}
	if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*o++ = (char)(0xe0 | c >> 12);
		} else {
			*o++ = (char)(0xf0 | c >> 18);
			*o++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*o++ = (char)(0x80 | (c & 0x3f));
	return o;
}

static int read_unicode(struct parser *t, int digits, char **o)
{
	uint32_t c = 0;

	for (int i = 0; i < digits; i++, t->p++) {
		int digit = hex_value(at(t));
		if (digit < 0)
			return fail(t, "malformed \\u escape");
		c = c << 4 | (uint32_t)digit;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return fail(t, "\\u escape of what is no character");
	*o = put_utf8(*o, c);
	return 0;
}

/* After the backslash. */
static int read_escape(struct parser *t, bool multiline, char **o)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = at(t);
	const char *known = c > 0 ? strchr(from, c) : NULL;

	if (known) {
		*(*o)++ = to[known - from];
		t->p++;
		return 0;
	}
	if (c == 'u' || c == 'U') {
		t->p++;
		return read_unicode(t, c == 'u' ? 4 : 8, o);
	}
	if (multiline) {
		/* A backslash at the end of a line takes away all white space that follows. */
		const char *start = t->p;
		skip_blank(t);
		if (skip_newline(t)) {
			do
				skip_blank(t);
			while (skip_newline(t));
			return 0;
		}
		t->p = start;
	}
	return fail(t, "unknown escape in a string");
}

/* Up to the quote that ends it; an escape never gets longer by being decoded. */
static int read_string_body(
	struct parser *t, int quote, bool multiline, char *o, struct toml_value *v)
{
	static const char *const ends[] = {"\"\"\"", "'''"};
	const char *three = ends[quote == '\''];
	char *start = o;

	for (;;) {
		int c = at(t);

		if (c < 0 || (!multiline && (c == '\n' || c == '\r')))
			return fail(t, "string without an end");
		if (multiline && at_text(t, three)) {
			t->p += 3;
			/* Two more quotes may stand directly before the end. */
			for (int i = 0; i < 2 && at(t) == quote; i++, t->p++)
				*o++ = (char)quote;
			break;
		}
		if (!multiline && c == quote) {
			t->p++;
			break;
		}
		if (multiline && skip_newline(t)) {
			*o++ = '\n';
		} else if (is_control(c)) {
			return fail(t, "control character in a string");
		} else if (c == '\\' && quote == '"') {
			t->p++;
			if (read_escape(t, multiline, &o) < 0)
				return -1;
		} else {
			*o++ = (char)c;
			t->p++;
		}
	}
	*o = '\0';
	v->text = start;
	return 0;
}

static int read_string(struct parser *t, bool multiline_allowed, struct toml_value *v)
{
	int quote = at(t);
	bool multiline = at_text(t, quote == '"' ? "\"\"\"" : "'''");
	size_t room = 0;

	if (multiline && !multiline_allowed)
		return fail(t, "a key must be on one line");
	t->p += multiline ? 3 : 1;
	if (multiline)
		skip_newline(t);
	/* What it can be at most: up to the last quote of that kind on its way. */
	for (const char *q = t->p; q < t->end && (multiline || *q != '\n'); q++) {
		room++;
		if (!multiline && *q == quote && (quote == '\'' || q[-1] != '\\'))
			break;
		if (multiline && q[0] == quote && t->end - q > 2 && q[1] == quote &&
			q[2] == quote && q[-1] != '\\') {
			room += 3;
			break;
		}
	}
	char *o = arena_alloc(t->arena, room + 6);
	return o ? read_string_body(t, quote, multiline, o, v) : error_no_memory(t->err);
}

/* ---- Keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int read_key_part(struct parser *t, const char **ret)
{
	const char *start = t->p;

	if (at(t) == '"' || at(t) == '\'') {
		struct toml_value v = {0};
		int r = read_string(t, false, &v);
		*ret = v.text;
		return r;
	}
	while (is_bare(at(t)))
		t->p++;
	if (t->p == start)
		return fail(t, "expected a key");
	*ret = arena_strndup(t->arena, start, (size_t)(t->p - start));
	return *ret ? 0 : error_no_memory(t->err);
}

/* A table below another one, made if need be, for the way to a dotted key's last part. */
static int step_into(struct parser *t, struct toml_value **at_table, const char *key, bool header)
{
	struct toml_value *v = find(*at_table, key);

	if (!v) {
		v = new_value(t, TOML_TABLE);
		if (!v)
			return error_no_memory(t->err);
		v->key = key;
		v->state = IMPLICIT | (header ? 0 : DOTTED);
		append(*at_table, v);
	}
	/* The way through an array of tables leads into its last one. */
	if (header && v->type == TOML_ARRAY && v->state & TABLES)
		v = v->last;
	if (v->type != TOML_TABLE || v->state & CLOSED || (!header && !(v->state & DOTTED)))
		return fail(t, "the key was given another value before");
	*at_table = v;
	return 0;
}

/* a.b."c": all but the last part are walked into; *ret is the last one. */
static int read_key(struct parser *t, struct toml_value **at_table, bool header, const char **ret)
{
	for (unsigned int depth = 0;; depth++) {
		skip_blank(t);
		if (read_key_part(t, ret) < 0)
			return -1;
		skip_blank(t);
		if (at(t) != '.')
			return 0;
		if (depth == DEPTH_MAX)
			return fail(t, "nested too deeply");
		t->p++;
		if (step_into(t, at_table, *ret, header) < 0)
			return -1;
	}
}

/* ---- Values ---- */

static int read_value(struct parser *t, struct toml_value **ret);

static int read_pair(struct parser *t, struct toml_value *table)
{
	struct toml_value *v = NULL;
	const char *key;

	if (read_key(t, &table, false, &key) < 0)
		return -1;
	if (at(t) != '=')
		return fail(t, "expected '=' after a key");
	t->p++;
	if (find(table, key))
		return fail(t, "the key was given a value before");
	skip_blank(t);
	if (read_value(t, &v) < 0)
		return -1;
	v->key = key;
	append(table, v);
	return 0;
}

static int read_array(struct parser *t, struct toml_value *array)
{
	t->p++;
	for (;;) {
		struct toml_value *v;

		if (skip_lines(t) < 0)
			return -1;
		if (at(t) == ']')
			break;
		if (read_value(t, &v) < 0)
			return -1;
		append(array, v);
		if (skip_lines(t) < 0)
			return -1;
		if (at(t) == ',')
			t->p++;
		else if (at(t) != ']')
			return fail(t, "expected ',' or ']' in an array");
	}
	t->p++;
	return 0;
}

static void close_tables(struct toml_value *table)
{
	table->state |= CLOSED;
	for (struct toml_value *v = table->first; v; v = v->next)
		if (v->type == TOML_TABLE && !(v->state & CLOSED))
			close_tables(v);
}

static int read_inline_table(struct parser *t, struct toml_value *table)
{
	t->p++;
	skip_blank(t);
	while (at(t) != '}') {
		if (read_pair(t, table) < 0)
			return -1;
		skip_blank(t);
		if (at(t) == '}')
			break;
		if (at(t) != ',')
			return fail(t, "expected ',' or '}' in a table");
		t->p++;
		skip_blank(t);
		if (at(t) == '}')
			return fail(t, "expected a key after ','");
	}
	t->p++;
	close_tables(table);
	return 0;
}

/* Digits with single underscores between them, copied without; the count, negative if malformed. */
static int copy_number(const char *s, size_t n, char *out, size_t size)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '_') {
			if (i == 0 || i + 1 == n || hex_value(s[i - 1]) < 0 ||
				hex_value(s[i + 1]) < 0)
				return -1;
			continue;
		}
		if (o + 1 == size)
			return -1;
		out[o++] = s[i];
	}
	out[o] = '\0';
	return (int)o;
}

static bool all_of(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == '\0';
}

static int read_integer(struct parser *t, const char *text, struct toml_value *v)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} bases[] = {
		{"0x", "0123456789abcdefABCDEF", 16},
		{"0o", "01234567", 8},
		{"0b", "01", 2},
	};
	char *end;

	v->type = TOML_INTEGER;
	errno = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		const char *digits = str_after(text, bases[i].prefix);
		if (!digits)
			continue;
		if (!all_of(digits, bases[i].digits))
			return fail(t, "malformed number");
		v->integer = strtoll(digits, &end, bases[i].base);
		return errno ? fail(t, "number too large") : 0;
	}
	const char *digits = text + (*text == '-' || *text == '+');
	if (!all_of(digits, "0123456789") || (digits[0] == '0' && digits[1]))
		return fail(t, "expected a value");
	v->integer = strtoll(text, &end, 10);
	return errno ? fail(t, "number too large") : 0;
}

/* Digits before the point, and digits after it or an exponent. */
static bool is_float(const char *s)
{
	s += *s == '-' || *s == '+';
	if (str_eq(s, "inf") || str_eq(s, "nan"))
		return true;
	size_t whole = strspn(s, "0123456789");
	if (whole == 0 || (whole > 1 && *s == '0'))
		return false;
	s += whole;
	bool more = false;
	if (*s == '.') {
		size_t n = strspn(s + 1, "0123456789");
		if (n == 0)
			return false;
		s += 1 + n;
		more = true;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		size_t n = strspn(s, "0123456789");
		if (n == 0)
			return false;
		s += n;
		more = true;
	}
	return more && !*s;
}

/* "1979-05-27", "07:32:00", both, with a zone: by its shape; nobody here calculates with them. */
static bool is_time(const char *s)
{
	bool date = strspn(s, "0123456789") == 4 && s[4] == '-';
	bool clock = strspn(s, "0123456789") == 2 && s[2] == ':';

	return (date || clock) && all_of(s, "0123456789-:.+TtZz ");
}

static int read_scalar(struct parser *t, struct toml_value *v)
{
	const char *start = t->p;
	char text[128];

	while (is_bare(at(t)) || at(t) == '+' || at(t) == '.' || at(t) == ':')
		t->p++;
	/* A space may stand between a date and a time. */
	if (t->p - start == 10 && start[4] == '-' && at(t) == ' ' && t->end - t->p > 3 &&
		t->p[3] == ':')
		for (t->p++; is_bare(at(t)) || at(t) == '+' || at(t) == '.' || at(t) == ':';)
			t->p++;
	size_t n = (size_t)(t->p - start);
	if (n == 0 || n >= sizeof(text))
		return fail(t, "expected a value");
	memcpy(text, start, n);
	text[n] = '\0';
	if (str_eq(text, "true") || str_eq(text, "false")) {
		v->type = TOML_BOOLEAN;
		v->boolean = *text == 't';
		return 0;
	}
	if (is_time(text)) {
		v->type = TOML_TIME;
		v->text = arena_strdup(t->arena, text);
		return v->text ? 0 : error_no_memory(t->err);
	}
	if (copy_number(start, n, text, sizeof(text)) < 0)
		return fail(t, "malformed number");
	if (is_float(text)) {
		v->type = TOML_FLOAT;
		v->number = strtod(text, NULL);
		return 0;
	}
	return read_integer(t, text, v);
}

static int read_value(struct parser *t, struct toml_value **ret)
{
	struct toml_value *v = new_value(t, TOML_STRING);
	int r;

	if (!v)
		return error_no_memory(t->err);
	*ret = v;
	if (t->depth++ == DEPTH_MAX)
		return fail(t, "nested too deeply");
	switch (at(t)) {
	case '"':
	case '\'':
		r = read_string(t, true, v);
		break;
	case '[':
		v->type = TOML_ARRAY;
		r = read_array(t, v);
		break;
	case '{':
		v->type = TOML_TABLE;
		/* Its own dotted keys may walk into tables that they made. */
		r = read_inline_table(t, v);
		break;
	default:
		r = read_scalar(t, v);
	}
	t->depth--;
	return r;
}

/* ---- Headers ---- */

static int open_table(
	struct parser *t, struct toml_value *in, const char *key, struct toml_value **ret)
{
	struct toml_value *v = find(in, key);

	if (v && (v->type != TOML_TABLE || v->state != IMPLICIT))
		return fail(t, "the table was opened before");
	if (!v) {
		v = new_value(t, TOML_TABLE);
		if (!v)
			return error_no_memory(t->err);
		v->key = key;
		append(in, v);
	}
	v->state = 0;
	*ret = v;
	return 0;
}

static int add_table(
	struct parser *t, struct toml_value *in, const char *key, struct toml_value **ret)
{
	struct toml_value *array = find(in, key), *v = new_value(t, TOML_TABLE);

	if (array && !(array->type == TOML_ARRAY && array->state & TABLES))
		return fail(t, "the key was given another value before");
	if (!array) {
		array = new_value(t, TOML_ARRAY);
		if (!array)
			return error_no_memory(t->err);
		array->key = key;
		array->state = TABLES;
		append(in, array);
	}
	if (!v)
		return error_no_memory(t->err);
	append(array, v);
	*ret = v;
	return 0;
}

/* [a.b] or [[a.b]] */
static int read_header(struct parser *t, struct toml_value *root, struct toml_value **ret)
{
	bool array = at_text(t, "[[");
	struct toml_value *in = root;
	const char *key;

	t->p += array ? 2 : 1;
	if (read_key(t, &in, true, &key) < 0)
		return -1;
	if (!at_text(t, array ? "]]" : "]"))
		return fail(t, "expected ']' at the end of a header");
	t->p += array ? 2 : 1;
	return array ? add_table(t, in, key, ret) : open_table(t, in, key, ret);
}

static int read_document(struct parser *t, struct toml_value *root)
{
	struct toml_value *table = root;

	if (at_text(t, "\xef\xbb\xbf"))
		t->p += 3;
	for (;;) {
		if (skip_lines(t) < 0)
			return -1;
		if (at(t) < 0)
			return 0;
		int r = at(t) == '[' ? read_header(t, root, &table) : read_pair(t, table);
		if (r < 0 || end_line(t) < 0)
			return -1;
	}
}

int toml_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct toml_value **ret, struct hull_error *err)
{
	struct parser t = {
		.arena = arena, .what = what, .p = text, .end = text + len, .line = 1, .err = err};

	if (len > TEXT_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "%s: larger than %zu bytes", what, TEXT_MAX);
	struct toml_value *root = new_value(&t, TOML_TABLE);
	if (!root)
		return error_no_memory(err);
	if (read_document(&t, root) < 0)
		return -1;
	*ret = root;
	return 0;
}

/* ---- Reading what was read ---- */

const struct toml_value *toml_get(const struct toml_value *table, const char *key)
{
	return table && table->type == TOML_TABLE ? find(table, key) : NULL;
}

static int wrong_type(
	const struct toml_value *v, const char *what, const char *wanted, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "%s: line %u: %s must be %s", what, v->line,
		v->key, wanted);
}

int toml_get_string(const struct toml_value *table, const char *key, const char *what,
	const char **ret, struct hull_error *err)
{
	const struct toml_value *v = toml_get(table, key);

	if (v && v->type != TOML_STRING)
		return wrong_type(v, what, "a string", err);
	if (v)
		*ret = v->text;
	return 0;
}

int toml_get_bool(const struct toml_value *table, const char *key, const char *what, bool *ret,
	struct hull_error *err)
{
	const struct toml_value *v = toml_get(table, key);

	if (v && v->type != TOML_BOOLEAN)
		return wrong_type(v, what, "true or false", err);
	if (v)
		*ret = v->boolean;
	return 0;
}

int toml_get_strings(struct arena *arena, const struct toml_value *table, const char *key,
	const char *what, char ***ret, struct hull_error *err)
{
	const struct toml_value *v = toml_get(table, key);

	if (!v)
		return 0;
	if (v->type == TOML_STRING)
		return arena_strv_append(arena, ret, v->text) < 0 ? error_no_memory(err) : 0;
	if (v->type != TOML_ARRAY)
		return wrong_type(v, what, "an array of strings", err);
	for (const struct toml_value *item = v->first; item; item = item->next) {
		if (item->type != TOML_STRING)
			return wrong_type(v, what, "an array of strings", err);
		if (arena_strv_append(arena, ret, item->text) < 0)
			return error_no_memory(err);
	}
	return 0;
}

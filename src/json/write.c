/* SPDX-License-Identifier: Apache-2.0 */
/* From structs to text: a writer that keeps commas and indentation, and the tables walked over it. */
#include "json/json.h"
#include "base/str.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

static void newline(struct json_writer *w)
{
	if (!w->indent)
		return;
	buf_putc(w->out, '\n');
	for (unsigned int i = 0; i < w->depth * w->indent; i++)
		buf_putc(w->out, ' ');
}

/* Before a value or key: the comma and line break that separate it from the one before. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->comma)
		buf_putc(w->out, ',');
	if (w->depth > 0)
		newline(w);
	w->comma = true;
}

static void begin(struct json_writer *w, char c)
{
	separate(w);
	buf_putc(w->out, c);
	w->depth++;
	w->comma = false;
}

static void end(struct json_writer *w, char c)
{
	bool empty = !w->comma;

	w->depth--;
	if (!empty)
		newline(w);
	buf_putc(w->out, c);
	w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
	begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
	end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
	begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
	end(w, ']');
}

/* The second byte of U+0080 to U+009F, after 0xc2. */
static bool is_c1(unsigned char c)
{
	return c >= 0x80 && c < 0xa0;
}

void json_quote(struct buf *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const char *run = s, *stop = s + n;

	buf_putc(out, '"');
	for (const char *p = s; p < stop;) {
		unsigned char c = (unsigned char)*p;
		char escape[8];
		size_t escape_len = 0, step = 1;
		if (c == '"' || c == '\\') {
			escape[0] = '\\';
			escape[1] = (char)c;
			escape_len = 2;
		} else if (c == '\n' || c == '\t' || c == '\r') {
			escape[0] = '\\';
			escape[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
			escape_len = 2;
		} else if (c < 0x20 || c == 0x7f) {
			memcpy(escape, "\\u00", 4);
			escape[4] = hex[c >> 4];
			escape[5] = hex[c & 15];
			escape_len = 6;
		} else if (c == 0xc2 && stop - p > 1 && is_c1((unsigned char)p[1])) {
			/* As good as ESC to a terminal, and JSON is shown to people, too. */
			memcpy(escape, "\\u00", 4);
			escape[4] = hex[(unsigned char)p[1] >> 4];
			escape[5] = hex[p[1] & 15];
			escape_len = 6;
			step = 2;
		} else if (c >= 0x80) {
			/* Valid sequences pass; a byte that starts none becomes U+FFFD. */
			step = utf8_length(p, stop);
			if (step == 0) {
				step = 1;
				memcpy(escape, "\xef\xbf\xbd", 3);
				escape_len = 3;
			}
		}
		if (escape_len) {
			buf_append(out, run, (size_t)(p - run));
			buf_append(out, escape, escape_len);
			run = p + step;
		}
		p += step;
	}
	buf_append(out, run, (size_t)(stop - run));
	buf_putc(out, '"');
}

void json_key(struct json_writer *w, const char *key)
{
	separate(w);
	json_quote(w->out, key, strlen(key));
	buf_puts(w->out, w->indent ? ": " : ":");
	w->after_key = true;
}

void json_string_n(struct json_writer *w, const char *value, size_t n)
{
	separate(w);
	json_quote(w->out, value, n);
}

void json_string(struct json_writer *w, const char *value)
{
	if (value)
		json_string_n(w, value, strlen(value));
	else
		json_null(w);
}

void json_raw(struct json_writer *w, const char *text)
{
	separate(w);
	buf_puts(w->out, text);
}

/* ---- Members ---- */

void json_member_string(struct json_writer *w, const char *key, const char *value)
{
	json_key(w, key);
	json_string(w, value);
}

void json_member_text(struct json_writer *w, const char *key, const char *value)
{
	json_member_string(w, key, value ? value : "");
}

void json_member_boolean(struct json_writer *w, const char *key, bool value)
{
	json_key(w, key);
	json_boolean(w, value);
}

void json_member_i64(struct json_writer *w, const char *key, int64_t value)
{
	json_key(w, key);
	json_i64(w, value);
}

void json_member_u64(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, key);
	json_u64(w, value);
}

void json_member_strings(struct json_writer *w, const char *key, char *const *values)
{
	json_key(w, key);
	if (!values) {
		json_null(w);
		return;
	}
	json_begin_array(w);
	for (; *values; values++)
		json_string(w, *values);
	json_end_array(w);
}

void json_boolean(struct json_writer *w, bool value)
{
	json_raw(w, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
	json_raw(w, "null");
}

void json_i64(struct json_writer *w, int64_t value)
{
	separate(w);
	buf_printf(w->out, "%" PRId64, value);
}

void json_u64(struct json_writer *w, uint64_t value)
{
	separate(w);
	buf_printf(w->out, "%" PRIu64, value);
}

void json_double(struct json_writer *w, double value)
{
	separate(w);
	if (isfinite(value))
		buf_printf(w->out, "%.15g", value);
	else
		buf_puts(w->out, "null");
}

/* The address and number of items of an array-like field. */
static const char *items_of(const struct json_field *field, const void *src, size_t *ret_count)
{
	memcpy(ret_count, (const char *)src + field->count_offset, sizeof(*ret_count));
	return *(char *const *)((const char *)src + field->offset);
}

static bool field_is_absent(const struct json_field *field, const void *src)
{
	const void *p = (const char *)src + field->offset;

	switch (field->kind) {
	case JSON_STRING:
	case JSON_RAW:
		return str_empty(*(char *const *)p);
	case JSON_BOOL:
		return !*(const bool *)p;
	case JSON_OPT_BOOL:
		return !((const struct hull_opt_bool *)p)->set;
	case JSON_INT:
	case JSON_ENUM:
		return *(const int *)p == 0;
	case JSON_I64:
	case JSON_U64:
		return *(const uint64_t *)p == 0;
	case JSON_U32:
		return *(const uint32_t *)p == 0;
	case JSON_OPT_I64:
		return !((const struct hull_opt_i64 *)p)->set;
	case JSON_OPT_U64:
		return !((const struct hull_opt_u64 *)p)->set;
	case JSON_OPT_U32:
		return !((const struct hull_opt_u32 *)p)->set;
	case JSON_STRV:
	case JSON_STRUCT_PTR:
	case JSON_KEYS:
		return !*(void *const *)p;
	case JSON_STRUCT:
		return false;
	case JSON_U32_ARRAY:
	case JSON_ARRAY:
	case JSON_MAP:
	case JSON_STRUCT_MAP: {
		size_t n;
		const char *items = items_of(field, src, &n);
		return !items || n == 0;
	}
	}
	return true;
}

static void write_strings(struct json_writer *w, char *const *strings)
{
	json_begin_array(w);
	strv_foreach (s, strings)
		json_string(w, *s);
	json_end_array(w);
}

static void write_numbers(struct json_writer *w, const struct json_field *field, const void *src)
{
	size_t n;
	const uint32_t *items = (const uint32_t *)(const void *)items_of(field, src, &n);

	json_begin_array(w);
	for (size_t i = 0; items && i < n; i++)
		json_u64(w, items[i]);
	json_end_array(w);
}

static void write_items(struct json_writer *w, const struct json_field *field, const void *src)
{
	size_t n;
	const char *items = items_of(field, src, &n);

	if (field->kind == JSON_ARRAY)
		json_begin_array(w);
	else
		json_begin_object(w);
	for (size_t i = 0; items && i < n; i++) {
		if (field->kind == JSON_ARRAY) {
			json_struct(w, field->table, items + i * field->table->size);
		} else if (field->kind == JSON_MAP) {
			const struct json_pair *pair = (const struct json_pair *)items + i;
			json_key(w, pair->key);
			json_string(w, pair->value ? pair->value : "");
		} else {
			const char *item = items + i * field->table->size;
			json_key(w, *(char *const *)item);
			json_struct(w, field->table, item);
		}
	}
	if (field->kind == JSON_ARRAY)
		json_end_array(w);
	else
		json_end_object(w);
}

static void write_field(struct json_writer *w, const struct json_field *field, const void *src)
{
	const void *p = (const char *)src + field->offset;

	switch (field->kind) {
	case JSON_STRING: {
		const char *s = *(char *const *)p;
		json_string(w, s ? s : "");
		break;
	}
	case JSON_RAW: {
		const char *s = *(char *const *)p;
		json_raw(w, str_empty(s) ? "null" : s);
		break;
	}
	case JSON_BOOL:
		json_boolean(w, *(const bool *)p);
		break;
	case JSON_OPT_BOOL:
		json_boolean(w, ((const struct hull_opt_bool *)p)->value);
		break;
	case JSON_INT:
		json_i64(w, *(const int *)p);
		break;
	case JSON_ENUM:
		json_string(w, field->names[*(const int *)p]);
		break;
	case JSON_I64:
		json_i64(w, *(const int64_t *)p);
		break;
	case JSON_U64:
		json_u64(w, *(const uint64_t *)p);
		break;
	case JSON_U32:
		json_u64(w, *(const uint32_t *)p);
		break;
	case JSON_OPT_I64:
		json_i64(w, ((const struct hull_opt_i64 *)p)->value);
		break;
	case JSON_OPT_U64:
		json_u64(w, ((const struct hull_opt_u64 *)p)->value);
		break;
	case JSON_OPT_U32:
		json_u64(w, ((const struct hull_opt_u32 *)p)->value);
		break;
	case JSON_STRV:
		write_strings(w, *(char **const *)p);
		break;
	case JSON_KEYS:
		json_begin_object(w);
		strv_foreach (key, *(char **const *)p) {
			json_key(w, *key);
			json_begin_object(w);
			json_end_object(w);
		}
		json_end_object(w);
		break;
	case JSON_STRUCT:
		json_struct(w, field->table, p);
		break;
	case JSON_STRUCT_PTR: {
		const void *item = *(void *const *)p;
		if (item)
			json_struct(w, field->table, item);
		else
			json_null(w);
		break;
	}
	case JSON_U32_ARRAY:
		write_numbers(w, field, src);
		break;
	case JSON_ARRAY:
	case JSON_MAP:
	case JSON_STRUCT_MAP:
		write_items(w, field, src);
		break;
	}
}

void json_struct_fields(struct json_writer *w, const struct json_table *table, const void *src)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct json_field *field = &table->fields[i];
		bool absent = field_is_absent(field, src);
		if (absent && !(field->flags & (JSON_EMIT | JSON_EMIT_NULL | JSON_REQUIRED)))
			continue;
		if (field->kind == JSON_STRUCT && !(field->flags & (JSON_EMIT | JSON_REQUIRED))) {
			/* An embedded struct with nothing in it is left out: write it, then take it back. */
			size_t mark = w->out->len;
			bool comma = w->comma;
			json_key(w, field->name);
			size_t before = w->out->len;
			write_field(w, field, src);
			if (w->out->len - before == 2 && !buf_error(w->out)) {
				w->out->len = mark;
				w->out->data[mark] = '\0';
				w->comma = comma;
			}
			continue;
		}
		json_key(w, field->name);
		if (absent && (field->flags & JSON_EMIT_NULL))
			json_null(w);
		else
			write_field(w, field, src);
	}
}

void json_struct(struct json_writer *w, const struct json_table *table, const void *src)
{
	json_begin_object(w);
	json_struct_fields(w, table, src);
	json_end_object(w);
}

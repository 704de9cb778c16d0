/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to structs: json_check() first, then json-c builds a tree, then the tables are walked
 * over it and everything wanted is copied into the caller's arena. The tree is gone before
 * json_parse() returns. The place of an error is kept as a path that grows and shrinks on the way.
 */
#include "json/json.h"
#include "json/escape.h"
#include "json/tree.h"
#include "base/fd.h"
#include "base/str.h"

struct reader {
	struct arena *arena;
	struct buf path; /* "process.args[2]" */
	const char *what;
	struct hull_error *err;
};

typedef int (*kind_reader)(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest);

static int read_struct(
	struct reader *r, const struct json_table *table, struct json_object *object, void *dest);

static int fail(struct reader *r, const char *reason)
{
	const char *path = buf_str(&r->path);

	return error_set(
		r->err, HULL_ERROR_INVALID, "%s: %s%s%s", r->what, path, *path ? ": " : "", reason);
}

static int fail_memory(struct reader *r)
{
	return error_no_memory(r->err);
}

static size_t path_push(struct reader *r, const char *key)
{
	size_t mark = r->path.len;

	if (mark)
		buf_putc(&r->path, '.');
	buf_puts(&r->path, key);
	return mark;
}

static size_t path_push_index(struct reader *r, size_t i)
{
	size_t mark = r->path.len;

	buf_printf(&r->path, "[%zu]", i);
	return mark;
}

static void path_pop(struct reader *r, size_t mark)
{
	r->path.len = mark;
	if (r->path.data)
		r->path.data[mark] = '\0';
}

static int read_string(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_string))
		return fail(r, "expected a string");
	*(char **)dest = arena_strdup(r->arena, json_object_get_string(value));
	return *(char **)dest ? 0 : fail_memory(r);
}

static int read_bool(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_boolean))
		return fail(r, "expected true or false");
	bool given = json_object_get_boolean(value);
	if (field->kind == JSON_OPT_BOOL)
		*(struct hull_opt_bool *)dest = (struct hull_opt_bool){true, given};
	else
		*(bool *)dest = given;
	return 0;
}

/* An integer within [min, max]; json_check() has refused anything past 64 bits. */
static int read_signed(
	struct reader *r, struct json_object *value, int64_t min, int64_t max, int64_t *ret)
{
	if (!json_object_is_type(value, json_type_int))
		return fail(r, "expected an integer");
	int64_t number = json_object_get_int64(value);
	if (number == INT64_MAX && json_object_get_uint64(value) > (uint64_t)INT64_MAX)
		return fail(r, "integer too large");
	if (number < min || number > max)
		return fail(r, "integer out of range");
	*ret = number;
	return 0;
}

static int read_unsigned(struct reader *r, struct json_object *value, uint64_t max, uint64_t *ret)
{
	if (!json_object_is_type(value, json_type_int))
		return fail(r, "expected an integer");
	if (json_object_get_int64(value) < 0)
		return fail(r, "negative where no negative number is allowed");
	uint64_t number = json_object_get_uint64(value);
	if (number > max)
		return fail(r, "integer out of range");
	*ret = number;
	return 0;
}

static int read_integer(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	bool narrow = field->kind == JSON_INT;
	int64_t number = 0;
	int e = read_signed(
		r, value, narrow ? INT32_MIN : INT64_MIN, narrow ? INT32_MAX : INT64_MAX, &number);

	if (e < 0)
		return e;
	if (field->kind == JSON_INT)
		*(int *)dest = (int)number;
	else if (field->kind == JSON_OPT_I64)
		*(struct hull_opt_i64 *)dest = (struct hull_opt_i64){true, number};
	else
		*(int64_t *)dest = number;
	return 0;
}

static int read_natural(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	bool narrow = field->kind == JSON_U32 || field->kind == JSON_OPT_U32;
	uint64_t number = 0;
	int e = read_unsigned(r, value, narrow ? UINT32_MAX : UINT64_MAX, &number);

	if (e < 0)
		return e;
	if (field->kind == JSON_U32)
		*(uint32_t *)dest = (uint32_t)number;
	else if (field->kind == JSON_OPT_U32)
		*(struct hull_opt_u32 *)dest = (struct hull_opt_u32){true, (uint32_t)number};
	else if (field->kind == JSON_OPT_U64)
		*(struct hull_opt_u64 *)dest = (struct hull_opt_u64){true, number};
	else
		*(uint64_t *)dest = number;
	return 0;
}

static int read_strv(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	bool one = (field->flags & JSON_OR_STRING) && json_object_is_type(value, json_type_string);

	if (!one && !json_object_is_type(value, json_type_array))
		return fail(r, "expected an array of strings");
	size_t n = one ? 1 : json_object_array_length(value);
	char **items = arena_strv_new(r->arena, n);
	if (!items)
		return fail_memory(r);
	*(char ***)dest = items;
	if (one)
		return read_string(r, field, value, &items[0]);
	for (size_t i = 0; i < n; i++) {
		size_t mark = path_push_index(r, i);
		int e = read_string(r, field, json_object_array_get_idx(value, i), &items[i]);
		if (e < 0)
			return e;
		path_pop(r, mark);
	}
	return 0;
}

static int read_embedded(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	return read_struct(r, field->table, value, dest);
}

static int read_pointer(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	void *item = arena_alloc(r->arena, field->table->size);

	if (!item)
		return fail_memory(r);
	*(void **)dest = item;
	return read_struct(r, field->table, value, item);
}

static size_t *count_of(const struct json_field *field, void *dest)
{
	return (size_t *)((char *)dest - field->offset + field->count_offset);
}

static int read_items(struct reader *r, const struct json_table *table, struct json_object *array,
	void **ret_items, size_t *ret_count)
{
	if (!json_object_is_type(array, json_type_array))
		return fail(r, "expected an array");
	size_t n = json_object_array_length(array);
	char *items = arena_array(r->arena, n ? n : 1, table->size);
	if (!items)
		return fail_memory(r);
	for (size_t i = 0; i < n; i++) {
		size_t mark = path_push_index(r, i);
		int e = read_struct(
			r, table, json_object_array_get_idx(array, i), items + i * table->size);
		if (e < 0)
			return e;
		path_pop(r, mark);
	}
	*ret_items = items;
	*ret_count = n;
	return 0;
}

static int read_array(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	return read_items(r, field->table, value, dest, count_of(field, dest));
}

static int read_u32_array(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_array))
		return fail(r, "expected an array of numbers");
	size_t n = json_object_array_length(value);
	uint32_t *items = arena_array(r->arena, n ? n : 1, sizeof(*items));
	if (!items)
		return fail_memory(r);
	for (size_t i = 0; i < n; i++) {
		size_t mark = path_push_index(r, i);
		uint64_t number = 0;
		int e = read_unsigned(r, json_object_array_get_idx(value, i), UINT32_MAX, &number);
		if (e < 0)
			return e;
		items[i] = (uint32_t)number;
		path_pop(r, mark);
	}
	*(uint32_t **)dest = items;
	*count_of(field, dest) = n;
	return 0;
}

static int read_map(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_object))
		return fail(r, "expected an object of strings");
	size_t n = 0, total = (size_t)json_object_object_length(value);
	struct json_pair *pairs = arena_array(r->arena, total ? total : 1, sizeof(*pairs));
	if (!pairs)
		return fail_memory(r);
	json_object_object_foreach(value, key, item)
	{
		size_t mark = path_push(r, key);
		pairs[n].key = arena_strdup(r->arena, key);
		if (!pairs[n].key)
			return fail_memory(r);
		int e = read_string(r, field, item, &pairs[n].value);
		if (e < 0)
			return e;
		n++;
		path_pop(r, mark);
	}
	*(struct json_pair **)dest = pairs;
	*count_of(field, dest) = n;
	return 0;
}

static int read_struct_map(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_object))
		return fail(r, "expected an object");
	size_t n = 0, total = (size_t)json_object_object_length(value);
	char *items = arena_array(r->arena, total ? total : 1, field->table->size);
	if (!items)
		return fail_memory(r);
	json_object_object_foreach(value, key, item)
	{
		char *entry = items + n * field->table->size;
		size_t mark = path_push(r, key);
		*(char **)entry = arena_strdup(r->arena, key);
		if (!*(char **)entry)
			return fail_memory(r);
		int e = item ? read_struct(r, field->table, item, entry) : 0;
		if (e < 0)
			return e;
		n++;
		path_pop(r, mark);
	}
	*(void **)dest = items;
	*count_of(field, dest) = n;
	return 0;
}

static int read_keys(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_object))
		return fail(r, "expected an object");
	size_t n = 0;
	char **keys = arena_strv_new(r->arena, (size_t)json_object_object_length(value));
	if (!keys)
		return fail_memory(r);
	json_object_object_foreach(value, key, item)
	{
		(void)item;
		keys[n] = arena_strdup(r->arena, key);
		if (!keys[n++])
			return fail_memory(r);
	}
	*(char ***)dest = keys;
	return 0;
}

static int read_enum(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	if (!json_object_is_type(value, json_type_string))
		return fail(r, "expected a string");
	const char *text = json_object_get_string(value);
	for (int i = 0; field->names[i]; i++) {
		if (str_eq(field->names[i], text)) {
			*(int *)dest = i;
			return 0;
		}
	}
	_cleanup_free_ char *reason = str_printf("unknown value \"%.100s\"", text);
	return fail(r, reason ? reason : "unknown value");
}

static int read_raw(
	struct reader *r, const struct json_field *field, struct json_object *value, void *dest)
{
	const char *text = json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	*(char **)dest = text ? arena_strdup(r->arena, text) : NULL;
	return *(char **)dest ? 0 : fail_memory(r);
}

static const kind_reader kind_readers[] = {
	[JSON_STRING] = read_string,
	[JSON_BOOL] = read_bool,
	[JSON_OPT_BOOL] = read_bool,
	[JSON_INT] = read_integer,
	[JSON_I64] = read_integer,
	[JSON_OPT_I64] = read_integer,
	[JSON_U64] = read_natural,
	[JSON_U32] = read_natural,
	[JSON_OPT_U64] = read_natural,
	[JSON_OPT_U32] = read_natural,
	[JSON_STRV] = read_strv,
	[JSON_STRUCT] = read_embedded,
	[JSON_STRUCT_PTR] = read_pointer,
	[JSON_U32_ARRAY] = read_u32_array,
	[JSON_ARRAY] = read_array,
	[JSON_MAP] = read_map,
	[JSON_STRUCT_MAP] = read_struct_map,
	[JSON_KEYS] = read_keys,
	[JSON_ENUM] = read_enum,
	[JSON_RAW] = read_raw,
};

static int refuse_unknown(
	struct reader *r, const struct json_table *table, struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < table->n_fields && !str_eq(table->fields[i].name, key))
			i++;
		if (i < table->n_fields || !value)
			continue;
		path_push(r, key);
		return fail(r, "unknown member");
	}
	return 0;
}

static int read_struct(
	struct reader *r, const struct json_table *table, struct json_object *object, void *dest)
{
	if (!json_object_is_type(object, json_type_object))
		return fail(r, "expected an object");
	if (table->closed && refuse_unknown(r, table, object) < 0)
		return -1;
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct json_field *field = &table->fields[i];
		struct json_object *value = NULL;
		json_object_object_get_ex(object, field->name, &value);
		if (!value && !(field->flags & JSON_REQUIRED))
			continue;
		size_t mark = path_push(r, field->name);
		int e = value ? kind_readers[field->kind](
					r, field, value, (char *)dest + field->offset)
			      : fail(r, "missing");
		if (e < 0)
			return e;
		path_pop(r, mark);
	}
	return 0;
}

/* The code point of an escaped surrogate pair at p, 0 if there is none. */
static unsigned int surrogate_pair(const char *p, const char *end)
{
	unsigned int high, low;

	if (end - p < 12 || p[1] != 'u' || hex4(p + 2, end, &high) < 0 || high < 0xd800 ||
		high > 0xdbff || p[6] != '\\' || p[7] != 'u' || hex4(p + 8, end, &low) < 0)
		return 0;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/*
 * json-c 0.16 takes a pair whose code point ends in D800 to DFFF for a lone surrogate and gives
 * U+FFFD. A text with such a pair is parsed from a copy in which all pairs are plain UTF-8. The
 * text has been checked. 1 and *ret (heap), 0 if the text may stay as it is.
 */
static int decode_pairs(const char *text, size_t len, char **ret, size_t *ret_len)
{
	const char *end = text + len;
	bool needed = false;

	for (const char *p = text; !needed && (p = memchr(p, '\\', (size_t)(end - p)));) {
		unsigned int code = surrogate_pair(p, end) & 0xffff;
		needed = code >= 0xd800 && code <= 0xdfff;
		p += 2; /* a second backslash is escaped by the first */
	}
	if (!needed)
		return 0;
	char *copy = malloc(len + 1), *to = copy;
	if (!copy)
		return -ENOMEM;
	for (const char *p = text; p < end;) {
		unsigned int code = *p == '\\' ? surrogate_pair(p, end) : 0;
		size_t n = code ? 12 : *p == '\\' ? 2 : 1;
		to = code ? to + utf8_encode(code, to) : mempcpy(to, p, n);
		p += n;
	}
	*to = '\0';
	*ret = copy;
	*ret_len = (size_t)(to - copy);
	return 1;
}

int json_tree_parse(const char *text, size_t len, const struct json_limits *limits,
	const char *what, struct json_object **ret, struct hull_error *err)
{
	int r = json_check(text, len, limits, what, err);
	if (r < 0)
		return r;
	if (len > INT32_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "%s: too long", what);
	_cleanup_free_ char *decoded = NULL;
	if (decode_pairs(text, len, &decoded, &len) < 0)
		return error_no_memory(err);
	if (decoded)
		text = decoded;
	unsigned int depth = limits && limits->depth ? limits->depth : JSON_DEPTH_DEFAULT;
	struct json_tokener *tokener = json_tokener_new_ex((int)depth + 1);
	if (!tokener)
		return error_no_memory(err);
	struct json_object *tree = json_tokener_parse_ex(tokener, text, (int)len);
	enum json_tokener_error e = json_tokener_get_error(tokener);
	if (e == json_tokener_continue) {
		/* A bare number at the top ends only with the text: the NUL tells it. */
		tree = json_tokener_parse_ex(tokener, "", 1);
		e = json_tokener_get_error(tokener);
	}
	json_tokener_free(tokener);
	if (e != json_tokener_success)
		return error_set(
			err, HULL_ERROR_INVALID, "%s: %s", what, json_tokener_error_desc(e));
	*ret = tree;
	return 0;
}

int json_parse(struct arena *arena, const struct json_table *table, void *dest, const char *text,
	size_t len, const struct json_limits *limits, const char *what, struct hull_error *err)
{
	_cleanup_(json_putp) struct json_object *tree = NULL;
	int r = json_tree_parse(text, len, limits, what, &tree, err);

	if (r < 0)
		return r;
	struct reader reader = {.arena = arena, .path = BUF_INIT, .what = what, .err = err};
	r = read_struct(&reader, table, tree, dest);
	buf_done(&reader.path);
	return r;
}

int json_parse_array(struct arena *arena, const struct json_table *table, void **ret_items,
	size_t *ret_count, const char *text, size_t len, const struct json_limits *limits,
	const char *what, struct hull_error *err)
{
	_cleanup_(json_putp) struct json_object *tree = NULL;
	int r = json_tree_parse(text, len, limits, what, &tree, err);

	if (r < 0)
		return r;
	struct reader reader = {.arena = arena, .path = BUF_INIT, .what = what, .err = err};
	r = read_items(&reader, table, tree, ret_items, ret_count);
	buf_done(&reader.path);
	return r;
}

int json_parse_file_at(struct arena *arena, const struct json_table *table, void *dest, int dirfd,
	const char *path, const struct json_limits *limits, struct hull_error *err)
{
	size_t max = limits && limits->bytes ? limits->bytes : BUF_MAX_DEFAULT;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * max + 4096);
	int r = file_read_at(dirfd, path, &text, max);

	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_LIMIT, "%s: longer than %zu bytes", path, max);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	return json_parse(arena, table, dest, buf_str(&text), text.len, limits, path, err);
}

bool json_has_key(const char *text, size_t len, const char *key)
{
	_cleanup_(json_putp) struct json_object *tree = NULL;
	const struct json_limits limits = {.bytes = len, .depth = JSON_DEPTH_DEFAULT};

	if (json_tree_parse(text, len, &limits, "", &tree, NULL) < 0)
		return false;
	return json_object_is_type(tree, json_type_object) &&
	       json_object_object_get_ex(tree, key, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of templates: Go's own and those that Docker adds. Each takes its evaluated
 * arguments and leaves a value or the reason why there is none.
 */
#include "cli/template_tree.h"

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>

static const struct json_value true_value = {.type = JSON_TYPE_BOOL, .boolean = true};
static const struct json_value false_value = {.type = JSON_TYPE_BOOL};

const struct json_value *template_make_bool(bool value)
{
	return value ? &true_value : &false_value;
}

const struct json_value *template_make_string(struct arena *arena, const char *text, size_t n)
{
	struct json_value *value = arena_new(arena, struct json_value);

	if (!value)
		return NULL;
	value->type = JSON_TYPE_STRING;
	value->text = arena_strndup(arena, text, n);
	value->len = n;
	return value->text ? value : NULL;
}

const struct json_value *template_make_integer(struct arena *arena, int64_t number)
{
	struct json_value *value = arena_new(arena, struct json_value);

	if (!value)
		return NULL;
	value->type = JSON_TYPE_NUMBER;
	value->text = arena_printf(arena, "%" PRId64, number);
	value->len = value->text ? strlen(value->text) : 0;
	return value->text ? value : NULL;
}

const char *template_type_name(const struct json_value *value)
{
	static const char *const names[] = {
		[JSON_TYPE_NULL] = "nil",
		[JSON_TYPE_BOOL] = "a bool",
		[JSON_TYPE_NUMBER] = "a number",
		[JSON_TYPE_STRING] = "a string",
		[JSON_TYPE_ARRAY] = "a list",
		[JSON_TYPE_OBJECT] = "a map",
	};

	return value ? names[value->type] : "no value";
}

bool template_truth(const struct json_value *value)
{
	double number;

	if (!value)
		return false;
	switch (value->type) {
	case JSON_TYPE_NULL:
		return false;
	case JSON_TYPE_BOOL:
		return value->boolean;
	case JSON_TYPE_NUMBER:
		return json_value_double(value, &number) && number != 0;
	case JSON_TYPE_STRING:
		return value->len > 0;
	default:
		return value->count > 0;
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct json_value *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* As Go prints a map: map[a:1 b:2], keys in order. */
static void print_object(struct buf *out, const struct json_value *value)
{
	_cleanup_free_ const struct json_value **sorted = calloc(value->count + 1, sizeof(*sorted));

	if (!sorted) {
		out->error = ENOMEM;
		return;
	}
	for (size_t i = 0; i < value->count; i++)
		sorted[i] = &value->items[i];
	qsort(sorted, value->count, sizeof(*sorted), compare_keys);
	buf_puts(out, "map[");
	for (size_t i = 0; i < value->count; i++) {
		buf_printf(out, "%s%s:", i ? " " : "", sorted[i]->key);
		template_print(out, sorted[i]);
	}
	buf_putc(out, ']');
}

void template_print(struct buf *out, const struct json_value *value)
{
	if (!value) {
		buf_puts(out, "<no value>");
		return;
	}
	switch (value->type) {
	case JSON_TYPE_NULL:
		buf_puts(out, "<nil>");
		break;
	case JSON_TYPE_BOOL:
		buf_puts(out, value->boolean ? "true" : "false");
		break;
	case JSON_TYPE_NUMBER:
	case JSON_TYPE_STRING:
		buf_append(out, value->text, value->len);
		break;
	case JSON_TYPE_ARRAY:
		buf_putc(out, '[');
		for (size_t i = 0; i < value->count; i++) {
			if (i)
				buf_putc(out, ' ');
			template_print(out, &value->items[i]);
		}
		buf_putc(out, ']');
		break;
	case JSON_TYPE_OBJECT:
		print_object(out, value);
		break;
	}
}

static int problem(struct template_call *call, const char *text)
{
	call->problem = text;
	return -1;
}

/* Takes over a buffer's content as the string result. */
static int result_buf(struct template_call *call, struct buf *text)
{
	if (buf_error(text) < 0)
		return problem(call, "out of memory");
	call->result = template_make_string(call->arena, buf_str(text), text->len);
	return call->result ? 0 : problem(call, "out of memory");
}

static int result_string(struct template_call *call, const char *text, size_t n)
{
	call->result = template_make_string(call->arena, text, n);
	return call->result ? 0 : problem(call, "out of memory");
}

static int result_bool(struct template_call *call, bool value)
{
	call->result = template_make_bool(value);
	return 0;
}

/* For titles of columns, functions that shape a value leave the title alone. */
static bool pass_header(struct template_call *call)
{
	if (!(call->flags & TEMPLATE_HEADER))
		return false;
	call->result = call->args[0];
	return true;
}

static int want_string(struct template_call *call, size_t i)
{
	const struct json_value *value = call->args[i];

	if (value && value->type == JSON_TYPE_STRING)
		return 0;
	const char *text = arena_printf(call->arena, "argument %zu is %s where a string is wanted",
		i + 1, template_type_name(value));

	return problem(call, text ? text : "out of memory");
}

static int want_count(struct template_call *call, size_t i, size_t *ret)
{
	int64_t number;

	if (!json_value_i64(call->args[i], &number) || number < 0 || number > TEMPLATE_TEXT_MAX)
		return problem(call, "a small whole number is wanted");
	*ret = (size_t)number;
	return 0;
}

/* Logic and comparison. */

static int call_not(struct template_call *call)
{
	return result_bool(call, !template_truth(call->args[0]));
}

/* All arguments are evaluated where these are reached through a pipe; the answer is the same. */
static int call_and(struct template_call *call)
{
	size_t i = 0;

	while (i + 1 < call->count && template_truth(call->args[i]))
		i++;
	call->result = call->args[i];
	return 0;
}

static int call_or(struct template_call *call)
{
	size_t i = 0;

	while (i + 1 < call->count && !template_truth(call->args[i]))
		i++;
	call->result = call->args[i];
	return 0;
}

static bool is_nil(const struct json_value *value)
{
	return !value || value->type == JSON_TYPE_NULL;
}

static int equal(struct template_call *call, size_t i, bool *ret)
{
	const struct json_value *a = call->args[0], *b = call->args[i];

	if (is_nil(a) || is_nil(b)) {
		*ret = is_nil(a) && is_nil(b);
		return 0;
	}
	if (a->type != b->type)
		return problem(call, "incompatible types for comparison");
	if (a->type == JSON_TYPE_ARRAY || a->type == JSON_TYPE_OBJECT)
		return problem(call, "lists and maps cannot be compared");
	*ret = json_value_equal(a, b);
	return 0;
}

static int call_eq(struct template_call *call)
{
	bool same = false;

	for (size_t i = 1; i < call->count && !same; i++) {
		int r = equal(call, i, &same);

		if (r < 0)
			return r;
	}
	return result_bool(call, same);
}

static int call_ne(struct template_call *call)
{
	bool same = false;
	int r = equal(call, 1, &same);

	return r < 0 ? r : result_bool(call, !same);
}

static int order(struct template_call *call, int *ret)
{
	const struct json_value *a = call->args[0], *b = call->args[1];
	int64_t i, j;
	double x, y;

	if (json_value_i64(a, &i) && json_value_i64(b, &j)) {
		*ret = (i > j) - (i < j);
		return 0;
	}
	if (json_value_double(a, &x) && json_value_double(b, &y)) {
		*ret = (x > y) - (x < y);
		return 0;
	}
	if (!json_value_string(a) || !json_value_string(b))
		return problem(call, "incompatible types for comparison");
	*ret = strcmp(a->text, b->text);
	return 0;
}

static int call_lt(struct template_call *call)
{
	int sign, r = order(call, &sign);

	return r < 0 ? r : result_bool(call, sign < 0);
}

static int call_le(struct template_call *call)
{
	int sign, r = order(call, &sign);

	return r < 0 ? r : result_bool(call, sign <= 0);
}

static int call_gt(struct template_call *call)
{
	int sign, r = order(call, &sign);

	return r < 0 ? r : result_bool(call, sign > 0);
}

static int call_ge(struct template_call *call)
{
	int sign, r = order(call, &sign);

	return r < 0 ? r : result_bool(call, sign >= 0);
}

/* Lists and maps. */

/*
 * In Go the maps of labels and the like are typed: a missing key of a map of strings is "". JSON
 * has no types, so a map without other values than strings counts as one.
 */
static bool is_string_map(const struct json_value *map)
{
	if (is_nil(map))
		return true;
	for (size_t i = 0; i < map->count; i++)
		if (map->items[i].type != JSON_TYPE_STRING)
			return false;
	return map->type == JSON_TYPE_OBJECT;
}

static int index_one(struct template_call *call, const struct json_value *from, size_t i)
{
	const struct json_value *key = call->args[i];
	int64_t number;

	if (from && from->type == JSON_TYPE_ARRAY) {
		if (!json_value_i64(key, &number))
			return problem(call, "the index of a list is a whole number");
		if (number < 0 || (uint64_t)number >= from->count)
			return problem(call, "index out of range");
		call->result = &from->items[number];
		return 0;
	}
	if (from && from->type == JSON_TYPE_STRING) {
		if (!json_value_i64(key, &number) || number < 0 || (uint64_t)number >= from->len)
			return problem(call, "index out of range");
		call->result =
			template_make_integer(call->arena, (unsigned char)from->text[number]);
		return call->result ? 0 : problem(call, "out of memory");
	}
	if (!is_nil(from) && from->type != JSON_TYPE_OBJECT) {
		const char *text =
			arena_printf(call->arena, "cannot index %s", template_type_name(from));

		return problem(call, text ? text : "out of memory");
	}
	int r = want_string(call, i);
	if (r < 0)
		return r;
	call->result = json_value_get(from, key->text);
	if (!call->result && is_string_map(from))
		return result_string(call, "", 0);
	return 0;
}

static int call_index(struct template_call *call)
{
	const struct json_value *value = call->args[0];

	call->result = value;
	for (size_t i = 1; i < call->count; i++) {
		int r = index_one(call, value, i);

		if (r < 0)
			return r;
		value = call->result;
	}
	return 0;
}

static int call_slice(struct template_call *call)
{
	const struct json_value *value = call->args[0];
	bool text = json_value_string(value);
	size_t end, start = 0;

	if (!text && (!value || value->type != JSON_TYPE_ARRAY))
		return problem(call, "only strings and lists can be sliced");
	end = text ? value->len : value->count;
	size_t length = end;

	if (call->count > 1 && want_count(call, 1, &start) < 0)
		return -1;
	if (call->count > 2 && want_count(call, 2, &end) < 0)
		return -1;
	if (start > end || end > length)
		return problem(call, "index out of range");
	if (text)
		return result_string(call, value->text + start, end - start);
	struct json_value *part = arena_new(call->arena, struct json_value);

	if (!part)
		return problem(call, "out of memory");
	*part = (struct json_value){
		.type = JSON_TYPE_ARRAY, .items = value->items + start, .count = end - start};
	call->result = part;
	return 0;
}

static int call_len(struct template_call *call)
{
	const struct json_value *value = call->args[0];
	size_t n;

	if (json_value_string(value))
		n = value->len;
	else if (value && (value->type == JSON_TYPE_ARRAY || value->type == JSON_TYPE_OBJECT))
		n = value->count;
	else if (is_nil(value))
		n = 0;
	else
		return problem(call, "len of a value that has no length");
	call->result = template_make_integer(call->arena, (int64_t)n);
	return call->result ? 0 : problem(call, "out of memory");
}

static int call_split(struct template_call *call)
{
	if (pass_header(call))
		return 0;
	if (want_string(call, 0) < 0 || want_string(call, 1) < 0)
		return -1;
	const char *text = call->args[0]->text, *separator = call->args[1]->text;
	size_t step = call->args[1]->len, count = 1, n = 0;

	if (!step)
		return problem(call, "the separator is empty");
	for (const char *p = strstr(text, separator); p; p = strstr(p + step, separator))
		count++;
	struct json_value *items = arena_array(call->arena, count, sizeof(*items));
	struct json_value *list = arena_new(call->arena, struct json_value);

	if (!items || !list)
		return problem(call, "out of memory");
	for (const char *p = text; n < count; n++) {
		const char *end = strstr(p, separator);
		size_t len = end ? (size_t)(end - p) : strlen(p);

		items[n].type = JSON_TYPE_STRING;
		items[n].len = len;
		items[n].text = arena_strndup(call->arena, p, len);
		if (!items[n].text)
			return problem(call, "out of memory");
		p += len + step;
	}
	*list = (struct json_value){.type = JSON_TYPE_ARRAY, .items = items, .count = count};
	call->result = list;
	return 0;
}

static int call_join(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct json_value *list = call->args[0];

	if (pass_header(call))
		return 0;
	if (!is_nil(list) && list->type != JSON_TYPE_ARRAY)
		return problem(call, "only lists can be joined");
	if (want_string(call, 1) < 0)
		return -1;
	for (size_t i = 0; list && i < list->count; i++) {
		if (i)
			buf_puts(&text, call->args[1]->text);
		template_print(&text, &list->items[i]);
	}
	return result_buf(call, &text);
}

/* Strings. */

static int map_chars(struct template_call *call, int (*map)(int c))
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (pass_header(call))
		return 0;
	if (want_string(call, 0) < 0)
		return -1;
	for (size_t i = 0; i < call->args[0]->len; i++) {
		unsigned char c = (unsigned char)call->args[0]->text[i];

		buf_putc(&text, c < 0x80 ? (char)map(c) : (char)c);
	}
	return result_buf(call, &text);
}

static int call_lower(struct template_call *call)
{
	return map_chars(call, tolower);
}

static int call_upper(struct template_call *call)
{
	return map_chars(call, toupper);
}

static int call_title(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool inside = false;

	if (pass_header(call))
		return 0;
	if (want_string(call, 0) < 0)
		return -1;
	for (size_t i = 0; i < call->args[0]->len; i++) {
		unsigned char c = (unsigned char)call->args[0]->text[i];

		buf_putc(&text, inside || c >= 0x80 ? (char)c : (char)toupper(c));
		inside = isalnum(c) || c == '_' || c >= 0x80;
	}
	return result_buf(call, &text);
}

static int call_pad(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t before, after;

	if (want_string(call, 0) < 0 || want_count(call, 1, &before) < 0 ||
		want_count(call, 2, &after) < 0)
		return -1;
	if (!call->args[0]->len)
		return result_string(call, "", 0);
	buf_printf(&text, "%*s%s%*s", (int)before, "", call->args[0]->text, (int)after, "");
	return result_buf(call, &text);
}

/* Never in the middle of a character. */
static int call_truncate(struct template_call *call)
{
	size_t limit;

	if (pass_header(call))
		return 0;
	if (want_string(call, 0) < 0 || want_count(call, 1, &limit) < 0)
		return -1;
	const char *text = call->args[0]->text;

	if (limit >= call->args[0]->len)
		limit = call->args[0]->len;
	else
		while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
			limit--;
	return result_string(call, text, limit);
}

static int call_json(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	if (pass_header(call))
		return 0;
	json_value_write(&w, call->args[0]);
	return result_buf(call, &text);
}

/* Go's fmt.Sprint puts a space between operands when neither is a string. */
static int call_print(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < call->count; i++) {
		if (i && !json_value_string(call->args[i]) && !json_value_string(call->args[i - 1]))
			buf_putc(&text, ' ');
		template_print(&text, call->args[i]);
	}
	return result_buf(call, &text);
}

static int call_println(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < call->count; i++) {
		if (i)
			buf_putc(&text, ' ');
		template_print(&text, call->args[i]);
	}
	buf_putc(&text, '\n');
	return result_buf(call, &text);
}

static int call_printf(struct template_call *call)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (want_string(call, 0) < 0)
		return -1;
	template_printf(&text, call->args[0]->text, call->args + 1, call->count - 1);
	return result_buf(call, &text);
}

/* Escapes: the printed arguments with some characters replaced. */

static int print_arguments(struct template_call *call, struct buf *text)
{
	for (size_t i = 0; i < call->count; i++)
		template_print(text, call->args[i]);
	return buf_error(text) < 0 ? problem(call, "out of memory") : 0;
}

static int call_html(struct template_call *call)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, text = BUF_INIT;
	static const char special[] = "\"'&<>";
	static const char *const names[] = {"&#34;", "&#39;", "&amp;", "&lt;", "&gt;"};

	if (print_arguments(call, &plain) < 0)
		return -1;
	for (const char *p = buf_str(&plain); *p; p++) {
		const char *found = strchr(special, *p);

		if (found)
			buf_puts(&text, names[found - special]);
		else
			buf_putc(&text, *p);
	}
	return result_buf(call, &text);
}

static int call_js(struct template_call *call)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, text = BUF_INIT;

	if (print_arguments(call, &plain) < 0)
		return -1;
	for (const char *p = buf_str(&plain); *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (strchr("\\'\"", *p))
			buf_printf(&text, "\\%c", *p);
		else if (c < ' ' || strchr("<>&=", *p))
			buf_printf(&text, "\\u%04X", c);
		else
			buf_putc(&text, *p);
	}
	return result_buf(call, &text);
}

static int call_urlquery(struct template_call *call)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, text = BUF_INIT;

	if (print_arguments(call, &plain) < 0)
		return -1;
	for (const char *p = buf_str(&plain); *p; p++) {
		if (isalnum((unsigned char)*p) || strchr("-_.~", *p))
			buf_putc(&text, *p);
		else if (*p == ' ')
			buf_putc(&text, '+');
		else
			buf_printf(&text, "%%%02X", (unsigned char)*p);
	}
	return result_buf(call, &text);
}

const struct json_value *template_label(
	struct arena *arena, const struct json_value *object, const char *name)
{
	const struct json_value *labels = json_value_get(object, "Labels");
	const char *text = json_value_string(labels);
	size_t n = strlen(name);

	if (!text) {
		const struct json_value *label = json_value_get(labels, name);

		return label ? label : template_make_string(arena, "", 0);
	}
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len > n && text[n] == '=' && !memcmp(text, name, n))
			return template_make_string(arena, text + n + 1, len - n - 1);
		text += len;
		text += *text == ',';
	}
	return template_make_string(arena, "", 0);
}

static const struct template_function functions[] = {
	{"and", 1, TEMPLATE_ARGUMENTS_MAX, call_and},
	{"eq", 2, TEMPLATE_ARGUMENTS_MAX, call_eq},
	{"ge", 2, 2, call_ge},
	{"gt", 2, 2, call_gt},
	{"html", 1, TEMPLATE_ARGUMENTS_MAX, call_html},
	{"index", 1, TEMPLATE_ARGUMENTS_MAX, call_index},
	{"join", 2, 2, call_join},
	{"js", 1, TEMPLATE_ARGUMENTS_MAX, call_js},
	{"json", 1, 1, call_json},
	{"le", 2, 2, call_le},
	{"len", 1, 1, call_len},
	{"lower", 1, 1, call_lower},
	{"lt", 2, 2, call_lt},
	{"ne", 2, 2, call_ne},
	{"not", 1, 1, call_not},
	{"or", 1, TEMPLATE_ARGUMENTS_MAX, call_or},
	{"pad", 3, 3, call_pad},
	{"print", 0, TEMPLATE_ARGUMENTS_MAX, call_print},
	{"printf", 1, TEMPLATE_ARGUMENTS_MAX, call_printf},
	{"println", 0, TEMPLATE_ARGUMENTS_MAX, call_println},
	{"slice", 1, 3, call_slice},
	{"split", 2, 2, call_split},
	{"title", 1, 1, call_title},
	{"truncate", 2, 2, call_truncate},
	{"upper", 1, 1, call_upper},
	{"urlquery", 1, TEMPLATE_ARGUMENTS_MAX, call_urlquery},
};

const struct template_function *template_function_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

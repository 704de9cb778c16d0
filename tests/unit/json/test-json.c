/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void check_accepts_and_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *error; /* part of the message, NULL = accepted */
	} cases[] = {
		{"{}", NULL},
		{" [1, -2.5e3, \"\\u00e9\\ud83d\\ude00\", true, false, null] ", NULL},
		{"18446744073709551615", NULL},
		{"-9223372036854775808", NULL},
		{"18446744073709551616", "past 64 bits"},
		{"-9223372036854775809", "past 64 bits"},
		{"01", "leading zero"},
		{"1.", "after the point"},
		{"1e", "exponent"},
		{"+1", "not a JSON value"},
		{"nul", "not a JSON value"},
		{"", "unexpected end"},
		{"[1,]", "not a JSON value"},
		{"{\"a\":1,}", "expected a key"},
		{"{\"a\" 1}", "colon"},
		{"[1 2]", "comma"},
		{"{} {}", "after the end"},
		{"\"\x01\"", "control character"},
		{"\"\\u0000\"", "NUL"},
		{"\"\\ud800\"", "surrogate"},
		{"\"\\x\"", "escape"},
		{"\"\xc0\xaf\"", "UTF-8"},
		{"\"\xed\xa0\x80\"", "UTF-8"},
		{"\"abc", "unterminated"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "duplicate key \"a\""},
		{"{\"a\":1,\"\\u0061\":3}", "duplicate key \"a\""},
		{"{\"a\":{\"a\":{\"a\":1}}}", NULL},
		{"[[[[[[[[1]]]]]]]]", NULL},
		{"[[[[[[[[[1]]]]]]]]]", "nested too deeply"},
	};
	const struct json_limits limits = {.bytes = 64, .depth = 8};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		int r = json_check(cases[i].text, strlen(cases[i].text), &limits, "doc", &err);
		if (!cases[i].error) {
			if (r < 0)
				fail_msg("%s: %s", cases[i].text, hull_error_message(&err));
		} else if (r == 0 || !strstr(hull_error_message(&err), cases[i].error)) {
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text,
				r ? hull_error_message(&err) : "accepted", cases[i].error);
		}
	}
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char text[66];
	memset(text, ' ', sizeof(text));
	assert_true(json_check(text, 65, &limits, "doc", &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_LIMIT);
}

struct inner {
	char *name;
	struct hull_opt_u64 limit;
};

struct entry {
	char *key;
	int value;
};

struct outer {
	char *text;
	bool flag;
	struct hull_opt_bool maybe;
	int number;
	int64_t big;
	uint64_t huge;
	uint32_t small;
	struct hull_opt_i64 opt;
	struct hull_opt_u32 opt32;
	char **list;
	struct inner inner;
	struct inner *pointer;
	struct inner *items;
	size_t n_items;
	struct json_pair *map;
	size_t n_map;
	struct entry *entries;
	size_t n_entries;
	char **keys;
	int choice;
	char *raw;
};

static const struct json_field inner_fields[] = {
	JSON_FIELD(struct inner, name, "name", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct inner, limit, "limit", JSON_OPT_U64),
};
static const struct json_table inner_table = JSON_TABLE("inner", struct inner, inner_fields);

/* The embedded one has no required name. */
static const struct json_field loose_fields[] = {
	JSON_FIELD(struct inner, name, "name", JSON_STRING),
	JSON_FIELD(struct inner, limit, "limit", JSON_OPT_U64),
};
static const struct json_table loose_table = JSON_TABLE("loose", struct inner, loose_fields);

static const struct json_field entry_fields[] = {
	JSON_FIELD(struct entry, value, "value", JSON_INT, .flags = JSON_EMIT),
};
static const struct json_table entry_table = JSON_TABLE("entry", struct entry, entry_fields);

static const char *const choices[] = {"zero", "one", "two", NULL};

static const struct json_field outer_fields[] = {
	JSON_FIELD(struct outer, text, "text", JSON_STRING),
	JSON_FIELD(struct outer, flag, "flag", JSON_BOOL),
	JSON_FIELD(struct outer, maybe, "maybe", JSON_OPT_BOOL),
	JSON_FIELD(struct outer, number, "number", JSON_INT),
	JSON_FIELD(struct outer, big, "big", JSON_I64),
	JSON_FIELD(struct outer, huge, "huge", JSON_U64),
	JSON_FIELD(struct outer, small, "small", JSON_U32),
	JSON_FIELD(struct outer, opt, "opt", JSON_OPT_I64),
	JSON_FIELD(struct outer, opt32, "opt32", JSON_OPT_U32),
	JSON_FIELD(struct outer, list, "list", JSON_STRV),
	JSON_FIELD(struct outer, inner, "inner", JSON_STRUCT, .table = &loose_table),
	JSON_FIELD(struct outer, pointer, "pointer", JSON_STRUCT_PTR, .table = &inner_table),
	JSON_FIELD(struct outer, items, "items", JSON_ARRAY, .table = &inner_table,
		.count_offset = offsetof(struct outer, n_items)),
	JSON_FIELD(
		struct outer, map, "map", JSON_MAP, .count_offset = offsetof(struct outer, n_map)),
	JSON_FIELD(struct outer, entries, "entries", JSON_STRUCT_MAP, .table = &entry_table,
		.count_offset = offsetof(struct outer, n_entries)),
	JSON_FIELD(struct outer, keys, "keys", JSON_KEYS),
	JSON_FIELD(struct outer, choice, "choice", JSON_ENUM, .names = choices),
	JSON_FIELD(struct outer, raw, "raw", JSON_RAW),
};
static const struct json_table outer_table = JSON_TABLE("outer", struct outer, outer_fields);

static const char whole[] =
	"{\"text\":\"a\\\"\\\\\\n\xc3\xa9\",\"flag\":true,\"maybe\":false,\"number\":-7,"
	"\"big\":-9223372036854775808,\"huge\":18446744073709551615,\"small\":4294967295,"
	"\"opt\":-1,\"opt32\":0,\"list\":[\"x\",\"y\"],\"inner\":{\"limit\":0},"
	"\"pointer\":{\"name\":\"p\"},\"items\":[{\"name\":\"i\",\"limit\":3},{\"name\":\"j\"}],"
	"\"map\":{\"k\":\"v\",\"empty\":\"\"},\"entries\":{\"a\":{\"value\":1},\"b\":{\"value\":0}},"
	"\"keys\":{\"80/tcp\":{}},\"choice\":\"two\",\"raw\":{\"any\":[1,null]}}";

static void round_trip(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct outer o = {0};

	int r = json_parse(&arena, &outer_table, &o, whole, strlen(whole), NULL, "doc", &err);
	if (r < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_string_equal(o.text, "a\"\\\n\xc3\xa9");
	assert_true(o.maybe.set && !o.maybe.value);
	assert_true(o.huge == UINT64_MAX);
	assert_true(o.big == INT64_MIN);
	assert_int_equal(strv_length(o.list), 2);
	assert_null(o.inner.name);
	assert_true(o.inner.limit.set && o.inner.limit.value == 0);
	assert_int_equal(o.n_items, 2);
	assert_false(o.items[1].limit.set);
	assert_int_equal(o.choice, 2);
	assert_string_equal(o.raw, "{\"any\":[1,null]}");

	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	json_struct(&w, &outer_table, &o);
	assert_string_equal(buf_str(&out), whole);
}

static void absent_and_null_fields_are_left_out(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct outer o = {0};
	static const char text[] = "{\"text\":null,\"unknown\":[{}],\"pointer\":null,\"items\":[]}";

	assert_int_equal(
		json_parse(&arena, &outer_table, &o, text, strlen(text), NULL, "doc", NULL), 0);
	assert_null(o.text);
	assert_null(o.pointer);
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	json_struct(&w, &outer_table, &o);
	assert_string_equal(buf_str(&out), "{}");
}

static void errors_name_the_place(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{\"text\":1}", "doc: text: expected a string"},
		{"{\"list\":[\"a\",2]}", "doc: list[1]: expected a string"},
		{"{\"items\":[{\"name\":\"a\"},{}]}", "doc: items[1].name: missing"},
		{"{\"map\":{\"k\":1}}", "doc: map.k: expected a string"},
		{"{\"small\":4294967296}", "doc: small: integer out of range"},
		{"{\"small\":-1}", "doc: small: negative where no negative number is allowed"},
		{"{\"big\":9223372036854775808}", "doc: big: integer too large"},
		{"{\"number\":1.5}", "doc: number: expected an integer"},
		{"{\"choice\":\"three\"}", "doc: choice: unknown value \"three\""},
		{"[]", "doc: expected an object"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct outer o = {0};
		int r = json_parse(&arena, &outer_table, &o, cases[i].text, strlen(cases[i].text),
			NULL, "doc", &err);
		assert_true(r < 0);
		assert_string_equal(hull_error_message(&err), cases[i].error);
	}
}

/* json-c 0.16 loses characters whose code point ends in D800 to DFFF when they are escaped. */
static void escaped_pairs_are_characters(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{"{\"name\":\"\\ud836\\ude00\"}", "\xf0\x9d\xa8\x80"},
		{"{\"name\":\"a\\uD83D\\uDE00\\n\\ud836\\udfff\\\\b\"}",
			"a\xf0\x9f\x98\x80\n\xf0\x9d\xaf\xbf\\b"},
		{"{\"name\":\"\\\\ud836\\\\ude00\"}", "\\ud836\\ude00"},
		{"{\"name\":\"\\ud83d\\ude00\\u00e9\"}", "\xf0\x9f\x98\x80\xc3\xa9"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct inner inner = {0};

		assert_int_equal(json_parse(&arena, &inner_table, &inner, rows[i].text,
					 strlen(rows[i].text), NULL, "doc", NULL),
			0);
		assert_string_equal(inner.name, rows[i].value);
	}
}

static void closed_tables_know_all_members(void **state)
{
	static const struct json_table closed_table =
		JSON_TABLE("closed", struct inner, loose_fields, .closed = true);
	static const struct json_field holder_fields[] = {
		JSON_FIELD(struct outer, inner, "inner", JSON_STRUCT, .table = &closed_table),
	};
	static const struct json_table holder_table =
		JSON_TABLE("holder", struct outer, holder_fields);
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"{\"inner\":{\"name\":\"a\",\"limit\":1},\"other\":1}", NULL},
		{"{\"inner\":{\"name\":\"a\",\"nmae\":1}}", "doc: inner.nmae: unknown member"},
		{"{\"inner\":{\"\":{}}}", "unknown member"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct outer o = {0};
		int r = json_parse(&arena, &holder_table, &o, rows[i].text, strlen(rows[i].text),
			NULL, "doc", &err);

		assert_int_equal(r < 0, rows[i].error != NULL);
		if (rows[i].error)
			assert_non_null(strstr(hull_error_message(&err), rows[i].error));
	}
}

static void lists_can_be_added_to(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	static const char *const texts[] = {whole, "{\"text\":\"\",\"list\":[]}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct outer o = {0};
		size_t n = i ? 0 : 2;

		assert_int_equal(json_parse(&arena, &outer_table, &o, texts[i], strlen(texts[i]),
					 NULL, "doc", NULL),
			0);
		assert_int_equal(arena_strv_append(&arena, &o.list, "more"), 0);
		assert_int_equal(arena_strv_append(&arena, &o.list, "last"), 0);
		assert_int_equal(strv_length(o.list), n + 2);
		assert_string_equal(o.list[n], "more");
		if (o.keys)
			assert_int_equal(arena_strv_append(&arena, &o.keys, "more"), 0);
	}
}

static void indented_output(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 2);

	json_begin_array(&w);
	json_begin_object(&w);
	json_key(&w, "a");
	json_begin_array(&w);
	json_end_array(&w);
	json_key(&w, "b");
	/* U+009B is ESC [ to a terminal; U+00A0 is no control character. */
	json_string(&w, "\xff\x01\xc2\x9b\xc2\x80\xc2\xa0\xc2");
	json_end_object(&w);
	json_i64(&w, 2);
	json_end_array(&w);
	assert_string_equal(buf_str(&out),
		"[\n  {\n    \"a\": [],\n    \"b\": \"\xef\xbf\xbd\\u0001\\u009b\\u0080\xc2\xa0\xef\xbf\xbd\"\n  },\n  2\n]");
}

static void arrays_at_the_top(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct inner *items;
	size_t n;
	static const char text[] = "[{\"name\":\"a\"},{\"name\":\"b\"}]";

	assert_int_equal(json_parse_array(&arena, &inner_table, (void **)&items, &n, text,
				 strlen(text), NULL, "doc", NULL),
		0);
	assert_int_equal(n, 2);
	assert_string_equal(items[1].name, "b");
	assert_true(json_has_key("{\"a\":{\"b\":1}}", 13, "a"));
	assert_false(json_has_key("{\"a\":{\"b\":1}}", 13, "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_accepts_and_refuses),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(absent_and_null_fields_are_left_out),
		cmocka_unit_test(errors_name_the_place),
		cmocka_unit_test(escaped_pairs_are_characters),
		cmocka_unit_test(closed_tables_know_all_members),
		cmocka_unit_test(lists_can_be_added_to),
		cmocka_unit_test(indented_output),
		cmocka_unit_test(arrays_at_the_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

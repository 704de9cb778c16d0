/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "registry/toml.h"

struct parsed {
	struct arena arena;
	struct toml_value *root;
};

static void parse(struct parsed *p, const char *text)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	*p = (struct parsed){.arena = ARENA_INIT};
	if (toml_parse(&p->arena, text, strlen(text), "t.toml", &p->root, &err) < 0)
		fail_msg("%s: %s", text, hull_error_message(&err));
}

static void scalars(void **state)
{
	struct parsed p;

	parse(&p, "a = \"x\\ty\\u00e9\\U0001F600\\\\\" # comment\n"
		  "b = 'C:\\raw'\r\n"
		  "c = 1_000\nd = -17\ne = 0xdead_beef\nf = 0o17\ng = 0b101\n"
		  "h = true\ni = false\nj = 3.25\nk = 1e3\nl = -inf\n"
		  "m = 1979-05-27T07:32:00Z\nn = 1979-05-27 07:32:00\no = 07:32:00.5\n"
		  "\"quoted key\" = ''\n'' = 1\n"
		  "p = \"\"\"\nfirst\\\n   \n  second\"\" \"\"\"\"\"\n"
		  "q = '''a'b'''");
	assert_string_equal(toml_get(p.root, "a")->text, "x\ty\xc3\xa9\xf0\x9f\x98\x80\\");
	assert_string_equal(toml_get(p.root, "b")->text, "C:\\raw");
	assert_int_equal(toml_get(p.root, "c")->integer, 1000);
	assert_int_equal(toml_get(p.root, "d")->integer, -17);
	assert_int_equal(toml_get(p.root, "e")->integer, 0xdeadbeef);
	assert_int_equal(toml_get(p.root, "f")->integer, 15);
	assert_int_equal(toml_get(p.root, "g")->integer, 5);
	assert_true(toml_get(p.root, "h")->boolean);
	assert_int_equal(toml_get(p.root, "i")->type, TOML_BOOLEAN);
	assert_true(toml_get(p.root, "j")->number == 3.25);
	assert_true(toml_get(p.root, "k")->number == 1000);
	assert_int_equal(toml_get(p.root, "l")->type, TOML_FLOAT);
	assert_string_equal(toml_get(p.root, "m")->text, "1979-05-27T07:32:00Z");
	assert_string_equal(toml_get(p.root, "n")->text, "1979-05-27 07:32:00");
	assert_int_equal(toml_get(p.root, "o")->type, TOML_TIME);
	assert_string_equal(toml_get(p.root, "quoted key")->text, "");
	assert_int_equal(toml_get(p.root, "")->integer, 1);
	assert_string_equal(toml_get(p.root, "p")->text, "firstsecond\"\" \"\"");
	assert_string_equal(toml_get(p.root, "q")->text, "a'b");
	assert_int_equal(toml_get(p.root, "q")->line, 22);
	arena_done(&p.arena);
}

static void tables(void **state)
{
	struct parsed p;

	parse(&p,
		"top = 1\n"
		"[a.b]\nx = 1\ny.z = 2\ny.w = 3\n"
		"[a]\nv = { c = [1, [2, \"3\"], ], d.e = {} }\n"
		"[[list]]\nn = 1\n[list.sub]\nm = 2\n[[list]]\nn = 3\n"
		"[host.\"https://mirror:5000\"]\ncapabilities = [\n  \"pull\", # one\n  \"resolve\",\n]\n");
	const struct toml_value *a = toml_get(p.root, "a"), *b = toml_get(a, "b");
	assert_int_equal(toml_get(b, "x")->integer, 1);
	assert_int_equal(toml_get(toml_get(b, "y"), "w")->integer, 3);
	const struct toml_value *v = toml_get(a, "v");
	assert_int_equal(toml_get(v, "c")->first->next->first->integer, 2);
	assert_int_equal(toml_get(toml_get(toml_get(v, "d"), "e"), "x") == NULL, 1);
	const struct toml_value *list = toml_get(p.root, "list");
	assert_int_equal(toml_get(toml_get(list->first, "sub"), "m")->integer, 2);
	assert_int_equal(toml_get(list->first->next, "n")->integer, 3);
	assert_null(list->first->next->next);
	char **strings = NULL;
	const struct toml_value *host = toml_get(p.root, "host")->first;
	assert_string_equal(host->key, "https://mirror:5000");
	assert_int_equal(toml_get_strings(&p.arena, host, "capabilities", "t", &strings, NULL), 0);
	assert_string_equal(strings[1], "resolve");
	assert_null(strings[2]);
	arena_done(&p.arena);
}

static void malformed_texts_say_where(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"a", "line 1: expected '=' after a key"},
		{"\n\na = ", "line 3: expected a value"},
		{"a = 1 b = 2", "line 1: expected the end of the line"},
		{"a = 1\na = 2", "line 2: the key was given a value before"},
		{"a.b = 1\na.b.c = 2", "line 2: the key was given another value before"},
		{"[a]\n[a]", "line 2: the table was opened before"},
		{"a = {}\n[a.b]", "line 2: the key was given another value before"},
		{"[a]\nb.c = 1\n[a.b]", "line 3: the table was opened before"},
		{"a = []\n[[a]]", "line 2: the key was given another value before"},
		{"[[a]]\n[a]", "line 2: the table was opened before"},
		{"a = \"x", "line 1: string without an end"},
		{"a = \"x\ny\"", "line 1: string without an end"},
		{"a = \"\\q\"", "line 1: unknown escape in a string"},
		{"a = \"\\ud800\"", "line 1: \\u escape of what is no character"},
		{"a = \"\\u0000\"", "line 1: \\u escape of what is no character"},
		{"a = \"\x01\"", "line 1: control character in a string"},
		{"# \x02", "line 1: control character in a comment"},
		{"a = 01", "line 1: expected a value"},
		{"a = 1__0", "line 1: malformed number"},
		{"a = 0x", "line 1: malformed number"},
		{"a = 1.", "line 1: expected a value"},
		{"a = 99999999999999999999", "line 1: number too large"},
		{"a = [1 2]", "line 1: expected ',' or ']' in an array"},
		{"a = {b = 1,}", "line 1: expected a key after ','"},
		{"a = {b = 1\n}", "line 1: expected ',' or '}' in a table"},
		{"[a", "line 1: expected ']' at the end of a header"},
		{"\"\"\"a\"\"\" = 1", "line 1: a key must be on one line"},
		{"= 1", "line 1: expected a key"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_free_ char *wanted = str_printf("t.toml: %s", rows[i].message);
		struct toml_value *root;

		if (toml_parse(&arena, rows[i].text, strlen(rows[i].text), "t.toml", &root, &err) ==
			0)
			fail_msg("accepted: %s", rows[i].text);
		assert_string_equal(hull_error_message(&err), wanted);
	}
}

static void depth_and_size_have_caps(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *deep = malloc(200001), *large = malloc((2 << 20) + 1);
	struct toml_value *root;

	memcpy(deep, "a=", 2);
	memset(deep + 2, '[', 199998);
	assert_true(toml_parse(&arena, deep, 200000, "t", &root, NULL) < 0);
	memset(large, '\n', 2 << 20);
	assert_true(toml_parse(&arena, large, 2 << 20, "t", &root, NULL) < 0);
}

static void types_are_checked_when_asked_for(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct parsed p;
	const char *text = "default";
	bool flag = true;

	parse(&p, "a = 1\nb = \"x\"\n");
	assert_int_equal(toml_get_string(p.root, "none", "f", &text, &err), 0);
	assert_string_equal(text, "default");
	assert_true(toml_get_string(p.root, "a", "f", &text, &err) < 0);
	assert_string_equal(hull_error_message(&err), "f: line 1: a must be a string");
	hull_error_done(&err);
	assert_true(toml_get_bool(p.root, "b", "f", &flag, &err) < 0);
	assert_string_equal(hull_error_message(&err), "f: line 2: b must be true or false");
	arena_done(&p.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(tables),
		cmocka_unit_test(malformed_texts_say_where),
		cmocka_unit_test(depth_and_size_have_caps),
		cmocka_unit_test(types_are_checked_when_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

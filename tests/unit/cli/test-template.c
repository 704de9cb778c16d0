/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/template.h"

#include <string.h>

static const char document[] =
	"{\"ID\":\"4aac5f5d3a5e\",\"Name\":\"/web\",\"Names\":[\"web\",\"www\"],\"Running\":true,"
	"\"Pid\":42,\"Load\":0.5,\"Empty\":\"\",\"None\":null,\"List\":[],"
	"\"Config\":{\"Labels\":{\"com.x.role\":\"db\",\"tier\":\"1\"},\"Cmd\":[\"sh\",\"-c\"]},"
	"\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"53/udp\":null},"
	"\"Mounts\":[{\"Type\":\"bind\",\"Size\":3},{\"Type\":\"volume\",\"Size\":1}],"
	"\"Labels\":\"com.x.role=db,tier=1\",\"Html\":\"<a&'b\\\">\",\"Unicode\":\"h\\u00e9llo\"}";

/* Compiles and executes; on failure *out holds the message. */
static int apply(const char *text, unsigned int flags, struct buf *out)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_template_ struct cli_template *t = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value dot;

	assert_int_equal(
		json_value_parse(&arena, &dot, document, strlen(document), NULL, "test", NULL), 0);
	int r = template_parse(&t, text, &err);
	if (r == 0)
		r = template_execute(t, &dot, flags, out, &err);
	if (r < 0) {
		buf_reset(out);
		buf_puts(out, hull_error_message(&err));
	}
	return r;
}

struct example {
	const char *text, *output;
};

static void check_all(const struct example *examples, size_t n, bool fails, unsigned int flags)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		int r = apply(examples[i].text, flags, &out);

		if ((r < 0) != fails || strcmp(buf_str(&out), examples[i].output) != 0)
			fail_msg("%s\n  gives    %s\n  expected %s", examples[i].text,
				buf_str(&out), examples[i].output);
	}
}

#define CHECK(...)                                                      \
	do {                                                            \
		static const struct example examples[] = {__VA_ARGS__}; \
		check_all(examples, ARRAY_SIZE(examples), false, 0);    \
	} while (0)

static void test_fields_and_printing(void **state)
{
	CHECK({"", ""}, {"plain } text", "plain } text"}, {"{{.ID}}", "4aac5f5d3a5e"},
		{"<{{ .Name }}>", "</web>"}, {"{{.Config.Labels.tier}}", "1"},
		{"{{.Running}} {{.Pid}} {{.Load}}", "true 42 0.5"}, {"{{.Names}}", "[web www]"},
		{"{{.Config.Labels}}", "map[com.x.role:db tier:1]"}, {"{{.None}}", "<nil>"},
		{"{{.Missing}}", "<no value>"}, {"{{.Missing.Deeper}}", "<no value>"},
		{"{{.None.Deeper}}", "<no value>"}, {"{{.Names}}{{.Names}}", "[web www][web www]"},
		{"{{$.ID}}", "4aac5f5d3a5e"}, {"{{(index .Mounts 0).Type}}", "bind"},
		{"{{\"a\\tb\"}}{{`c\\n`}}", "a\tbc\\n"},
		{"{{\"\\u00e9\\x41\"}}", "\xc3\xa9"
					 "A"},
		{"{{1}} {{-5}} {{0x10}} {{'a'}} {{1.5}}", "1 -5 16 97 1.5"},
		{"{{true}} {{nil}}", "true <nil>"});
}

static void test_trim_and_comments(void **state)
{
	CHECK({"a {{- .Pid -}} b", "a42b"}, {"a \n{{- /* no */ -}}\n b", "ab"},
		{"{{/* x }} y */}}z", "z"}, {"a{{-5}}b", "a-5b"}, {"a {{- -5 -}} b", "a-5b"});
}

static void test_conditions(void **state)
{
	CHECK({"{{if .Running}}up{{else}}down{{end}}", "up"},
		{"{{if .Empty}}a{{else if .List}}b{{else if .Pid}}c{{else}}d{{end}}", "c"},
		{"{{if .None}}a{{end}}", ""}, {"{{if .Missing}}a{{else}}b{{end}}", "b"},
		{"{{if and .Running (eq .Pid 42)}}y{{end}}", "y"},
		{"{{if or .Empty .Name}}y{{end}}", "y"}, {"{{or .Empty \"default\"}}", "default"},
		{"{{and .Running .Empty}}|", "|"}, {"{{not .Running}}", "false"},
		{"{{if and .Missing (index .List 5)}}y{{else}}short{{end}}", "short"},
		{"{{with .Config}}{{.Cmd}}{{end}}", "[sh -c]"},
		{"{{with .None}}a{{else}}{{.Pid}}{{end}}", "42"},
		{"{{with $x := .Pid}}{{$x}}{{.}}{{end}}", "4242"},
		{"{{if .Running}}{{if .Empty}}a{{else}}b{{end}}c{{end}}", "bc"});
}

static void test_loops(void **state)
{
	CHECK({"{{range .Names}}<{{.}}>{{end}}", "<web><www>"},
		{"{{range $i, $n := .Names}}{{$i}}={{$n}} {{end}}", "0=web 1=www "},
		{"{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}};{{end}}",
			"com.x.role:db;tier:1;"},
		{"{{range .List}}a{{else}}none{{end}}", "none"},
		{"{{range .None}}a{{else}}none{{end}}", "none"}, {"{{range .Missing}}a{{end}}", ""},
		{"{{range 3}}{{.}}{{end}}", "012"},
		{"{{range .Mounts}}{{if eq .Type \"volume\"}}{{break}}{{end}}{{.Type}}{{end}}",
			"bind"},
		{"{{range .Mounts}}{{if eq .Type \"bind\"}}{{continue}}{{end}}{{.Type}}{{end}}",
			"volume"},
		{"{{range $i, $m := .Mounts}}{{range $.Names}}{{$i}}{{.}} {{end}}{{end}}",
			"0web 0www 1web 1www "},
		{"{{range $p, $conf := .Ports}}{{$p}}->{{with $conf}}{{(index . 0).HostPort}}{{end}} "
		 "{{end}}",
			"53/udp-> 80/tcp->8080 "},
		{"{{$n := 0}}{{range .Mounts}}{{$n = .Size}}{{end}}{{$n}}", "1"},
		{"{{range .Names}}{{$x := .}}{{$x}}{{end}}", "webwww"});
}

static void test_comparison(void **state)
{
	CHECK({"{{eq .Pid 42}}{{eq .Pid 41 42}}{{ne .Pid 42}}", "truetruefalse"},
		{"{{eq .ID \"4aac5f5d3a5e\"}}", "true"}, {"{{eq .None nil}}", "true"},
		{"{{eq .Missing \"x\"}}", "false"},
		{"{{lt 1 2}}{{le 2 2}}{{gt 1.5 1}}{{ge \"a\" \"b\"}}", "truetruetruefalse"},
		{"{{eq true .Running}}", "true"});
}

static void test_functions(void **state)
{
	CHECK({"{{json .Config.Labels}}", "{\"com.x.role\":\"db\",\"tier\":\"1\"}"},
		{"{{.Names | json}}", "[\"web\",\"www\"]"}, {"{{json .Missing}}", "null"},
		{"{{join .Names \", \"}}", "web, www"}, {"{{join .None \",\"}}|", "|"},
		{"{{index .Config.Labels \"com.x.role\"}}", "db"},
		{"{{index .Config.Labels \"no\"}}|", "|"}, {"{{index .None \"no\"}}|", "|"},
		{"{{index .Ports \"80/tcp\" 0 \"HostPort\"}}", "8080"},
		{"{{len .Names}}{{len .ID}}{{len .Config}}{{len .None}}", "21220"},
		{"{{split \"a:b:c\" \":\"}}", "[a b c]"},
		{"{{index (split .Name \"/\") 1}}", "web"}, {"{{split \"\" \":\" | len}}", "1"},
		{"{{slice .ID 0 4}}", "4aac"}, {"{{slice .Names 1}}", "[www]"},
		{"{{upper .Name}}{{lower \"ABC\"}}", "/WEBabc"},
		{"{{title \"hello big world\"}}", "Hello Big World"},
		{"{{pad \"x\" 2 1}}|{{pad \"\" 2 1}}|", "  x ||"},
		{"{{truncate .ID 4}}|{{truncate .ID 40}}", "4aac|4aac5f5d3a5e"},
		{"{{truncate .Unicode 2}}", "h"});
}

static void test_print(void **state)
{
	CHECK({"{{printf \"%b|%c|%q|%U|% d|%o\" 5 65 65 65 7 8}}", "101|A|'A'|U+0041| 7|10"},
		{"{{1.50}} {{1e6}} {{0.00001}} {{0.1}} {{1e21}} {{-2.5e-7}}",
			"1.5 1e+06 1e-05 0.1 1e+21 -2.5e-07"},
		{"{{printf \"a\" 1 \"b\"}}", "a%!(EXTRA int=1, string=b)"},
		{"{{js \"a'b<c>\"}}", "a\\'b\\u003Cc\\u003E"}, {"{{index \"abc\" 1}}", "98"},
		{"{{title \"it's foo_bar\"}}", "It'S Foo_bar"},
		{"{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"}, {"{{println \"a\" 1}}", "a 1\n"},
		{"{{printf \"%s-%d|%5d|%-5s|%05d|%x\" .Name .Pid .Pid \"a\" .Pid 255}}",
			"/web-42|   42|a    |00042|ff"},
		{"{{printf \"%q %v %t %%\" .Name .Names .Running}}", "\"/web\" [web www] true %"},
		{"{{printf \"%.2f|%8.3f|%e\" .Load 3.14159 1.0}}", "0.50|   3.142|1.000000e+00"},
		{"{{printf \"%d\" .Name}}", "%!d(string=/web)"},
		{"{{printf \"%d\"}}", "%!d(MISSING)"}, {"{{printf \"a\" 1}}", "a%!(EXTRA int=1)"},
		{"{{printf \"%.3s|%5s\" .ID .Unicode}}", "4aa|h\xc3\xa9llo"},
		{"{{.Name | printf \"%s=%s\" \"n\"}}", "n=/web"},
		{"{{html .Html}}", "&lt;a&amp;&#39;b&#34;&gt;"},
		{"{{urlquery \"a b/c\"}}", "a+b%2Fc"});
}

static void test_labels(void **state)
{
	CHECK({"{{.Label \"tier\"}}", "1"}, {"{{.Label \"com.x.role\"}}", "db"},
		{"{{.Label \"no\"}}|", "|"}, {"{{.Config.Label \"tier\"}}", "1"},
		{"{{.Label \"ier\"}}|", "|"});
}

static void test_parse_errors(void **state)
{
	static const struct example examples[] = {
		{"{{.ID", "template: 1:6: unclosed action"},
		{"{{", "template: 1:3: missing value for command"},
		{"a\n{{}}", "template: 2:3: missing value for command"},
		{"{{if .ID}}", "template: 1:11: unexpected end of the template: missing {{end}}"},
		{"{{end}}", "template: 1:6: unexpected {{end}}"},
		{"{{else}}", "template: 1:7: unexpected {{else}}"},
		{"{{if .ID}}{{else}}{{else}}{{end}}", "template: 1:25: unexpected {{else}}"},
		{"{{nope .ID}}", "template: 1:7: function \"nope\" not defined"},
		{"{{\"abc}}", "template: 1:9: unterminated quoted string"},
		{"{{`abc}}", "template: 1:3: unterminated raw quoted string"},
		{"{{\"\\z\"}}", "template: 1:6: unknown escape \"\\z\""},
		{"{{(len .ID}}", "template: 1:11: unclosed left paren"},
		{"{{.ID | }}", "template: 1:9: missing value for command"},
		{"{{break}}", "template: 1:8: {{break}} outside {{range}}"},
		{"{{range .List}}{{else}}{{continue}}{{end}}",
			"template: 1:34: {{continue}} outside {{range}}"},
		{"{{define \"x\"}}{{end}}", "template: 1:9: {{define}} is not supported"},
		{"{{/* x }}", "template: 1:3: unclosed comment"},
		{"{{12x}}", "template: 1:3: bad number"},
		{"{{.ID\"x\"}}", "template: 1:6: unexpected \"\"\" after an operand"},
		{"{{if $a, $b := .ID}}{{end}}", "template: 1:19: too many declarations"},
	};

	check_all(examples, ARRAY_SIZE(examples), true, 0);
}

static void test_execution_errors(void **state)
{
	static const struct example examples[] = {
		{"{{.Name.X}}", "template: 1:3: can't evaluate field X in a string"},
		{"{{$x}}", "template: 1:3: undefined variable \"$x\""},
		{"{{if true}}{{$x := 1}}{{end}}{{$x}}",
			"template: 1:32: undefined variable \"$x\""},
		{"{{index .List 0}}", "template: 1:3: error calling index: index out of range"},
		{"{{index .Pid 0}}", "template: 1:3: error calling index: cannot index a number"},
		{"{{len .Pid}}",
			"template: 1:3: error calling len: len of a value that has no length"},
		{"{{eq .Pid \"a\"}}",
			"template: 1:3: error calling eq: incompatible types for comparison"},
		{"{{range .Name}}{{end}}", "template: 1:3: range can't iterate over a string"},
		{"{{not}}", "template: 1:3: wrong number of arguments for not: 0"},
		{"{{.Name \"x\"}}", "template: 1:3: Name takes no arguments"},
		{"{{.Pid | 3}}", "template: 1:10: can't give argument to non-function"},
		{"{{upper .Pid}}",
			"template: 1:3: error calling upper: argument 1 is a number where a "
			"string is wanted"},
		{"{{range 3000}}{{range 3000}}{{end}}{{end}}",
			"template: 1:17: the template takes too many steps"},
	};

	check_all(examples, ARRAY_SIZE(examples), true, 0);
}

static void test_strict(void **state)
{
	static const struct example good[] = {{"{{.ID}}{{.None}}", "4aac5f5d3a5e<nil>"}};
	static const struct example bad[] = {
		{"{{.Nmae}}", "template: 1:3: can't evaluate field Nmae"}};

	check_all(good, ARRAY_SIZE(good), false, TEMPLATE_STRICT);
	check_all(bad, ARRAY_SIZE(bad), true, TEMPLATE_STRICT);
}

static void test_strict_root(void **state)
{
	static const struct example good[] = {{"{{.ID}}{{.None}}", "4aac5f5d3a5e<nil>"},
		{"{{.None.Deeper}}", "<no value>"}, {"{{with .None}}{{.X}}{{end}}", ""}};
	static const struct example bad[] = {
		{"{{.Nmae}}", "template: 1:3: map has no entry for key \"Nmae\""},
		{"{{with $}}{{.Nmae.X}}{{end}}",
			"template: 1:13: map has no entry for key \"Nmae\""}};

	check_all(good, ARRAY_SIZE(good), false, TEMPLATE_STRICT_ROOT);
	check_all(bad, ARRAY_SIZE(bad), true, TEMPLATE_STRICT_ROOT);
}

static void test_nesting_is_bounded(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;

	buf_puts(&text, "{{");
	for (int i = 0; i < 10000; i++)
		buf_putc(&text, '(');
	assert_true(apply(buf_str(&text), 0, &out) < 0);
	assert_non_null(strstr(buf_str(&out), "nested too deeply"));
	buf_reset(&text);
	for (int i = 0; i < 5000; i++)
		buf_puts(&text, "{{if .}}");
	assert_true(apply(buf_str(&text), 0, &out) < 0);
	assert_non_null(strstr(buf_str(&out), "nested too deeply"));
}

static void test_output_is_capped(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT_MAX(10);

	assert_true(apply("{{range 100}}x{{end}}", 0, &out) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_and_printing),
		cmocka_unit_test(test_trim_and_comments),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_parse_errors),
		cmocka_unit_test(test_execution_errors),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_strict_root),
		cmocka_unit_test(test_nesting_is_bounded),
		cmocka_unit_test(test_output_is_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

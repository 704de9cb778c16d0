/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, columns and --format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/format.h"
#include "cli/size.h"
#include "cli/table.h"

#include <poll.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void test_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *three, *four, *binary;
	} cases[] = {
		{0, "0B", "0B", "0B"},
		{999, "999B", "999B", "999B"},
		{1000, "1kB", "1kB", "1000B"},
		{1023, "1.02kB", "1.023kB", "1023B"},
		{1024, "1.02kB", "1.024kB", "1KiB"},
		{1235000, "1.24MB", "1.235MB", "1.178MiB"},
		{4261574, "4.26MB", "4.262MB", "4.064MiB"},
		{52428800, "52.4MB", "52.43MB", "50MiB"},
		{999949, "1MB", "999.9kB", "976.5KiB"},
		{999999, "1MB", "1MB", "976.6KiB"},
		{999500, "1MB", "999.5kB", "976.1KiB"},
		{8233971712, "8.23GB", "8.234GB", "7.668GiB"},
		{UINT64_MAX, "18.4EB", "18.45EB", "16EiB"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[SIZE_TEXT_SIZE];

		size_format_decimal(cases[i].bytes, 3, text);
		assert_string_equal(text, cases[i].three);
		size_format_decimal(cases[i].bytes, 4, text);
		assert_string_equal(text, cases[i].four);
		size_format_binary(cases[i].bytes, text);
		assert_string_equal(text, cases[i].binary);
	}
}

static void test_columns(void **state)
{
	static const struct {
		const char *text, *output;
	} cases[] = {
		{"", ""},
		{"a", "a"},
		{"a\n", "a\n"},
		{"ID\tIMAGE\tNAMES\n1\tx\tweb\n",
			"ID        IMAGE     NAMES\n1         x         web\n"},
		{"ID\tN\n0123456789\tweb\n", "ID           N\n0123456789   web\n"},
		/* a line without that cell ends the block */
		{"aaaaaaaaaaaaaaa\tb\nplain\nc\td\n", "aaaaaaaaaaaaaaa   b\nplain\nc         d\n"},
		/* width is counted in terminal cells */
		{"h\xc3\xa9llo w\xc3\xb6rld\tx\nabc\ty\n",
			"h\xc3\xa9llo w\xc3\xb6rld   x\nabc           y\n"},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\tx\n",
			"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e    x\n"},
		{"\xff\xfe\tx\n", "\xff\xfe        x\n"},
		{"a\t\tb\n", "a                   b\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		table_format(
			&out, cases[i].text, strlen(cases[i].text), TABLE_MIN_WIDTH, TABLE_PADDING);
		assert_string_equal(buf_str(&out), cases[i].output);
	}
}

static const struct format_column columns[] = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
	{"Names", "NAMES"}, {"Labels", "LABELS"}, {"Size", "SIZE"}};

static const struct format_spec spec = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Image}}\t{{.Names}}",
	.quiet = "{{.ID}}",
	.raw = "id: {{.ID}}",
};

static const char *const rows[] = {
	"{\"ID\":\"4aac\",\"Image\":\"busybox\",\"Names\":\"web\",\"Labels\":\"a=1\",\"Size\":\"0B\"}",
	"{\"ID\":\"5bbd\",\"Image\":\"registry/x\",\"Names\":\"db\",\"Labels\":\"\",\"Size\":\"0B\"}",
};

static int list_to(FILE *out, const char *const *some, size_t n, const char *format, bool quiet,
	struct hull_error *err)
{
	_cleanup_format_ struct format_list *list = NULL;
	int r = format_begin(&list, &spec, format, quiet, out, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = format_row(list, some[i], strlen(some[i]), err);
	return r < 0 ? r : format_end(list, err);
}

static int list(const char *format, bool quiet, struct buf *ret, struct hull_error *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int r = list_to(out, rows, ARRAY_SIZE(rows), format, quiet, err);

	fclose(out);
	buf_puts(ret, text);
	free(text);
	return r;
}

static void test_lists(void **state)
{
	static const struct {
		const char *format;
		bool quiet;
		const char *output;
	} cases[] = {
		{NULL, false,
			"CONTAINER ID   IMAGE        NAMES\n"
			"4aac           busybox      web\n"
			"5bbd           registry/x   db\n"},
		{"table", false,
			"CONTAINER ID   IMAGE        NAMES\n"
			"4aac           busybox      web\n"
			"5bbd           registry/x   db\n"},
		{"table {{.Names}}\\t{{upper .ID}}", false,
			"NAMES     CONTAINER ID\nweb       4AAC\ndb        5BBD\n"},
		{"table {{.ID}}\\t{{.Label \"com.x.my-role\"}}", false,
			"CONTAINER ID   MY ROLE\n4aac           \n5bbd           \n"},
		{"", true, "4aac\n5bbd\n"},
		{"{{.ID}}\\t{{.Names}}", false, "4aac\tweb\n5bbd\tdb\n"},
		{"{{.ID}}", true, "4aac\n5bbd\n"},
		{"{{.ID}}\\n{{\"\\t\"}}|", false, "4aac\n\t|\n5bbd\n\t|\n"},
		{"raw", false, "id: 4aac\nid: 5bbd\n"},
		{"x", false, "x\nx\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_int_equal(list(cases[i].format, cases[i].quiet, &out, NULL), 0);
		assert_string_equal(buf_str(&out), cases[i].output);
	}
}

static void test_json_rows(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *expected = NULL;

	assert_true(asprintf(&expected, "%s\n%s\n", rows[0], rows[1]) > 0);
	assert_int_equal(list("json", false, &out, NULL), 0);
	assert_string_equal(buf_str(&out), expected);
	buf_reset(&out);
	assert_int_equal(list("{{json .}}", false, &out, NULL), 0);
	assert_string_equal(buf_str(&out), expected);
}

static void test_list_errors(void **state)
{
	static const char *const formats[] = {
		"table {{.Nmae}}", "{{.Nmae}}", "{{", "table {{if}}", "{{.ID.X}}"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_true(list(formats[i], false, &out, &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_string_equal(buf_str(&out), "");
	}
}

static void test_uses(void **state)
{
	static const struct {
		const char *format;
		bool uses;
	} cases[] = {{NULL, false}, {"json", true}, {"{{json .}}", true}, {"{{.Size}}", true},
		{"{{if .ID}}{{range .Names}}{{print $.Size}}{{end}}{{end}}", true},
		{"{{(len .Size)}}", true}, {"{{.ID}}{{\".Size\"}}", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_format_ struct format_list *l = NULL;

		assert_int_equal(format_begin(&l, &spec, cases[i].format, false, stdout, NULL), 0);
		assert_int_equal(format_uses(l, "Size"), cases[i].uses);
	}
}

static void test_documents(void **state)
{
	static const struct {
		const char *format, *output;
	} cases[] = {
		{NULL, "{\n    \"A\": {\n        \"B\": [\n            1\n        ]\n    }\n}\n"},
		{"json", "{\"A\":{\"B\":[1]}}\n"},
		{"{{.A.B}}", "[1]\n"},
		{"{{.A.X}}", "<no value>\n"},
		{"{{.A.B}}\\n{{\"\\n\"}}", "[1]\\n\n\n"},
	};
	static const char json[] = "{\"A\": {\"B\": [1]}}";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&text, &n);

		assert_int_equal(
			format_document(json, strlen(json), cases[i].format, out, NULL), 0);
		fclose(out);
		assert_string_equal(text, cases[i].output);
		free(text);
	}
}

/* ---- What strangers wrote ---- */

static const char *const hostile[] = {
	"{\"ID\":\"4aac\",\"Image\":\"\\u001b[2Jx\\ny\\tz\\r\",\"Names\":\"\\u009b31m\xc3\xbc\","
	"\"Labels\":\"\\u0007\",\"Size\":\"\"}"};

#define MARKS "\033[1m{{.Image}}\033[m {{println .Names}}{{\"\\a\"}}"
#define JSON                                                                                      \
	"{\"ID\":\"4aac\",\"Image\":\"\\u001b[2Jx\\ny\\tz\\r\",\"Names\":\"\\u009b31m\xc3\xbc\"," \
	"\"Labels\":\"\\u0007\",\"Size\":\"\"}\n"

static const struct {
	const char *format, *text, *screen; /* NULL: the same */
} hostile_cases[] = {
	{NULL,
		"CONTAINER ID   IMAGE        NAMES\n"
		"4aac           ?[2Jx?y?z?   ?31m\xc3\xbc\n",
		NULL},
	{"table {{.Labels}}\t{{.ID}}", "LABELS    CONTAINER ID\n?         4aac\n", NULL},
	/* What the template says and makes is the caller's; on a terminal text may have lines. */
	{MARKS,
		"\033[1m\033[2Jx\ny\tz\r\033[m \xc2\x9b"
		"31m\xc3\xbc\n\a\n",
		"\033[1m?[2Jx\ny\tz?\033[m ?31m\xc3\xbc\n\a\n"},
	{"json", JSON, NULL},
};

static void test_hostile_values_in_a_file(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile_cases); i++) {
		char *text = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&text, &n);

		assert_int_equal(list_to(out, hostile, 1, hostile_cases[i].format, false, NULL), 0);
		fclose(out);
		assert_string_equal(text, hostile_cases[i].text);
		free(text);
	}
}

/* A terminal of our own has got that text, which may come in pieces. */
static void expect_screen(int master, const char *text)
{
	struct pollfd readable = {.fd = master, .events = POLLIN};
	char screen[1024];
	size_t n = 0;

	assert_true(strlen(text) < sizeof(screen));
	while (n < strlen(text) && poll(&readable, 1, 10000) == 1) {
		ssize_t more = read(master, screen + n, sizeof(screen) - 1 - n);

		assert_true(more > 0);
		n += (size_t)more;
	}
	screen[n] = '\0';
	assert_string_equal(screen, text);
	assert_int_equal(poll(&readable, 1, 0), 0);
}

static FILE *open_terminal(int *ret_master)
{
	struct termios raw;
	int slave;

	cfmakeraw(&raw);
	assert_int_equal(openpty(ret_master, &slave, NULL, &raw, NULL), 0);
	return fdopen(slave, "w");
}

static void test_hostile_values_on_a_terminal(void **state)
{
	int master;
	FILE *out = open_terminal(&master);

	for (size_t i = 0; i < ARRAY_SIZE(hostile_cases); i++) {
		assert_int_equal(list_to(out, hostile, 1, hostile_cases[i].format, false, NULL), 0);
		fflush(out);
		expect_screen(master,
			hostile_cases[i].screen ? hostile_cases[i].screen : hostile_cases[i].text);
	}
	fclose(out);
	close(master);
}

static void test_hostile_documents(void **state)
{
	static const char json[] = "{\"A\":{\"k\\u001b\":[\"\\u001b]0;\\u009c\\n\"]}}";
	static const char format[] = "{{range $k, $v := .A}}{{$k}} {{index $v 0}}{{end}}";
	int master;
	FILE *out = open_terminal(&master);
	char *text = NULL, line[sizeof(json) + 1];
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);

	assert_int_equal(format_document(json, strlen(json), format, out, NULL), 0);
	fflush(out);
	expect_screen(master, "k? ?]0;?\n\n");
	assert_int_equal(format_document(json, strlen(json), "json", out, NULL), 0);
	fflush(out);
	snprintf(line, sizeof(line), "%s\n", json);
	expect_screen(master, line);
	assert_int_equal(format_document(json, strlen(json), format, file, NULL), 0);
	fclose(file);
	assert_string_equal(text, "k\033 \033]0;\xc2\x9c\n\n");
	free(text);
	fclose(out);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_json_rows),
		cmocka_unit_test(test_list_errors),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_hostile_values_in_a_file),
		cmocka_unit_test(test_hostile_values_on_a_terminal),
		cmocka_unit_test(test_hostile_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where --log leads, which records get there, and what they look like. */
#include "log.h"
#include "base/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_check(void **state)
{
	static const struct {
		const char *log, *format, *level;
		bool good;
	} cases[] = {
		{NULL, NULL, NULL, true},
		{"/x", "json", "debug", true},
		{"file:/x", "text", "warning", true},
		{"journald:", NULL, "error", true},
		{"syslog:id", NULL, NULL, true},
		{"file:", NULL, NULL, false},
		{"/x", "xml", NULL, false},
		{"/x", NULL, "loud", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct keel_globals globals = {.log = (char *)cases[i].log,
			.log_format = (char *)cases[i].format,
			.log_level = (char *)cases[i].level};
		assert_int_equal(log_check(&globals, NULL) == 0, cases[i].good);
	}
}

static void assert_file(const char *path, const char *const *parts)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	assert_int_equal(file_read_at(AT_FDCWD, path, &text, 4096), 0);
	const char *at = buf_str(&text);
	for (; *parts; parts++) {
		at = strstr(at, *parts);
		assert_non_null(at);
	}
	assert_int_equal(text.data[text.len - 1], '\n');
}

static void test_file(void **state)
{
	char path[] = "/tmp/keel-log.XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	_cleanup_free_ char *prefixed = str_printf("file:%s", path);
	struct keel_globals globals = {.log = prefixed, .log_format = (char *)"json"};

	assert_true(fd >= 0);
	/* Only errors, unless more is asked for. */
	keel_debug(&globals, "not %s", "this");
	keel_log(&globals, "warning", "nor this");
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	keel_log(&globals, "error", "a \"quoted\" text");
	assert_file(path, (const char *const[]){"{\"level\":\"error\",\"msg\":\"a \\\"quoted\\\" "
						"text\",\"time\":\"",
				  "Z\"}", NULL});
	globals.log_level = (char *)"warning";
	globals.log_format = NULL;
	globals.log = path;
	keel_log(&globals, "warning", "now");
	globals.debug = true;
	keel_debug(&globals, "step %d", 2);
	assert_file(path, (const char *const[]){"\"error\"", "level=warning msg=\"now\"",
				  "level=debug msg=\"step 2\"", NULL});
	unlink(path);
}

static void test_formats(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	static const char lines[] = "PRIORITY=3\nSYSLOG_IDENTIFIER=id\nMESSAGE\n"
				    "\x03\0\0\0\0\0\0\0a\nb\n";

	log_format_journal(&out, "id", 3, "a\nb");
	assert_int_equal(out.len, sizeof(lines) - 1);
	assert_memory_equal(out.data, lines, out.len);
	buf_reset(&out);
	log_format_journal(&out, "", 7, "x");
	assert_string_equal(buf_str(&out), "PRIORITY=7\nSYSLOG_IDENTIFIER=keel\nMESSAGE=x\n");
	buf_reset(&out);
	log_format_syslog(&out, "id", 3, "text");
	_cleanup_free_ char *end = str_printf(" id[%d]: text", getpid());
	assert_memory_equal(out.data, "<27>", 4);
	assert_true(str_ends_with(buf_str(&out), end));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

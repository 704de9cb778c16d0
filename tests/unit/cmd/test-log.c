/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "base/fd.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <cmocka.h>

struct fixture {
	int fd;
	struct log_stream stream;
	struct buf text;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->fd = memfd_create("log", MFD_CLOEXEC);
	f->stream.name = "stdout";
	*state = f;
	return f->fd < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_done(&f->text);
	close(f->fd);
	free(f);
	return 0;
}

/* The log so far, with every time replaced by T. */
static const char *contents(struct fixture *f)
{
	char raw[256 * 1024];
	ssize_t n = pread(f->fd, raw, sizeof(raw) - 1, 0);

	assert_true(n >= 0);
	raw[n] = '\0';
	buf_reset(&f->text);
	for (const char *p = raw; *p;) {
		const char *after = str_after(p, "\"time\":\"");
		if (after) {
			buf_puts(&f->text, "\"time\":\"T");
			p = strchr(after, '"');
		} else {
			buf_putc(&f->text, *p++);
		}
	}
	return buf_str(&f->text);
}

static void a_line_is_a_record(void **state)
{
	struct fixture *f = *state;

	log_write(f->fd, &f->stream, "one\ntw", 6);
	log_write(f->fd, &f->stream, "o\n", 2);
	assert_string_equal(contents(f),
		"{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\"T\"}\n"
		"{\"log\":\"two\\n\",\"stream\":\"stdout\",\"time\":\"T\"}\n");
}

static void half_a_line_waits_for_the_flush(void **state)
{
	struct fixture *f = *state;

	log_write(f->fd, &f->stream, "half", 4);
	assert_string_equal(contents(f), "");
	log_flush(f->fd, &f->stream);
	log_flush(f->fd, &f->stream);
	assert_string_equal(
		contents(f), "{\"log\":\"half\",\"stream\":\"stdout\",\"time\":\"T\"}\n");
}

static void bytes_are_escaped(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "\"\\\t\r\x01\x7f\xc3\xa9\xff\xc3\n";

	log_write(f->fd, &f->stream, text, sizeof(text) - 1);
	assert_string_equal(contents(f),
		"{\"log\":\"\\\"\\\\\\t\\r\\u0001\\u007f\xc3\xa9\\ufffd\\ufffd\\n\",\"stream\":\"stdout\",\"time\":\"T\"}\n");
}

static void a_long_line_is_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	char text[LOG_LINE_MAX + 1];

	/* The two bytes of the last character lie on either side of the cut. */
	memset(text, 'x', sizeof(text));
	text[LOG_LINE_MAX - 1] = '\xc3';
	text[LOG_LINE_MAX] = '\xa9';
	log_write(f->fd, &f->stream, text, sizeof(text));
	assert_int_equal(f->stream.len, 2);
	log_flush(f->fd, &f->stream);
	assert_non_null(strstr(contents(f), "{\"log\":\"\xc3\xa9\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_a_record, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_line_waits_for_the_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_long_line_is_cut_between_characters, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

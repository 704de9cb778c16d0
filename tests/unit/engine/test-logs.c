/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/logs.h"
#include "json/value.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* Where the tests of this program write: one directory, one log in it. */
static char directory[] = "/tmp/hull-test-logs-XXXXXX";
static char path[64];

#define T1 "2026-01-02T03:04:05.1Z"
#define T2 "2026-01-02T03:04:06.123456789Z"
#define T3 "2026-01-02T03:04:07Z"

#define ENTRY(log, stream, time) \
	"{\"log\":\"" log "\",\"stream\":\"" stream "\",\"time\":\"" time "\"}\n"

static void put_log(const char *text)
{
	assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, false), 0);
}

/* What a reading printed. */
struct printed {
	char *out, *err;
	size_t out_len, err_len;
};

static void printed_done(struct printed *p)
{
	free(p->out);
	free(p->err);
}

#define _cleanup_printed_ _cleanup_(printed_done)

static void read_into(
	struct printed *p, const struct logs_options *options, const struct logs_follow *follow)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	FILE *out = open_memstream(&p->out, &p->out_len);
	FILE *err_out = open_memstream(&p->err, &p->err_len);

	assert_non_null(out);
	assert_non_null(err_out);
	if (logs_read(path, options, follow, out, err_out, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	fclose(out);
	fclose(err_out);
}

static void expect_output(const struct logs_options *options, const char *out, const char *err)
{
	_cleanup_printed_ struct printed p = {0};

	read_into(&p, options, NULL);
	assert_string_equal(p.out, out);
	assert_string_equal(p.err, err);
}

struct entry_case {
	const char *line;
	const char *text; /* NULL = no entry */
	bool is_stderr;
	const char *attrs;
};

#define TIMED(members) "{" members ",\"time\":\"" T1 "\"}"

static const struct entry_case entry_cases[] = {
	{TIMED("\"log\":\"a\\n\",\"stream\":\"stdout\""), "a\n", false, NULL},
	{TIMED("\"log\":\"\",\"stream\":\"stderr\""), "", true, NULL},
	{" { \"time\" : \"" T1 "\" , \"log\" : \"x\" } \r", "x", false, NULL},
	{TIMED("\"log\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t", false, NULL},
	{TIMED("\"log\":\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\""),
		"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", false, NULL},
	{TIMED("\"log\":\"\\ud83dx\\ude00\\ud83d\\u0041\""),
		"\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd"
		"A",
		false, NULL},
	{TIMED("\"log\":\"a\",\"attrs\":{\"k\":\"v}\\\"\"},\"x\":[1,{\"y\":[]}],\"z\":null"), "a",
		false, "{\"k\":\"v}\\\"\"}"},
	{TIMED("\"log\":\"a\",\"attrs\":\"none\""), "a", false, NULL},
	{"", NULL, false, NULL},
	{"{}", NULL, false, NULL},
	{"[]", NULL, false, NULL},
	{"null", NULL, false, NULL},
	{"{\"log\":\"a\"}", NULL, false, NULL},
	{"{\"time\":\"" T1 "\"}", NULL, false, NULL},
	{TIMED("\"log\":5"), NULL, false, NULL},
	{TIMED("\"log\":\"\\x\""), NULL, false, NULL},
	{TIMED("\"log\":\"\\u12g4\""), NULL, false, NULL},
	{TIMED("\"log\":\"\t\""), NULL, false, NULL},
	{TIMED("\"log\":\"a\",\"x\":"), NULL, false, NULL},
	{"{\"log\":\"a\",\"time\":\"yesterday\"}", NULL, false, NULL},
	{TIMED("\"log\":\"a\"") "x", NULL, false, NULL},
	{TIMED("\"log\":\"a\"") "{}", NULL, false, NULL},
	{"{\"log\":\"a", NULL, false, NULL},
	{"{\"log\":\"a\\", NULL, false, NULL},
	{"{\"log\":\"a\\u00", NULL, false, NULL},
	{"{\"log\"", NULL, false, NULL},
	{"{\"x\":\"\\", NULL, false, NULL},
};

static void test_entry(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry_cases); i++) {
		const struct entry_case *c = &entry_cases[i];
		struct logs_entry e = {0};
		/* On the heap and without a NUL: sanitizers then see reads past the end. */
		size_t len = strlen(c->line);
		_cleanup_free_ char *line = malloc(len + 1);
		memcpy(line, c->line, len);
		int r = logs_entry_parse(line, len, &e);
		if (!c->text) {
			if (r == 0)
				fail_msg("accepted: %s", c->line);
			continue;
		}
		if (r < 0)
			fail_msg("refused: %s", c->line);
		assert_int_equal(e.text_len, strlen(c->text));
		assert_memory_equal(e.text, c->text, e.text_len);
		assert_int_equal(e.is_stderr, c->is_stderr);
		assert_int_equal(e.time % NS_PER_SECOND, 100000000);
		if (c->attrs) {
			assert_int_equal(e.attrs_len, strlen(c->attrs));
			assert_memory_equal(e.attrs, c->attrs, e.attrs_len);
		} else {
			assert_null(e.attrs);
		}
	}
}

/* The JSON layer reads the same text out of each accepted line. */
static void test_entry_agrees(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry_cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		const struct entry_case *c = &entry_cases[i];
		struct json_value v;
		if (!c->text || strstr(c->line, "ud83dx")) /* lone surrogates are refused there */
			continue;
		assert_int_equal(
			json_value_parse(&arena, &v, c->line, strlen(c->line), NULL, "", NULL), 0);
		assert_string_equal(json_value_string(json_value_get(&v, "log")), c->text);
	}
}

static void test_zero_byte(void **state)
{
	char line[] = "{\"log\":\"a\\u0000b\",\"time\":\"" T1 "\"}";
	struct logs_entry e;

	assert_int_equal(logs_entry_parse(line, strlen(line), &e), 0);
	assert_int_equal(e.text_len, 3);
	assert_memory_equal(e.text, "a\0b", 3);
}

static void test_plain(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	put_log(ENTRY("one\\n", "stdout", T1) ENTRY("two\\n", "stderr", T2)
			ENTRY("three\\n", "stdout", T3));
	expect_output(&o, "one\nthree\n", "two\n");
	o.timestamps = true;
	expect_output(&o,
		"2026-01-02T03:04:05.100000000Z one\n2026-01-02T03:04:07.000000000Z three\n",
		"2026-01-02T03:04:06.123456789Z two\n");
	o.timestamps = false;
	assert_int_equal(clock_parse_rfc3339(T2, &o.since), 0);
	expect_output(&o, "three\n", "two\n");
	o.until = o.since++;
	expect_output(&o, "", "");
	o.since = LOGS_NO_TIME;
	expect_output(&o, "one\n", "two\n");
}

static void test_missing_and_empty(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	unlink(path);
	expect_output(&o, "", "");
	put_log("");
	o.tail = 5;
	expect_output(&o, "", "");
}

/* A line of the container that came in pieces is stamped once. */
static void test_partial_lines(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	o.timestamps = true;
	put_log(ENTRY("long ", "stdout", T1) ENTRY("error\\n", "stderr", T2)
			ENTRY("line\\n", "stdout", T3) ENTRY("next\\n", "stdout", T3));
	expect_output(&o,
		"2026-01-02T03:04:05.100000000Z long line\n2026-01-02T03:04:07.000000000Z next\n",
		"2026-01-02T03:04:06.123456789Z error\n");
}

static void test_details(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	o.details = true;
	put_log("{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"z\":\"1 2\",\"b\":\"x=y/ä\"},"
		"\"time\":\"" T1 "\"}\n" ENTRY("b\\n", "stdout", T1));
	expect_output(&o, "b=x%3Dy%2F%C3%A4,z=1+2 a\n b\n", "");
	o.timestamps = true;
	o.tail = 1;
	expect_output(&o, "2026-01-02T03:04:05.100000000Z  b\n", "");
}

static void test_damaged(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct logs_options o = LOGS_OPTIONS_INIT;

	/* garbage lines, a line that is too long, and one that was never finished */
	buf_puts(&b, "garbage\n\n{\"log\":\n" ENTRY("one\\n", "stdout", T1) "{\"log\":\"");
	for (size_t i = 0; i < LOGS_LINE_MAX / 16 + 10; i++)
		buf_puts(&b, "0123456789abcdef");
	buf_puts(&b, "\"}\n" ENTRY("two\\n", "stdout", T2) "{\"log\":\"half\",\"time\":\"" T3 "\"");
	put_log(buf_str(&b));
	expect_output(&o, "one\ntwo\n", "");
	o.tail = 1;
	expect_output(&o, "two\n", "");

	/* a hole of 100 MB, as after a crash */
	put_log(ENTRY("one\\n", "stdout", T1));
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 100 << 20), 0);
	static const char after[] = "\n" ENTRY("two\\n", "stdout", T2);
	assert_int_equal(fd_write_all(fd, after, strlen(after)), 0);
	o.tail = LOGS_ALL;
	expect_output(&o, "one\ntwo\n", "");
}

/* Every tail of a log of many blocks, against counting forward. */
static void test_tail(void **state)
{
	enum { LINES = 5000 };
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct logs_options o = LOGS_OPTIONS_INIT;

	for (int i = 0; i < LINES; i++)
		buf_printf(&b, ENTRY("%0*d\\n", "stdout", T1), 1 + i * 7 % 150, i);
	assert_true(b.len > 6 * 65536);
	put_log(buf_str(&b));
	for (int tail = 0; tail <= LINES + 1; tail += tail < 20 || tail > LINES - 5 ? 1 : 83) {
		_cleanup_printed_ struct printed p = {0};
		o.tail = tail;
		read_into(&p, &o, NULL);
		int first = tail < LINES ? LINES - tail : 0, lines = 0;
		for (const char *line = p.out; *line; line = strchr(line, '\n') + 1)
			assert_int_equal(strtol(line, NULL, 10), first + lines++);
		assert_int_equal(lines, LINES - first);
	}
}

/* Both streams in one pipe keep the order of the log. */
static void test_order(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int fds[2];

	put_log(ENTRY("1", "stdout", T1) ENTRY("2", "stderr", T1) ENTRY("3", "stderr", T1)
			ENTRY("4", "stdout", T1) ENTRY("5", "stderr", T1));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	FILE *out = fdopen(fds[1], "w");
	FILE *err_out = fdopen(dup(fds[1]), "w");
	assert_int_equal(logs_read(path, &o, NULL, out, err_out, NULL), 0);
	fclose(out);
	fclose(err_out);
	assert_int_equal(fd_read_to_buf(fds[0], &text, 0), 0);
	close(fds[0]);
	assert_string_equal(buf_str(&text), "12345");
}

/* The command to the right of the pipe is gone: no error. */
static void test_broken_pipe(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	put_log(ENTRY("1\\n", "stdout", T1));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	FILE *out = fdopen(fds[1], "w");
	assert_int_equal(logs_read(path, &o, NULL, out, stderr, NULL), 0);
	fclose(out);
}

static void test_full_disk(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct logs_options o = LOGS_OPTIONS_INIT;
	FILE *full = fopen("/dev/full", "we");

	put_log(ENTRY("1\\n", "stdout", T1));
	assert_non_null(full);
	assert_true(logs_read(path, &o, NULL, full, stderr, &err) < 0);
	assert_string_equal(hull_error_message(&err), "write the log: No space left on device");
	fclose(full);
}

/* A container that writes, as a process that shares with the test whether it runs. */
struct container {
	volatile bool *running;
	int end_fd; /* hangs up at its end */
	pid_t pid;
};

static bool is_running(void *data)
{
	return *((struct container *)data)->running;
}

static void pause_ms(long ms)
{
	struct timespec t = {0, ms * 1000000};

	nanosleep(&t, NULL);
}

static void append(const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		_exit(1);
}

static void container_start(struct container *c, void (*life)(void))
{
	int fds[2];

	c->running = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(c->running != MAP_FAILED);
	*c->running = true;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		close(fds[0]);
		life();
		*c->running = false;
		_exit(0);
	}
	close(fds[1]);
	c->end_fd = fds[0];
}

static void container_end(struct container *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(c->end_fd);
	munmap((void *)c->running, 4096);
}

static void expect_followed(
	const struct logs_options *options, void (*life)(void), bool with_fd, const char *expected)
{
	_cleanup_printed_ struct printed p = {0};
	struct container c;

	container_start(&c, life);
	struct logs_follow follow = {is_running, &c, with_fd ? c.end_fd : -1, NULL};
	alarm(20); /* a test that hangs must not hang the others */
	read_into(&p, options, &follow);
	alarm(0);
	container_end(&c);
	assert_string_equal(p.out, expected);
}

static void life_of_writer(void)
{
	pause_ms(30);
	append(ENTRY("b\\n", "stdout", T2));
	pause_ms(30);
	append("{\"log\":\"c\\n\",\"str");
	pause_ms(30);
	append("eam\":\"stdout\",\"time\":\"" T3 "\"}\n");
	append(ENTRY("last\\n", "stdout", T3));
}

static void test_follow(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	o.follow = true;
	for (int with_fd = 0; with_fd <= 1; with_fd++) {
		put_log(ENTRY("0\\n", "stdout", T1) ENTRY("a\\n", "stdout", T1));
		o.tail = LOGS_ALL;
		expect_followed(&o, life_of_writer, with_fd, "0\na\nb\nc\nlast\n");
		put_log(ENTRY("0\\n", "stdout", T1) ENTRY("a\\n", "stdout", T1));
		o.tail = 1;
		expect_followed(&o, life_of_writer, with_fd, "a\nb\nc\nlast\n");
		put_log(ENTRY("0\\n", "stdout", T1));
		o.tail = 0;
		expect_followed(&o, life_of_writer, with_fd, "b\nc\nlast\n");
	}
	unlink(path); /* made by the writer later */
	o.tail = LOGS_ALL;
	expect_followed(&o, life_of_writer, true, "b\nc\nlast\n");
}

static void life_of_rotator(void)
{
	char old[80];

	snprintf(old, sizeof(old), "%s.1", path);
	pause_ms(30);
	append(ENTRY("b\\n", "stdout", T2));
	if (rename(path, old) < 0)
		_exit(1);
	append(ENTRY("c\\n", "stdout", T2));
	pause_ms(60);
	append(ENTRY("d\\n", "stdout", T2));
	pause_ms(60);
	if (truncate(path, 0) < 0)
		_exit(1);
	pause_ms(60);
	append(ENTRY("e\\n", "stdout", T2));
	pause_ms(30);
	unlink(old);
}

static void test_rotation(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;

	o.follow = true;
	put_log(ENTRY("a\\n", "stdout", T1));
	expect_followed(&o, life_of_rotator, true, "a\nb\nc\nd\ne\n");
}

static void life_of_nobody(void)
{
}

static void life_of_sleeper(void)
{
	pause_ms(400);
}

/* A container that has ended is not waited for; an idle one is, without waking up. */
static void test_idle(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;
	struct rusage before, after;

	o.follow = true;
	put_log(ENTRY("a\\n", "stdout", T1));
	expect_followed(&o, life_of_nobody, true, "a\n");
	getrusage(RUSAGE_SELF, &before);
	int64_t start = clock_monotonic_ns();
	expect_followed(&o, life_of_sleeper, true, "a\n");
	assert_true(clock_monotonic_ns() - start > 300 * NS_PER_MS);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 10);
}

static void life_of_endless(void)
{
	for (int i = 0; i < 1000; i++)
		pause_ms(900);
}

static volatile int interrupted;

static void on_alarm(int signal)
{
	interrupted = 1;
}

static void test_interrupt(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;
	_cleanup_printed_ struct printed p = {0};
	const struct sigaction action = {.sa_handler = on_alarm};
	struct container c;

	o.follow = true;
	put_log(ENTRY("a\\n", "stdout", T1));
	container_start(&c, life_of_endless);
	struct logs_follow follow = {is_running, &c, c.end_fd, &interrupted};
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	read_into(&p, &o, &follow);
	signal(SIGALRM, SIG_DFL);
	assert_string_equal(p.out, "a\n");
	assert_int_equal(interrupted, 1);
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	close(c.end_fd);
	munmap((void *)c.running, 4096);
}

/* Following ends at --until, and when nobody reads any more. */
static void test_follow_ends(void **state)
{
	struct logs_options o = LOGS_OPTIONS_INIT;
	_cleanup_printed_ struct printed p = {0};
	struct container c;
	int fds[2];

	put_log(ENTRY("a\\n", "stdout", T1));
	container_start(&c, life_of_endless);
	struct logs_follow follow = {is_running, &c, c.end_fd, NULL};
	o.follow = true;
	o.until = clock_realtime_ns() + 100 * NS_PER_MS;
	alarm(20);
	read_into(&p, &o, &follow);
	assert_string_equal(p.out, "a\n");

	o.until = LOGS_NO_TIME;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t reader = fork();
	if (reader == 0) {
		pause_ms(100);
		_exit(0);
	}
	close(fds[0]);
	FILE *out = fdopen(fds[1], "w");
	assert_int_equal(logs_read(path, &o, &follow, out, stderr, NULL), 0);
	alarm(0);
	fclose(out);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	close(c.end_fd);
	munmap((void *)c.running, 4096);
}

static int setup(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/c-json.log", directory);
	return 0;
}

static int teardown(void **state)
{
	return dir_remove_tree_at(AT_FDCWD, directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_entry_agrees),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_missing_and_empty),
		cmocka_unit_test(test_partial_lines),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_broken_pipe),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_follow_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

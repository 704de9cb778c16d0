/* SPDX-License-Identifier: Apache-2.0 */
/* Raw mode and progress, on a pseudo-terminal of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/progress.h"
#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct pty {
	int master, slave;
};

static int pty_open(void **state)
{
	static struct pty pty;
	struct winsize size = {.ws_row = 24, .ws_col = 100};

	if (openpty(&pty.master, &pty.slave, NULL, NULL, &size) < 0)
		return -1;
	*state = &pty;
	return 0;
}

static int pty_close(void **state)
{
	struct pty *pty = *state;

	close(pty->master);
	close(pty->slave);
	return 0;
}

static bool is_raw(int fd)
{
	struct termios attributes;

	assert_int_equal(tcgetattr(fd, &attributes), 0);
	return !(attributes.c_lflag & (ICANON | ECHO | ISIG));
}

static void test_raw_and_back(void **state)
{
	const struct pty *pty = *state;
	struct termios before, after;

	tcgetattr(pty->slave, &before);
	assert_int_equal(terminal_raw(pty->slave), 0);
	assert_true(is_raw(pty->slave));
	assert_int_equal(terminal_raw(pty->slave), -EBUSY);
	terminal_restore();
	tcgetattr(pty->slave, &after);
	assert_int_equal(before.c_lflag, after.c_lflag);
	assert_int_equal(before.c_iflag, after.c_iflag);
	assert_int_equal(before.c_oflag, after.c_oflag);
	terminal_restore();
}

/* A child that makes the terminal raw and ends in its own way. */
static int end_of_child(const struct pty *pty, int signum)
{
	int status;

	fflush(NULL);
	pid_t pid = fork();

	if (pid == 0) {
		/* A shell's background job starts with some of them ignored. */
		if (signum)
			signal(signum, SIG_DFL);
		if (terminal_raw(pty->slave) < 0 || !is_raw(pty->slave))
			_exit(99);
		if (signum)
			raise(signum);
		exit(7);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return status;
}

static void test_put_back_at_any_end(void **state)
{
	static const int signals[] = {0, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
	const struct pty *pty = *state;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int status = end_of_child(pty, signals[i]);

		if (signals[i]) {
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), signals[i]);
		} else {
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 7);
		}
		assert_false(is_raw(pty->slave));
	}
}

static void test_signal_actions_come_back(void **state)
{
	const struct pty *pty = *state;
	struct sigaction action;

	assert_int_equal(terminal_raw(pty->slave), 0);
	terminal_restore();
	sigaction(SIGTERM, NULL, &action);
	assert_true(action.sa_handler == SIG_DFL);
}

static void test_size(void **state)
{
	const struct pty *pty = *state;
	struct terminal_size size = {50, 132}, got;

	assert_true(terminal_is(pty->slave));
	assert_int_equal(terminal_size_set(pty->master, &size), 0);
	assert_int_equal(terminal_size_get(pty->slave, &got), 0);
	assert_int_equal(got.rows, 50);
	assert_int_equal(got.columns, 132);
	_cleanup_close_ int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_false(terminal_is(file));
	assert_int_equal(terminal_size_get(file, &got), -ENOTTY);
}

static void test_resize_fd(void **state)
{
	_cleanup_close_ int fd = terminal_resize_fd();
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	assert_true(fd >= 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	raise(SIGWINCH);
	assert_int_equal(poll(&poll_fd, 1, 1000), 1);
	terminal_resize_read(fd);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
}

/* What arrives at the other end of the terminal. */
static void read_screen(const struct pty *pty, struct buf *screen)
{
	struct pollfd poll_fd = {.fd = pty->master, .events = POLLIN};
	char data[4096];

	while (poll(&poll_fd, 1, 50) == 1) {
		ssize_t n = read(pty->master, data, sizeof(data));

		if (n <= 0)
			break;
		buf_append(screen, data, (size_t)n);
	}
}

static void test_progress_in_place(void **state)
{
	const struct pty *pty = *state;
	_cleanup_buf_ struct buf screen = BUF_INIT;
	_cleanup_fclose_ FILE *out = fdopen(dup(pty->slave), "w");
	_cleanup_progress_ struct progress *progress = NULL;

	setenv("TERM", "xterm", 1);
	assert_int_equal(progress_new(&progress, out, PROGRESS_AUTO, NULL), 0);
	progress_message(progress, "latest: Pulling from %s", "library/busybox");
	int line = progress_add(progress, "4aac5f5d3a5e");

	progress_update(progress, line, "Downloading", 5000, 10000);
	progress_update(progress, line, "Pull complete", 0, 0);
	read_screen(pty, &screen);
	assert_non_null(strstr(buf_str(&screen), "latest: Pulling from library/busybox\r\n"));
	assert_non_null(strstr(buf_str(&screen),
		"\r\033[2K4aac5f5d3a5e: Downloading [=========================>                        "
		" ]     5kB/10kB\r\n"));
	assert_non_null(
		strstr(buf_str(&screen), "\033[1A\r\033[2K4aac5f5d3a5e: Pull complete \r\n"));
}

static void test_progress_fits_the_terminal(void **state)
{
	const struct pty *pty = *state;
	_cleanup_fclose_ FILE *out = fdopen(dup(pty->slave), "w");

	setenv("TERM", "xterm", 1);
	for (unsigned short columns = 5; columns < 140; columns += 5) {
		struct terminal_size size = {24, columns};
		_cleanup_buf_ struct buf screen = BUF_INIT;
		_cleanup_progress_ struct progress *progress = NULL;

		terminal_size_set(pty->master, &size);
		assert_int_equal(progress_new(&progress, out, PROGRESS_AUTO, NULL), 0);
		progress_update(progress, progress_add(progress, "4aac5f5d3a5e"), "Extracting",
			999999999, 1999999999);
		read_screen(pty, &screen);
		const char *line = strstr(buf_str(&screen), "2K") + 2;

		assert_true(strcspn(line, "\r") < columns);
	}
}

static void test_progress_plain_and_quiet(void **state)
{
	_cleanup_progress_ struct progress *quiet = NULL;
	struct progress *progress = NULL;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_int_equal(progress_new(&progress, out, PROGRESS_AUTO, NULL), 0);
	int line = progress_add(progress, "a");

	progress_update(progress, line, "Downloading", 1, 10);
	progress_update(progress, line, "Downloading", 5, 10);
	progress_message(progress, "hello");
	progress_update(progress, line, "Pull complete", 0, 0);
	progress_update(progress, 17, "Nothing", 0, 0);
	progress_free(progress);
	fclose(out);
	assert_string_equal(text, "a: Downloading\nhello\na: Pull complete\n");
	free(text);

	assert_int_equal(progress_new(&quiet, stdout, PROGRESS_QUIET, NULL), 0);
	assert_null(quiet);
	assert_int_equal(progress_add(quiet, "a"), -1);
	progress_update(quiet, -1, "x", 0, 0);
	progress_message(quiet, "x");
}

#define HOSTILE "\033[9A\rx\n\xc2\x9bK\xff\xc3\xbc"
#define SHOWN	"?[9A?x??K?\xc3\xbc"

static void test_progress_of_strangers(void **state)
{
	const struct pty *pty = *state;
	_cleanup_buf_ struct buf screen = BUF_INIT;
	_cleanup_fclose_ FILE *terminal = fdopen(dup(pty->slave), "w");
	char *text = NULL;
	size_t n = 0;

	setenv("TERM", "xterm", 1);
	for (int i = 0; i < 2; i++) {
		FILE *out = i ? terminal : open_memstream(&text, &n);
		_cleanup_progress_ struct progress *progress = NULL;

		assert_int_equal(progress_new(&progress, out, PROGRESS_AUTO, NULL), 0);
		progress_message(progress, "%s", HOSTILE);
		progress_update(progress, progress_add(progress, HOSTILE), HOSTILE, 0, 0);
		if (i == 0)
			fclose(out);
	}
	assert_string_equal(text, SHOWN "\n" SHOWN ": " SHOWN "\n");
	free(text);
	read_screen(pty, &screen);
	assert_string_equal(buf_str(&screen), SHOWN "\r\n\r\033[2K" SHOWN ": " SHOWN " \r\n");
}

static void test_lines_of_strangers(void **state)
{
	const struct pty *pty = *state;
	_cleanup_buf_ struct buf screen = BUF_INIT;
	_cleanup_fclose_ FILE *terminal = fdopen(dup(pty->slave), "w");
	char *text = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);

	terminal_print_line(file, HOSTILE);
	fclose(file);
	assert_string_equal(text, HOSTILE "\n");
	free(text);
	terminal_print_line(terminal, HOSTILE);
	fflush(terminal);
	read_screen(pty, &screen);
	assert_string_equal(buf_str(&screen), SHOWN "\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_raw_and_back, pty_open, pty_close),
		cmocka_unit_test_setup_teardown(test_put_back_at_any_end, pty_open, pty_close),
		cmocka_unit_test_setup_teardown(test_signal_actions_come_back, pty_open, pty_close),
		cmocka_unit_test_setup_teardown(test_size, pty_open, pty_close),
		cmocka_unit_test(test_resize_fd),
		cmocka_unit_test_setup_teardown(test_progress_in_place, pty_open, pty_close),
		cmocka_unit_test_setup_teardown(
			test_progress_fits_the_terminal, pty_open, pty_close),
		cmocka_unit_test(test_progress_plain_and_quiet),
		cmocka_unit_test_setup_teardown(test_progress_of_strangers, pty_open, pty_close),
		cmocka_unit_test_setup_teardown(test_lines_of_strangers, pty_open, pty_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

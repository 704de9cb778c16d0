/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw mode belongs to the process and its terminal, not to an object: whichever way the process
 * ends, the terminal must be put back. So the saved attributes are the one static thing here,
 * reachable from the atexit handler and from signal handlers; tcsetattr() is async-signal-safe.
 */
#include "cli/terminal.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

static const int fatal_signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGPIPE};

static struct {
	atomic_int fd_plus_one; /* 0 while no terminal is raw */
	struct termios attributes;
	struct sigaction actions[sizeof(fatal_signals) / sizeof(fatal_signals[0])];
	bool registered; /* with atexit */
} saved;

bool terminal_is(int fd)
{
	int errnum = errno;
	bool is = isatty(fd);

	errno = errnum;
	return is;
}

void terminal_print_line(FILE *out, const char *text)
{
	size_t n = strlen(text);
	_cleanup_free_ char *shown = NULL;

	if (terminal_is(fileno(out)) && !utf8_is_printable(text, n, "")) {
		shown = strdup(text);
		text = shown ? shown : "?";
		if (shown)
			shown[utf8_make_printable(shown, n, "")] = '\0';
	}
	fprintf(out, "%s\n", text);
}

int terminal_size_get(int fd, struct terminal_size *ret)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return -errno;
	*ret = (struct terminal_size){size.ws_row, size.ws_col};
	return 0;
}

int terminal_size_set(int fd, const struct terminal_size *size)
{
	struct winsize raw = {.ws_row = size->rows, .ws_col = size->columns};

	return ioctl(fd, TIOCSWINSZ, &raw) < 0 ? -errno : 0;
}

static void put_back(void)
{
	int fd = atomic_exchange(&saved.fd_plus_one, 0) - 1;

	if (fd >= 0)
		tcsetattr(fd, TCSADRAIN, &saved.attributes);
}

/* The action was reset on entry, so the signal raised again has its usual effect. */
static void on_fatal_signal(int signum)
{
	put_back();
	raise(signum);
}

/* Signals that the program ignores or handles itself stay as they are. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_fatal_signal, .sa_flags = SA_RESETHAND};

	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++) {
		sigaction(fatal_signals[i], NULL, &saved.actions[i]);
		if (saved.actions[i].sa_handler == SIG_DFL)
			sigaction(fatal_signals[i], &action, NULL);
	}
}

static void release_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++) {
		struct sigaction current;

		sigaction(fatal_signals[i], NULL, &current);
		if (current.sa_handler == on_fatal_signal)
			sigaction(fatal_signals[i], &saved.actions[i], NULL);
	}
}

int terminal_raw(int fd)
{
	struct termios raw;

	if (atomic_load(&saved.fd_plus_one))
		return -EBUSY;
	if (tcgetattr(fd, &saved.attributes) < 0)
		return -errno;
	if (!saved.registered && atexit(terminal_restore) != 0)
		return -ENOMEM;
	saved.registered = true;
	raw = saved.attributes;
	cfmakeraw(&raw);
	catch_signals();
	atomic_store(&saved.fd_plus_one, fd + 1);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		int r = -errno;

		atomic_store(&saved.fd_plus_one, 0);
		release_signals();
		return r;
	}
	return 0;
}

void terminal_restore(void)
{
	if (!atomic_load(&saved.fd_plus_one))
		return;
	put_back();
	release_signals();
}

int terminal_resize_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void terminal_resize_read(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
}

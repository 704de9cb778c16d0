/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being the parent of a container in the foreground: signals go to it, its terminal's bytes come
 * and go, and its end is ours.
 */
#include "launch.h"
#include "base/fd.h"
#include "sys/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

void foreground_prepare(bool subreaper)
{
	sigset_t all;

	/* What the container's process inherits is reset in it. Not sigfillset(): each libc leaves out
	 * real-time signals that it uses itself, and the container may be sent them. */
	memset(&all, 0xff, sizeof(all));
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/*
 * A terminal has no end of file: what reads from it would wait for ever when our own input has
 * ended. So the end is typed, as long as lines are edited (in raw mode it would be a byte like any
 * other), and again for the next reader; what nobody reads is dropped by the kernel.
 */
#define END_INTERVAL_MS 200
#define END_MAX		1000

struct terminal {
	int master;
	bool raw; /* stdin is a terminal and was set raw */
	struct termios saved;
	bool in_open;
	int ends; /* how many more times the end of file is typed */
};

static void terminal_type_end(struct terminal *t)
{
	struct pollfd p = {.fd = t->master, .events = POLLOUT};
	struct termios mode;

	t->ends--;
	if (tcgetattr(t->master, &mode) < 0 || !(mode.c_lflag & ICANON))
		return;
	char end = (char)mode.c_cc[VEOF];
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLOUT) && write(t->master, &end, 1) < 0)
		t->ends = 0;
}

static void terminal_resize(const struct terminal *t)
{
	struct winsize size;

	/* A terminal that has no size knows no better than what the configuration says. */
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		ioctl(t->master, TIOCSWINSZ, &size);
}

static void terminal_begin(struct terminal *t)
{
	struct termios raw;

	t->in_open = t->master >= 0;
	if (t->master < 0 || tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	terminal_resize(t);
}

static void terminal_end(struct terminal *t)
{
	if (t->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
}

/* False when there is no more to copy. */
static bool copy_some(int from, int to)
{
	char block[8192];
	ssize_t n = read(from, block, sizeof(block));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && fd_write_all(to, block, (size_t)n) == 0;
}

/* What is left in the terminal after the process has ended. */
static void terminal_drain(struct terminal *t)
{
	struct pollfd p = {.fd = t->master, .events = POLLIN};

	while (t->master >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
		if (!copy_some(t->master, STDOUT_FILENO))
			break;
	}
}

static void handle_signal(int signal_fd, struct runtime_process *process, const struct terminal *t)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	int signal = (int)info.ssi_signo;
	if (signal == SIGWINCH && t->master >= 0)
		terminal_resize(t);
	else if (signal != SIGCHLD && signal != SIGURG && signal != SIGPIPE)
		process_pidfd_signal(process->pidfd, signal);
}

/* Orphans of the container come to us as the subreaper. 1 = the process has ended, 0 = not yet. */
static int reap(pid_t pid, int *ret_status)
{
	for (;;) {
		int status;
		pid_t ended = waitpid(-1, &status, WNOHANG);
		if (ended <= 0)
			return ended < 0 ? -errno : 0;
		if (ended == pid) {
			*ret_status = status;
			return 1;
		}
	}
}

int foreground_wait(struct runtime_process *process, int notify_socket, struct hull_error *err)
{
	struct terminal t = {.master = process->console_fd};
	sigset_t all;
	int r, status = 0;

	memset(&all, 0xff, sizeof(all));
	_cleanup_close_ int signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return error_errno(err, errno, "signalfd");
	terminal_begin(&t);
	while ((r = reap(process->pid, &status)) == 0) {
		struct pollfd fds[4] = {
			{.fd = signal_fd, .events = POLLIN},
			{.fd = t.master, .events = POLLIN},
			{.fd = t.in_open ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = notify_socket, .events = POLLIN},
		};
		int ready = poll(fds, 4, t.ends > 0 && t.master >= 0 ? END_INTERVAL_MS : -1);
		if (ready == 0)
			terminal_type_end(&t);
		if (ready < 0 && errno != EINTR && errno != EAGAIN)
			r = -errno;
		if (r < 0)
			break;
		if (ready <= 0)
			continue;
		if (fds[0].revents)
			handle_signal(signal_fd, process, &t);
		if (fds[1].revents && !copy_some(t.master, STDOUT_FILENO))
			t.master = -1;
		if (fds[2].revents && !copy_some(STDIN_FILENO, process->console_fd)) {
			t.in_open = false;
			t.ends = END_MAX;
		}
		if (fds[3].revents)
			notify_pass(notify_socket, 0);
	}
	terminal_drain(&t);
	terminal_end(&t);
	if (r < 0)
		return error_errno(err, r, "wait for process %d", process->pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

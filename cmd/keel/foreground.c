/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being the parent of a container in the foreground: signals go to it, its terminal's bytes come
 * and go, and its end is ours.
 */
#include "launch.h"
#include "base/fd.h"
#include "sys/process.h"

#include <limits.h>
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

#define DRAIN_MAX ((size_t)256 << 10)

/* Bytes on their way. Not more than what a pipe takes at once when it says that it takes any. */
struct transfer {
	char data[PIPE_BUF];
	size_t begin, end;
};

struct terminal {
	int master;
	bool raw; /* stdin is a terminal and was set raw */
	struct termios saved;
	bool in_open;
	int ends; /* how many more times the end of file is typed */
	struct transfer in, out;
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

/* A terminal that has no size knows no better than what the configuration says. */
static bool terminal_size(struct winsize *ret)
{
	return ioctl(STDIN_FILENO, TIOCGWINSZ, ret) == 0 && ret->ws_row && ret->ws_col;
}

static void terminal_resize(const struct terminal *t)
{
	struct winsize size;

	if (terminal_size(&size))
		ioctl(t->master, TIOCSWINSZ, &size);
}

int terminal_prepare(struct oci_process *p, bool detached, const char *console_socket,
	struct arena *arena, struct hull_error *err)
{
	bool terminal = p && p->terminal;
	struct oci_console_size *size;
	struct winsize ours;

	if (detached && terminal && !console_socket)
		return error_set(err, HULL_ERROR_INVALID,
			"cannot allocate tty if keel will detach without setting console socket");
	if (console_socket && !(detached && terminal))
		return error_set(err, HULL_ERROR_INVALID,
			"cannot use console socket if keel will not detach or allocate tty");
	if (!terminal || console_socket || !terminal_size(&ours))
		return 0;
	size = arena_new(arena, struct oci_console_size);
	if (!size)
		return error_no_memory(err);
	*size = (struct oci_console_size){ours.ws_row, ours.ws_col};
	p->console_size = size;
	return 0;
}

static void terminal_begin(struct terminal *t)
{
	struct termios raw;

	t->in_open = t->master >= 0;
	/* A terminal whose reader does not read would keep us from everything else. */
	if (t->master >= 0)
		fcntl(t->master, F_SETFL, fcntl(t->master, F_GETFL) | O_NONBLOCK);
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

static bool is_empty(const struct transfer *t)
{
	return t->begin == t->end;
}

/* False when there is no more to read. */
static bool transfer_read(struct transfer *t, int from)
{
	ssize_t n = read(from, t->data, sizeof(t->data));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	t->begin = 0;
	t->end = (size_t)n;
	return n > 0;
}

/* False when nobody reads any more. */
static bool transfer_write(struct transfer *t, int to)
{
	ssize_t n = write(to, t->data + t->begin, t->end - t->begin);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	t->begin += (size_t)n;
	return true;
}

/* What is left in the terminal after the process has ended: not more than a terminal holds, for
 * another process may go on writing. */
static void terminal_drain(struct terminal *t)
{
	struct pollfd p = {.fd = t->master, .events = POLLIN};

	for (size_t left = DRAIN_MAX / PIPE_BUF; t->master >= 0; left--) {
		if (fd_write_all(STDOUT_FILENO, t->out.data + t->out.begin,
			    t->out.end - t->out.begin) < 0)
			break;
		t->out.begin = t->out.end;
		if (left == 0 || poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN) ||
			!transfer_read(&t->out, t->master))
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

enum { FD_SIGNAL, FD_NOTIFY, FD_MASTER, FD_STDIN, FD_STDOUT, N_FDS };

/* Each side is read when what was read before is written, and written when it takes something. */
static void terminal_watch(const struct terminal *t, struct pollfd fds[N_FDS])
{
	short events = (short)((is_empty(&t->out) ? POLLIN : 0) | (is_empty(&t->in) ? 0 : POLLOUT));

	/* What has been hung up would say so again and again. */
	fds[FD_MASTER] = (struct pollfd){.fd = events ? t->master : -1, .events = events};
	fds[FD_STDIN] = (struct pollfd){
		.fd = t->in_open && is_empty(&t->in) ? STDIN_FILENO : -1, .events = POLLIN};
	fds[FD_STDOUT] =
		(struct pollfd){.fd = is_empty(&t->out) ? -1 : STDOUT_FILENO, .events = POLLOUT};
}

static void terminal_copy(struct terminal *t, const struct pollfd fds[N_FDS])
{
	bool goes_on = true;

	if (fds[FD_STDOUT].revents)
		goes_on = transfer_write(&t->out, STDOUT_FILENO);
	if (fds[FD_STDIN].revents && !transfer_read(&t->in, STDIN_FILENO)) {
		t->in_open = false;
		t->ends = END_MAX;
	}
	if ((fds[FD_MASTER].revents & POLLHUP) ||
		((fds[FD_MASTER].revents & POLLOUT) && !transfer_write(&t->in, t->master))) {
		t->in.begin = t->in.end;
		t->in_open = false;
	}
	if (goes_on && (fds[FD_MASTER].revents & ~POLLOUT) && is_empty(&t->out))
		goes_on = transfer_read(&t->out, t->master);
	if (goes_on)
		return;
	t->master = -1;
	t->in_open = false;
	t->out.begin = t->out.end;
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
		struct pollfd fds[N_FDS] = {
			[FD_SIGNAL] = {.fd = signal_fd, .events = POLLIN},
			[FD_NOTIFY] = {.fd = notify_socket, .events = POLLIN},
		};
		bool ending = t.ends > 0 && t.master >= 0 && is_empty(&t.in);
		terminal_watch(&t, fds);
		int ready = poll(fds, N_FDS, ending ? END_INTERVAL_MS : -1);
		if (ready == 0)
			terminal_type_end(&t);
		if (ready < 0 && errno != EINTR && errno != EAGAIN)
			r = -errno;
		if (r < 0)
			break;
		if (ready <= 0)
			continue;
		if (fds[FD_SIGNAL].revents)
			handle_signal(signal_fd, process, &t);
		if (fds[FD_NOTIFY].revents)
			notify_pass(notify_socket, 0);
		terminal_copy(&t, fds);
	}
	terminal_drain(&t);
	terminal_end(&t);
	if (r < 0)
		return error_errno(err, r, "wait for process %d", process->pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

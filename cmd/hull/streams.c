/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both directions run in one poll loop. Input is read only when the piece before it has been taken
 * by the other side, and nothing here blocks except writes to the user's own stdout and stderr: a
 * full pipe there is meant to slow the container down.
 */
#include "streams.h"
#include "detach.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/terminal.h"
#include "engine/attach.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define INPUT_CHUNK (MONITOR_PAYLOAD_MAX - DETACH_KEYS_MAX)

/* What is passed on to the container instead of ending us. */
static const int passed_signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM, SIGWINCH};

struct pump {
	const struct streams_options *options;
	struct detach_filter detach;
	int signals; /* signalfd */
	int in;	     /* the user's stdin, -1 at its end or without input */
	char piece[MONITOR_PAYLOAD_MAX];
	size_t piece_len, piece_done;
	bool detached;
	/* The far side. */
	int sock;		      /* the monitor's socket, or -1 */
	struct exec_session *session; /* or the exec */
};

static void passed_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_signals); i++)
		sigaddset(set, passed_signals[i]);
}

void streams_block_signals(void)
{
	sigset_t set;

	passed_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int streams_check_terminal(bool tty, bool input, struct hull_error *err)
{
	if (tty && input && !terminal_is(STDIN_FILENO))
		return error_set(err, HULL_ERROR_INVALID, "the input device is not a TTY");
	return 0;
}

int streams_status(int code, int lost)
{
	if (lost == 0)
		return code;
	fprintf(stderr, "hull: write the output: %s\n", error_text(-lost));
	return code ? code : 1;
}

/* Who reads no more has seen enough: that is no loss. */
static void output_write(struct pump *p, int to, const void *data, size_t n)
{
	int r = fd_write_all(to, data, n);

	if (r < 0 && r != -EPIPE && p->options->lost && *p->options->lost == 0)
		*p->options->lost = r;
}

static void pump_resize(struct pump *p)
{
	struct terminal_size size;

	if (!p->options->tty || terminal_size_get(STDIN_FILENO, &size) < 0)
		return;
	const struct monitor_size message = {size.rows, size.columns};
	if (p->sock >= 0)
		attach_send(p->sock, MONITOR_RESIZE, &message, sizeof(message), MSG_DONTWAIT);
	else if (p->session->process.console_fd >= 0)
		terminal_size_set(p->session->process.console_fd, &size);
}

static void pump_signals(struct pump *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			pump_resize(p);
		else if (p->options->signal)
			p->options->signal(p->options->data, (int)info.ssi_signo);
	}
}

static int pump_begin(struct pump *p, struct hull_error *err)
{
	sigset_t set;
	const char *keys = p->options->detach_keys ? p->options->detach_keys : STREAMS_DETACH_KEYS;

	int r = detach_parse(keys, &p->detach, err);
	if (r < 0)
		return r;
	passed_set(&set);
	if (!p->options->signal) {
		sigemptyset(&set);
		sigaddset(&set, SIGWINCH);
	}
	sigset_t unblocked;
	passed_set(&unblocked);
	sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals < 0)
		return error_errno(err, errno, "signalfd");
	p->in = p->options->input ? STDIN_FILENO : -1;
	if (p->options->tty && terminal_is(STDIN_FILENO)) {
		if (p->options->input)
			terminal_raw(STDIN_FILENO);
		pump_resize(p);
	}
	return 0;
}

static void pump_end(struct pump *p)
{
	terminal_restore();
	cleanup_closep(&p->signals);
}

/* Reads the user's input into the piece. */
static void input_read(struct pump *p)
{
	char raw[INPUT_CHUNK];

	ssize_t n = read(p->in, raw, sizeof(raw));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		p->in = -1;
		if (p->sock >= 0)
			attach_send(p->sock, MONITOR_STDIN_END, NULL, 0, 0);
		else
			cleanup_closep(&p->session->stdin_fd);
		return;
	}
	bool tty = p->options->tty;
	if (tty) {
		p->detached = detach_feed(&p->detach, raw, (size_t)n, p->piece, &p->piece_len);
	} else {
		memcpy(p->piece, raw, (size_t)n);
		p->piece_len = (size_t)n;
	}
	p->piece_done = 0;
}

/* Hands the piece to the far side as far as it takes it. */
static void input_write(struct pump *p)
{
	if (p->sock >= 0) {
		int r = attach_send(p->sock, MONITOR_STDIN, p->piece, p->piece_len, MSG_DONTWAIT);
		if (r != -EAGAIN)
			p->piece_len = 0;
		return;
	}
	int fd = p->options->tty ? p->session->process.console_fd : p->session->stdin_fd;
	ssize_t n = fd < 0 ? -1 : write(fd, p->piece + p->piece_done, p->piece_len - p->piece_done);
	if (n > 0)
		p->piece_done += (size_t)n;
	else if (fd < 0 || (errno != EAGAIN && errno != EINTR))
		p->piece_done = p->piece_len;
	if (p->piece_done == p->piece_len)
		p->piece_len = p->piece_done = 0;
}

/* One message of the monitor: -1 to go on, else an enum streams_result. */
static int message_read(struct pump *p, struct monitor_exit *end)
{
	char packet[1 + MONITOR_PAYLOAD_MAX];

	ssize_t n = fd_receive(p->sock, packet, sizeof(packet), NULL, NULL);
	if (n <= 0)
		return STREAMS_LOST;
	switch ((enum monitor_message)packet[0]) {
	case MONITOR_STDOUT:
		if (!p->options->hide_stdout)
			output_write(p, STDOUT_FILENO, packet + 1, (size_t)n - 1);
		return -1;
	case MONITOR_STDERR:
		if (!p->options->hide_stderr)
			output_write(p, STDERR_FILENO, packet + 1, (size_t)n - 1);
		return -1;
	case MONITOR_EXIT:
		if ((size_t)n == 1 + sizeof(*end))
			memcpy(end, packet + 1, sizeof(*end));
		return STREAMS_ENDED;
	default:
		return -1;
	}
}

static int pump_monitor(struct pump *p, struct monitor_exit *end)
{
	for (;;) {
		if (p->detached && p->piece_len == 0)
			return STREAMS_DETACHED;
		struct pollfd fds[] = {
			{p->sock, (short)(POLLIN | (p->piece_len ? POLLOUT : 0)), 0},
			{p->signals, POLLIN, 0},
			{p->piece_len || p->detached ? -1 : p->in, POLLIN, 0},
		};
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents)
			pump_signals(p);
		if (fds[2].revents)
			input_read(p);
		if (p->piece_len && (fds[0].revents & POLLOUT))
			input_write(p);
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			int r = message_read(p, end);
			if (r >= 0)
				return r;
		}
	}
}

int streams_attach(const struct streams_options *options, int sock, struct monitor_exit *end,
	struct hull_error *err)
{
	struct pump p = {.options = options, .signals = -1, .sock = sock};

	int r = pump_begin(&p, err);
	if (r == 0)
		r = pump_monitor(&p, end);
	pump_end(&p);
	return r;
}

/* Copies one piece of output; false when there will be no more. */
static bool output_copy(struct pump *p, int from, int to)
{
	char data[65536];

	ssize_t n = read(from, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	output_write(p, to, data, (size_t)n);
	return true;
}

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* How long to wait for more from children of a process that has ended and left its streams to them. */
#define LINGER_NS (2 * NS_PER_SECOND)

static void pump_exec(struct pump *p)
{
	struct exec_session *s = p->session;
	int out = p->options->tty ? s->process.console_fd : s->stdout_fd, error = s->stderr_fd;
	int input = p->options->tty ? s->process.console_fd : s->stdin_fd;
	int64_t left, until = 0; /* when to stop waiting, once the process has ended */

	set_nonblocking(input);
	while (!p->detached || p->piece_len) {
		struct pollfd fds[] = {
			{until ? -1 : s->process.pidfd, POLLIN, 0},
			{p->signals, POLLIN, 0},
			{p->piece_len || p->detached || until ? -1 : p->in, POLLIN, 0},
			{out, POLLIN, 0},
			{error, POLLIN, 0},
			{p->piece_len ? input : -1, POLLOUT, 0},
		};
		left = until ? until - clock_monotonic_ns() : -1;
		if (until && (left <= 0 || (out < 0 && error < 0)))
			break;
		if (poll(fds, ARRAY_SIZE(fds), until ? (int)(left / NS_PER_MS) + 1 : -1) < 0)
			continue;
		if (fds[1].revents)
			pump_signals(p);
		if (fds[2].revents)
			input_read(p);
		if (fds[5].revents)
			input_write(p);
		if (fds[3].revents && !output_copy(p, out, STDOUT_FILENO))
			out = -1;
		if (fds[4].revents && !output_copy(p, error, STDERR_FILENO))
			error = -1;
		if (s->stdin_fd < 0 && !p->options->tty)
			input = -1;
		if (fds[0].revents)
			until = clock_monotonic_ns() + LINGER_NS;
	}
}

int streams_exec(const struct streams_options *options, struct exec_session *session, int *ret_code,
	struct hull_error *err)
{
	struct pump p = {.options = options, .signals = -1, .sock = -1, .session = session};
	siginfo_t info = {0};

	int r = pump_begin(&p, err);
	if (r == 0)
		pump_exec(&p);
	pump_end(&p);
	if (r < 0)
		return r;
	if (p.detached) {
		*ret_code = 0;
		return STREAMS_DETACHED;
	}
	if (waitid(P_PIDFD, (id_t)session->process.pidfd, &info, WEXITED) < 0)
		return error_errno(err, errno, "wait for the process");
	*ret_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return STREAMS_ENDED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-monitor: one process per running container. It carries bytes between the container's stdio
 * and the clients, writes the log, reaps the container's first process and sees to it that the end
 * is settled. Beside that it answers names and relays connections for the container's networks
 * (network.c). See engine/monitor.h for its fds and messages.
 *
 * Here it allocates nothing and keeps one piece of output at a time: while some client has not taken it,
 * no more is read from the container, so a slow reader slows the writer and nothing grows. Only when
 * the container has ended, what its pipes still hold goes into the clients' sockets at once: a
 * client that is stopped must not put off the end's being settled.
 *
 * Clients are asked for input only while the last has been taken. Everything else they say is read
 * at once, whatever the container does with its input.
 */
#include "engine/monitor.h"
#include "log.h"
#include "network.h"

#include "base/clock.h"
#include "base/fd.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define CLIENTS_MAX	 1024
#define CLIENTS_AT	 6 /* in what is polled, behind everything else */
#define HANG_UP_RETRY_MS 100

/* What a terminal keeps for its master, and more. */
#define TERMINAL_QUEUE ((size_t)64 << 10)

/* Room in a client's socket for all that pipes hold by default, and the time to read what is more. */
#define LAST_OUTPUT_ROOM (1 << 20)
#define LAST_OUTPUT_MS	 10000

struct client {
	int fd; /* -1 = free */
	bool attached;
	bool behind; /* has not taken the current piece yet */
	bool fed_stdin;
	bool has_input; /* a message with input waits in its socket */
	/* What is to be done when it goes (MONITOR_HOLD); 0 = nothing. */
	int hold_fds[MONITOR_HOLD_FDS];
	char hold_text[MONITOR_HOLD_TEXT_MAX];
	size_t hold_len;
};

/* All state of this single-purpose process. */
static struct monitor {
	bool terminal, stdin_once;
	bool hung_up; /* nobody has the terminal open just now: try again later */
	int stdin_fd, stdout_fd, stderr_fd;
	bool running;
	struct monitor_exit end;
	struct client clients[CLIENTS_MAX];
	size_t n_clients;     /* places that have been used: the memory of others is not touched */
	bool full;	      /* nobody is let in before somebody goes */
	struct client *owner; /* NULL = none (any more) */
	bool claimed, settled;
	int64_t claim_deadline;
	int64_t output_deadline; /* 0 = while the container runs: none */

	/* The current piece of output: type byte and payload. */
	char piece[1 + MONITOR_PAYLOAD_MAX];
	size_t piece_len; /* 0 = none */
	size_t last_read; /* bytes of output that came in the last piece */

	/* Input that the container's stdin has not taken. */
	char input[MONITOR_PAYLOAD_MAX];
	size_t input_len, input_done;
	bool input_ends; /* close stdin after it */

	struct log_stream logs[2];
} m;

static void close_stdin(void)
{
	if (m.terminal || m.stdin_fd < 0)
		return;
	close(m.stdin_fd);
	m.stdin_fd = -1;
	m.input_len = m.input_done = 0;
}

static void hold_release(struct client *c)
{
	/* A group that cannot be written to any more is gone. */
	if (c->hold_fds[0])
		fd_write_all(c->hold_fds[0], c->hold_text, c->hold_len);
	for (size_t i = 0; i < MONITOR_HOLD_FDS; i++) {
		if (c->hold_fds[i])
			close(c->hold_fds[i]);
		c->hold_fds[i] = 0;
	}
}

static void client_drop(struct client *c)
{
	hold_release(c);
	close(c->fd);
	c->fd = -1;
	c->behind = false;
	m.full = false;
	if (c == m.owner)
		m.owner = NULL;
	if (c->fed_stdin && m.stdin_once) {
		if (m.input_done == m.input_len)
			close_stdin();
		else
			m.input_ends = true;
	}
}

static struct client *client_add(int fd, bool attached)
{
	struct client *c = NULL;

	for (size_t i = 0; i < m.n_clients && !c; i++)
		if (m.clients[i].fd < 0)
			c = &m.clients[i];
	if (!c)
		c = &m.clients[m.n_clients++];
	*c = (struct client){.fd = fd, .attached = attached};
	m.full = m.n_clients == CLIENTS_MAX;
	for (size_t i = 0; m.full && i < m.n_clients; i++)
		m.full = m.clients[i].fd >= 0;
	return c;
}

/* Who comes when there is no room waits in the socket's queue. */
static void client_accept(void)
{
	int fd = accept4(MONITOR_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		client_add(fd, false);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		m.full = true;
}

/* Offers the current piece to those who lack it; true if nobody does any more. */
static bool piece_deliver(void)
{
	bool waiting = false;

	for (size_t i = 0; i < m.n_clients; i++) {
		struct client *c = &m.clients[i];
		if (c->fd < 0 || !c->behind)
			continue;
		ssize_t n = send(c->fd, m.piece, m.piece_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			c->behind = false;
		else if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
			waiting = true;
		else
			client_drop(c);
	}
	if (!waiting)
		m.piece_len = 0;
	return !waiting;
}

/* Makes the payload of n bytes, which stands in m.piece + 1, the current piece. */
static void piece_start(enum monitor_message type, size_t n, bool everybody)
{
	m.piece[0] = (char)type;
	m.piece_len = n + 1;
	for (size_t i = 0; i < m.n_clients; i++) {
		struct client *c = &m.clients[i];
		c->behind = c->fd >= 0 && (everybody || c->attached);
	}
	piece_deliver();
}

/* Reads one piece of output. False at the end of it (or while there is none, for a dead container). */
static bool output_read(int *fd, unsigned int stream)
{
	ssize_t n = read(*fd, m.piece + 1, MONITOR_PAYLOAD_MAX);

	m.last_read = 0;
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		/* A terminal's master gives EIO while no slave is open; somebody may open it again. */
		m.hung_up = m.terminal && m.running;
		if (!m.hung_up) {
			close(*fd);
			*fd = -1;
		}
		return false;
	}
	m.last_read = (size_t)n;
	log_write(MONITOR_FD_LOG, &m.logs[stream], m.piece + 1, (size_t)n);
	piece_start(stream == 0 ? MONITOR_STDOUT : MONITOR_STDERR, (size_t)n, false);
	return true;
}

static void input_write(void)
{
	int fd = m.terminal ? m.stdout_fd : m.stdin_fd;

	while (m.input_done < m.input_len) {
		ssize_t n =
			fd < 0 ? -1 : write(fd, m.input + m.input_done, m.input_len - m.input_done);
		if (n > 0) {
			m.input_done += (size_t)n;
		} else if (fd >= 0 && errno == EAGAIN) {
			return;
		} else if (fd < 0 || errno != EINTR) {
			m.input_done = m.input_len; /* nobody reads it any more */
			if (fd >= 0)
				close_stdin();
		}
	}
	m.input_len = m.input_done = 0;
	if (m.input_ends)
		close_stdin();
}

static void resize(const struct monitor_size *size)
{
	struct winsize ws = {.ws_row = size->rows, .ws_col = size->columns};

	if (m.terminal && m.stdout_fd >= 0)
		ioctl(m.stdout_fd, TIOCSWINSZ, &ws);
}

/* The kernel tells a reset once, and before what was sent first. */
static bool next_is_input(const struct client *c)
{
	char type;
	ssize_t n = recv(c->fd, &type, 1, MSG_DONTWAIT | MSG_PEEK);

	if (n < 0 && errno == ECONNRESET)
		n = recv(c->fd, &type, 1, MSG_DONTWAIT | MSG_PEEK);
	return n == 1 && type == MONITOR_STDIN;
}

/* Takes the fds. */
static void client_hold(struct client *c, const char *text, size_t len, int *fds)
{
	const char held = MONITOR_HELD;

	if (c->hold_fds[0] || !fds[MONITOR_HOLD_FDS - 1] || len > sizeof(c->hold_text))
		return;
	memcpy(c->hold_text, text, len);
	c->hold_len = len;
	memcpy(c->hold_fds, fds, sizeof(c->hold_fds));
	memset(fds, 0, sizeof(c->hold_fds));
	send(c->fd, &held, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What is left of fds is closed by the caller. */
static void client_message(struct client *c, const char *packet, size_t payload, int *fds)
{
	struct monitor_size size;

	switch ((enum monitor_message)packet[0]) {
	case MONITOR_ATTACH:
		c->attached = true;
		break;
	case MONITOR_STDIN:
		c->fed_stdin = true;
		if (!m.running)
			break;
		memcpy(m.input, packet + 1, payload);
		m.input_len = payload;
		m.input_done = 0;
		input_write();
		break;
	case MONITOR_STDIN_END:
		if (m.input_len > 0)
			m.input_ends = true;
		else
			close_stdin();
		break;
	case MONITOR_RESIZE:
		if (payload == sizeof(size)) {
			memcpy(&size, packet + 1, sizeof(size));
			resize(&size);
		}
		break;
	case MONITOR_CLAIM:
		m.claimed = c == m.owner && !m.running;
		break;
	case MONITOR_SETTLED:
		m.settled = c == m.owner && m.claimed;
		break;
	case MONITOR_HOLD:
		client_hold(c, packet + 1, payload, fds);
		break;
	default:
		break;
	}
}

static void client_read(struct client *c)
{
	static char packet[1 + MONITOR_PAYLOAD_MAX];
	int fds[MONITOR_HOLD_FDS] = {0};
	size_t n_fds = MONITOR_HOLD_FDS;

	c->has_input = m.input_len > 0 && next_is_input(c);
	if (c->has_input)
		return;
	ssize_t n = fd_receive(c->fd, packet, sizeof(packet), fds, &n_fds);
	if (n == -EAGAIN)
		return;
	if (n > 0)
		client_message(c, packet, (size_t)n - 1, fds);
	else
		client_drop(c);
	for (size_t i = 0; i < MONITOR_HOLD_FDS; i++)
		if (fds[i])
			close(fds[i]);
}

/* The exit record appears by rename: whoever settles sees all of it or nothing. */
static void write_exit_record(void)
{
	char text[64];
	int n = snprintf(
		text, sizeof(text), "%d %lld\n", m.end.exit_code, (long long)m.end.finished);

	(void)file_replace_at(
		MONITOR_FD_RUN_DIR, MONITOR_EXIT_RECORD, text, (size_t)n, 0600, false);
}

static void container_ended(void)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, MONITOR_FD_PIDFD, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	m.running = false;
	m.end.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	m.end.finished = clock_realtime_ns();
}

/* One round of waiting and serving. */
static void serve(int timeout)
{
	struct pollfd fds[CLIENTS_AT + CLIENTS_MAX];
	bool free_piece = m.piece_len == 0, free_input = m.input_len == 0;
	bool wants_output = free_piece && m.running && !m.hung_up;
	int input_fd = m.terminal ? m.stdout_fd : m.stdin_fd;
	const size_t n = m.n_clients; /* more may come meanwhile */

	fds[0] = (struct pollfd){m.full ? -1 : MONITOR_FD_LISTEN, POLLIN, 0};
	fds[1] = (struct pollfd){m.running ? MONITOR_FD_PIDFD : -1, POLLIN, 0};
	fds[2] = (struct pollfd){wants_output ? m.stdout_fd : -1, POLLIN, 0};
	fds[3] = (struct pollfd){wants_output ? m.stderr_fd : -1, POLLIN, 0};
	fds[4] = (struct pollfd){free_input ? -1 : input_fd, POLLOUT, 0};
	fds[5] = (struct pollfd){m.running ? network_fd() : -1, POLLIN, 0};
	for (size_t i = 0; i < n; i++) {
		const struct client *c = &m.clients[i];
		bool wanted = free_input || !c->has_input;
		short events = (short)((wanted ? POLLIN : 0) | (c->behind ? POLLOUT : 0));
		fds[CLIENTS_AT + i] = (struct pollfd){c->fd, events, 0};
	}
	if (m.hung_up && (timeout < 0 || timeout > HANG_UP_RETRY_MS))
		timeout = HANG_UP_RETRY_MS;
	m.hung_up = false;
	if (poll(fds, CLIENTS_AT + n, timeout) <= 0)
		return;

	if (fds[0].revents & POLLIN)
		client_accept();
	if (!free_piece)
		piece_deliver();
	if (fds[4].revents)
		input_write();
	for (size_t i = 0; i < n; i++) {
		struct client *c = &m.clients[i];
		if (c->fd < 0 || c->fd != fds[CLIENTS_AT + i].fd)
			continue;
		if (fds[CLIENTS_AT + i].revents & POLLIN)
			client_read(c);
		else if (fds[CLIENTS_AT + i].revents & (POLLHUP | POLLERR))
			client_drop(c);
	}
	if (fds[2].revents && m.stdout_fd >= 0 && m.piece_len == 0)
		output_read(&m.stdout_fd, 0);
	if (fds[3].revents && m.stderr_fd >= 0 && m.piece_len == 0)
		output_read(&m.stderr_fd, 1);
	if (fds[5].revents)
		network_run();
	if (fds[1].revents)
		container_ended();
}

/* Bytes that an output can hold: processes that outlive the container may go on writing. */
static size_t output_capacity(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	return size > 0 ? (size_t)size : TERMINAL_QUEUE;
}

/* Gives the current piece to all clients; those who do not take it in time are let go. */
static void piece_finish(void)
{
	while (m.piece_len > 0) {
		int64_t left = m.output_deadline - clock_monotonic_ns();
		if (left > 0) {
			serve((int)(left / NS_PER_MS) + 1);
			continue;
		}
		for (size_t i = 0; i < m.n_clients; i++)
			if (m.clients[i].fd >= 0 && m.clients[i].behind)
				client_drop(&m.clients[i]);
		m.piece_len = 0;
	}
}

static void clients_make_room(void)
{
	const int room = LAST_OUTPUT_ROOM;

	for (size_t i = 0; i < m.n_clients; i++)
		if (m.clients[i].fd >= 0 && m.clients[i].attached)
			setsockopt(
				m.clients[i].fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
}

/* After the end: what is still in the pipes, then the flush of half lines. */
static void drain(void)
{
	int *const outputs[] = {&m.stdout_fd, &m.stderr_fd};

	/* Nobody is there for the input that was not taken. */
	close_stdin();
	m.input_len = m.input_done = 0;
	clients_make_room();
	m.output_deadline = clock_monotonic_ns() + LAST_OUTPUT_MS * NS_PER_MS;
	for (unsigned int i = 0; i < 2; i++) {
		size_t left = *outputs[i] >= 0 ? output_capacity(*outputs[i]) : 0;
		while (*outputs[i] >= 0 && left > 0) {
			piece_finish();
			if (!output_read(outputs[i], i))
				break;
			left -= m.last_read < left ? m.last_read : left;
		}
		log_flush(MONITOR_FD_LOG, &m.logs[i]);
	}
	piece_finish();
}

static void announce_end(void)
{
	memcpy(m.piece + 1, &m.end, sizeof(m.end));
	piece_start(MONITOR_EXIT, sizeof(m.end), true);
	int64_t deadline = clock_monotonic_ns() + MONITOR_CLAIM_MS * NS_PER_MS;
	while (m.piece_len > 0 && clock_monotonic_ns() < deadline)
		serve(100);
	m.claim_deadline = deadline;
}

/*
 * The owner has let the time pass. From here on nothing that it sends arrives; had it sent its claim
 * before, it settles, and its closing the socket is the sign that it is done.
 */
static void give_owner_up(void)
{
	struct pollfd gone = {.fd = m.owner->fd};

	shutdown(m.owner->fd, SHUT_RD);
	while (m.owner && !m.claimed)
		client_read(m.owner);
	while (m.owner && poll(&gone, 1, -1) < 0)
		;
}

/* True if the owner settled. */
static bool wait_for_owner(void)
{
	while (m.owner && !m.settled) {
		if (m.claimed) {
			serve(-1);
			continue;
		}
		int64_t left = m.claim_deadline - clock_monotonic_ns();
		if (left <= 0) {
			give_owner_up();
			break;
		}
		serve((int)(left / NS_PER_MS) + 1);
	}
	return m.settled;
}

static bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int adopt(int fd)
{
	if (!fd_is_open(fd))
		return -1;
	set_nonblocking(fd);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 125;
	prctl(PR_SET_NAME, "hull-monitor");
	/* Whoever started the container may want to unmount where it stood. */
	if (chdir("/") < 0)
		return 125;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	m.terminal = strchr(argv[2], MONITOR_FLAG_TERMINAL) != NULL;
	m.stdin_once = strchr(argv[2], MONITOR_FLAG_STDIN_ONCE) != NULL;
	m.running = true;
	m.logs[0].name = "stdout";
	m.logs[1].name = "stderr";
	m.stdin_fd = adopt(MONITOR_FD_STDIN);
	m.stdout_fd = adopt(MONITOR_FD_STDOUT);
	m.stderr_fd = adopt(MONITOR_FD_STDERR);
	if (adopt(MONITOR_FD_OWNER) >= 0)
		m.owner = client_add(MONITOR_FD_OWNER, true);

	network_open();
	while (m.running)
		serve(-1);
	network_close();
	drain();
	write_exit_record();
	announce_end();
	if (wait_for_owner())
		return 0;
	for (size_t i = 0; i < m.n_clients; i++)
		if (m.clients[i].fd >= 0)
			client_drop(&m.clients[i]);
	execv(argv[3], argv + 3);
	return 125;
}

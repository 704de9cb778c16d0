/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection: authentication by the credentials of the socket, then messages. Bytes are sent and
 * received without ever blocking past the caller's deadline. While a call waits for its answer,
 * signals that somebody will ask for are kept, everything else is dropped; a connection that has
 * failed stays closed.
 */
#include "sys/dbus.h"
#include "base/clock.h"
#include "base/str.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define BUS	      "org.freedesktop.DBus"
#define BUS_OBJECT    "/org/freedesktop/DBus"
#define AUTH_LINE_MAX 1024 /* of the authentication */
#define SIGNALS_MAX   1024 /* kept unread */

struct kept_signal {
	struct kept_signal *next;
	struct dbus_reply signal;
};

struct dbus {
	int fd;
	bool is_bus;
	uint32_t serial;
	const char *signal_interface, *signal_member; /* NULL: none are kept */
	struct kept_signal *first, **last;
	size_t n_signals;
};

DEFINE_CLEANUP(struct dbus *, dbus_closep, dbus_close)

void dbus_reply_done(struct dbus_reply *reply)
{
	free(reply->data);
	reply->data = NULL;
}

/* ---- bytes ---- */

static int64_t end_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : clock_monotonic_ns() + timeout_ms * NS_PER_MS;
}

static int wait_for(const struct dbus *dbus, short events, int64_t end_ns)
{
	struct pollfd p = {.fd = dbus->fd, .events = events};

	for (;;) {
		int64_t left = end_ns < 0 ? -1 : end_ns - clock_monotonic_ns();
		if (end_ns >= 0 && left < 0)
			left = 0;
		int n = poll(&p, 1, left < 0 ? -1 : (int)((left + NS_PER_MS - 1) / NS_PER_MS));
		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_bytes(struct dbus *dbus, const void *data, size_t n, int64_t end_ns)
{
	const char *p = data;

	while (n > 0) {
		ssize_t sent = send(dbus->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		int r = errno == EINTR	  ? 0
			: errno == EAGAIN ? wait_for(dbus, POLLOUT, end_ns)
					  : -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_bytes(struct dbus *dbus, void *data, size_t n, int64_t end_ns)
{
	char *p = data;

	while (n > 0) {
		ssize_t got = recv(dbus->fd, p, n, MSG_DONTWAIT);
		if (got > 0) {
			p += got;
			n -= (size_t)got;
			continue;
		}
		int r = got == 0	  ? -ECONNRESET
			: errno == EINTR  ? 0
			: errno == EAGAIN ? wait_for(dbus, POLLIN, end_ns)
					  : -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- authentication ---- */

/* A line of the server's, without its end. Byte by byte: what follows the last one is no line. */
static int receive_line(struct dbus *dbus, char line[AUTH_LINE_MAX], int64_t end_ns)
{
	for (size_t n = 0; n < AUTH_LINE_MAX; n++) {
		int r = receive_bytes(dbus, line + n, 1, end_ns);
		if (r < 0)
			return r;
		if (n > 0 && line[n - 1] == '\r' && line[n] == '\n') {
			line[n - 1] = '\0';
			return 0;
		}
	}
	return -EBADMSG;
}

/*
 * EXTERNAL without saying who we are: the server takes it from the socket. So it is right in user
 * namespaces too, where our uid is not the one that the server sees.
 *
 * BEGIN goes along with the rest, as sd-bus does it: systemd's own socket would overlook a message
 * that it reads together with the BEGIN, until there is more to read.
 */
static int authenticate(struct dbus *dbus, int64_t end_ns)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[AUTH_LINE_MAX];
	int r = send_bytes(dbus, hello, sizeof(hello) - 1, end_ns);

	if (r == 0)
		r = receive_line(dbus, line, end_ns);
	if (r == 0 && (str_eq(line, "DATA") || str_after(line, "DATA ")))
		r = receive_line(dbus, line, end_ns);
	if (r < 0)
		return r;
	if (str_eq(line, "OK") || str_after(line, "OK "))
		return 0;
	return str_after(line, "REJECTED") ? -EACCES : -EBADMSG;
}

/* ---- messages ---- */

static int receive_message(struct dbus *dbus, struct dbus_reply *ret, int64_t end_ns)
{
	char head[DBUS_MESSAGE_HEAD];
	size_t size;
	int r = receive_bytes(dbus, head, sizeof(head), end_ns);

	if (r == 0)
		r = dbus_message_size(head, &size);
	if (r < 0)
		return r;
	_cleanup_free_ char *data = malloc(size);
	if (!data)
		return -ENOMEM;
	memcpy(data, head, sizeof(head));
	r = receive_bytes(dbus, data + sizeof(head), size - sizeof(head), end_ns);
	if (r == 0)
		r = dbus_message_parse(data, size, &ret->message);
	if (r == 0)
		ret->data = TAKE_PTR(data);
	return r;
}

/* Takes the signal if it is of the kind that is kept. */
static int keep_signal(struct dbus *dbus, struct dbus_reply *signal)
{
	const struct dbus_message *m = &signal->message;

	if (m->type != DBUS_SIGNAL || !dbus->signal_member ||
		!str_eq(m->interface, dbus->signal_interface) ||
		!str_eq(m->member, dbus->signal_member))
		return 0;
	if (dbus->n_signals == SIGNALS_MAX)
		return -ENOBUFS;
	struct kept_signal *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	kept->signal.message = *m;
	kept->signal.data = TAKE_PTR(signal->data);
	*dbus->last = kept;
	dbus->last = &kept->next;
	dbus->n_signals++;
	return 0;
}

static void drop_signals(struct dbus *dbus)
{
	while (dbus->first) {
		struct kept_signal *kept = dbus->first;
		dbus->first = kept->next;
		dbus_reply_done(&kept->signal);
		free(kept);
	}
	dbus->last = &dbus->first;
	dbus->n_signals = 0;
}

/* In the middle of a message there is no way to go on. */
static int fail(struct dbus *dbus, int r)
{
	cleanup_closep(&dbus->fd);
	return r;
}

static int wait_answer(struct dbus *dbus, uint32_t serial, int64_t end_ns, struct dbus_reply *reply)
{
	for (;;) {
		_cleanup_dbus_reply_ struct dbus_reply got = DBUS_REPLY_INIT;
		int r = receive_message(dbus, &got, end_ns);
		if (r == 0)
			r = keep_signal(dbus, &got);
		if (r < 0)
			return r;
		if (!got.data || got.message.reply_serial != serial)
			continue;
		if (got.message.type != DBUS_METHOD_RETURN && got.message.type != DBUS_ERROR)
			continue;
		*reply = got;
		got.data = NULL;
		return 0;
	}
}

int dbus_call(
	struct dbus *dbus, const struct dbus_call *call, int timeout_ms, struct dbus_reply *reply)
{
	_cleanup_buf_ struct buf message = BUF_INIT_MAX(DBUS_MESSAGE_MAX);
	struct dbus_call copy = *call;
	int64_t end_ns = end_of(timeout_ms);

	if (dbus->fd < 0)
		return -ENOTCONN;
	if (!dbus->is_bus)
		copy.destination = NULL;
	int r = dbus_call_format(&copy, ++dbus->serial, &message);
	if (r < 0)
		return r;
	r = send_bytes(dbus, message.data, message.len, end_ns);
	if (r == 0)
		r = wait_answer(dbus, dbus->serial, end_ns, reply);
	return r < 0 ? fail(dbus, r) : 0;
}

const char *dbus_reply_text(const struct dbus_reply *reply)
{
	struct dbus_reader r;
	const char *text;

	dbus_reader_init(&r, &reply->message);
	return dbus_read_string(&r, &text) == 0 ? text : "";
}

static int call_bus(struct dbus *dbus, const char *member, const char *argument, int timeout_ms)
{
	_cleanup_dbus_reply_ struct dbus_reply reply = DBUS_REPLY_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct dbus_call call = {.destination = BUS,
		.path = BUS_OBJECT,
		.interface = BUS,
		.member = member,
		.signature = argument ? "s" : NULL,
		.body = &body};

	if (argument)
		dbus_put_string(&body, argument);
	int r = dbus_call(dbus, &call, timeout_ms, &reply);
	return r < 0 ? r : reply.message.type == DBUS_ERROR ? -EACCES : 0;
}

int dbus_subscribe(struct dbus *dbus, const char *interface, const char *member, int timeout_ms)
{
	drop_signals(dbus);
	dbus->signal_interface = interface;
	dbus->signal_member = member;
	if (!dbus->is_bus)
		return 0;
	_cleanup_free_ char *rule =
		str_printf("type='signal',interface='%s',member='%s'", interface, member);
	return rule ? call_bus(dbus, "AddMatch", rule, timeout_ms) : -ENOMEM;
}

int dbus_wait_signal(struct dbus *dbus, int timeout_ms, struct dbus_reply *ret)
{
	int64_t end_ns = end_of(timeout_ms);

	while (!dbus->first) {
		_cleanup_dbus_reply_ struct dbus_reply got = DBUS_REPLY_INIT;
		if (dbus->fd < 0)
			return -ENOTCONN;
		int r = receive_message(dbus, &got, end_ns);
		if (r == 0)
			r = keep_signal(dbus, &got);
		if (r < 0)
			return fail(dbus, r);
	}
	struct kept_signal *kept = dbus->first;
	dbus->first = kept->next;
	if (!dbus->first)
		dbus->last = &dbus->first;
	dbus->n_signals--;
	*ret = kept->signal;
	free(kept);
	return 0;
}

/* ---- connecting ---- */

void dbus_close(struct dbus *dbus)
{
	if (!dbus)
		return;
	drop_signals(dbus);
	cleanup_closep(&dbus->fd);
	free(dbus);
}

int dbus_open_fd(int fd, bool is_bus, int timeout_ms, struct dbus **ret)
{
	_cleanup_close_ int taken = fd;
	_cleanup_(dbus_closep) struct dbus *dbus = calloc(1, sizeof(*dbus));

	if (!dbus)
		return -ENOMEM;
	*dbus = (struct dbus){.fd = TAKE_FD(taken), .is_bus = is_bus};
	dbus->last = &dbus->first;
	int r = authenticate(dbus, end_of(timeout_ms));
	if (r == 0 && is_bus)
		r = call_bus(dbus, "Hello", NULL, timeout_ms);
	if (r == 0)
		*ret = TAKE_PTR(dbus);
	return r;
}

static int connect_to(const struct sockaddr_un *address, socklen_t size, int timeout_ms)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

	if (fd < 0)
		return -errno;
	/* A full queue makes connect() wait. */
	if (timeout_ms > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, size) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return TAKE_FD(fd);
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* n bytes of text with %XX for what addresses cannot hold. The length or -errno. */
static ssize_t unescape(const char *text, size_t n, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)text[i];
		if (c == '%') {
			if (n - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
				return -EINVAL;
			c = hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]);
			i += 2;
		}
		if (used == size)
			return -ENAMETOOLONG;
		out[used++] = (char)c;
	}
	return (ssize_t)used;
}

/* The value of KEY in n bytes of "path=/run/x%20y,guid=1". The length, -ENOENT or -errno. */
static ssize_t address_value(const char *text, size_t n, const char *key, char *out, size_t size)
{
	const size_t key_length = strlen(key);

	for (const char *part = text, *end = text + n; part < end;) {
		const char *comma = memchr(part, ',', (size_t)(end - part));
		size_t length = (size_t)((comma ? comma : end) - part);
		if (length > key_length && part[key_length] == '=' &&
			memcmp(part, key, key_length) == 0)
			return unescape(part + key_length + 1, length - key_length - 1, out, size);
		part += length + 1;
	}
	return -ENOENT;
}

/* One address of a list, n bytes long: an fd or -errno. */
static int connect_address(const char *text, size_t n, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t base = offsetof(struct sockaddr_un, sun_path);
	const char *rest = str_after(text, "unix:");

	if (!rest || (size_t)(rest - text) > n)
		return -ENOENT;
	n -= (size_t)(rest - text);
	ssize_t length =
		address_value(rest, n, "path", address.sun_path, sizeof(address.sun_path) - 1);
	if (length > 0)
		return connect_to(&address, (socklen_t)(base + (size_t)length + 1), timeout_ms);
	if (length != -ENOENT)
		return length < 0 ? (int)length : -EINVAL;
	length = address_value(
		rest, n, "abstract", address.sun_path + 1, sizeof(address.sun_path) - 1);
	if (length > 0)
		return connect_to(&address, (socklen_t)(base + 1 + (size_t)length), timeout_ms);
	return length < 0 ? (int)length : -EINVAL;
}

int dbus_open(const char *addresses, bool is_bus, int timeout_ms, struct dbus **ret)
{
	int r = -ENOENT;

	for (const char *p = addresses; *p;) {
		size_t n = strcspn(p, ";");
		int fd = connect_address(p, n, timeout_ms);
		if (fd >= 0)
			return dbus_open_fd(fd, is_bus, timeout_ms, ret);
		if (fd != -ENOENT)
			r = fd;
		p += n + (p[n] == ';');
	}
	return r;
}

int dbus_open_system(int timeout_ms, struct dbus **ret)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int r = dbus_open(str_empty(address) ? "unix:path=/run/dbus/system_bus_socket;"
					       "unix:path=/var/run/dbus/system_bus_socket"
					     : address,
		true, timeout_ms, ret);

	if (r < 0 && geteuid() == 0 &&
		dbus_open("unix:path=/run/systemd/private", false, timeout_ms, ret) == 0)
		r = 0;
	return r;
}

/* A path below $XDG_RUNTIME_DIR as an address; NULL without that. */
static char *runtime_address(const char *name)
{
	const char *directory = getenv("XDG_RUNTIME_DIR");

	/* What would need escapes is nobody's runtime directory. */
	if (str_empty(directory) || directory[0] != '/' || strpbrk(directory, ";,%="))
		return NULL;
	return str_printf("unix:path=%s/%s", directory, name);
}

int dbus_open_user(int timeout_ms, struct dbus **ret)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	_cleanup_free_ char *bus = runtime_address("bus");
	_cleanup_free_ char *direct = runtime_address("systemd/private");
	int r = -ENOENT;

	if (!str_empty(address))
		r = dbus_open(address, true, timeout_ms, ret);
	else if (bus)
		r = dbus_open(bus, true, timeout_ms, ret);
	if (r < 0 && direct && dbus_open(direct, false, timeout_ms, ret) == 0)
		r = 0;
	return r;
}

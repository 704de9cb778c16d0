/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the log. Callers decode a JSON log as a whole, and some want exactly one object in it, so
 * without --debug nothing but the error is written, once. A log that cannot be written is no
 * error: what went wrong is told on stderr too.
 */
#include "log.h"
#include "base/clock.h"
#include "base/fd.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"
#define SYSLOG_SOCKET	"/dev/log"
#define FACILITY_DAEMON 3

enum destination { DESTINATION_NONE, DESTINATION_FILE, DESTINATION_JOURNAL, DESTINATION_SYSLOG };

static const struct {
	const char *name;
	int priority; /* syslog(3)'s */
} levels[] = {{"error", 3}, {"warning", 4}, {"debug", 7}};

/* *ret_name is the path or the identifier. */
static enum destination log_destination(const struct keel_globals *globals, const char **ret_name)
{
	static const struct {
		const char *prefix;
		enum destination destination;
	} prefixes[] = {
		{"file:", DESTINATION_FILE},
		{"journald:", DESTINATION_JOURNAL},
		{"syslog:", DESTINATION_SYSLOG},
	};

	*ret_name = globals->log;
	if (str_empty(globals->log))
		return DESTINATION_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *name = str_after(globals->log, prefixes[i].prefix);
		if (name) {
			*ret_name = name;
			return prefixes[i].destination;
		}
	}
	return DESTINATION_FILE;
}

static int level_priority(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (str_eq(name, levels[i].name))
			return levels[i].priority;
	}
	return -1;
}

/* What is less important than this is left out. */
static int log_threshold(const struct keel_globals *globals)
{
	if (globals->debug)
		return 7;
	int priority = globals->log_level ? level_priority(globals->log_level) : -1;
	return priority < 0 ? 3 : priority;
}

int log_check(const struct keel_globals *globals, struct hull_error *err)
{
	const char *name;

	if (globals->log_format && !str_eq(globals->log_format, "text") &&
		!str_eq(globals->log_format, "json"))
		return error_set(
			err, HULL_ERROR_INVALID, "invalid log-format: %s", globals->log_format);
	if (globals->log_level && level_priority(globals->log_level) < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid log-level: %s", globals->log_level);
	if (log_destination(globals, &name) == DESTINATION_FILE && str_empty(name))
		return error_set(err, HULL_ERROR_INVALID, "--log: empty file name");
	return 0;
}

/* ---- records ---- */

static void format_record(
	const struct keel_globals *globals, const char *level, const char *text, struct buf *out)
{
	char now[CLOCK_TEXT_SIZE];
	struct json_writer w = JSON_WRITER_INIT(out, 0);

	clock_format_rfc3339(clock_realtime_ns(), now);
	if (str_eq(globals->log_format, "json")) {
		json_begin_object(&w);
		json_key(&w, "level");
		json_string(&w, level);
		json_key(&w, "msg");
		json_string(&w, text);
		json_key(&w, "time");
		json_string(&w, now);
		json_end_object(&w);
	} else {
		buf_printf(out, "time=\"%s\" level=%s msg=", now, level);
		json_quote(out, text, strlen(text));
	}
	buf_putc(out, '\n');
}

/* The journal's native protocol: a field per line, and one that has a newline in it as its name, a
 * newline, the length in 64 bits (little-endian), and the bytes. */
static void put_field(struct buf *out, const char *name, const char *value)
{
	uint64_t n = strlen(value);

	if (!strchr(value, '\n')) {
		buf_printf(out, "%s=%s\n", name, value);
		return;
	}
	buf_printf(out, "%s\n", name);
	for (unsigned int i = 0; i < 8; i++)
		buf_putc(out, (char)(n >> 8 * i & 0xff));
	buf_printf(out, "%s\n", value);
}

void log_format_journal(struct buf *out, const char *identifier, int priority, const char *text)
{
	char digit[2] = {(char)('0' + priority), '\0'};

	put_field(out, "PRIORITY", digit);
	put_field(out, "SYSLOG_IDENTIFIER", str_empty(identifier) ? "keel" : identifier);
	put_field(out, "MESSAGE", text);
}

/* RFC 3164 as syslog(3) writes it to the local socket: without a host. */
void log_format_syslog(struct buf *out, const char *identifier, int priority, const char *text)
{
	time_t now = time(NULL);
	struct tm local;
	char stamp[32] = "";

	if (localtime_r(&now, &local))
		strftime(stamp, sizeof(stamp), "%b %e %T", &local);
	buf_printf(out, "<%d>%s %s[%d]: %s", FACILITY_DAEMON << 3 | priority, stamp,
		str_empty(identifier) ? "keel" : identifier, getpid(), text);
}

/* Both daemons take datagrams; one too long for a datagram goes to the journal as a sealed file. */
static void send_datagram(const char *path, const struct buf *record)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || str_copy(address.sun_path, sizeof(address.sun_path), path) < 0 ||
		connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return;
	if (send(sock, record->data, record->len, MSG_NOSIGNAL) >= 0 || errno != EMSGSIZE)
		return;
	_cleanup_close_ int file = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0 || fd_write_all(file, record->data, record->len) < 0 ||
		fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
			0)
		return;
	fd_send(sock, NULL, 0, &file, 1);
}

static void append_file(const char *path, const struct buf *record)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd >= 0)
		fd_write_all(fd, buf_str(record), record->len);
}

void keel_log(const struct keel_globals *globals, const char *level, const char *text)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	int priority = level_priority(level);
	const char *name;
	enum destination destination = log_destination(globals, &name);

	if (priority > log_threshold(globals))
		return;
	switch (destination) {
	case DESTINATION_NONE:
		break;
	case DESTINATION_FILE:
		format_record(globals, level, text, &record);
		append_file(name, &record);
		break;
	case DESTINATION_JOURNAL:
		log_format_journal(&record, name, priority, text);
		send_datagram(JOURNAL_SOCKET, &record);
		break;
	case DESTINATION_SYSLOG:
		log_format_syslog(&record, name, priority, text);
		send_datagram(SYSLOG_SOCKET, &record);
		break;
	}
}

/* Without a log the records of --debug go to stderr, as runc's do. */
void keel_debug(const struct keel_globals *globals, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf record = BUF_INIT;
	va_list ap;

	if (log_threshold(globals) < 7)
		return;
	va_start(ap, format);
	buf_vprintf(&text, format, ap);
	va_end(ap);
	if (!str_empty(globals->log)) {
		keel_log(globals, "debug", buf_str(&text));
		return;
	}
	format_record(globals, "debug", buf_str(&text), &record);
	fputs(buf_str(&record), stderr);
}

/*
 * A log that is decoded whole must hold nothing but the error, so warnings go to stderr; and not
 * even there when a caller reads it as the container's. Who asks for the level gets them in the log.
 */
void keel_warn(void *userdata, const char *text)
{
	const struct keel_globals *globals = userdata;

	if (str_empty(globals->log) || globals->debug)
		fprintf(stderr, "keel: warning: %s\n", text);
	keel_log(globals, "warning", text);
}

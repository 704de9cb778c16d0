/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log is read forward in blocks from where the wanted lines start; --tail finds that place by
 * reading blocks backwards. Only lines with their newline count: the rest is still being written,
 * or was never finished.
 *
 * Following: whether the container still runs is asked before the log is read to its end, never
 * after, so that nothing it wrote is missed. Waiting is one ppoll() on the file's changes, the end
 * of the container, and our own reader going away.
 */
#include "engine/logs.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "json/value.h"

#include <ctype.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define BLOCK_SIZE	 ((size_t)64 << 10)
#define ASK_INTERVAL_NS	 (500 * NS_PER_MS)
#define ASK_AGAIN_NS	 (50 * NS_PER_MS) /* once end_fd has told that the end is near */
#define FILE_EVENTS	 (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)
#define DIRECTORY_EVENTS (IN_CREATE | IN_MOVED_TO)

enum { GO_ON = 0, FINISHED = 1 };

struct reader {
	const char *path;
	const struct logs_options *options;
	const struct logs_follow *follow;
	FILE *files[2];	  /* stdout, stderr */
	bool mid_line[2]; /* the last text of that stream had no newline */
	int last_stream;  /* the one written to last: flushed when the other one comes */
	int fd;		  /* -1 = the file is not there yet */
	off_t offset;
	struct buf held; /* the beginning of a line whose end was not yet read */
	bool skipping;	 /* in a line that is too long */
	/* following */
	int notify_fd;
	int file_watch;
	bool end_seen; /* end_fd has become readable */
	int64_t asked; /* when is_running was called last */
};

static int write_error(struct hull_error *err)
{
	return errno == EPIPE ? FINISHED : error_errno(err, errno, "write the log");
}

/* As in a query of a URL, which is how Docker shows them. */
static void put_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (isalnum(c) || strchr("-_.~", c))
			buf_putc(out, (char)c);
		else if (c == ' ')
			buf_putc(out, '+');
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct json_value *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* "key=value,key=value " of the attributes, sorted; a blank alone if there are none. */
static void put_details(struct buf *out, const struct logs_entry *e)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value attrs = {0};

	if (e->attrs && json_value_parse(
				&arena, &attrs, e->attrs, e->attrs_len, NULL, "attrs", NULL) == 0) {
		const struct json_value **sorted =
			arena_array(&arena, attrs.count + 1, sizeof(*sorted));
		for (size_t i = 0; sorted && i < attrs.count; i++)
			sorted[i] = &attrs.items[i];
		if (sorted)
			qsort(sorted, attrs.count, sizeof(*sorted), compare_keys);
		for (size_t i = 0; sorted && i < attrs.count; i++) {
			const char *value = json_value_string(sorted[i]);
			buf_puts(out, i ? "," : "");
			put_escaped(out, sorted[i]->key);
			buf_putc(out, '=');
			put_escaped(out, value ? value : "");
		}
	}
	buf_putc(out, ' ');
}

static int print_prefix(struct reader *r, FILE *file, const struct logs_entry *e)
{
	char time[CLOCK_TEXT_SIZE];
	_cleanup_buf_ struct buf prefix = BUF_INIT;

	if (r->options->timestamps) {
		clock_format_rfc3339_padded(e->time, time);
		buf_printf(&prefix, "%s ", time);
	}
	if (r->options->details)
		put_details(&prefix, e);
	return fwrite_unlocked(buf_str(&prefix), 1, prefix.len, file) == prefix.len ? 0 : -1;
}

static int print_entry(struct reader *r, const struct logs_entry *e, struct hull_error *err)
{
	int stream = e->is_stderr;
	FILE *file = r->files[stream];

	/* Both may be the same terminal: keep their order. */
	if (stream != r->last_stream && fflush_unlocked(r->files[!stream]) != 0)
		return write_error(err);
	r->last_stream = stream;
	bool prefix = r->options->timestamps || r->options->details;
	if (prefix && !r->mid_line[stream] && print_prefix(r, file, e) < 0)
		return write_error(err);
	if (fwrite_unlocked(e->text, 1, e->text_len, file) != e->text_len)
		return write_error(err);
	r->mid_line[stream] = e->text_len > 0 && e->text[e->text_len - 1] != '\n';
	return GO_ON;
}

/* FINISHED once the log is past --until. */
static int handle_line(struct reader *r, char *line, size_t len, struct hull_error *err)
{
	struct logs_entry e;

	if (logs_entry_parse(line, len, &e) < 0)
		return GO_ON;
	if (r->options->until != LOGS_NO_TIME && e.time > r->options->until)
		return FINISHED;
	if (r->options->since != LOGS_NO_TIME && e.time < r->options->since)
		return GO_ON;
	return print_entry(r, &e, err);
}

/* Handles the lines that are complete with this block and keeps the rest. */
static int handle_block(struct reader *r, char *data, size_t n, struct hull_error *err)
{
	while (n > 0) {
		char *newline = memchr(data, '\n', n);
		size_t len = newline ? (size_t)(newline - data) : n;
		int result = GO_ON;
		if (!r->skipping && r->held.len + len > LOGS_LINE_MAX) {
			r->skipping = true;
			buf_reset(&r->held);
		}
		if (!r->skipping && (r->held.len > 0 || !newline)) {
			buf_append(&r->held, data, len);
			if (buf_error(&r->held) < 0)
				return error_no_memory(err);
		}
		if (newline && !r->skipping)
			result = r->held.len > 0 ? handle_line(r, r->held.data, r->held.len, err)
						 : handle_line(r, data, len, err);
		if (newline) {
			buf_reset(&r->held);
			r->skipping = false;
		}
		if (result != GO_ON)
			return result;
		data += len + (newline != NULL);
		n -= len + (newline != NULL);
	}
	return GO_ON;
}

/* Reads what is there. */
static int read_available(struct reader *r, struct hull_error *err)
{
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);

	if (!block)
		return error_no_memory(err);
	while (r->fd >= 0) {
		ssize_t n = pread(r->fd, block, BLOCK_SIZE, r->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "read %s", r->path);
		if (n == 0)
			break;
		r->offset += n;
		int result = handle_block(r, block, (size_t)n, err);
		if (result != GO_ON)
			return result;
		if (r->follow && r->follow->interrupted && *r->follow->interrupted)
			return FINISHED;
	}
	return GO_ON;
}

/*
 * Where the last `count` complete lines start: the number of newlines is counted from the end,
 * without the one that ends the last line.
 */
static int find_tail(int fd, off_t size, int64_t count, off_t *ret)
{
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);
	off_t at = size;
	int64_t wanted = count + 1;

	if (!block)
		return -ENOMEM;
	while (at > 0) {
		size_t n = at < (off_t)BLOCK_SIZE ? (size_t)at : BLOCK_SIZE;
		at -= (off_t)n;
		ssize_t got = pread(fd, block, n, at);
		if (got < 0)
			return -errno;
		size_t left = (size_t)got;
		for (char *nl; left > 0 && (nl = memrchr(block, '\n', left)) != NULL;) {
			left = (size_t)(nl - block);
			if (--wanted == 0) {
				*ret = at + (off_t)left + 1;
				return 0;
			}
		}
	}
	*ret = 0;
	return 0;
}

static int open_log(struct reader *r, struct hull_error *err)
{
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0 && errno != ENOENT)
		return error_errno(err, errno, "open %s", r->path);
	r->offset = 0;
	return 0;
}

static int open_at_tail(struct reader *r, struct hull_error *err)
{
	struct stat st;
	int result = open_log(r, err);

	if (result < 0 || r->fd < 0 || r->options->tail < 0)
		return result;
	if (fstat(r->fd, &st) < 0)
		return error_errno(err, errno, "%s", r->path);
	result = find_tail(r->fd, st.st_size, r->options->tail, &r->offset);
	return result < 0 ? error_errno(err, result, "read %s", r->path) : 0;
}

static int watch_file(struct reader *r, struct hull_error *err)
{
	if (r->file_watch >= 0)
		inotify_rm_watch(r->notify_fd, r->file_watch);
	r->file_watch = inotify_add_watch(r->notify_fd, r->path, FILE_EVENTS);
	if (r->file_watch < 0 && errno != ENOENT)
		return error_errno(err, errno, "watch %s", r->path);
	return 0;
}

/* The directory of the log: a file made there, or moved there, may be the log. 0 or -errno. */
static int watch_directory(struct reader *r)
{
	const char *base = path_base(r->path);
	size_t n = (size_t)(base - r->path);
	_cleanup_free_ char *directory = n > 0 ? strndup(r->path, n) : strdup(".");

	if (!directory)
		return -ENOMEM;
	return inotify_add_watch(r->notify_fd, directory, DIRECTORY_EVENTS) < 0 ? -errno : 0;
}

static int watch(struct reader *r, struct hull_error *err)
{
	r->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->notify_fd < 0)
		return error_errno(err, errno, "watch %s", r->path);
	int result = watch_directory(r);
	if (result < 0)
		return error_errno(err, result, "watch the directory of %s", r->path);
	return watch_file(r, err);
}

/*
 * The file under the path may have become another one (rotated), may be new, or may have been
 * emptied. What the old one had was read before.
 */
static int notice_changes(struct reader *r, struct hull_error *err)
{
	struct stat open_file = {0}, named;

	if (r->fd >= 0 && fstat(r->fd, &open_file) == 0 && open_file.st_size < r->offset) {
		r->offset = 0;
		r->skipping = false;
		buf_reset(&r->held);
	}
	if (stat(r->path, &named) < 0)
		return 0;
	if (r->fd >= 0 && open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev)
		return 0;
	int result = r->fd >= 0 ? read_available(r, err) : GO_ON;
	if (result != GO_ON)
		return result;
	cleanup_closep(&r->fd);
	r->skipping = false;
	buf_reset(&r->held);
	/* Watched before it is opened, so that no change falls in between. */
	result = watch_file(r, err);
	return result < 0 ? result : open_log(r, err);
}

static bool is_interrupted(const struct reader *r)
{
	return r->follow->interrupted && *r->follow->interrupted;
}

/* When the waiting must end without an event: ns from now, -1 = never. */
static int64_t wait_time(const struct reader *r)
{
	int64_t wait = -1;

	if (r->end_seen)
		wait = ASK_AGAIN_NS;
	else if (r->follow->end_fd < 0)
		wait = ASK_INTERVAL_NS;
	if (r->options->until != LOGS_NO_TIME) {
		int64_t left = r->options->until - clock_realtime_ns();
		left = left > 0 ? left : 0;
		wait = wait < 0 || left < wait ? left : wait;
	}
	return wait;
}

/*
 * FINISHED on an interrupt, or when nobody reads our output any more. Signals are let in only
 * inside ppoll(), so that one that comes just before it does not wait with us.
 */
static int wait_for_change(struct reader *r, struct hull_error *err)
{
	struct pollfd fds[] = {
		{.fd = r->notify_fd, .events = POLLIN},
		{.fd = r->end_seen ? -1 : r->follow->end_fd, .events = POLLIN},
		{.fd = fileno(r->files[0]), .events = 0},
	};
	int64_t wait = wait_time(r);
	struct timespec timeout = {wait / NS_PER_SECOND, wait % NS_PER_SECOND};
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	sigset_t all, before;
	int n = 0, errnum = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!is_interrupted(r)) {
		n = ppoll(fds, ARRAY_SIZE(fds), wait < 0 ? NULL : &timeout, &before);
		errnum = errno;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (is_interrupted(r))
		return FINISHED;
	if (n < 0)
		return errnum == EINTR ? GO_ON : error_errno(err, errnum, "poll");
	if (fds[1].revents)
		r->end_seen = true;
	if (fds[2].revents & (POLLERR | POLLNVAL))
		return FINISHED;
	if (fds[0].revents) {
		/* What the events say is found out by looking; they only have to be taken. */
		while (read(r->notify_fd, events, sizeof(events)) > 0)
			;
		return notice_changes(r, err);
	}
	return GO_ON;
}

/* Asks if the container runs, no more often than is sensible. */
static bool has_ended(struct reader *r)
{
	int64_t now = clock_monotonic_ns();

	if (r->asked != 0 && !r->end_seen && r->follow->end_fd >= 0)
		return false;
	if (r->asked != 0 && !r->end_seen && now - r->asked < ASK_INTERVAL_NS)
		return false;
	r->asked = now;
	return !r->follow->is_running(r->follow->data);
}

static bool is_past_until(const struct reader *r)
{
	return r->options->until != LOGS_NO_TIME && clock_realtime_ns() > r->options->until;
}

static int follow_log(struct reader *r, struct hull_error *err)
{
	for (;;) {
		bool ended = has_ended(r) || is_past_until(r);
		int result = read_available(r, err);
		if (result != GO_ON)
			return result;
		if (fflush_unlocked(r->files[0]) != 0 || fflush_unlocked(r->files[1]) != 0)
			return write_error(err);
		if (ended)
			return FINISHED;
		result = wait_for_change(r, err);
		if (result != GO_ON)
			return result;
	}
}

static int read_log(struct reader *r, struct hull_error *err)
{
	int result = r->options->follow ? watch(r, err) : 0;

	if (result == 0)
		result = open_at_tail(r, err);
	if (result == 0)
		result = r->options->follow ? follow_log(r, err) : read_available(r, err);
	if (result < 0)
		return result;
	if (fflush_unlocked(r->files[0]) != 0 || fflush_unlocked(r->files[1]) != 0)
		result = write_error(err);
	return result < 0 ? result : 0;
}

int logs_read(const char *path, const struct logs_options *options,
	const struct logs_follow *follow, FILE *out, FILE *err_out, struct hull_error *err)
{
	struct reader r = {
		.path = path,
		.options = options,
		.follow = options->follow ? follow : NULL,
		.files = {out, err_out},
		.fd = -1,
		.held = BUF_INIT_MAX(LOGS_LINE_MAX),
		.notify_fd = -1,
		.file_watch = -1,
	};

	int result = read_log(&r, err);
	cleanup_closep(&r.fd);
	cleanup_closep(&r.notify_fd);
	buf_done(&r.held);
	return result;
}

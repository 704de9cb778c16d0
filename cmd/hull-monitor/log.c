/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/utf8.h"

#include <string.h>

/* Worst case: every byte of a line becomes \u00xx. */
static char record[6 * LOG_LINE_MAX + 128];

static char *append(char *to, const char *text)
{
	return stpcpy(to, text);
}

static char *append_escaped(char *to, const char *p, const char *end)
{
	static const char hex[] = "0123456789abcdef";

	while (p < end) {
		unsigned char c = (unsigned char)*p;
		size_t n = utf8_length(p, end);
		if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c == '\n' || c == '\r' || c == '\t') {
			*to++ = '\\';
			*to++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
		} else if (c < 0x20 || c == 0x7f) {
			to = append(to, "\\u00");
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		} else if (n == 0) {
			to = append(to, "\\ufffd");
		} else {
			to = mempcpy(to, p, n);
		}
		p += n ? n : 1;
	}
	return to;
}

/* One record in one write: lines of two writers never mix, and a reader sees whole lines. */
static void write_record(int fd, const struct log_stream *stream, size_t n)
{
	char time[CLOCK_TEXT_SIZE];
	char *p = record;

	clock_format_rfc3339(clock_realtime_ns(), time);
	p = append(p, "{\"log\":\"");
	p = append_escaped(p, stream->line, stream->line + n);
	p = append(p, "\",\"stream\":\"");
	p = append(p, stream->name);
	p = append(p, "\",\"time\":\"");
	p = append(p, time);
	p = append(p, "\"}\n");
	/* A full disk must not stop the container: the record is lost, as Docker loses it. */
	(void)fd_write_all(fd, record, (size_t)(p - record));
}

/* Bytes at the end of the line that start a character whose rest has not come yet. */
static size_t incomplete_tail(const struct log_stream *stream)
{
	for (size_t back = 1; back <= 3 && back <= stream->len; back++) {
		unsigned char c = (unsigned char)stream->line[stream->len - back];
		if (c >= 0xc2) {
			size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
			return want > back ? back : 0;
		}
		if (c < 0x80)
			break;
	}
	return 0;
}

static void write_held(int fd, struct log_stream *stream, size_t keep)
{
	size_t n = stream->len - keep;

	write_record(fd, stream, n);
	memmove(stream->line, stream->line + n, keep);
	stream->len = keep;
}

void log_write(int fd, struct log_stream *stream, const char *data, size_t n)
{
	while (n > 0) {
		size_t room = LOG_LINE_MAX - stream->len;
		size_t step = n < room ? n : room;
		const char *newline = memchr(data, '\n', step);
		if (newline)
			step = (size_t)(newline - data) + 1;
		memcpy(stream->line + stream->len, data, step);
		stream->len += step;
		data += step;
		n -= step;
		if (newline)
			write_held(fd, stream, 0);
		else if (stream->len == LOG_LINE_MAX)
			write_held(fd, stream, incomplete_tail(stream));
	}
}

void log_flush(int fd, struct log_stream *stream)
{
	if (stream->len > 0)
		write_held(fd, stream, 0);
}

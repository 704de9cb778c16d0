/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's log in Docker's json-file format: one JSON object a line, {"log","stream","time"},
 * where "log" is a line of output with its newline, or a part of a line longer than LOG_LINE_MAX.
 */
#pragma once

#include <stddef.h>

#define LOG_LINE_MAX 16384

struct log_stream {
	const char *name; /* "stdout" */
	size_t len;	  /* bytes held: a line that has not ended */
	char line[LOG_LINE_MAX];
};

/* Takes output; writes every line that it completes to fd. */
void log_write(int fd, struct log_stream *stream, const char *data, size_t n);

/* Writes what is held. */
void log_flush(int fd, struct log_stream *stream);

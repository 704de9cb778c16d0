/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a container's log, one JSON object a line: {"log":"text\n","stream":"stdout",
 * "time":"RFC 3339"}, and "attrs":{...} with --details. The writer may be in the middle of a line,
 * may have died there, and may have replaced or emptied the file.
 */
#pragma once

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LOGS_ALL      (-1)
#define LOGS_NO_TIME  INT64_MIN
#define LOGS_LINE_MAX ((size_t)1 << 20) /* a longer line of the file is skipped */

struct logs_options {
	int64_t tail;	      /* the last N lines, LOGS_ALL */
	int64_t since, until; /* ns since 1970, LOGS_NO_TIME */
	bool timestamps;
	bool details;
	bool follow;
};

#define LOGS_OPTIONS_INIT                                                      \
	{                                                                      \
		.tail = LOGS_ALL, .since = LOGS_NO_TIME, .until = LOGS_NO_TIME \
	}

/*
 * When following ends. Waiting costs nothing: the log is watched by inotify(7), and end_fd (a
 * pidfd, a socket of the monitor, ...) becomes readable or hangs up when the container ends.
 * is_running is asked after that, and, if end_fd is -1, twice a second; once it says no, what is
 * still in the log is printed and logs_read() returns. *interrupted (may be NULL) is looked at
 * whenever a signal cuts the waiting short.
 */
struct logs_follow {
	bool (*is_running)(void *data);
	void *data;
	int end_fd;
	const volatile int *interrupted;
};

/*
 * Prints the log at path to out and err_out (stdout and stderr of the container). `follow` is
 * needed with options->follow only. A log that does not exist yet is an empty one. A writing error
 * of EPIPE ends it with success.
 */
int logs_read(const char *path, const struct logs_options *options,
	const struct logs_follow *follow, FILE *out, FILE *err_out, struct hull_error *err);

/* One line of a log, decoded in place. */
struct logs_entry {
	const char *text; /* with the newline, if the container wrote one; any byte may be in it */
	size_t text_len;
	bool is_stderr;
	int64_t time;	   /* ns since 1970 */
	const char *attrs; /* raw text of the object, NULL = none */
	size_t attrs_len;
};

/*
 * Decodes line[0..len), which is overwritten, into *ret, which points into it. 0, or -EINVAL for
 * anything that is no entry.
 */
int logs_entry_parse(char *line, size_t len, struct logs_entry *ret);

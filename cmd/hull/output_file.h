/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -o FILE of commands that write an archive. A regular file appears under its name when it is
 * complete and not before; a failure leaves what was there. Anything else (a pipe, /dev/stdout) is
 * written to as it is, and without a name the standard output, unless that is a terminal.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct output_file {
	int fd;
	const char *path; /* NULL: the standard output */
	char *temporary;  /* its name next to path; NULL: has none, or is written to directly */
	bool nameless;	  /* gets a name when it is complete */
};

#define OUTPUT_FILE_INIT              \
	{                             \
		-1, NULL, NULL, false \
	}

int output_file_open(struct output_file *file, const char *path, struct hull_error *err);

/* The whole content is written: it gets its name. */
int output_file_commit(struct output_file *file, struct hull_error *err);
void output_file_done(struct output_file *file);

#define _cleanup_output_file_ _cleanup_(output_file_done)

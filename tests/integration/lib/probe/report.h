/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer for one document on one stream. Commas and nesting are its own business; a key is
 * given for members of an object and NULL for elements of an array. Bytes that are not UTF-8 are
 * written as \u00XX, so whatever a path or a variable holds, the document stays valid.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct report {
	FILE *out;
	bool first; /* nothing written yet on this level */
};

void report_begin(struct report *r, const char *key, char bracket);	  /* '{' or '[' */
void report_end(struct report *r, char bracket);			  /* '}' or ']' */
void report_string(struct report *r, const char *key, const char *value); /* NULL: null */
void report_number(struct report *r, const char *key, int64_t value);
void report_u64(struct report *r, const char *key, uint64_t value);
void report_bool(struct report *r, const char *key, bool value);
void report_format(struct report *r, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first line of a file as a string; null if it cannot be read. */
void report_file_line(struct report *r, const char *key, const char *path);

/* All lines of a file as an array of strings; empty if it cannot be read. */
void report_file_lines(struct report *r, const char *key, const char *path);

/* What a run of the probe can tell: one function per key of the document. */
struct section {
	const char *key;
	void (*write)(struct report *r, const char *key);
};

/* Each list ends with a NULL key. */
extern const struct section process_sections[];
extern const struct section filesystem_sections[];
extern const struct section network_sections[];

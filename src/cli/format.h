/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --format of commands that list or describe things, from rows that the command gives as JSON
 * objects:
 *
 *   NULL, "" or "table"   the command's own table
 *   "table TEMPLATE"      a table of those fields with titles; \t separates the columns
 *   "json"                one JSON object per line
 *   "raw"                 the raw form, where the command has one
 *   TEMPLATE              one text per row
 *
 * A table is held back until format_end() since its widths depend on all rows; everything else is
 * printed row by row.
 */
#pragma once

#include "base/error.h"
#include "cli/template.h"

#include <stdio.h>

struct format_column {
	const char *field; /* key in the row objects: "ID" */
	const char *title; /* "CONTAINER ID" */
};

struct format_spec {
	const struct format_column *columns; /* every field that may be asked for */
	size_t n_columns;
	const char *table; /* default table: "{{.ID}}\t{{.Image}}" */
	const char *quiet; /* with --quiet: "{{.ID}}"; NULL = the first column */
	const char *raw;   /* "raw" form; NULL = none */
};

struct format_list;

/* Prepares output to `out`. A bad template is told here, before any work is done. */
int format_begin(struct format_list **ret, const struct format_spec *spec, const char *format,
	bool quiet, FILE *out, struct hull_error *err);

/* True if the output shows that field (so that costly fields are not computed for nothing). */
bool format_uses(const struct format_list *list, const char *field);

/* One row: the text of a JSON object. */
int format_row(struct format_list *list, const char *json, size_t len, struct hull_error *err);

/* The same from a value. */
int format_row_value(
	struct format_list *list, const struct json_value *row, struct hull_error *err);

/* Prints what is held back: the table, with its titles also when there was no row. */
int format_end(struct format_list *list, struct hull_error *err);
void format_free(struct format_list *list);

/*
 * `inspect --format` and the like: one document by one template; "json" gives it compact, NULL or
 * "" indented by four spaces. A newline follows. A field that the document has not is an error.
 */
int format_document(
	const char *json, size_t len, const char *format, FILE *out, struct hull_error *err);

DEFINE_CLEANUP(struct format_list *, format_freep, format_free)
#define _cleanup_format_ _cleanup_(format_freep)

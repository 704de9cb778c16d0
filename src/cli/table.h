/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aligned columns by elastic tabstops, the algorithm of Go's text/tabwriter: a cell is text that a
 * tab ends; the cells of consecutive lines in one column share a width. What follows the last tab
 * of a line belongs to no column. Width counts terminal cells, not bytes.
 */
#pragma once

#include "base/buf.h"

#include <stddef.h>

/* Docker's tables: columns at least this wide, and this far apart. */
enum { TABLE_MIN_WIDTH = 10, TABLE_PADDING = 3 };

/* Appends text (lines of tab-separated cells) to out, aligned. min_width includes the padding. */
void table_format(struct buf *out, const char *text, size_t len, size_t min_width, size_t padding);

/* Terminal cells that n bytes of UTF-8 take; bytes that are not UTF-8 take one each. */
size_t table_text_width(const char *text, size_t n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elastic tabstops. A block is a run of consecutive lines that all have a tab-ended cell in some
 * column; the block's width is that of its widest cell, and within the block the next column is
 * laid out by the same rule. The recursion is as deep as the longest line has cells, so lines with
 * more than COLUMNS_MAX cells keep their tabs from there on.
 */
#include "cli/table.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

enum { COLUMNS_MAX = 256 };

struct cell {
	const char *text;
	size_t n;
	size_t width; /* of the column, for cells that a tab ends */
	bool ended;   /* by a tab */
};

struct line {
	struct cell *cells;
	size_t count;
};

/* The code point at p; its length is 1 and the result 0 for a byte that is not UTF-8. */
static uint32_t decode(const unsigned char *p, size_t n, size_t *ret_len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;

	*ret_len = 1;
	if (len == 1)
		return p[0];
	if (!len || len > n || p[0] > 0xf4)
		return 0;
	uint32_t c = p[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len])
		return 0;
	*ret_len = len;
	return c;
}

/* Combining marks take no cell, East Asian wide characters and emoji two (Unicode Annex 11). */
static size_t cells_of(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		size_t cells;
	} ranges[] = {
		{0x0300, 0x036f, 0},
		{0x1100, 0x115f, 2},
		{0x200b, 0x200f, 0},
		{0x20d0, 0x20ff, 0},
		{0x2e80, 0x303e, 2},
		{0x3041, 0xa4cf, 2},
		{0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0},
		{0xfe30, 0xfe6f, 2},
		{0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},
		{0x1f300, 0x1f64f, 2},
		{0x1f680, 0x1f6ff, 2},
		{0x1f900, 0x1faff, 2},
		{0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].cells;
	return 1;
}

size_t table_text_width(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	size_t width = 0, len;

	for (; p < end; p += len)
		width += cells_of(decode(p, (size_t)(end - p), &len));
	return width;
}

/* Lays out the cells from `column` on of lines[start, end). */
static void lay_out(struct line *lines, size_t start, size_t end, size_t column, size_t min_width,
	size_t padding)
{
	for (size_t i = start; i < end; i++) {
		size_t first = i, width = min_width;

		for (; i < end && column < lines[i].count && lines[i].cells[column].ended; i++) {
			const struct cell *cell = &lines[i].cells[column];
			size_t needed = table_text_width(cell->text, cell->n) + padding;

			if (needed > width)
				width = needed;
		}
		if (first == i)
			continue;
		for (size_t k = first; k < i; k++)
			lines[k].cells[column].width = width;
		lay_out(lines, first, i, column + 1, min_width, padding);
	}
}

static size_t count_char(const char *text, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

/* Cuts one line into cells; returns how many. */
static size_t split_line(const char *p, const char *end, struct cell *cells)
{
	size_t count = 0;

	for (;;) {
		const char *tab = count < COLUMNS_MAX ? memchr(p, '\t', (size_t)(end - p)) : NULL;

		cells[count++] = (struct cell){
			.text = p, .n = (size_t)((tab ? tab : end) - p), .ended = tab != NULL};
		if (!tab)
			return count;
		p = tab + 1;
	}
}

static void print_line(struct buf *out, const struct line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		const struct cell *cell = &line->cells[i];

		buf_append(out, cell->text, cell->n);
		if (cell->ended)
			buf_printf(out, "%*s",
				(int)(cell->width - table_text_width(cell->text, cell->n)), "");
	}
}

void table_format(struct buf *out, const char *text, size_t len, size_t min_width, size_t padding)
{
	size_t n_lines = count_char(text, len, '\n') + 1, n = 0;
	_cleanup_free_ struct line *lines = calloc(n_lines, sizeof(*lines));
	_cleanup_free_ struct cell *cells =
		calloc(n_lines + count_char(text, len, '\t'), sizeof(*cells));
	struct cell *next = cells;

	if (!lines || !cells) {
		out->error = ENOMEM;
		return;
	}
	for (const char *p = text, *end = text + len; p < end; n++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;

		lines[n].cells = next;
		lines[n].count = split_line(p, stop, next);
		next += lines[n].count;
		p = newline ? newline + 1 : end;
	}
	lay_out(lines, 0, n, 0, min_width, padding);
	for (size_t i = 0; i < n; i++) {
		print_line(out, &lines[i]);
		if (i + 1 < n || text[len - 1] == '\n')
			buf_putc(out, '\n');
	}
}

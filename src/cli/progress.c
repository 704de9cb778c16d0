/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registries and archives have a say in what is told here: it is made printable, wherever it goes,
 * and a line of the block is one line.
 *
 * On a terminal the block of lines at the bottom is painted over and over: the cursor goes up by
 * the number of lines painted last, each line is cleared and written anew, in one write. Nothing
 * runs in the background: whoever reports progress also paints, if the last painting is old enough.
 */
#include "cli/progress.h"
#include "cli/size.h"
#include "cli/terminal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>

enum {
	LINES_MAX = 1024,
	BAR_MIN = 10,
	BAR_MAX = 50,
	WIDTH_DEFAULT = 80,
	PAINT_EVERY_MS = 100,
	SPEED_OVER_MS = 1000,
};

struct transfer {
	char *id;
	char *action;
	uint64_t done, total;
	/* Speed: bytes since a mark that moves on every second. */
	int64_t mark_ns;
	uint64_t mark_done;
	uint64_t speed; /* bytes per second, 0 = not known yet */
};

struct progress {
	pthread_mutex_t lock;
	FILE *out;
	bool in_place;
	struct transfer *transfers;
	size_t count;
	size_t painted; /* lines of the block on the screen */
	int64_t painted_ns;
	bool dirty;
};

int progress_new(struct progress **ret, FILE *out, enum progress_mode mode, struct hull_error *err)
{
	const char *term = getenv("TERM");

	*ret = NULL;
	if (mode == PROGRESS_QUIET)
		return 0;
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return error_no_memory(err);
	pthread_mutex_init(&progress->lock, NULL);
	progress->out = out;
	progress->in_place =
		mode == PROGRESS_AUTO && terminal_is(fileno(out)) && term && !str_eq(term, "dumb");
	*ret = progress;
	return 0;
}

static size_t line_width(const struct progress *progress)
{
	struct terminal_size size;

	if (terminal_size_get(fileno(progress->out), &size) == 0 && size.columns)
		return size.columns;
	return WIDTH_DEFAULT;
}

static void format_numbers(const struct transfer *transfer, struct buf *text)
{
	char done[SIZE_TEXT_SIZE], total[SIZE_TEXT_SIZE], speed[SIZE_TEXT_SIZE];

	size_format_decimal(transfer->done, 4, done);
	size_format_decimal(transfer->total, 4, total);
	size_format_decimal(transfer->speed, 3, speed);
	buf_printf(text, "%7s", done);
	if (transfer->total)
		buf_printf(text, "/%s", total);
	if (transfer->speed)
		buf_printf(text, "  %s/s", speed);
}

static void format_bar(const struct transfer *transfer, size_t width, struct buf *text)
{
	uint64_t done = transfer->done < transfer->total ? transfer->done : transfer->total;
	size_t filled = (size_t)((double)done / (double)transfer->total * (double)width);

	buf_putc(text, '[');
	for (size_t i = 0; i < width; i++)
		buf_putc(text, i < filled ? '=' : i == filled ? '>' : ' ');
	if (filled >= width)
		buf_putc(text, '>');
	else
		buf_putc(text, ' ');
	buf_puts(text, "] ");
}

/* One line of the block, no longer than the terminal is wide. */
static void format_line(const struct transfer *transfer, size_t width, struct buf *text)
{
	_cleanup_buf_ struct buf line = BUF_INIT, numbers = BUF_INIT;

	buf_printf(&line, "%s: %s ", transfer->id, transfer->action ? transfer->action : "");
	if (transfer->done || transfer->total)
		format_numbers(transfer, &numbers);
	/* brackets, the head of the bar, and a space to the right edge */
	if (transfer->total && line.len + numbers.len + BAR_MIN + 5 <= width) {
		size_t room = width - line.len - numbers.len - 5;

		format_bar(transfer, room < BAR_MAX ? room : BAR_MAX, &line);
	}
	buf_append(&line, buf_str(&numbers), numbers.len);
	buf_make_printable(&line, 0, "");
	buf_append(text, buf_str(&line), line.len < width ? line.len : width - 1);
}

static void paint(struct progress *progress)
{
	_cleanup_buf_ struct buf screen = BUF_INIT;
	size_t width = line_width(progress);

	if (progress->painted)
		buf_printf(&screen, "\033[%zuA", progress->painted);
	for (size_t i = 0; i < progress->count; i++) {
		buf_puts(&screen, "\r\033[2K");
		format_line(&progress->transfers[i], width, &screen);
		buf_putc(&screen, '\n');
	}
	fwrite(buf_str(&screen), 1, screen.len, progress->out);
	fflush(progress->out);
	progress->painted = progress->count;
	progress->painted_ns = clock_monotonic_ns();
	progress->dirty = false;
}

static void paint_if_due(struct progress *progress)
{
	int64_t since = clock_monotonic_ns() - progress->painted_ns;

	if (since >= PAINT_EVERY_MS * NS_PER_MS)
		paint(progress);
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	if (progress->in_place && progress->dirty)
		paint(progress);
	for (size_t i = 0; i < progress->count; i++) {
		free(progress->transfers[i].id);
		free(progress->transfers[i].action);
	}
	free(progress->transfers);
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}

static int add_locked(struct progress *progress, const char *id)
{
	if (progress->count >= LINES_MAX)
		return -1;
	struct transfer *grown = reallocarray(
		progress->transfers, progress->count + 1, sizeof(*progress->transfers));

	if (!grown)
		return -1;
	progress->transfers = grown;
	grown[progress->count] = (struct transfer){.id = strdup(id)};
	if (!grown[progress->count].id)
		return -1;
	progress->dirty = true;
	return (int)progress->count++;
}

int progress_add(struct progress *progress, const char *id)
{
	if (!progress)
		return -1;
	pthread_mutex_lock(&progress->lock);
	int line = add_locked(progress, id);

	pthread_mutex_unlock(&progress->lock);
	return line;
}

static void measure_speed(struct transfer *transfer, uint64_t done)
{
	int64_t now = clock_monotonic_ns(), since = now - transfer->mark_ns;

	if (!transfer->mark_ns || done < transfer->mark_done) {
		transfer->speed = 0;
		transfer->mark_ns = now;
		transfer->mark_done = done;
	} else if (since >= SPEED_OVER_MS * NS_PER_MS) {
		transfer->speed = (uint64_t)((double)(done - transfer->mark_done) *
					     (double)NS_PER_SECOND / (double)since);
		transfer->mark_ns = now;
		transfer->mark_done = done;
	}
}

static void print_line_va(const struct progress *progress, const char *format, va_list ap)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	buf_vprintf(&line, format, ap);
	buf_make_printable(&line, 0, "");
	buf_putc(&line, '\n');
	fwrite(buf_str(&line), 1, line.len, progress->out);
}

__attribute__((format(printf, 2, 3))) static void print_line(
	const struct progress *progress, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line_va(progress, format, ap);
	va_end(ap);
}

static void update_locked(struct progress *progress, struct transfer *transfer, const char *action,
	uint64_t done, uint64_t total)
{
	bool changed = !str_eq(transfer->action, action);

	if (changed) {
		str_set(&transfer->action, action);
		transfer->mark_ns = 0;
		transfer->speed = 0;
	}
	if (done)
		measure_speed(transfer, done);
	transfer->done = done;
	transfer->total = total;
	progress->dirty = true;
	if (progress->in_place) {
		if (changed)
			paint(progress);
		else
			paint_if_due(progress);
	} else if (changed) {
		print_line(progress, "%s: %s", transfer->id, action);
		fflush(progress->out);
	}
}

void progress_update(
	struct progress *progress, int line, const char *action, uint64_t done, uint64_t total)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->lock);
	if (line >= 0 && (size_t)line < progress->count)
		update_locked(progress, &progress->transfers[line], action, done, total);
	pthread_mutex_unlock(&progress->lock);
}

/* The block is wiped, the message takes its place, and the block is painted below it. */
void progress_message(struct progress *progress, const char *format, ...)
{
	va_list ap;

	if (!progress)
		return;
	pthread_mutex_lock(&progress->lock);
	if (progress->painted)
		fprintf(progress->out, "\033[%zuA\r\033[J", progress->painted);
	progress->painted = 0;
	va_start(ap, format);
	print_line_va(progress, format, ap);
	va_end(ap);
	if (progress->in_place && progress->count)
		paint(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

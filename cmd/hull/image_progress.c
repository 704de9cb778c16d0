/* SPDX-License-Identifier: Apache-2.0 */
#include "image_progress.h"

#include "base/str.h"
#include "cli/terminal.h"

struct image_display {
	struct progress *progress;
	FILE *out;
	bool terminal; /* elsewhere nobody wants to read how far each step is */
	char **ids;    /* of the lines, by their handles */
};

int image_display_new(struct image_display **ret, FILE *out, bool quiet, struct hull_error *err)
{
	*ret = NULL;
	if (quiet)
		return 0;
	struct image_display *display = calloc(1, sizeof(*display));
	if (!display)
		return error_no_memory(err);
	display->out = out;
	display->terminal = terminal_is(fileno(out));
	int r = progress_new(&display->progress, out, PROGRESS_AUTO, err);
	if (r < 0)
		free(display);
	else
		*ret = display;
	return r;
}

void image_display_free(struct image_display *display)
{
	if (!display)
		return;
	progress_free(display->progress);
	strv_free(display->ids);
	free(display);
}

static int find_line(struct image_display *display, const char *id)
{
	for (int i = 0; display->ids && display->ids[i]; i++)
		if (str_eq(display->ids[i], id))
			return i;
	int line = progress_add(display->progress, id);
	if (line >= 0 && strv_append(&display->ids, id) < 0)
		return -1;
	return line;
}

/* A message that comes after transfers belongs below them: their lines stay as they are now. */
static void print_below(struct image_display *display, const char *text)
{
	if (display->ids) {
		progress_free(TAKE_PTR(display->progress));
		strv_free(display->ids);
		display->ids = NULL;
		/* Without one nothing is shown any more; the work itself goes on. */
		progress_new(&display->progress, display->out, PROGRESS_AUTO, NULL);
	}
	progress_message(display->progress, "%s", text);
}

static void on_event(void *data, const struct image_progress_event *event)
{
	struct image_display *display = data;

	if (!event->id) {
		print_below(display, event->status);
		return;
	}
	if (str_after(event->status, "Pulling from ")) {
		progress_message(display->progress, "%s: %s", event->id, event->status);
		return;
	}
	if (!display->terminal && (event->current || event->total))
		return;
	int line = find_line(display, event->id);
	if (line >= 0)
		progress_update(display->progress, line, event->status, (uint64_t)event->current,
			(uint64_t)event->total);
}

struct image_progress image_display_progress(struct image_display *display)
{
	if (!display)
		return (struct image_progress){0};
	return (struct image_progress){on_event, display};
}

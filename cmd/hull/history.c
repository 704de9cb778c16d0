/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/size.h"
#include "image/image.h"

#include <time.h>

struct history_options {
	char *format;
	bool human;
	bool no_trunc;
	bool quiet;
};

static const struct cli_option options[] = {
	{"format", 0, CLI_STRING, offsetof(struct history_options, format), "string",
		"Format the output: 'table', 'table TEMPLATE', 'json' or a Go template", NULL},
	{"human", 'H', CLI_FLAG, offsetof(struct history_options, human), NULL,
		"Print sizes and dates in human readable form", NULL, 0, "true"},
	{"no-trunc", 0, CLI_FLAG, offsetof(struct history_options, no_trunc), NULL,
		"Do not cut the output", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct history_options, quiet), NULL,
		"Only show image IDs", NULL},
};

static const struct format_column columns[] = {
	{"ID", "IMAGE"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"CreatedBy", "CREATED BY"},
	{"Size", "SIZE"},
	{"Comment", "COMMENT"},
};

/* Docker cuts to 45 characters, the last being an ellipsis, and shows tabs as spaces. */
static void write_command(struct json_writer *w, const char *command, bool no_trunc)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t characters = 0;

	for (const char *s = command; *s; s++) {
		characters += ((unsigned char)*s & 0xc0) != 0x80;
		if (!no_trunc && characters == 45 && strlen(s) > 1) {
			buf_puts(&text, "\xe2\x80\xa6");
			break;
		}
		buf_putc(&text, *s == '\t' ? ' ' : *s);
	}
	json_member_string(w, "CreatedBy", buf_str(&text));
}

static void write_row(
	struct json_writer *w, const struct image_history_row *row, const struct history_options *o)
{
	char size[SIZE_TEXT_SIZE], age[64], at[CLOCK_TEXT_SIZE];
	int64_t seconds = (clock_realtime_ns() - row->created_ns) / NS_PER_SECOND;
	const char *id = row->id;

	if (*id && !o->no_trunc)
		id = strchr(id, ':') + 1;
	clock_format_rfc3339(row->created_ns / NS_PER_SECOND * NS_PER_SECOND, at);
	clock_format_age(seconds, age, sizeof(age));
	if (o->human)
		size_format_decimal((uint64_t)row->size, 3, size);
	else
		snprintf(size, sizeof(size), "%lld", (long long)row->size);
	json_begin_object(w);
	json_key(w, "ID");
	json_string_n(w, *id ? id : "<missing>",
		*id && !o->no_trunc ? 12 : strlen(*id ? id : "<missing>"));
	json_key(w, "CreatedSince");
	if (row->created_ns == 0) {
		json_string(w, "N/A");
	} else if (o->human) {
		_cleanup_free_ char *ago = str_printf("%s ago", age);
		json_string(w, ago ? ago : age);
	} else {
		json_string(w, at);
	}
	json_member_string(w, "CreatedAt", row->created_ns ? at : "");
	write_command(w, row->created_by, o->no_trunc);
	json_member_string(w, "Size", size);
	json_member_string(w, "Comment", row->comment);
	json_end_object(w);
}

static int print_rows(const struct image_history_row *rows, size_t n,
	const struct history_options *o, struct hull_error *err)
{
	static const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
		.quiet = "{{.ID}}",
	};
	_cleanup_format_ struct format_list *list = NULL;
	int r = format_begin(&list, &spec, o->format, o->quiet, stdout, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct json_writer w = JSON_WRITER_INIT(&text, 0);

		write_row(&w, &rows[i], o);
		r = buf_error(&text) < 0 ? error_no_memory(err)
					 : format_row(list, buf_str(&text), text.len, err);
	}
	return r < 0 ? r : format_end(list, err);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_ struct image *image = NULL;
	_cleanup_free_ struct image_history_row *rows = NULL;
	struct image_store *images = NULL;
	size_t n = 0;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_resolve(images, argv[0], &image, NULL, err);
	if (r == 0)
		r = image_history(images, image, &rows, &n, err);
	return r < 0 ? r : print_rows(rows, n, options_p, err);
}

const struct cli_command hull_history_command = {
	.name = "history",
	.arguments = "[OPTIONS] IMAGE",
	.summary = "Show the history of an image",
	.argument_values = "@image",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct history_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

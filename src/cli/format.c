/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is laid out or shown may come from strangers: labels, comments, commands of images. Control
 * characters in it would forge columns and rows of a table, or command the terminal. So the values
 * are made printable, before the template sees them: what the template itself says (colours, say)
 * and what its functions make is the caller's own.
 *
 * A table is for people wherever it goes. Other templates are also for programs, which want what
 * there is; as with ls(1), they get it where the output is no terminal. JSON has escapes of its own.
 */
#include "cli/format.h"
#include "cli/table.h"
#include "cli/template_tree.h"
#include "cli/terminal.h"

#include "base/str.h"
#include "base/utf8.h"

enum format_kind { FORMAT_TABLE, FORMAT_JSON, FORMAT_TEXT };

struct format_list {
	enum format_kind kind;
	FILE *out;
	const char *keep;	       /* control characters that are shown; NULL = all */
	struct cli_template *template; /* NULL for FORMAT_JSON */
	struct buf table;	       /* lines with tabs, titles first */
};

/* Text on a terminal may have lines; where a table has them is its own business. */
#define KEPT_IN_TABLES ""
#define KEPT_IN_TEXTS  "\n\t"

/* ---- Values for people ---- */

static const char *printable_text(
	struct arena *arena, const char *text, size_t n, const char *keep, size_t *ret_n)
{
	char *copy = arena_memdup(arena, text, n + 1);

	if (!copy)
		return NULL;
	*ret_n = utf8_make_printable(copy, n, keep);
	copy[*ret_n] = '\0';
	return copy;
}

/* A copy of a tree with all its texts and keys made printable, shallow where nothing is to do. */
static int make_printable(struct arena *arena, const struct json_value *value, const char *keep,
	struct json_value *ret)
{
	*ret = *value;
	if (value->key && !utf8_is_printable(value->key, strlen(value->key), keep)) {
		size_t n;
		ret->key = printable_text(arena, value->key, strlen(value->key), keep, &n);
		if (!ret->key)
			return -ENOMEM;
	}
	if (value->type == JSON_TYPE_STRING && !utf8_is_printable(value->text, value->len, keep)) {
		ret->text = printable_text(arena, value->text, value->len, keep, &ret->len);
		if (!ret->text)
			return -ENOMEM;
	}
	if (value->count == 0)
		return 0;
	struct json_value *items = arena_array(arena, value->count, sizeof(*items));
	int r = items ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < value->count; i++)
		r = make_printable(arena, &value->items[i], keep, &items[i]);
	ret->items = items;
	return r;
}

/* template_execute() with what may be shown: keep NULL is everything. */
static int execute(const struct cli_template *template, const struct json_value *value,
	unsigned int flags, const char *keep, struct buf *out, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value printable;

	if (!keep)
		return template_execute(template, value, flags, out, err);
	if (make_printable(&arena, value, keep, &printable) < 0)
		return error_no_memory(err);
	return template_execute(template, &printable, flags, out, err);
}

/* ---- Lists ---- */

/* In lists \t and \n are typed as they are spelled; inside actions they are the template's own. */
static char *unescape(const char *format)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *open = strstr(format, "{{");

	for (const char *p = format; *p; p++) {
		if (p == open) {
			const char *close = strstr(p, "}}");
			size_t n = close ? (size_t)(close - p) + 2 : strlen(p);

			buf_append(&text, p, n);
			p += n - 1;
			open = strstr(p, "{{");
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			buf_putc(&text, *++p == 't' ? '\t' : '\n');
		} else {
			buf_putc(&text, *p);
		}
	}
	buf_puts(&text, "");
	return text.data ? buf_take(&text) : strdup("");
}

/* The titles as an object with the fields as keys, so that the template itself makes the head. */
static int append_titles(
	struct format_list *list, const struct format_spec *spec, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value *items = arena_array(&arena, spec->n_columns + 1, sizeof(*items));
	struct json_value titles = {
		.type = JSON_TYPE_OBJECT, .items = items, .count = spec->n_columns};

	if (!items)
		return error_no_memory(err);
	for (size_t i = 0; i < spec->n_columns; i++)
		items[i] = (struct json_value){.type = JSON_TYPE_STRING,
			.key = spec->columns[i].field,
			.text = spec->columns[i].title,
			.len = strlen(spec->columns[i].title)};
	int r = template_execute(
		list->template, &titles, TEMPLATE_STRICT | TEMPLATE_HEADER, &list->table, err);

	buf_putc(&list->table, '\n');
	return r;
}

/* What the --format text means for this command: the kind, and the template if there is one. */
static const char *choose(const struct format_spec *spec, const char *format, bool quiet,
	enum format_kind *ret_kind, struct buf *text)
{
	const char *fields = format ? str_after(format, "table") : NULL;

	*ret_kind = FORMAT_TEXT;
	if (str_empty(format) || str_eq(format, "table")) {
		if (quiet && spec->quiet)
			return spec->quiet;
		if (quiet) {
			buf_printf(text, "{{.%s}}", spec->columns[0].field);
			return buf_str(text);
		}
		*ret_kind = FORMAT_TABLE;
		return spec->table;
	}
	if (str_eq(format, "json")) {
		*ret_kind = FORMAT_JSON;
		return NULL;
	}
	if (str_eq(format, "raw") && spec->raw)
		return spec->raw;
	if (fields && *fields == ' ') {
		*ret_kind = FORMAT_TABLE;
		return fields + strspn(fields, " ");
	}
	return format;
}

int format_begin(struct format_list **ret, const struct format_spec *spec, const char *format,
	bool quiet, FILE *out, struct hull_error *err)
{
	_cleanup_format_ struct format_list *list = calloc(1, sizeof(*list));
	_cleanup_buf_ struct buf buffer = BUF_INIT;

	if (!list)
		return error_no_memory(err);
	list->out = out;
	const char *chosen = choose(spec, format, quiet, &list->kind, &buffer);

	list->keep = list->kind == FORMAT_TABLE ? KEPT_IN_TABLES
		     : terminal_is(fileno(out)) ? KEPT_IN_TEXTS
						: NULL;
	if (chosen) {
		_cleanup_free_ char *text = unescape(chosen);

		if (!text)
			return error_no_memory(err);
		int r = template_parse(&list->template, text, err);
		if (r == 0 && list->kind == FORMAT_TABLE)
			r = append_titles(list, spec, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(list);
	return 0;
}

void format_free(struct format_list *list)
{
	if (!list)
		return;
	template_free(list->template);
	buf_done(&list->table);
	free(list);
}

/* Which fields a template mentions. A bare dot or $ may be anything. */

static bool nodes_use(const struct template_node *node, const char *field);

static bool pipeline_uses(const struct template_pipeline *pipeline, const char *field)
{
	for (const struct template_command *c = pipeline->commands; c; c = c->next) {
		for (const struct template_operand *o = c->operands; o; o = o->next) {
			if (o->kind == OPERAND_PIPELINE && pipeline_uses(o->pipeline, field))
				return true;
			if (o->kind != OPERAND_DOT && o->kind != OPERAND_VARIABLE)
				continue;
			if (!o->fields)
				return true;
			if (str_eq(o->fields[0], field) ||
				(str_eq(o->fields[0], "Label") && str_eq(field, "Labels")))
				return true;
		}
	}
	return false;
}

static bool nodes_use(const struct template_node *node, const char *field)
{
	for (; node; node = node->next) {
		if (node->pipeline && pipeline_uses(node->pipeline, field))
			return true;
		if (nodes_use(node->body, field) || nodes_use(node->otherwise, field))
			return true;
	}
	return false;
}

bool format_uses(const struct format_list *list, const char *field)
{
	return !list->template || nodes_use(list->template->nodes, field);
}

static int write_out(FILE *out, const struct buf *text, struct hull_error *err)
{
	if (buf_error(text) < 0)
		return error_errno(err, buf_error(text), "output");
	if (fwrite(buf_str(text), 1, text->len, out) != text->len)
		return error_errno(err, errno, "write output");
	return 0;
}

int format_row_value(struct format_list *list, const struct json_value *row, struct hull_error *err)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct buf *text = list->kind == FORMAT_TABLE ? &list->table : &line;
	int r = 0;

	if (list->template) {
		r = execute(list->template, row, TEMPLATE_STRICT, list->keep, text, err);
	} else {
		struct json_writer w = JSON_WRITER_INIT(text, 0);

		json_value_write(&w, row);
	}
	buf_putc(text, '\n');
	if (r < 0 || list->kind == FORMAT_TABLE)
		return r;
	return write_out(list->out, text, err);
}

int format_row(struct format_list *list, const char *json, size_t len, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_value row;
	int r = json_value_parse(&arena, &row, json, len, NULL, "row", err);

	return r < 0 ? r : format_row_value(list, &row, err);
}

int format_end(struct format_list *list, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (list->kind == FORMAT_TABLE)
		table_format(&text, buf_str(&list->table), list->table.len, TABLE_MIN_WIDTH,
			TABLE_PADDING);
	return write_out(list->out, &text, err);
}

int format_document(
	const char *json, size_t len, const char *format, FILE *out, struct hull_error *err)
{
	_cleanup_template_ struct cli_template *template = NULL;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_value value;
	int r = json_value_parse(&arena, &value, json, len, NULL, "document", err);

	if (r < 0)
		return r;
	if (str_empty(format) || str_eq(format, "json")) {
		struct json_writer w = JSON_WRITER_INIT(&text, str_empty(format) ? 4 : 0);

		json_value_write(&w, &value);
	} else {
		r = template_parse(&template, format, err);
		if (r == 0)
			r = execute(template, &value, TEMPLATE_STRICT_ROOT,
				terminal_is(fileno(out)) ? KEPT_IN_TEXTS : NULL, &text, err);
		if (r < 0)
			return r;
	}
	buf_putc(&text, '\n');
	return write_out(out, &text, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"
#include "cli/table.h"

struct list_options {
	char *format;
	bool quiet;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct list_options, format), "format",
		"Output: table or json", "table json", 0},
	{"quiet", 'q', CLI_FLAG, offsetof(struct list_options, quiet), NULL, "Only ids", NULL, 0},
};

static void put_json(
	struct json_writer *w, const struct container_record *c, enum container_status status)
{
	const struct runtime_state *s = c->state;

	json_begin_object(w);
	json_key(w, "ociVersion");
	json_string(w, s->oci_version);
	json_key(w, "id");
	json_string(w, s->id);
	json_key(w, "pid");
	json_i64(w, status == CONTAINER_STOPPED ? 0 : s->pid);
	json_key(w, "status");
	json_string(w, container_status_names[status]);
	json_key(w, "bundle");
	json_string(w, s->bundle);
	json_key(w, "rootfs");
	json_string(w, s->rootfs);
	json_key(w, "created");
	json_string(w, s->created);
	json_key(w, "owner");
	json_string(w, s->owner);
	json_end_object(w);
}

struct output {
	struct buf text;
	struct json_writer w;
	const struct list_options *options;
	bool json;
};

static void put(struct output *out, const struct container_record *c, enum container_status status)
{
	const struct runtime_state *s = c->state;

	if (out->options->quiet)
		buf_printf(&out->text, "%s\n", s->id);
	else if (out->json)
		put_json(&out->w, c, status);
	else
		buf_printf(&out->text, "%s\t%d\t%s\t%s\t%s\t%s\n", s->id,
			status == CONTAINER_STOPPED ? 0 : s->pid, container_status_names[status],
			s->bundle, s->created, s->owner);
}

static int list_all(struct cli_context *context, struct output *out, struct hull_error *err)
{
	_cleanup_close_ int root_fd = -1;
	_cleanup_strv_ char **ids = NULL;
	int r = keel_root_open(context->globals, false, &root_fd, err);

	if (r == -ENOENT) {
		hull_error_done(err);
		return 0;
	}
	if (r == 0)
		r = state_list(root_fd, &ids, err);
	strv_foreach (id, ids) {
		_cleanup_container_record_ struct container_record c;
		enum container_status status;
		/* One that goes away meanwhile, or is only half there, is left out. */
		if (keel_container_open(&c, context->globals, *id, NULL) == 0 &&
			container_record_status(&c, &status, NULL) == 0)
			put(out, &c, status);
	}
	return r;
}

/* A table's columns are as wide as what is in them: runc's widths. */
static int print(const struct output *out, struct hull_error *err)
{
	_cleanup_buf_ struct buf table = BUF_INIT;
	bool plain = out->json || out->options->quiet;

	if (!plain)
		table_format(&table, buf_str(&out->text), out->text.len, 12, 3);
	if (buf_error(&out->text) || buf_error(&table))
		return error_no_memory(err);
	fputs(buf_str(plain ? &out->text : &table), stdout);
	return 0;
}

static int list(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct list_options *o = data;
	struct output out = {.text = BUF_INIT, .options = o, .json = str_eq(o->format, "json")};

	if (o->format && !out.json && !str_eq(o->format, "table"))
		return error_set(err, HULL_ERROR_INVALID, "invalid format option");
	out.w = (struct json_writer)JSON_WRITER_INIT(&out.text, 0);
	if (out.json && !o->quiet)
		json_begin_array(&out.w);
	else if (!o->quiet)
		buf_puts(&out.text, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n");
	int r = list_all(context, &out, err);
	if (out.json && !o->quiet) {
		json_end_array(&out.w);
		buf_putc(&out.text, '\n');
	}
	if (r == 0)
		r = print(&out, err);
	buf_done(&out.text);
	return r;
}

const struct cli_command keel_list_command = {
	.name = "list",
	.arguments = "[OPTIONS]",
	.summary = "List containers",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct list_options),
	.max_args = 0,
	.run = list,
};

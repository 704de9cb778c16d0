/* SPDX-License-Identifier: Apache-2.0 */
/* list and procs: what is there. */
#include "cgroup.h"

#include "base/str.h"
#include "json/json.h"

#include <stdio.h>

struct list_options {
	bool recursive, json;
};

static const struct cli_option list_rows[] = {
	{"recursive", 'r', CLI_FLAG, offsetof(struct list_options, recursive), NULL,
		"Groups below too"},
	{"json", 0, CLI_FLAG, offsetof(struct list_options, json), NULL, "Print JSON"},
};

struct listing {
	struct hull_cgroup_host *host;
	uint32_t controllers;
	const char *path; /* of the group whose children come; "/" at the root */
	bool recursive;
	char ***names;
	struct hull_error *err;
};

static int list_group(struct listing *listing, const struct hull_cgroup *group);

static int list_child(const char *name, void *data)
{
	struct listing *listing = data;
	_cleanup_free_ char *path =
		str_printf("%s/%s", str_eq(listing->path, "/") ? "" : listing->path, name);

	if (!path || strv_append(listing->names, path) < 0)
		return error_no_memory(listing->err);
	if (!listing->recursive)
		return 0;
	struct listing below = *listing;
	below.path = path;
	struct hull_cgroup *group;
	int r = hull_cgroup_load(listing->host, path, listing->controllers, &group, listing->err);
	if (r == -ENOENT) { /* removed meanwhile */
		hull_error_done(listing->err);
		return 0;
	}
	if (r < 0)
		return r;
	r = list_group(&below, group);
	hull_cgroup_free(group);
	return r;
}

static int list_group(struct listing *listing, const struct hull_cgroup *group)
{
	return hull_cgroup_children(group, list_child, listing, listing->err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct list_options *o = data;
	_cleanup_(group_ref_done) struct group_ref ref = {0};
	_cleanup_(group_name_done) struct group_name name = {0};
	_cleanup_strv_ char **names = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *text = argc ? argv[0] : "/";

	int r = group_name_parse(text, &name, err);
	if (r == 0)
		r = group_ref_open(&ref, text, err);
	if (r < 0)
		return r;
	struct listing listing = {.host = ref.host,
		.controllers = name.controllers,
		.path = name.path,
		.recursive = o->recursive,
		.names = &names,
		.err = err};
	r = list_group(&listing, ref.group);
	if (r < 0)
		return r;
	if (names)
		qsort(names, strv_length(names), sizeof(*names), compare_names);
	struct json_writer w = JSON_WRITER_INIT(&out, 2);
	if (o->json)
		json_begin_array(&w);
	strv_foreach (path, names) {
		if (o->json)
			json_string(&w, *path);
		else
			buf_printf(&out, "%s\n", *path);
	}
	if (o->json) {
		json_end_array(&w);
		buf_putc(&out, '\n');
	}
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	fputs(buf_str(&out), stdout);
	return 0;
}

const struct cli_command hull_cgroup_list_command = {
	.name = "list",
	.arguments = "[OPTIONS] [GROUP]",
	.summary = "List the control groups below one",
	CLI_OPTIONS(list_rows),
	.options_size = sizeof(struct list_options),
	.min_args = 0,
	.max_args = 1,
	.run = list_run,
};

/* ---- procs ---- */

struct procs_options {
	bool recursive, threads, json;
};

static const struct cli_option procs_rows[] = {
	{"recursive", 'r', CLI_FLAG, offsetof(struct procs_options, recursive), NULL,
		"Those of groups below too"},
	{"threads", 0, CLI_FLAG, offsetof(struct procs_options, threads), NULL,
		"Threads instead of processes"},
	{"json", 0, CLI_FLAG, offsetof(struct procs_options, json), NULL, "Print JSON"},
};

static int procs_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct procs_options *o = data;
	_cleanup_(group_ref_done) struct group_ref ref = {0};
	_cleanup_free_ pid_t *pids = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t n = 0;

	int r = group_ref_open(&ref, argv[0], err);
	if (r == 0)
		r = hull_cgroup_processes(ref.group,
			(o->recursive ? HULL_CGROUP_RECURSIVE : 0) |
				(o->threads ? HULL_CGROUP_THREADS : 0),
			&pids, &n, err);
	if (r < 0)
		return r;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	if (o->json)
		json_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		if (o->json)
			json_i64(&w, pids[i]);
		else
			buf_printf(&out, "%d\n", (int)pids[i]);
	}
	if (o->json) {
		json_end_array(&w);
		buf_putc(&out, '\n');
	}
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	fputs(buf_str(&out), stdout);
	return 0;
}

const struct cli_command hull_cgroup_procs_command = {
	.name = "procs",
	.arguments = "[OPTIONS] GROUP",
	.summary = "List the processes of a control group",
	CLI_OPTIONS(procs_rows),
	.options_size = sizeof(struct procs_options),
	.min_args = 1,
	.max_args = 1,
	.run = procs_run,
};

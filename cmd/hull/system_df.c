/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What everything takes on the disk: a row for each kind, or with -v a table for each kind with a row
 * for each thing.
 */
#include "hull.h"
#include "system_commands.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/size.h"
#include "engine/container.h"
#include "engine/inspect.h"
#include "engine/usage.h"
#include "image/usage.h"

struct df_options {
	bool verbose;
	char *format;
};

static const struct cli_option options[] = {
	{"format", 0, CLI_STRING, offsetof(struct df_options, format), "string",
		"Format the output: 'table', 'table TEMPLATE', 'json' or a Go template", NULL},
	{"verbose", 'v', CLI_FLAG, offsetof(struct df_options, verbose), NULL,
		"Show each image and container", NULL},
};

struct usage {
	struct image_usage images;
	struct container **containers;
	size_t n_containers;
	int64_t *sizes; /* of the containers */
};

static void usage_done(struct usage *u)
{
	image_usage_done(&u->images);
	container_list_free(u->containers, u->n_containers);
	free(u->sizes);
}

static int usage_get(struct engine *engine, struct usage *u, struct hull_error *err)
{
	struct image_store *images;
	int r = engine_images(engine, &images, err);

	if (r == 0)
		r = image_usage_get(images, &u->images, err);
	if (r == 0)
		r = container_list(engine, true, &u->containers, &u->n_containers, err);
	if (r < 0)
		return r;
	u->sizes = calloc(u->n_containers ? u->n_containers : 1, sizeof(*u->sizes));
	if (!u->sizes)
		return error_no_memory(err);
	for (size_t i = 0; r == 0 && i < u->n_containers; i++)
		r = container_size(engine, u->containers[i], &u->sizes[i], err);
	return r;
}

static void write_count(struct json_writer *w, const char *key, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	json_member_string(w, key, text);
}

static void write_size(struct json_writer *w, const char *key, int64_t bytes)
{
	char text[SIZE_TEXT_SIZE];

	size_format_decimal((uint64_t)bytes, 4, text);
	json_member_string(w, key, text);
}

/* ---- A row for each kind ---- */

struct kind {
	const char *name;
	size_t total, active;
	int64_t size, reclaimable;
};

static int print_kind(struct format_list *list, const struct kind *kind, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	char size[SIZE_TEXT_SIZE], reclaimable[SIZE_TEXT_SIZE + 8];

	size_format_decimal((uint64_t)kind->reclaimable, 4, size);
	if (kind->size > 0)
		snprintf(reclaimable, sizeof(reclaimable), "%s (%d%%)", size,
			(int)(kind->reclaimable * 100 / kind->size));
	else
		snprintf(reclaimable, sizeof(reclaimable), "%s", size);
	json_begin_object(&w);
	json_member_string(&w, "Type", kind->name);
	write_count(&w, "TotalCount", kind->total);
	write_count(&w, "Active", kind->active);
	write_size(&w, "Size", kind->size);
	json_member_string(&w, "Reclaimable", reclaimable);
	json_end_object(&w);
	return buf_error(&text) < 0 ? error_no_memory(err)
				    : format_row(list, buf_str(&text), text.len, err);
}

static void count_kinds(const struct usage *u, struct kind *images, struct kind *containers)
{
	images->total = u->images.count;
	images->size = u->images.layers_size;
	images->reclaimable = u->images.reclaimable;
	for (size_t i = 0; i < u->images.count; i++)
		images->active += u->images.rows[i].containers > 0;
	containers->total = u->n_containers;
	for (size_t i = 0; i < u->n_containers; i++) {
		bool running = container_is_running(u->containers[i]);

		containers->active += running;
		containers->size += u->sizes[i];
		containers->reclaimable += running ? 0 : u->sizes[i];
	}
}

static int print_summary(const struct usage *u, const char *format, struct hull_error *err)
{
	static const struct format_column columns[] = {
		{"Type", "TYPE"},
		{"TotalCount", "TOTAL"},
		{"Active", "ACTIVE"},
		{"Size", "SIZE"},
		{"Reclaimable", "RECLAIMABLE"},
	};
	static const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
	};
	struct kind kinds[] = {
		{.name = "Images"},
		{.name = "Containers"},
		{.name = "Local Volumes"},
		{.name = "Build Cache"},
	};
	_cleanup_format_ struct format_list *list = NULL;
	int r = format_begin(&list, &spec, format, false, stdout, err);

	count_kinds(u, &kinds[0], &kinds[1]);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		r = print_kind(list, &kinds[i], err);
	return r < 0 ? r : format_end(list, err);
}

/* ---- A row for each thing ---- */

/* The tag or else the digest's repository; parts of a heap copy. */
static void split_name(char *name, const char **ret_repository, const char **ret_tag)
{
	char *slash = name ? strrchr(name, '/') : NULL;
	char *colon = name ? strrchr(slash ? slash : name, ':') : NULL;
	char *at = name ? strchr(name, '@') : NULL;

	*ret_repository = name ? name : "<none>";
	*ret_tag = colon && !at ? colon + 1 : "<none>";
	if (at)
		*at = '\0';
	else if (colon)
		*colon = '\0';
}

static void write_image(struct json_writer *w, const struct image *image,
	const struct image_usage_row *row, char *name)
{
	const char *repository, *tag;
	char age[64], since[80];

	split_name(name, &repository, &tag);
	clock_format_age(
		(clock_realtime_ns() - image->created_ns) / NS_PER_SECOND, age, sizeof(age));
	snprintf(since, sizeof(since), "%s ago", age);
	json_begin_object(w);
	json_member_string(w, "Repository", repository);
	json_member_string(w, "Tag", tag);
	json_key(w, "ID");
	json_string_n(w, strchr(image->id_text, ':') + 1, 12);
	json_member_string(w, "CreatedSince", image->created_ns ? since : "N/A");
	write_size(w, "Size", image->size);
	write_size(w, "SharedSize", row->shared);
	write_size(w, "UniqueSize", row->unique);
	write_count(w, "Containers", (size_t)row->containers);
	json_end_object(w);
}

static int print_images(const struct image_usage *u, struct hull_error *err)
{
	static const struct format_column columns[] = {
		{"Repository", "REPOSITORY"},
		{"Tag", "TAG"},
		{"ID", "IMAGE ID"},
		{"CreatedSince", "CREATED"},
		{"Size", "SIZE"},
		{"SharedSize", "SHARED SIZE"},
		{"UniqueSize", "UNIQUE SIZE"},
		{"Containers", "CONTAINERS"},
	};
	static const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
			 "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
	};
	_cleanup_format_ struct format_list *list = NULL;
	int r = format_begin(&list, &spec, NULL, false, stdout, err);

	for (size_t i = 0; r == 0 && i < u->count; i++) {
		const struct image *image = u->images[i];
		char *const *names = image->repo_tags ? image->repo_tags : image->repo_digests;
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_free_ char *name = names ? strdup(names[0]) : NULL;
		struct json_writer w = JSON_WRITER_INIT(&text, 0);

		write_image(&w, image, &u->rows[i], name);
		r = buf_error(&text) < 0 ? error_no_memory(err)
					 : format_row(list, buf_str(&text), text.len, err);
	}
	return r < 0 ? r : format_end(list, err);
}

/* The row that ps prints, and the size. */
static int write_container(struct engine *engine, const struct container *c, int64_t size,
	struct buf *text, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);
	_cleanup_free_ char *command = inspect_command(c), *status = inspect_status(c);
	char age[64], since[80];

	if (!command || !status)
		return error_no_memory(err);
	clock_format_age((clock_realtime_ns() - c->created) / NS_PER_SECOND, age, sizeof(age));
	snprintf(since, sizeof(since), "%s ago", age);
	json_begin_object(&w);
	json_key(&w, "ID");
	json_string_n(&w, c->id, CONTAINER_SHORT_LENGTH);
	json_member_string(&w, "Image", c->image_name);
	json_key(&w, "Command");
	json_string_n(&w, command, strlen(command) < 20 ? strlen(command) : 20);
	write_count(&w, "LocalVolumes", 0);
	write_size(&w, "Size", size);
	json_member_string(&w, "RunningFor", since);
	json_member_string(&w, "Status", status);
	json_member_string(&w, "Names", c->name);
	json_end_object(&w);
	return buf_error(text) < 0 ? error_no_memory(err) : 0;
}

static int print_containers(struct engine *engine, const struct usage *u, struct hull_error *err)
{
	static const struct format_column columns[] = {
		{"ID", "CONTAINER ID"},
		{"Image", "IMAGE"},
		{"Command", "COMMAND"},
		{"LocalVolumes", "LOCAL VOLUMES"},
		{"Size", "SIZE"},
		{"RunningFor", "CREATED"},
		{"Status", "STATUS"},
		{"Names", "NAMES"},
	};
	static const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
			 "{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
	};
	_cleanup_format_ struct format_list *list = NULL;
	int r = format_begin(&list, &spec, NULL, false, stdout, err);

	for (size_t i = 0; r == 0 && i < u->n_containers; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		r = write_container(engine, u->containers[i], u->sizes[i], &text, err);
		if (r == 0)
			r = format_row(list, buf_str(&text), text.len, err);
	}
	return r < 0 ? r : format_end(list, err);
}

static int print_verbose(struct engine *engine, const struct usage *u, struct hull_error *err)
{
	puts("Images space usage:\n");
	int r = print_images(&u->images, err);

	if (r == 0) {
		puts("\nContainers space usage:\n");
		r = print_containers(engine, u, err);
	}
	if (r == 0)
		puts("\nLocal Volumes space usage:\n\nVOLUME NAME   LINKS     SIZE\n"
		     "\nBuild cache usage: 0B\n");
	return r;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct df_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_(usage_done) struct usage u = {0};
	int r;

	if (o->verbose && o->format)
		return error_set(err, HULL_ERROR_INVALID,
			"the options --verbose and --format cannot be used together");
	r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = usage_get(engine, &u, err);
	if (r < 0)
		return r;
	return o->verbose ? print_verbose(engine, &u, err) : print_summary(&u, o->format, err);
}

const struct cli_command hull_system_df_command = {
	.name = "df",
	.arguments = "[OPTIONS]",
	.summary = "Show disk usage",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct df_options),
	.run = run,
};

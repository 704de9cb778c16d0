/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's rows: one per tag; with digests shown, one per tag and digest of the same repository; one
 * per repository that has digests only; one of <none> for an image without any name.
 */
#include "hull.h"
#include "image_commands.h"
#include "prune.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/size.h"
#include "image/digest-set.h"
#include "image/prune.h"

#include <fnmatch.h>
#include <time.h>

struct images_options {
	bool all;
	bool digests;
	bool no_trunc;
	bool quiet;
	char *format;
	char **filters;
};

static const struct cli_option options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct images_options, all), NULL,
		"Show intermediate images too", NULL},
	{"digests", 0, CLI_FLAG, offsetof(struct images_options, digests), NULL, "Show digests",
		NULL},
	{"filter", 'f', CLI_STRV, offsetof(struct images_options, filters), "filter",
		"Show only images that match: dangling=, label=, reference=, before=, since=, until=",
		"dangling=true dangling=false label= reference= before= since= until="},
	{"format", 0, CLI_STRING, offsetof(struct images_options, format), "string",
		"Format the output: 'table', 'table TEMPLATE', 'json' or a Go template", NULL},
	{"no-trunc", 0, CLI_FLAG, offsetof(struct images_options, no_trunc), NULL,
		"Do not cut the output", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct images_options, quiet), NULL,
		"Only show image IDs", NULL},
};

static const struct format_column columns[] = {
	{"Repository", "REPOSITORY"},
	{"Tag", "TAG"},
	{"Digest", "DIGEST"},
	{"ID", "IMAGE ID"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"Size", "SIZE"},
	{"VirtualSize", "SIZE"},
	{"Containers", "CONTAINERS"},
	{"SharedSize", "SHARED SIZE"},
	{"UniqueSize", "UNIQUE SIZE"},
};

/* What --filter and the argument ask for. */
struct criteria {
	char **references; /* any of them */
	char **labels;	   /* all of them */
	struct hull_opt_bool dangling;
	int64_t before_ns, since_ns, until_ns; /* 0 = not asked */
};

static void criteria_done(struct criteria *c)
{
	strv_free(c->references);
	strv_free(c->labels);
}

static int image_time(
	struct image_store *images, const char *text, int64_t *ret, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	int r = image_resolve(images, text, &image, NULL, err);

	if (r == 0)
		*ret = image->created_ns;
	return r;
}

static int add_filter(
	struct image_store *images, const char *filter, struct criteria *c, struct hull_error *err)
{
	const char *value;

	if ((value = str_after(filter, "reference=")))
		return strv_append(&c->references, value) < 0 ? error_no_memory(err) : 0;
	if ((value = str_after(filter, "label=")))
		return strv_append(&c->labels, value) < 0 ? error_no_memory(err) : 0;
	if ((value = str_after(filter, "before=")))
		return image_time(images, value, &c->before_ns, err);
	if ((value = str_after(filter, "since=")))
		return image_time(images, value, &c->since_ns, err);
	if ((value = str_after(filter, "until=")))
		return prune_parse_until(value, &c->until_ns, err);
	if ((value = str_after(filter, "dangling="))) {
		c->dangling.set = true;
		if (str_to_bool(value, &c->dangling.value) == 0)
			return 0;
	}
	return error_set(err, HULL_ERROR_INVALID, "invalid filter '%s'", filter);
}

static int read_criteria(struct image_store *images, const struct images_options *o,
	const char *pattern, struct criteria *c, struct hull_error *err)
{
	if (pattern && strv_append(&c->references, pattern) < 0)
		return error_no_memory(err);
	strv_foreach (filter, o->filters) {
		int r = add_filter(images, *filter, c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The part of a familiar name before ":TAG" or "@DIGEST"; heap. */
static char *repository_of(const char *name)
{
	size_t n = strcspn(name, "@");
	const char *slash = strrchr(name, '/');
	const char *colon = name[n] ? NULL : strchr(slash ? slash : name, ':');

	return strndup(name, colon ? (size_t)(colon - name) : n);
}

static bool name_matches(const struct criteria *c, const char *name)
{
	_cleanup_free_ char *repository = repository_of(name);

	if (!c->references)
		return true;
	strv_foreach (pattern, c->references) {
		if (fnmatch(*pattern, name, FNM_PATHNAME) == 0)
			return true;
		if (repository && fnmatch(*pattern, repository, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

/* 1: to be shown, as far as the whole image decides. */
static int image_matches(struct image_store *images, struct image *image, const struct criteria *c,
	struct hull_error *err)
{
	bool dangling = !image->repo_tags;

	if (c->dangling.set && c->dangling.value != dangling)
		return 0;
	if (c->before_ns && image->created_ns >= c->before_ns)
		return 0;
	if (c->since_ns && image->created_ns <= c->since_ns)
		return 0;
	if (c->until_ns && image->created_ns >= c->until_ns)
		return 0;
	if (!c->labels)
		return 1;
	int r = image_read(images, image, err);
	if (r < 0)
		return r;
	return json_pairs_match(
		image->config.config.labels, image->config.config.n_labels, c->labels, NULL);
}

struct output {
	struct format_list *list;
	const struct images_options *options;
	struct criteria criteria;
	int64_t now_ns;
};

static void write_times(struct json_writer *w, const struct output *out, const struct image *image)
{
	char age[64], since[80], at[64] = "";
	time_t t = (time_t)(image->created_ns / NS_PER_SECOND);
	struct tm tm;

	clock_format_age((out->now_ns - image->created_ns) / NS_PER_SECOND, age, sizeof(age));
	snprintf(since, sizeof(since), "%s ago", age);
	json_member_string(w, "CreatedSince", image->created_ns ? since : "N/A");
	if (image->created_ns && localtime_r(&t, &tm))
		strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	json_member_string(w, "CreatedAt", *at ? at : "N/A");
}

static int print_row(struct output *out, const struct image *image, const char *repository,
	const char *tag, const char *digest, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	const char *id = out->options->no_trunc ? image->id_text : strchr(image->id_text, ':') + 1;
	char size[SIZE_TEXT_SIZE];

	size_format_decimal((uint64_t)image->size, 3, size);
	json_begin_object(&w);
	json_member_string(&w, "Repository", repository ? repository : "<none>");
	json_member_string(&w, "Tag", tag ? tag : "<none>");
	json_member_string(&w, "Digest", digest ? digest : "<none>");
	json_key(&w, "ID");
	json_string_n(&w, id, out->options->no_trunc ? strlen(id) : 12);
	write_times(&w, out, image);
	json_member_string(&w, "Size", size);
	json_member_string(&w, "VirtualSize", size);
	json_member_string(&w, "Containers", "N/A");
	json_member_string(&w, "SharedSize", "N/A");
	json_member_string(&w, "UniqueSize", "N/A");
	json_end_object(&w);
	if (buf_error(&text) < 0)
		return error_no_memory(err);
	return format_row(out->list, buf_str(&text), text.len, err);
}

static bool is_in_repository(const char *name, const char *repository)
{
	_cleanup_free_ char *own = repository_of(name);

	return str_eq(own, repository);
}

/* The rows of one tag: one, or one per digest if those are shown. */
static int print_tag(
	struct output *out, const struct image *image, const char *name, struct hull_error *err)
{
	_cleanup_free_ char *repository = repository_of(name);
	int rows = 0, r = 0;

	if (!repository)
		return error_no_memory(err);
	const char *tag = name + strlen(repository) + 1;
	strv_foreach (digested, out->options->digests ? image->repo_digests : NULL) {
		if (r < 0 || !is_in_repository(*digested, repository))
			continue;
		r = print_row(out, image, repository, tag, strchr(*digested, '@') + 1, err);
		rows++;
	}
	return r < 0 || rows ? r : print_row(out, image, repository, tag, NULL, err);
}

static bool has_tag_in(const struct image *image, const char *repository)
{
	strv_foreach (name, image->repo_tags)
		if (is_in_repository(*name, repository))
			return true;
	return false;
}

/* The row of a digest whose repository has no tag on this image. */
static int print_digest(
	struct output *out, const struct image *image, const char *name, struct hull_error *err)
{
	_cleanup_free_ char *repository = repository_of(name);

	if (!repository)
		return error_no_memory(err);
	if (has_tag_in(image, repository))
		return 0;
	return print_row(out, image, repository, NULL, strchr(name, '@') + 1, err);
}

static int print_image(struct output *out, const struct image *image, struct hull_error *err)
{
	int r = 0;

	strv_foreach (name, image->repo_tags) {
		if (r == 0 && name_matches(&out->criteria, *name))
			r = print_tag(out, image, *name, err);
	}
	strv_foreach (name, image->repo_digests) {
		if (r == 0 && name_matches(&out->criteria, *name))
			r = print_digest(out, image, *name, err);
	}
	if (r == 0 && !image->repo_tags && !image->repo_digests && !out->criteria.references)
		r = print_row(out, image, NULL, NULL, NULL, err);
	return r;
}

/* Untagged and with a child: a step on the way to another image. */
static bool is_intermediate(const struct image *image, const struct digest_set *parents)
{
	return !image->repo_tags && !image->repo_digests && digest_set_has(parents, &image->id);
}

static int find_parents(
	struct image **all, size_t n, struct digest_set *parents, struct hull_error *err)
{
	struct digest id;

	for (size_t i = 0; i < n; i++)
		if (all[i]->parent && digest_parse(all[i]->parent, &id, NULL) == 0 &&
			digest_set_add(parents, &id) < 0)
			return error_no_memory(err);
	digest_set_sort(parents);
	return 0;
}

static int print_images(struct output *out, struct image_store *images, struct hull_error *err)
{
	struct image **all = NULL;
	size_t n = 0;
	_cleanup_digest_set_ struct digest_set parents = {0};
	int r = image_list(images, &all, &n, err);

	if (r == 0)
		r = find_parents(all, n, &parents, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!out->options->all && is_intermediate(all[i], &parents))
			continue;
		r = image_matches(images, all[i], &out->criteria, err);
		if (r > 0)
			r = print_image(out, all[i], err);
	}
	image_list_free(all, n);
	return r;
}

static int list(struct image_store *images, const struct images_options *o, const char *pattern,
	struct hull_error *err)
{
	const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table =
			o->digests
				? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
				: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
		.quiet = "{{.ID}}",
	};
	_cleanup_format_ struct format_list *rows = NULL;
	int r = format_begin(&rows, &spec, o->format, o->quiet, stdout, err);

	if (r < 0)
		return r;
	struct output out = {.list = rows, .options = o, .now_ns = clock_realtime_ns()};
	r = read_criteria(images, o, pattern, &out.criteria, err);
	if (r == 0)
		r = print_images(&out, images, err);
	criteria_done(&out.criteria);
	return r < 0 ? r : format_end(rows, err);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_store *images = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	return r < 0 ? r : list(images, options_p, argc > 0 ? argv[0] : NULL, err);
}

#define LIST_FIELDS                                                                         \
	.arguments = "[OPTIONS] [REPOSITORY[:TAG]]", .summary = "List images",              \
	CLI_OPTIONS(options), .options_size = sizeof(struct images_options), .max_args = 1, \
	.run = run

const struct cli_command hull_images_command = {.name = "images", LIST_FIELDS};

const struct cli_command hull_image_list_command = {
	.name = "ls",
	.aliases = (const char *const[]){"list", NULL},
	LIST_FIELDS,
};

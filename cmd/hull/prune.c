/* SPDX-License-Identifier: Apache-2.0 */
#include "prune.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/size.h"
#include "container_commands.h"
#include "engine/container.h"
#include "engine/image_mount.h"
#include "engine/usage.h"
#include "image/prune.h"
#include "image_commands.h"
#include "metadata/reserve.h"

/* ---- Filters ---- */

int prune_parse_until(const char *text, int64_t *ret, struct hull_error *err)
{
	if (clock_parse_moment(text, clock_realtime_ns(), ret) < 0)
		return error_set(err, HULL_ERROR_INVALID, "invalid filter 'until=%s'", text);
	/* 0 stands for any time. */
	if (*ret == 0)
		*ret = 1;
	return 0;
}

int prune_filter_parse(
	struct prune_filter *f, char *const *filters, bool dangling, struct hull_error *err)
{
	strv_foreach (filter, filters) {
		const char *value;
		int r = 0;

		if ((value = str_after(*filter, "until=")))
			r = prune_parse_until(value, &f->until_ns, err);
		else if ((value = str_after(*filter, "label!=")))
			r = strv_append(&f->not_labels, value) < 0 ? error_no_memory(err) : 0;
		else if ((value = str_after(*filter, "label=")))
			r = strv_append(&f->labels, value) < 0 ? error_no_memory(err) : 0;
		else if (dangling && (value = str_after(*filter, "dangling=")) &&
			 str_to_bool(value, &f->dangling.value) == 0)
			f->dangling.set = true;
		else
			r = error_set(err, HULL_ERROR_INVALID, "invalid filter '%s'", *filter);
		if (r < 0)
			return r;
	}
	return 0;
}

bool prune_filter_matches(const struct prune_filter *f, int64_t created,
	const struct json_pair *labels, size_t n_labels)
{
	return (!f->until_ns || created < f->until_ns) &&
	       json_pairs_match(labels, n_labels, f->labels, f->not_labels);
}

void prune_filter_done(struct prune_filter *f)
{
	strv_free(f->labels);
	strv_free(f->not_labels);
}

/* ---- The question ---- */

int prune_confirm(const char *warning, const char *what, bool force, struct hull_error *err)
{
	char answer[16] = "";

	if (force)
		return 0;
	printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin)) {
		answer[strcspn(answer, "\r\n")] = '\0';
		if (strcasecmp(answer, "y") == 0)
			return 0;
	}
	return error_set(err, HULL_ERROR_CANCELED, "%s has been cancelled", what);
}

void prune_print_total(int64_t bytes)
{
	char text[SIZE_TEXT_SIZE];

	size_format_decimal((uint64_t)bytes, 4, text);
	printf("Total reclaimed space: %s\n", text);
}

/* ---- Containers ---- */

/* 1: removed; 0: somebody started or removed it meanwhile. */
static int prune_container(
	struct engine *engine, struct container *c, int64_t *bytes, struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	_cleanup_close_ int lock = -1;
	int64_t size = 0;
	int r = container_lock_idle(engine, c, &lock, &why);

	if (r > 0) {
		container_size(engine, c, &size, NULL);
		r = container_delete(engine, c, &why);
		if (r == 0)
			*bytes += size;
		r = r < 0 ? r : 1;
	}
	if (r < 0 && why.kind == HULL_ERROR_NOT_FOUND)
		return 0;
	if (r < 0)
		error_move(err, &why);
	return r;
}

int prune_containers(struct engine *engine, const struct prune_filter *filter, int64_t *bytes,
	struct hull_error *err)
{
	struct container **list = NULL;
	size_t n = 0;
	bool titled = false;

	metadata_make_room(engine_root(engine));
	int r = container_list(engine, true, &list, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct container *c = list[i];

		if (container_is_running(c) || !prune_filter_matches(filter, c->created,
						       c->config->labels, c->config->n_labels))
			continue;
		r = prune_container(engine, list[i], bytes, err);
		if (r <= 0)
			continue;
		if (!titled)
			puts("Deleted Containers:");
		titled = true;
		puts(list[i]->id);
	}
	container_list_free(list, n);
	container_collect_garbage(engine);
	if (titled)
		puts("");
	return r < 0 ? r : 0;
}

/* ---- Images ---- */

static int find_user(void *data, const struct digest *id, char **ret_user, bool *ret_running,
	struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];

	return container_find_image_user(data, digest_format(id, text), ret_user, ret_running, err);
}

int prune_images(struct engine *engine, const struct prune_filter *filter, bool all, int64_t *bytes,
	struct hull_error *err)
{
	const struct image_prune_options options = {
		.all = all || (filter->dangling.set && !filter->dangling.value),
		.until_ns = filter->until_ns,
		.labels = filter->labels,
		.not_labels = filter->not_labels,
		.users = {find_user, engine, image_mount_find},
	};
	struct image_removed removed = {0};
	struct image_store *images;
	int64_t freed = 0;

	metadata_make_room(engine_root(engine));
	int r = engine_images(engine, &images, err);

	if (r == 0)
		r = image_prune(images, &options, &removed, &freed, err);
	if (removed.untagged || removed.deleted)
		puts("Deleted Images:");
	strv_foreach (name, removed.untagged)
		printf("untagged: %s\n", *name);
	strv_foreach (id, removed.deleted)
		printf("deleted: %s\n", *id);
	if (removed.untagged || removed.deleted)
		puts("");
	image_removed_done(&removed);
	*bytes += freed;
	return r;
}

/* ---- The commands for one kind ---- */

struct prune_options {
	bool all, force;
	char **filters;
};

static const struct cli_option container_options[] = {
	{"filter", 0, CLI_STRV, offsetof(struct prune_options, filters), "filter",
		"Prune only what matches: until=, label=, label!=", "until= label= label!="},
	{"force", 'f', CLI_FLAG, offsetof(struct prune_options, force), NULL,
		"Do not ask for confirmation", NULL},
};

static const struct cli_option image_options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct prune_options, all), NULL,
		"Remove all unused images, not just dangling ones", NULL},
	{"filter", 0, CLI_STRV, offsetof(struct prune_options, filters), "filter",
		"Prune only what matches: until=, label=, label!=, dangling=",
		"until= label= label!= dangling="},
	{"force", 'f', CLI_FLAG, offsetof(struct prune_options, force), NULL,
		"Do not ask for confirmation", NULL},
};

static int run_containers(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct prune_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_prune_filter_ struct prune_filter filter = {0};
	int64_t bytes = 0;
	int r = prune_filter_parse(&filter, o->filters, false, err);

	if (r == 0)
		r = prune_confirm("WARNING! This will remove all stopped containers.",
			"container prune", o->force, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = prune_containers(engine, &filter, &bytes, err);
	if (r == 0)
		prune_print_total(bytes);
	return r;
}

static int run_images(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct prune_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_prune_filter_ struct prune_filter filter = {0};
	int64_t bytes = 0;
	int r = prune_filter_parse(&filter, o->filters, true, err);

	if (r == 0)
		r = prune_confirm(
			o->all ? "WARNING! This will remove all images without at least one "
				 "container associated to them."
			       : "WARNING! This will remove all dangling images.",
			"image prune", o->force, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = prune_images(engine, &filter, o->all, &bytes, err);
	if (r == 0)
		prune_print_total(bytes);
	return r;
}

const struct cli_command hull_container_prune_command = {
	.name = "prune",
	.arguments = "[OPTIONS]",
	.summary = "Remove all stopped containers",
	CLI_OPTIONS(container_options),
	.options_size = sizeof(struct prune_options),
	.run = run_containers,
};

const struct cli_command hull_image_prune_command = {
	.name = "prune",
	.arguments = "[OPTIONS]",
	.summary = "Remove unused images",
	CLI_OPTIONS(image_options),
	.options_size = sizeof(struct prune_options),
	.run = run_images,
};

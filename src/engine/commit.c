/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper directory of a container becomes a layer by the same way as one from a registry: its tar
 * is fed into the layer store, which hashes, checks and publishes it. Then the image's configuration
 * is made from the base image's, the container's and the changes asked for.
 */
#include "engine/export.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/pause.h"
#include "engine/view.h"
#include "layer/pack.h"
#include "layer/store.h"

struct commit {
	struct engine *engine;
	struct container *c;
	const struct commit_options *options;
	struct image_store *images;
	struct arena arena;
	struct oci_image image;
	struct digest base; /* the container's image, if it is there still */
	bool has_base;
};

/* ---- The layer ---- */

static int feed_layer(void *ingest, const void *data, size_t n, struct hull_error *err)
{
	return layer_ingest_write(ingest, data, n, err);
}

static bool skip_mount_point(void *view, const char *path, const struct stat *st)
{
	return view_is_mount_point(view, path, st);
}

/* "/" is in the layer only if the container changed more of it than its time. */
static bool root_differs(const struct view_changes *view)
{
	struct stat upper, lower;

	return fstat(view->upper_fd, &upper) == 0 && fstat(view->lower_fd, &lower) == 0 &&
	       (upper.st_mode != lower.st_mode || upper.st_uid != lower.st_uid ||
		       upper.st_gid != lower.st_gid);
}

/* 1 and the diff id; 0: nothing was changed. */
static int ingest_layer(struct commit *m, struct view_changes *view, struct layer_store *layers,
	struct digest *ret, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *ingest = NULL;
	const struct layer_ingest_options none = {0};
	struct layer_ingest_result result;
	const struct pack_options pack = {
		.upper = true,
		.lower_fd = view->lower_fd,
		.root = root_differs(view),
		.skip = skip_mount_point,
		.skip_arg = view,
		.progress = m->options->layer.progress,
		.progress_arg = m->options->layer.progress_data,
		.canceled = m->options->layer.canceled,
	};
	uint64_t members = 0;
	int r = layer_ingest_begin(layers, &none, &ingest, err);

	if (r < 0)
		return r;
	const struct tar_sink sink = {feed_layer, ingest};
	r = pack_tree(view->upper_fd, &pack, &sink, &members, err);
	if (r == 0 && members == 0)
		return 0;
	if (r == 0)
		r = tar_write_end(&sink, err);
	if (r == 0)
		r = layer_ingest_finish(TAKE_PTR(ingest), &result, err);
	if (r < 0)
		return r;
	*ret = result.diff_id;
	return 1;
}

static int make_layer(struct commit *m, struct digest *ret, struct hull_error *err)
{
	_cleanup_view_changes_ struct view_changes view = VIEW_CHANGES_INIT;
	struct layer_store *layers;
	int r = engine_layers(m->engine, &layers, err);

	if (r == 0)
		r = view_changes_open(m->engine, m->c, &view, err);
	return r < 0 ? r : ingest_layer(m, &view, layers, ret, err);
}

/* As above with all processes of the container frozen. A container that was paused stays so. */
static int make_layer_paused(struct commit *m, struct digest *ret, struct hull_error *err)
{
	_cleanup_pause_ struct pause pause = PAUSE_INIT;
	int r = m->options->pause ? pause_begin(m->engine, m->c, &pause, err) : 0;

	return r < 0 ? r : make_layer(m, ret, err);
}

/* ---- The configuration ---- */

/* The base image's document. An image that was removed by force leaves its layers alone. */
static int load_base(struct commit *m, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	int r = digest_parse(m->c->image_id, &m->base, err);

	if (r < 0)
		return r;
	r = image_get(m->images, &m->base, &image, &why);
	if (r < 0 && why.kind != HULL_ERROR_NOT_FOUND) {
		error_move(err, &why);
		return r;
	}
	m->has_base = r == 0;
	if (m->has_base) {
		char *text = arena_memdup(&m->arena, image->config_text, image->config_len + 1);
		return text ? oci_image_parse(&m->arena, text, image->config_len, m->c->image_id,
				      &m->image, err)
			    : error_no_memory(err);
	}
	struct oci_platform platform;
	r = oci_platform_host(&m->arena, &platform, err);
	m->image.os = platform.os;
	m->image.architecture = platform.architecture;
	m->image.variant = platform.variant;
	m->image.rootfs.type = (char *)"layers";
	strv_foreach (layer, m->c->layers)
		if (r == 0 && arena_strv_append(&m->arena, &m->image.rootfs.diff_ids, *layer) < 0)
			r = error_no_memory(err);
	return r;
}

/* What the container runs with is what containers of the image start with. */
static void take_container_config(struct commit *m)
{
	const struct container_config *from = m->c->config;
	struct oci_image_config *to = &m->image.config;

	to->user = from->user;
	to->env = from->env;
	to->entrypoint = from->entrypoint;
	to->cmd = from->cmd;
	to->working_dir = from->working_dir;
	to->labels = from->labels;
	to->n_labels = from->n_labels;
	to->stop_signal = from->stop_signal;
	to->stop_timeout = from->stop_timeout;
	/* Triggers are for the images built next, not for their descendants. */
	to->on_build = NULL;
}

static int add_history(struct commit *m, bool empty, struct hull_error *err)
{
	size_t n = m->image.n_history;
	struct oci_history *history = arena_array(&m->arena, n + 1, sizeof(*history));
	_cleanup_free_ char *command = m->c->config->cmd ? strv_join(m->c->config->cmd, " ") : NULL;
	char created[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(clock_realtime_ns(), created);
	m->image.created = arena_strdup(&m->arena, created);
	if (!history || !m->image.created)
		return error_no_memory(err);
	if (n > 0)
		memcpy(history, m->image.history, n * sizeof(*history));
	history[n] = (struct oci_history){
		.created = m->image.created,
		.created_by = command ? arena_strdup(&m->arena, command) : NULL,
		.author = (char *)m->options->author,
		.comment = (char *)m->options->message,
		.empty_layer = empty,
	};
	m->image.history = history;
	m->image.n_history = n + 1;
	return 0;
}

static int make_config(struct commit *m, struct hull_error *err)
{
	take_container_config(m);
	m->image.author = (char *)m->options->author;
	m->image.comment = (char *)m->options->message;
	m->image.docker_version = NULL;
	m->image.parent = NULL;
	m->image.container = m->c->id;
	strv_foreach (change, m->options->changes) {
		int r = image_config_change(&m->arena, &m->image.config, *change, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int create_image(struct commit *m, const struct digest *diff_id, struct digest *ret_id,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_CONFIG_MAX);
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	char layer[DIGEST_TEXT_SIZE];
	int r = add_history(m, !diff_id, err);

	if (r < 0)
		return r;
	if (diff_id && arena_strv_append(&m->arena, &m->image.rootfs.diff_ids,
			       digest_format(diff_id, layer)) < 0)
		return error_no_memory(err);
	json_struct(&w, &oci_image_table, &m->image);
	if (buf_error(&text) < 0)
		return error_set(err, HULL_ERROR_LIMIT, "the image's configuration is too large");
	return image_create(m->images, buf_str(&text), text.len, m->options->reference,
		m->has_base ? &m->base : NULL, ret_id, err);
}

static int commit(struct commit *m, struct digest *ret_id, struct hull_error *err)
{
	_cleanup_close_ int hold = -1;
	struct digest diff_id;
	int r = engine_images(m->engine, &m->images, err);

	/* What can be wrong is found before the container is frozen. */
	if (r == 0)
		r = image_hold(m->images, &hold, err);
	if (r == 0)
		r = load_base(m, err);
	if (r == 0)
		r = make_config(m, err);
	if (r == 0)
		r = make_layer_paused(m, &diff_id, err);
	return r < 0 ? r : create_image(m, r > 0 ? &diff_id : NULL, ret_id, err);
}

int container_commit(struct engine *engine, struct container *c,
	const struct commit_options *options, struct digest *ret_id, struct hull_error *err)
{
	struct commit m = {.engine = engine, .c = c, .options = options};
	int r = commit(&m, ret_id, err);

	arena_done(&m.arena);
	if (r < 0 && m.images)
		image_collect_garbage(m.images, NULL, NULL);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Import: a root file system's tar becomes an image of one layer. */
#include "image/store.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "registry/http.h"

#define CHUNK ((size_t)1 << 20)

static bool is_canceled(const struct image_import_options *options)
{
	return options->canceled && *options->canceled;
}

static int copy_layer(struct layer_ingest *ingest, int fd,
	const struct image_import_options *options, struct hull_error *err)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	int64_t total = 0;

	if (!chunk)
		return error_no_memory(err);
	for (;;) {
		/* Not a full chunk's worth of patience: a pipe may trickle. */
		ssize_t n = read(fd, chunk, CHUNK);

		if (is_canceled(options))
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "reading %s", options->source);
		if (n == 0)
			return 0;
		int r = layer_ingest_write(ingest, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		total += n;
		progress_event(&options->progress, NULL, "Importing", total, 0);
	}
}

/* ---- From a URL ---- */

struct download {
	struct layer_ingest *ingest;
	const struct image_import_options *options;
	int64_t total;
	struct hull_error error; /* of the layer */
};

static int on_body(void *data, const struct http_response *head, const void *p, size_t n)
{
	struct download *d = data;
	const char *length = http_header(head, "content-length");
	uint64_t size = 0;

	if (length && str_to_u64(length, &size) < 0)
		size = 0;
	d->total += (int64_t)n;
	progress_event(&d->options->progress, "import", "Downloading", d->total, (int64_t)size);
	return layer_ingest_write(d->ingest, p, n, &d->error);
}

static bool download_is_canceled(void *options)
{
	return is_canceled(options);
}

static int download_layer(struct layer_ingest *ingest, const struct image_import_options *options,
	struct hull_error *err)
{
	_cleanup_http_client_ struct http_client *client = NULL;
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct download d = {.ingest = ingest, .options = options, .error = HULL_ERROR_INIT};
	const struct http_cancel cancel = {download_is_canceled, (void *)options};
	const struct http_request request = {
		.url = options->source,
		.max_body = 65536,
		.sink = on_body,
		.sink_data = &d,
	};
	int r = http_client_new(&cancel, 0, &client, err);

	if (r == 0)
		r = http_perform(client, &request, &response, err);
	if (d.error.kind) {
		hull_error_done(err);
		error_move(err, &d.error);
		return -1;
	}
	if (r == 0 && response.status != 200)
		return error_set(err, HULL_ERROR_REMOTE, "the server answered with status %d",
			response.status);
	return r;
}

static int import_layer(struct image_store *store, int fd,
	const struct image_import_options *options, struct digest *ret, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *ingest = NULL;
	struct layer_ingest_options none = {0};
	struct layer_ingest_result result;
	int r = layer_ingest_begin(store->layers, &none, &ingest, err);

	if (r == 0)
		r = fd < 0 ? download_layer(ingest, options, err)
			   : copy_layer(ingest, fd, options, err);
	if (r == 0)
		r = layer_ingest_finish(TAKE_PTR(ingest), &result, err);
	if (r < 0 && err->kind != HULL_ERROR_CANCELED)
		return error_wrap(err, r, "%s", options->source);
	if (r == 0)
		*ret = result.diff_id;
	return r;
}

static int make_config(struct arena *arena, const struct image_import_options *options,
	const struct digest *diff_id, struct oci_image *image, struct hull_error *err)
{
	struct oci_platform platform;
	char created[CLOCK_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
	int r = options->platform ? oci_platform_parse(arena, options->platform, &platform, err)
				  : oci_platform_host(arena, &platform, err);

	if (r < 0)
		return r;
	clock_format_rfc3339(clock_realtime_ns(), created);
	*image = (struct oci_image){
		.created = arena_strdup(arena, created),
		.os = platform.os,
		.architecture = platform.architecture,
		.variant = platform.variant,
		.rootfs.type = (char *)"layers",
		.history = arena_new(arena, struct oci_history),
		.n_history = 1,
	};
	if (!image->created || !image->history ||
		arena_strv_append(arena, &image->rootfs.diff_ids, digest_format(diff_id, text)) < 0)
		return error_no_memory(err);
	image->history->created = image->created;
	image->history->comment =
		options->message ? arena_strdup(arena, options->message)
				 : arena_printf(arena, "Imported from %s", options->source);
	image->comment = image->history->comment;
	strv_foreach (change, options->changes) {
		r = image_config_change(arena, &image->config, *change, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int image_import(struct image_store *store, int fd, const struct image_import_options *given,
	struct digest *ret_id, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_CONFIG_MAX);
	_cleanup_close_ int hold = -1;
	struct image_import_options options = *given;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct digest diff_id = {0};
	struct oci_image image;

	if (!options.source)
		options.source = "-";
	/* What can be wrong without reading gigabytes is found first. */
	int r = make_config(&arena, &options, &diff_id, &image, err);
	if (r == 0)
		r = image_hold(store, &hold, err);
	if (r == 0)
		r = import_layer(store, fd, &options, &diff_id, err);
	if (r == 0)
		r = make_config(&arena, &options, &diff_id, &image, err);
	if (r == 0) {
		json_struct(&w, &oci_image_table, &image);
		r = buf_error(&text) < 0 ? error_no_memory(err)
					 : image_create(store, buf_str(&text), text.len,
						   options.reference, NULL, ret_id, err);
	}
	cleanup_closep(&hold);
	image_collect_garbage(store, NULL, NULL);
	return r;
}

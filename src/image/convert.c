/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each layer is packed into a kept blob. For eStargz the tar inside is a new one, so the blob is then
 * taken in like a layer from a registry, which proves on the way that it is one; and the configuration
 * gets the new diff ids, all else in it as it is.
 */
#include "image/convert.h"
#include "image/known-blob.h"
#include "image/store.h"

#include "base/fd.h"
#include "base/str.h"
#include "json/value.h"
#include "layer/estargz.h"

#include <fcntl.h>
#include <sys/stat.h>

#define READ_SIZE ((size_t)1 << 20)

struct convert {
	struct image_store *store;
	const struct image *image;
	const struct image_convert_options *options;
	struct arena arena;
	struct image_layer *layers;
	struct estargz_result *tables; /* of each layer, for estargz */
	struct buf config;
	struct digest id;
};

/* ---- One layer ---- */

struct packing {
	struct kept_blob *blob;
	struct digest_hash *hash;
	int64_t size;
};

static int on_packed(void *arg, const void *data, size_t n, struct hull_error *err)
{
	struct packing *p = arg;

	digest_hash_update(p->hash, data, n);
	p->size += (int64_t)n;
	return kept_blob_write(p->blob, data, n, err);
}

static int compress_tar(struct convert *c, int tar_fd, const char *id, struct packing *packing,
	struct hull_error *err)
{
	_cleanup_compressor_ struct compressor *compressor = NULL;
	_cleanup_free_ char *chunk = malloc(READ_SIZE);
	struct stat st;
	off_t at = 0;

	if (!chunk)
		return error_no_memory(err);
	if (fstat(tar_fd, &st) < 0)
		return error_errno(err, errno, "layer %s", id);
	int r = compressor_new(
		c->options->compression, c->options->level, on_packed, packing, &compressor, err);
	while (r == 0) {
		ssize_t n = pread(tar_fd, chunk, READ_SIZE, at);

		if (c->options->canceled && *c->options->canceled)
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "layer %s", id);
		if (n == 0)
			return compressor_end(compressor, err);
		r = compressor_write(compressor, chunk, (size_t)n, err);
		at += n;
		progress_event(&c->options->progress, id, "Converting", at, st.st_size);
	}
	return r;
}

static int pack_layer(struct convert *c, size_t i, struct digest *ret_blob, struct hull_error *err)
{
	_cleanup_(kept_blob_done) struct kept_blob blob = KEPT_BLOB_INIT;
	_cleanup_digest_hash_ struct digest_hash *hash = NULL;
	_cleanup_close_ int tar_fd = -1;
	struct packing packing = {.blob = &blob};
	char id[13];
	int r = layer_open_tar(c->store->layers, &c->image->layers[i].diff_id, &tar_fd, err);

	short_id(&c->image->layers[i].diff_id, id);
	if (r == 0)
		r = digest_hash_new(DIGEST_SHA256, &hash, err);
	if (r == 0)
		r = kept_blob_begin(c->store, &blob, err);
	packing.hash = hash;
	if (r == 0 && c->options->estargz)
		progress_event(&c->options->progress, id, "Converting", 0, 0);
	if (r == 0)
		r = c->options->estargz
			    ? estargz_write(tar_fd, c->options->level, on_packed, &packing,
				      c->options->canceled, &c->tables[i], err)
			    : compress_tar(c, tar_fd, id, &packing, err);
	if (r == 0)
		r = digest_hash_finish(hash, ret_blob, err);
	if (r == 0)
		r = kept_blob_finish(&blob, ret_blob, err);
	c->layers[i].blob_size = packing.size;
	if (r == 0)
		progress_event(&c->options->progress, id, "Converted", 0, 0);
	return r < 0 ? error_wrap(err, r, "layer %s", id) : 0;
}

/* The new tar becomes a layer of the store. */
static int ingest_blob(struct convert *c, struct image_layer *layer, const struct digest *blob,
	struct hull_error *err)
{
	const struct layer_ingest_options options = {.blob_digest = blob};
	struct layer_ingest_result result;
	_cleanup_close_ int fd = -1;
	int r = kept_blob_open(c->store, blob, layer->blob_size, &fd, err);

	if (r == 0)
		return error_set(err, HULL_ERROR_IO, "a blob that was just written is gone");
	if (r > 0)
		r = layer_ingest_fd(c->store->layers, fd, &options, &result, err);
	if (r < 0)
		return r;
	layer->diff_id = result.diff_id;
	layer->content_size = (int64_t)result.content_bytes;
	return 0;
}

static const char *media_type(const struct image_convert_options *options)
{
	if (options->compression == COMPRESS_ZSTD)
		return OCI_MEDIA_LAYER_ZSTD;
	return options->compression == COMPRESS_GZIP ? OCI_MEDIA_LAYER_GZIP : OCI_MEDIA_LAYER;
}

static int convert_layer(struct convert *c, size_t i, struct hull_error *err)
{
	struct image_layer *layer = &c->layers[i];
	char text[DIGEST_TEXT_SIZE];
	struct digest blob;
	int r;

	*layer = c->image->layers[i];
	/* An image may have a layer more than once. */
	for (size_t j = 0; j < i; j++)
		if (digest_equal(&c->image->layers[j].diff_id, &layer->diff_id)) {
			*layer = c->layers[j];
			c->tables[i] = c->tables[j];
			return 0;
		}
	r = pack_layer(c, i, &blob, err);
	if (r == 0 && c->options->estargz)
		r = ingest_blob(c, layer, &blob, err);
	if (r < 0)
		return r;
	layer->blob_digest = arena_strdup(&c->arena, digest_format(&blob, text));
	layer->blob_proven = true;
	layer->media_type = (char *)media_type(c->options);
	return layer->blob_digest ? 0 : error_no_memory(err);
}

/* ---- The configuration ---- */

static void write_diff_ids(struct convert *c, struct json_writer *w)
{
	char text[DIGEST_TEXT_SIZE];

	json_begin_object(w);
	json_key(w, "type");
	json_string(w, "layers");
	json_key(w, "diff_ids");
	json_begin_array(w);
	for (size_t i = 0; i < c->image->n_layers; i++)
		json_string(w, digest_format(&c->layers[i].diff_id, text));
	json_end_array(w);
	json_end_object(w);
}

/* Everything as it was, also what we do not know, but for the layers. */
static int make_config(struct convert *c, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(&c->config, 0);
	const struct json_limits limits = {OCI_CONFIG_MAX, JSON_DEPTH_DEFAULT};
	struct json_value config;

	if (!c->options->estargz) {
		c->id = c->image->id;
		buf_append(&c->config, c->image->config_text, c->image->config_len);
		return buf_error(&c->config) < 0 ? error_no_memory(err) : 0;
	}
	int r = json_value_parse(&c->arena, &config, c->image->config_text, c->image->config_len,
		&limits, c->image->id_text, err);
	if (r < 0)
		return r;
	json_begin_object(&w);
	for (size_t i = 0; i < config.count; i++) {
		json_key(&w, config.items[i].key);
		if (str_eq(config.items[i].key, "rootfs"))
			write_diff_ids(c, &w);
		else
			json_value_write(&w, &config.items[i]);
	}
	json_end_object(&w);
	if (buf_error(&c->config) < 0)
		return error_no_memory(err);
	return digest_of(DIGEST_SHA256, buf_str(&c->config), c->config.len, &c->id, err);
}

/* ---- The manifest ---- */

static void begin_descriptor(
	struct json_writer *w, const char *type, const char *digest, int64_t size)
{
	json_begin_object(w);
	json_key(w, "mediaType");
	json_string(w, type);
	json_key(w, "digest");
	json_string(w, digest);
	json_key(w, "size");
	json_i64(w, size);
}

static void write_layer(struct convert *c, struct json_writer *w, size_t i)
{
	const struct image_layer *layer = &c->layers[i];
	char toc[DIGEST_TEXT_SIZE], size[24];

	begin_descriptor(w, layer->media_type, layer->blob_digest, layer->blob_size);
	if (c->options->estargz) {
		json_key(w, "annotations");
		json_begin_object(w);
		json_key(w, ESTARGZ_ANNOTATION_TOC);
		json_string(w, digest_format(&c->tables[i].toc, toc));
		snprintf(size, sizeof(size), "%llu", (unsigned long long)c->tables[i].tar_bytes);
		json_key(w, ESTARGZ_ANNOTATION_SIZE);
		json_string(w, size);
		json_end_object(w);
	}
	json_end_object(w);
}

static int make_manifest(
	struct convert *c, struct buf *text, struct digest *ret, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);
	char id[DIGEST_TEXT_SIZE];

	json_begin_object(&w);
	json_key(&w, "schemaVersion");
	json_i64(&w, 2);
	json_key(&w, "mediaType");
	json_string(&w, OCI_MEDIA_MANIFEST);
	json_key(&w, "config");
	begin_descriptor(&w, OCI_MEDIA_CONFIG, digest_format(&c->id, id), (int64_t)c->config.len);
	json_end_object(&w);
	json_key(&w, "layers");
	json_begin_array(&w);
	for (size_t i = 0; i < c->image->n_layers; i++)
		write_layer(c, &w, i);
	json_end_array(&w);
	json_end_object(&w);
	if (buf_error(text) < 0)
		return error_no_memory(err);
	return digest_of(DIGEST_SHA256, buf_str(text), text->len, ret, err);
}

static int record(struct convert *c, const char *name, struct hull_error *err)
{
	_cleanup_buf_ struct buf manifest = BUF_INIT_MAX(OCI_MANIFEST_MAX);
	char digest_text[DIGEST_TEXT_SIZE];
	struct digest digest;
	struct oci_image config;
	char *names[] = {(char *)name, NULL};
	int r = make_manifest(c, &manifest, &digest, err);

	if (r == 0)
		r = oci_image_parse(&c->arena, buf_str(&c->config), c->config.len, "image config",
			&config, err);
	if (r == 0)
		r = blob_write(c->store, &digest, buf_str(&manifest), manifest.len, err);
	if (r == 0)
		r = blob_write(c->store, &c->id, buf_str(&c->config), c->config.len, err);
	const struct image_record rec = {
		.id = c->id,
		.config = &config,
		.config_media_type = OCI_MEDIA_CONFIG,
		.manifest_digest = digest_format(&digest, digest_text),
		.manifest_media_type = OCI_MEDIA_MANIFEST,
		.layers = c->layers,
		.n_layers = c->image->n_layers,
		.names = names,
	};
	return r < 0 ? r : image_record_insert(c->store, &rec, err);
}

static int convert(struct convert *c, const char *name, struct hull_error *err)
{
	_cleanup_close_ int hold = -1;
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	size_t n = c->image->n_layers;
	int r = reference_parse(name, &ref, err);

	if (r == 0 && ref.has_digest)
		r = error_set(err, HULL_ERROR_INVALID, "cannot name an image by a digest");
	if (r < 0)
		return r;
	if (reference_set_default_tag(&ref) < 0)
		return error_no_memory(err);
	_cleanup_free_ char *full = reference_tagged(&ref);
	c->layers = arena_array(&c->arena, n + 1, sizeof(*c->layers));
	c->tables = arena_array(&c->arena, n + 1, sizeof(*c->tables));
	if (!full || !c->layers || !c->tables)
		return error_no_memory(err);
	r = image_hold(c->store, &hold, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = convert_layer(c, i, err);
	if (r == 0)
		r = make_config(c, err);
	return r < 0 ? r : record(c, full, err);
}

int image_convert(struct image_store *store, const struct image *image, const char *name,
	const struct image_convert_options *options, struct digest *ret_id, struct hull_error *err)
{
	struct convert c = {
		.store = store,
		.image = image,
		.options = options,
		.config = BUF_INIT_MAX(OCI_CONFIG_MAX),
	};
	int r = convert(&c, name, err);

	if (r == 0)
		*ret_id = c.id;
	arena_done(&c.arena);
	buf_done(&c.config);
	/* What an image was packed as before, or what was packed for nothing. */
	image_collect_garbage(store, NULL, NULL);
	return r;
}

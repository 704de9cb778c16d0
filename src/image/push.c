/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push: layers, config, manifest, index, tag, in this order, so that nothing in the registry names
 * what is not there. A manifest that an image came with goes out bit for bit as long as all its
 * layers can go in the form they came in; see push-layer.c for when they can.
 */
#include "image/push.h"

#include "base/clock.h"
#include "base/str.h"

static bool user_canceled(void *data)
{
	const struct image_push_options *options = data;

	return options->canceled && *options->canceled;
}

static int prepare(struct push *p, const char *name, struct hull_error *err)
{
	const struct image_push_options *options = p->options;
	int r = reference_parse(name, &p->ref, err);

	if (r < 0)
		return r;
	if (p->ref.has_digest)
		return error_set(err, HULL_ERROR_INVALID, "cannot push a digest reference");
	if (reference_set_default_tag(&p->ref) < 0 || !(p->repository = reference_name(&p->ref)))
		return error_no_memory(err);
	if (options->compression) {
		r = compress_form_parse(options->compression, &p->form, err);
		if (r < 0)
			return r;
		p->form_given = true;
	}
	p->cancel = (struct http_cancel){user_canceled, (void *)options};
	r = registry_connect(&p->ref, &options->registry, (struct http_cancel){push_canceled, p},
		true, &p->registry, err);
	return r < 0 ? r : image_hold(p->store, &p->hold_fd, err);
}

/* The image that the name means here, of the platform asked for. */
static int find_image(struct push *p, struct image **ret, struct hull_error *err)
{
	_cleanup_free_ char *full = reference_tagged(&p->ref);
	struct oci_platform want, have;
	struct digest id;
	int r = full ? image_name_find(p->store, full, &id, err) : error_no_memory(err);

	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"An image does not exist locally with the tag: %s",
			reference_familiar(full));
	if (r > 0)
		r = image_get(p->store, &id, ret, err);
	if (r < 0 || !p->options->platform)
		return r;
	r = oci_platform_parse(&p->arena, p->options->platform, &want, err);
	if (r < 0)
		return r;
	have = (struct oci_platform){
		.os = (*ret)->os, .architecture = (*ret)->architecture, .variant = (*ret)->variant};
	if (oci_platform_rank(&want, &have) >= 0)
		return 0;
	_cleanup_free_ char *is = oci_platform_format(&have);
	return error_set(err, HULL_ERROR_NOT_FOUND, "%s is of platform %s, not %s",
		reference_familiar(full), is ? is : "", p->options->platform);
}

/* ---- One image ---- */

/* The manifest that the image came with, if it is kept and names the layers in their order. */
static int read_manifest(struct push *p, const struct image *image, struct push_document *ret,
	struct oci_manifest *manifest, struct hull_error *err)
{
	if (!image->manifest_digest)
		return 0;
	int r = digest_parse(image->manifest_digest, &ret->digest, err);
	if (r == 0)
		r = blob_read_verified(p->store, &ret->digest, OCI_MANIFEST_MAX, &ret->body, err);
	if (r <= 0)
		return r;
	r = oci_manifest_parse(&p->arena, buf_str(&ret->body), ret->body.len,
		image->manifest_digest, manifest, err);
	if (r < 0)
		return r;
	return manifest->n_layers == image->n_layers;
}

static int plan_layer(struct push *p, const struct image *image, size_t i,
	const struct oci_manifest *manifest, struct hull_error *err)
{
	struct push_layer *l = &p->layers[i];

	l->diff_id = image->diff_ids[i];
	short_id(&l->diff_id, l->id);
	for (size_t j = 0; j < i && !l->repeated; j++) {
		l->repeated = digest_equal(&p->layers[j].diff_id, &l->diff_id);
		l->first = j;
	}
	if (manifest) {
		const struct oci_descriptor *d = &manifest->layers[i];
		const char *type = d->media_type ? d->media_type : OCI_MEDIA_LAYER_GZIP;

		l->original = (struct known_blob){
			.digest = d->digest, .size = d->size, .media_type = (char *)type};
		l->foreign = oci_media_kind(type) == OCI_KIND_FOREIGN_LAYER;
	}
	return known_blobs_find(p->store, &p->arena, &l->diff_id, &l->known, &l->n_known, err);
}

static int plan_layers(struct push *p, const struct image *image,
	const struct oci_manifest *manifest, struct hull_error *err)
{
	size_t n = image->n_layers;

	p->n_layers = n;
	p->layers = arena_array(&p->arena, n ? n : 1, sizeof(*p->layers));
	if (!p->layers)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		int r = plan_layer(p, image, i, manifest, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Docker's own types for a layer in Docker's own manifest. */
static char *docker_layer_type(const char *type)
{
	if (str_eq(type, OCI_MEDIA_LAYER_GZIP))
		return (char *)DOCKER_MEDIA_LAYER_GZIP;
	if (str_eq(type, OCI_MEDIA_LAYER))
		return (char *)DOCKER_MEDIA_LAYER;
	return (char *)type;
}

static char *oci_layer_type(const char *type)
{
	if (str_eq(type, DOCKER_MEDIA_LAYER_GZIP))
		return (char *)OCI_MEDIA_LAYER_GZIP;
	if (str_eq(type, DOCKER_MEDIA_LAYER))
		return (char *)OCI_MEDIA_LAYER;
	return (char *)type;
}

/* zstd is not among the types that Docker's manifest knows. */
static bool stays_docker(const struct push *p, const struct oci_manifest *original)
{
	if (!original || !str_eq(original->media_type, DOCKER_MEDIA_MANIFEST))
		return false;
	for (size_t i = 0; i < p->n_layers; i++)
		if (str_ends_with(p->layers[i].blob.media_type, "zstd"))
			return false;
	return true;
}

/* A manifest for the layers as they are at the target now. */
static int make_manifest(struct push *p, const struct image *image,
	const struct oci_manifest *original, struct push_document *ret, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(&ret->body, 0);
	bool docker = stays_docker(p, original);
	struct oci_descriptor *layers =
		arena_array(&p->arena, p->n_layers ? p->n_layers : 1, sizeof(*layers));
	struct oci_manifest manifest = {
		.schema_version = 2,
		.config =
			{
				.media_type =
					(char *)(docker ? DOCKER_MEDIA_CONFIG : OCI_MEDIA_CONFIG),
				.digest = (char *)image->id_text,
				.size = (int64_t)image->config_len,
			},
		.layers = layers,
		.n_layers = p->n_layers,
	};

	if (!layers)
		return error_no_memory(err);
	if (original) {
		manifest.annotations = original->annotations;
		manifest.n_annotations = original->n_annotations;
	}
	manifest.media_type = (char *)(docker ? DOCKER_MEDIA_MANIFEST : OCI_MEDIA_MANIFEST);
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct push_layer *l = &p->layers[i];

		if (original)
			layers[i] = original->layers[i];
		layers[i].digest = l->blob.digest;
		layers[i].size = l->blob.size;
		layers[i].media_type = docker ? docker_layer_type(l->blob.media_type)
					      : oci_layer_type(l->blob.media_type);
		/* What was said of the other bytes: where a part of them is, for one. */
		if (l->changed) {
			layers[i].n_annotations = 0;
			layers[i].urls = NULL;
		}
	}
	buf_reset(&ret->body);
	json_struct(&w, &oci_manifest_table, &manifest);
	if (buf_error(&ret->body) < 0)
		return error_no_memory(err);
	ret->media_type = manifest.media_type;
	ret->changed = true;
	return digest_of(DIGEST_SHA256, ret->body.data, ret->body.len, &ret->digest, err);
}

static bool layers_changed(const struct push *p)
{
	for (size_t i = 0; i < p->n_layers; i++)
		if (p->layers[i].changed)
			return true;
	return false;
}

/* So that the next push finds them, here or in another repository. */
static int remember_blobs(struct push *p, struct hull_error *err)
{
	struct image_layer *layers =
		arena_array(&p->arena, p->n_layers ? p->n_layers : 1, sizeof(*layers));

	if (!layers)
		return error_no_memory(err);
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct push_layer *l = &p->layers[i];

		if (!l->foreign)
			layers[i] = (struct image_layer){
				.diff_id = l->diff_id,
				.blob_digest = l->blob.digest,
				.blob_size = l->blob.size,
				.media_type = l->blob.media_type,
				.blob_proven = l->packed,
			};
	}
	return known_blobs_insert(p->store, p->repository, layers, p->n_layers, err);
}

int push_image_content(struct push *p, const struct image *image, struct push_document *ret,
	struct hull_error *err)
{
	struct oci_manifest manifest = {0};
	int kept = read_manifest(p, image, ret, &manifest, err);
	int r = kept < 0 ? kept : plan_layers(p, image, kept ? &manifest : NULL, err);

	if (r == 0)
		r = push_layers(p, err);
	if (r == 0)
		r = remember_blobs(p, err);
	if (r == 0)
		r = push_small_blob(p, &image->id, image->config_text, image->config_len, err);
	if (r < 0)
		return r;
	if (!kept || layers_changed(p))
		return make_manifest(p, image, kept ? &manifest : NULL, ret, err);
	ret->media_type = manifest.media_type ? manifest.media_type : image->manifest_media_type;
	return 0;
}

/* ---- The name ---- */

/* "repo@digest" is one more name of the image, and its document is kept under it. */
static int record(struct push *p, const struct image *image, const struct push_document *document,
	struct hull_error *err)
{
	struct reference digested = p->ref;

	digested.tag = NULL;
	digested.has_digest = true;
	digested.digest = document->digest;
	_cleanup_free_ char *name = reference_digested(&digested);
	int r = name ? blob_write(p->store, &document->digest, buf_str(&document->body),
			       document->body.len, err)
		     : error_no_memory(err);
	if (r < 0)
		return r;
	/* Only if the image is still there: one statement, no race with its removal. */
	return metadata_exec(p->store->md, err,
		"INSERT INTO image_name (name, image_id, added) SELECT ?1, id, ?3 FROM image"
		" WHERE id = ?2 ON CONFLICT (name) DO UPDATE SET image_id = ?2, added = ?3"
		" WHERE image_id <> ?2",
		"tti", name, image->id_text, clock_realtime_ns());
}

static int push(
	struct push *p, const char *name, struct image_push_result *result, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct push_document document = {.body = BUF_INIT_MAX(OCI_MANIFEST_MAX + 1)};
	bool incomplete = false;
	int r = prepare(p, name, err);

	if (r == 0)
		r = find_image(p, &image, err);
	if (r == 0) {
		progress_eventf(&p->options->progress, NULL, "The push refers to repository [%s]",
			p->repository);
		r = p->options->platform || p->form_given
			    ? 0
			    : push_index(p, image, &document, &incomplete, err);
	}
	if (r == 0) {
		buf_done(&document.body);
		document.body.max = OCI_MANIFEST_MAX + 1;
		r = push_image_content(p, image, &document, err);
	}
	if (r >= 0)
		r = registry_put_manifest(p->registry, p->ref.tag, document.media_type,
			buf_str(&document.body), document.body.len, &document.digest, err);
	if (r >= 0)
		r = record(p, image, &document, err);
	if (r >= 0) {
		digest_format(&document.digest, result->digest);
		result->size = document.body.len;
		result->platform_only = incomplete;
		result->packed_again = document.changed && image->manifest_digest && !p->form_given;
		registry_tell_warnings(p->registry, &p->options->progress);
		progress_eventf(&p->options->progress, NULL, "%s: digest: %s size: %zu", p->ref.tag,
			result->digest, result->size);
	}
	buf_done(&document.body);
	return r < 0 ? r : 0;
}

int image_push(struct image_store *store, const char *name,
	const struct image_push_options *options, struct image_push_result *ret,
	struct hull_error *err)
{
	struct push p = {
		.store = store,
		.options = options,
		.ref = REFERENCE_INIT,
		.hold_fd = -1,
		.error = HULL_ERROR_INIT,
	};

	*ret = (struct image_push_result){0};
	pthread_mutex_init(&p.lock, NULL);
	int r = push(&p, name, ret, err);
	pthread_mutex_destroy(&p.lock);
	hull_error_done(&p.error);
	registry_close(p.registry);
	cleanup_closep(&p.hold_fd);
	free(p.repository);
	reference_done(&p.ref);
	arena_done(&p.arena);
	return r;
}

int image_repository_tags(
	struct image_store *store, const char *repository, char ***ret, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = reference_parse(repository, &ref, err);

	if (r < 0)
		return r;
	if (ref.tag || ref.has_digest)
		return error_set(err, HULL_ERROR_INVALID, "tag can't be used with --all-tags/-a");
	_cleanup_free_ char *prefix = str_printf("%s/%s:", ref.domain, ref.path);
	if (!prefix)
		return error_no_memory(err);
	r = metadata_query(store->md, &q, err,
		"SELECT name FROM image_name WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
		"t", prefix);
	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		const char *tag = metadata_text(q, 0) + strlen(prefix);

		r = reference_tag_is_valid(tag) && strv_append(ret, tag) < 0 ? error_no_memory(err)
									     : 0;
	}
	return r;
}

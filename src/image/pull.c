/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pull: reference -> document (through indexes, by platform) -> config -> missing layers -> row.
 *
 * What is verified where: documents by src/registry against the digest they were asked for by, or
 * the one the registry announces; the config against the manifest; layers by the ingest, blob
 * digest and diff id. Documents are written first and the row last, so an image that is visible
 * is whole. From before the first look at what is here until the row is written the store is held,
 * so that nothing that this pull counts on is collected.
 */
#include "image/fetch.h"
#include "image/known-blob.h"
#include "image/connect.h"

#include "base/str.h"

#define MAX_INDEX_DEPTH	  4
#define DEFAULT_DOWNLOADS 3

struct document {
	struct registry_document content;
	enum oci_media_kind kind;
};

struct pull {
	struct image_store *store;
	const struct image_pull_options *options;
	struct reference ref;
	struct oci_platform platform;
	struct arena arena;
	struct registry *registry;
	struct layer_fetch fetch;
	struct http_cancel cancel; /* the user's */

	struct document top;	/* what the reference names: index or manifest */
	struct document chosen; /* the manifest, if top is an index */
	const struct registry_document *manifest_document;
	struct oci_manifest manifest;
	struct buf config_text;
	struct digest id;
	struct oci_image config;
	struct image_layer *layers;

	int hold_fd;
	int lock_fd;
};

static void pull_done(struct pull *p)
{
	pull_unlock(p->store, &p->manifest_document->digest, p->lock_fd);
	cleanup_closep(&p->hold_fd);
	registry_close(p->registry);
	registry_document_done(&p->top.content);
	registry_document_done(&p->chosen.content);
	buf_done(&p->config_text);
	reference_done(&p->ref);
	arena_done(&p->arena);
}

void image_pull_result_done(struct image_pull_result *result)
{
	free(result->name);
	*result = (struct image_pull_result){0};
}

static bool user_canceled(void *data)
{
	const struct image_pull_options *options = data;

	return options->canceled && *options->canceled;
}

static int pull_prepare(struct pull *p, const char *name, struct hull_error *err)
{
	const struct image_pull_options *options = p->options;
	int r = reference_parse(name, &p->ref, err);

	if (r < 0)
		return r;
	if (reference_set_default_tag(&p->ref) < 0)
		return error_no_memory(err);
	r = options->platform ? oci_platform_parse(&p->arena, options->platform, &p->platform, err)
			      : oci_platform_host(&p->arena, &p->platform, err);
	if (r < 0)
		return r;
	p->cancel = (struct http_cancel){user_canceled, (void *)options};
	p->fetch.cancel = &p->cancel;
	r = registry_connect(&p->ref, &options->registry,
		(struct http_cancel){layer_fetch_canceled, &p->fetch}, false, &p->registry, err);
	return r < 0 ? r : image_hold(p->store, &p->hold_fd, err);
}

/* The tag, or the whole name with its digest: what docker puts before "Pulling from". */
static int announce(struct pull *p, struct hull_error *err)
{
	_cleanup_free_ char *full = p->ref.has_digest ? reference_digested(&p->ref) : NULL;

	if (p->ref.has_digest && !full)
		return error_no_memory(err);
	progress_eventf(
		&p->options->progress, full ? full : p->ref.tag, "Pulling from %s", p->ref.path);
	return 0;
}

static int fetch_top(struct pull *p, struct hull_error *err)
{
	struct registry_document *document = &p->top.content;
	int r = registry_get_manifest(
		p->registry, p->ref.tag, p->ref.has_digest ? &p->ref.digest : NULL, document, err);

	if (r < 0)
		return r;
	return oci_document_kind(buf_str(&document->body), document->body.len, document->media_type,
		"manifest", &p->top.kind, err);
}

/* The document of an index's entry, from here if it was pulled before. */
static int fetch_entry(struct pull *p, const struct oci_descriptor *entry, struct document *ret,
	struct hull_error *err)
{
	struct registry_document *document = &ret->content;
	struct digest digest;
	int r = digest_parse(entry->digest, &digest, err);

	if (r < 0)
		return r;
	r = blob_read_verified(p->store, &digest, OCI_MANIFEST_MAX, &document->body, err);
	if (r > 0)
		document->digest = digest;
	else if (r == 0)
		r = registry_get_manifest(p->registry, NULL, &digest, document, err);
	if (r < 0)
		return r;
	if (entry->size != (int64_t)document->body.len)
		return error_set(err, HULL_ERROR_INVALID,
			"manifest %s: %zu bytes, the index says %lld", entry->digest,
			document->body.len, (long long)entry->size);
	r = oci_document_kind(buf_str(&document->body), document->body.len, document->media_type,
		entry->digest, &ret->kind, err);
	if (r == 0 && entry->media_type)
		r = oci_document_kind(buf_str(&document->body), document->body.len,
			entry->media_type, entry->digest, &ret->kind, err);
	return r;
}

static int no_matching_platform(struct pull *p, struct hull_error *err)
{
	_cleanup_free_ char *platform = oci_platform_format(&p->platform);

	return error_set(err, HULL_ERROR_NOT_FOUND,
		"no matching manifest for %s in the manifest list entries",
		platform ? platform : "this platform");
}

/* From the top document down to a manifest. */
static int choose_manifest(struct pull *p, struct hull_error *err)
{
	const struct document *at = &p->top;

	for (int depth = 0; at->kind == OCI_KIND_INDEX; depth++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		struct document next = {.content = REGISTRY_DOCUMENT_INIT};
		struct oci_index index;
		int r = oci_index_parse(&arena, buf_str(&at->content.body), at->content.body.len,
			"index", &index, err);

		if (r < 0)
			return r;
		const struct oci_descriptor *entry = oci_index_select(&index, &p->platform);
		if (!entry)
			return no_matching_platform(p, err);
		if (depth == MAX_INDEX_DEPTH)
			return error_set(err, HULL_ERROR_LIMIT, "indexes nested too deeply");
		r = fetch_entry(p, entry, &next, err);
		registry_document_done(&p->chosen.content);
		p->chosen = next;
		if (r < 0)
			return r;
		at = &p->chosen;
	}
	p->manifest_document = &at->content;
	return oci_manifest_parse(&p->arena, buf_str(&at->content.body), at->content.body.len,
		"manifest", &p->manifest, err);
}

static int fetch_config(struct pull *p, struct hull_error *err)
{
	const struct oci_descriptor *config = &p->manifest.config;

	if (config->media_type && oci_media_kind(config->media_type) != OCI_KIND_CONFIG)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"not a container image: its config is of type %.100s", config->media_type);
	int r = digest_parse(config->digest, &p->id, err);
	if (r < 0)
		return r;
	r = blob_read_verified(p->store, &p->id, OCI_CONFIG_MAX, &p->config_text, err);
	if (r == 0)
		r = registry_get_small_blob(
			p->registry, &p->id, config->size, OCI_CONFIG_MAX, &p->config_text, err);
	if (r < 0)
		return error_wrap(err, r, "image config");
	return oci_image_parse(&p->arena, buf_str(&p->config_text), p->config_text.len,
		"image config", &p->config, err);
}

/* A manifest that stands alone must be for the platform that was asked for by name. */
static int check_platform(struct pull *p, struct hull_error *err)
{
	struct oci_platform have = {
		.os = p->config.os,
		.architecture = p->config.architecture,
		.variant = p->config.variant,
	};

	if (!p->options->platform || oci_platform_rank(&p->platform, &have) >= 0)
		return 0;
	oci_platform_normalize(&have);
	_cleanup_free_ char *wanted = oci_platform_format(&p->platform);
	_cleanup_free_ char *actual = oci_platform_format(&have);
	return error_set(err, HULL_ERROR_NOT_FOUND,
		"the image does not match the specified platform: wanted %s, actual: %s",
		wanted ? wanted : "", actual ? actual : "");
}

static int check_layer_type(const struct oci_descriptor *layer, struct hull_error *err)
{
	enum oci_media_kind kind = oci_media_kind(layer->media_type);

	if (kind == OCI_KIND_LAYER || kind == OCI_KIND_FOREIGN_LAYER || !layer->media_type)
		return 0;
	return error_set(err, HULL_ERROR_UNSUPPORTED, "layer %s: type %.100s is not supported",
		layer->digest, layer->media_type);
}

/* The same layer twice in one image (empty ones mostly) is fetched once. */
static bool is_repeated(const struct layer_job *jobs, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (digest_equal(&jobs[j].diff_id, &jobs[i].diff_id))
			return true;
	return false;
}

static int plan_layers(struct pull *p, struct hull_error *err)
{
	size_t n = p->manifest.n_layers;
	struct layer_job *jobs = arena_array(&p->arena, n ? n : 1, sizeof(*jobs));

	if (!jobs)
		return error_no_memory(err);
	if (strv_length(p->config.rootfs.diff_ids) != n)
		return error_set(err, HULL_ERROR_INVALID,
			"manifest and config disagree: %zu layers, %zu diff ids", n,
			strv_length(p->config.rootfs.diff_ids));
	for (size_t i = 0; i < n; i++) {
		struct layer_job *job = &jobs[i];

		job->descriptor = &p->manifest.layers[i];
		int r = check_layer_type(job->descriptor, err);
		if (r == 0)
			r = digest_parse(job->descriptor->digest, &job->blob, err);
		if (r == 0)
			r = digest_parse(p->config.rootfs.diff_ids[i], &job->diff_id, err);
		if (r < 0)
			return r;
		short_id(&job->blob, job->id);
		job->keep = p->options->keep_blobs && !digest_equal(&job->blob, &job->diff_id);
		job->needed = !is_repeated(jobs, i) &&
			      (!layer_store_has(p->store->layers, &job->diff_id) ||
				      (job->keep && !blob_exists(p->store, &job->blob)));
	}
	p->fetch.jobs = jobs;
	p->fetch.n_jobs = n;
	return 0;
}

static bool has_needed_layer(const struct pull *p)
{
	for (size_t i = 0; i < p->fetch.n_jobs; i++)
		if (p->fetch.jobs[i].needed)
			return true;
	return false;
}

static void announce_layers(struct pull *p)
{
	for (size_t i = 0; i < p->fetch.n_jobs; i++) {
		const struct layer_job *job = &p->fetch.jobs[i];

		if (is_repeated(p->fetch.jobs, i) && job->needed)
			continue;
		progress_event(&p->options->progress, job->id,
			job->needed ? "Pulling fs layer" : "Already exists", 0, 0);
	}
}

static int fetch_layers(struct pull *p, struct hull_error *err)
{
	unsigned int most = p->options->max_downloads;

	p->fetch.store = p->store;
	p->fetch.registry = p->registry;
	p->fetch.progress = &p->options->progress;
	p->fetch.max_threads = most ? most : DEFAULT_DOWNLOADS;
	announce_layers(p);
	return layer_fetch_run(&p->fetch, err);
}

/* What the rows say of each layer. */
static int describe_layers(struct pull *p, struct hull_error *err)
{
	size_t n = p->fetch.n_jobs;

	p->layers = arena_array(&p->arena, n ? n : 1, sizeof(*p->layers));
	if (!p->layers)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct layer_job *job = &p->fetch.jobs[i];
		struct layer_info info = {0};
		int r = layer_store_info(p->store->layers, &job->diff_id, &info, err);

		if (r < 0)
			return r;
		p->layers[i] = (struct image_layer){
			.diff_id = job->diff_id,
			.blob_digest = job->descriptor->digest,
			.blob_size = job->descriptor->size,
			.media_type = job->descriptor->media_type,
			.content_size = (int64_t)info.content_bytes,
			.blob_proven = job->needed,
		};
	}
	return 0;
}

/* "repo:tag" unless a digest was asked for, and "repo@digest of the top document". */
static int name_image(
	struct pull *p, char ***names, struct image_pull_result *result, struct hull_error *err)
{
	struct reference digested = p->ref;

	digested.has_digest = true;
	digested.digest = p->top.content.digest;
	char *by_digest = reference_digested(&digested);
	char *by_tag = p->ref.has_digest ? NULL : reference_tagged(&p->ref);
	if (!by_digest || (!p->ref.has_digest && !by_tag)) {
		free(by_digest);
		free(by_tag);
		return error_no_memory(err);
	}
	result->name = strdup(by_tag ? by_tag : by_digest);
	int r = strv_append_take(names, by_digest);
	if (by_tag) {
		int r2 = strv_append_take(names, by_tag);
		r = r < 0 ? r : r2;
	}
	return r < 0 || !result->name ? error_no_memory(err) : 0;
}

static int all_names_lead_here(struct pull *p, char *const *names, struct hull_error *err)
{
	strv_foreach (name, names) {
		struct digest id;
		int r = image_name_find(p->store, *name, &id, err);

		if (r <= 0)
			return r;
		if (!digest_equal(&id, &p->id))
			return 0;
	}
	return 1;
}

static int write_documents(struct pull *p, struct hull_error *err)
{
	const struct registry_document *top = &p->top.content, *manifest = p->manifest_document;
	int r = blob_write(p->store, &p->id, buf_str(&p->config_text), p->config_text.len, err);

	if (r == 0)
		r = blob_write(p->store, &manifest->digest, buf_str(&manifest->body),
			manifest->body.len, err);
	if (r == 0 && top != manifest)
		r = blob_write(p->store, &top->digest, buf_str(&top->body), top->body.len, err);
	return r;
}

static int record(struct pull *p, char *const *names, struct hull_error *err)
{
	char manifest_digest[DIGEST_TEXT_SIZE];
	const char *type = p->manifest.media_type;

	if (!type)
		type = p->manifest_document->media_type;
	struct image_record record = {
		.id = p->id,
		.config = &p->config,
		.config_media_type = p->manifest.config.media_type,
		.manifest_digest = digest_format(&p->manifest_document->digest, manifest_digest),
		.manifest_media_type = type ? type : OCI_MEDIA_MANIFEST,
		.layers = p->layers,
		.n_layers = p->fetch.n_jobs,
		.names = names,
	};
	_cleanup_free_ char *repository = reference_name(&p->ref);
	int r = repository ? write_documents(p, err) : error_no_memory(err);

	if (r == 0)
		r = image_record_insert(p->store, &record, err);
	if (r == 0)
		r = known_blobs_insert(p->store, repository, p->layers, p->fetch.n_jobs, err);
	return r;
}

static int tell_result(struct pull *p, const struct image_pull_result *result)
{
	const struct image_progress *progress = &p->options->progress;

	registry_tell_warnings(p->registry, progress);
	progress_eventf(progress, NULL, "Digest: %s", result->digest);
	progress_eventf(progress, NULL,
		result->up_to_date ? "Status: Image is up to date for %s"
				   : "Status: Downloaded newer image for %s",
		reference_familiar(result->name));
	return 0;
}

static int pull(
	struct pull *p, const char *name, struct image_pull_result *result, struct hull_error *err)
{
	_cleanup_strv_ char **names = NULL;
	int r = pull_prepare(p, name, err);

	if (r == 0)
		r = announce(p, err);
	if (r == 0)
		r = fetch_top(p, err);
	if (r == 0)
		r = choose_manifest(p, err);
	if (r == 0)
		r = pull_lock(
			p->store, &p->manifest_document->digest, &p->cancel, &p->lock_fd, err);
	if (r == 0)
		r = fetch_config(p, err);
	if (r == 0)
		r = check_platform(p, err);
	if (r == 0)
		r = plan_layers(p, err);
	if (r == 0)
		r = name_image(p, &names, result, err);
	if (r < 0)
		return r;
	result->id = p->id;
	digest_format(&p->top.content.digest, result->digest);
	int complete = image_is_complete(p->store, &p->id, err);
	if (complete > 0)
		complete = !has_needed_layer(p);
	int named = complete < 0 ? complete : all_names_lead_here(p, names, err);
	if (named < 0)
		return named;
	result->up_to_date = complete && named;
	if (!result->up_to_date) {
		r = fetch_layers(p, err);
		if (r == 0)
			r = describe_layers(p, err);
		if (r == 0)
			r = record(p, names, err);
		if (r < 0)
			return r;
	}
	return tell_result(p, result);
}

int image_pull(struct image_store *store, const char *name,
	const struct image_pull_options *options, struct image_pull_result *ret,
	struct hull_error *err)
{
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
	struct image_pull_result result = {0};
	struct pull p = {
		.store = store,
		.options = options,
		.ref = REFERENCE_INIT,
		.top = {.content = REGISTRY_DOCUMENT_INIT},
		.chosen = {.content = REGISTRY_DOCUMENT_INIT},
		.hold_fd = -1,
		.lock_fd = -1,
	};

	p.manifest_document = &p.top.content;
	int r = pull(&p, name, &result, &error);
	pull_done(&p);
	if (r == 0)
		*ret = result;
	else
		image_pull_result_done(&result);
	/*
	 * Remains of this pull if it failed, and of those that were killed. When the registry failed,
	 * layers that are whole wait for the next attempt.
	 */
	if (r == 0 || error.kind != HULL_ERROR_REMOTE)
		image_collect_garbage(store, NULL, NULL);
	if (r < 0)
		error_move(err, &error);
	return r;
}

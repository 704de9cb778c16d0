/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load: the images of an archive. There are two tables of contents: an OCI layout's index.json and
 * docker's manifest.json; current docker writes both. The index is preferred, because it leads to
 * manifests that are kept bit for bit; names are taken from both.
 */
#include "image/archive.h"

#include "base/str.h"

#define MAX_INDEX_DEPTH 4

struct docker_item {
	char *config;
	char **repo_tags;
	char **layers;
};

static const struct json_field docker_item_fields[] = {
	JSON_FIELD(struct docker_item, config, "Config", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct docker_item, repo_tags, "RepoTags", JSON_STRV),
	JSON_FIELD(struct docker_item, layers, "Layers", JSON_STRV),
};
static const struct json_table docker_item_table =
	JSON_TABLE("manifest.json", struct docker_item, docker_item_fields);

struct load {
	struct image_store *store;
	const struct image_load_options *options;
	const char *what;
	struct archive *archive;
	struct arena arena;
	struct oci_platform platform;
	struct docker_item *items; /* manifest.json */
	size_t n_items;
	struct image_loaded *loaded;
	size_t n_loaded;
};

void image_loaded_free(struct image_loaded *loaded, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strv_free(loaded[i].names);
	free(loaded);
}

/* Adds to what is reported; an image that comes twice is reported once, with all its names. */
static int report(
	struct load *l, const struct digest *id, char *const *names, struct hull_error *err)
{
	struct image_loaded *entry = NULL;

	for (size_t i = 0; i < l->n_loaded && !entry; i++)
		if (digest_equal(&l->loaded[i].id, id))
			entry = &l->loaded[i];
	if (!entry) {
		struct image_loaded *v = reallocarray(l->loaded, l->n_loaded + 1, sizeof(*v));
		if (!v)
			return error_no_memory(err);
		l->loaded = v;
		entry = &v[l->n_loaded++];
		*entry = (struct image_loaded){.id = *id};
	}
	strv_foreach (name, names) {
		const char *familiar = reference_familiar(*name);

		if (!strv_contains(entry->names, familiar) &&
			strv_append(&entry->names, familiar) < 0)
			return error_no_memory(err);
	}
	return 0;
}

/* Appends the full form of a name to names, once. */
static int add_name(char ***names, const char *text, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (reference_set_default_tag(&ref) < 0)
		return error_no_memory(err);
	char *full = reference_tagged(&ref);
	if (!full)
		return error_set(err, HULL_ERROR_INVALID, "%s: a tag was expected", text);
	if (strv_contains(*names, full)) {
		free(full);
		return 0;
	}
	return strv_append_take(names, full) < 0 ? error_no_memory(err) : 0;
}

/* The image, once its layers are in the store. */
static int record(struct load *l, const struct image_record *record, const char *config_text,
	size_t config_len, struct hull_error *err)
{
	int r = blob_write(l->store, &record->id, config_text, config_len, err);

	if (r == 0)
		r = image_record_insert(l->store, record, err);
	return r < 0 ? r : report(l, &record->id, record->names, err);
}

/* All layers of an image have been asked for: they become visible, and their sizes known. */
static int finish_layers(
	struct load *l, struct image_layer *layers, size_t n, struct hull_error *err)
{
	int r = archive_publish_layers(l->archive, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct layer_info info = {0};

		r = layer_store_info(l->store->layers, &layers[i].diff_id, &info, err);
		layers[i].content_size = (int64_t)info.content_bytes;
	}
	return r;
}

static int check_layer_count(
	struct load *l, size_t layers, const struct oci_image *config, struct hull_error *err)
{
	size_t diff_ids = strv_length(config->rootfs.diff_ids);

	if (layers != diff_ids)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: manifest and config disagree: %zu layers, %zu diff ids", l->what,
			layers, diff_ids);
	return 0;
}

/* ---- manifest.json ---- */

static int load_docker_layers(struct load *l, const struct docker_item *item,
	const struct oci_image *config, struct image_layer *layers, struct hull_error *err)
{
	for (size_t i = 0; item->layers && item->layers[i]; i++) {
		int r = digest_parse(config->rootfs.diff_ids[i], &layers[i].diff_id, err);

		if (r == 0)
			r = archive_need_layer(l->archive, item->layers[i], NULL,
				&layers[i].diff_id, &layers[i].blob_proven, err);
		if (r < 0)
			return r;
	}
	return finish_layers(l, layers, strv_length(item->layers), err);
}

static int load_docker_item(struct load *l, const struct docker_item *item, struct hull_error *err)
{
	_cleanup_strv_ char **names = NULL;
	struct oci_image config;
	struct digest id;
	size_t len = 0, n = strv_length(item->layers);
	const char *text = archive_document(l->archive, item->config, &len);
	struct image_layer *layers = arena_array(&l->arena, n ? n : 1, sizeof(*layers));

	if (!text)
		return error_set(err, HULL_ERROR_INVALID, "%s: config %.200s is missing", l->what,
			item->config);
	if (!layers)
		return error_no_memory(err);
	int r = oci_image_parse(&l->arena, text, len, item->config, &config, err);
	if (r == 0)
		r = digest_of(DIGEST_SHA256, text, len, &id, err);
	if (r == 0)
		r = check_layer_count(l, n, &config, err);
	strv_foreach (name, item->repo_tags)
		if (r == 0)
			r = add_name(&names, *name, err);
	if (r == 0)
		r = load_docker_layers(l, item, &config, layers, err);
	if (r < 0)
		return r;
	struct image_record rec = {
		.id = id,
		.config = &config,
		.config_media_type = DOCKER_MEDIA_CONFIG,
		.layers = layers,
		.n_layers = n,
		.names = names,
	};
	return record(l, &rec, text, len, err);
}

/* ---- index.json ---- */

/* A document of the layout, digest verified; NULL text without error if it is not there. */
static int layout_document(struct load *l, const struct digest *digest, const char **ret,
	size_t *ret_len, struct hull_error *err)
{
	char path[DIGEST_TEXT_SIZE + 6];
	struct digest is;

	archive_blob_path(digest, path);
	*ret = archive_document(l->archive, path, ret_len);
	if (!*ret)
		return 0;
	int r = digest_of(digest->algorithm, *ret, *ret_len, &is, err);
	if (r < 0)
		return r;
	if (!digest_equal(digest, &is))
		return error_set(err, HULL_ERROR_INVALID, "%s: %s: wrong digest", l->what, path);
	return 0;
}

/* Leaves in an index only what the archive holds: docker saves indexes of more than one platform whole. */
static void drop_absent(struct load *l, struct oci_index *index)
{
	size_t n = 0;

	for (size_t i = 0; i < index->n_manifests; i++) {
		char path[DIGEST_TEXT_SIZE + 6];
		struct digest digest;
		size_t len = 0;

		if (digest_parse(index->manifests[i].digest, &digest, NULL) < 0)
			continue;
		archive_blob_path(&digest, path);
		if (archive_document(l->archive, path, &len))
			index->manifests[n++] = index->manifests[i];
	}
	index->n_manifests = n;
}

static int no_matching_platform(struct load *l, struct hull_error *err)
{
	_cleanup_free_ char *platform = oci_platform_format(&l->platform);

	return error_set(err, HULL_ERROR_NOT_FOUND, "%s: no image for %s", l->what,
		platform ? platform : "this platform");
}

/* This machine's platform, or any if none was asked for. */
static const struct oci_descriptor *select_entry(struct load *l, const struct oci_index *index)
{
	const struct oci_descriptor *entry = oci_index_select(index, &l->platform);

	for (size_t i = 0; !entry && !l->options->platform && i < index->n_manifests; i++) {
		const struct oci_descriptor *d = &index->manifests[i];
		const struct oci_index one = {
			.manifests = (struct oci_descriptor *)d, .n_manifests = 1};

		if (!d->platform || oci_index_select(&one, d->platform))
			entry = d;
	}
	return entry;
}

struct layout_manifest {
	const char *text;
	size_t len;
	struct digest digest;
	struct oci_manifest manifest;
};

/* From an entry of index.json down to a manifest. 0: it is not in the archive. */
static int find_manifest(struct load *l, const struct oci_descriptor *entry,
	struct layout_manifest *ret, struct hull_error *err)
{
	for (int depth = 0; depth < MAX_INDEX_DEPTH; depth++) {
		enum oci_media_kind kind;
		struct oci_index index;
		int r = digest_parse(entry->digest, &ret->digest, err);

		if (r == 0)
			r = layout_document(l, &ret->digest, &ret->text, &ret->len, err);
		if (r < 0 || !ret->text)
			return r;
		r = oci_document_kind(
			ret->text, ret->len, entry->media_type, entry->digest, &kind, err);
		if (r < 0)
			return r;
		if (kind == OCI_KIND_MANIFEST) {
			r = oci_manifest_parse(
				&l->arena, ret->text, ret->len, entry->digest, &ret->manifest, err);
			return r < 0 ? r : 1;
		}
		r = oci_index_parse(&l->arena, ret->text, ret->len, entry->digest, &index, err);
		if (r < 0)
			return r;
		drop_absent(l, &index);
		entry = select_entry(l, &index);
		if (!entry)
			return no_matching_platform(l, err);
	}
	return error_set(err, HULL_ERROR_LIMIT, "%s: indexes nested too deeply", l->what);
}

static int load_layout_layers(struct load *l, const struct oci_manifest *manifest,
	const struct oci_image *config, struct image_layer *layers, struct hull_error *err)
{
	for (size_t i = 0; i < manifest->n_layers; i++) {
		const struct oci_descriptor *d = &manifest->layers[i];
		char path[DIGEST_TEXT_SIZE + 6];
		struct digest blob;
		int r = digest_parse(d->digest, &blob, err);

		if (r == 0)
			r = digest_parse(config->rootfs.diff_ids[i], &layers[i].diff_id, err);
		if (r < 0)
			return r;
		archive_blob_path(&blob, path);
		r = archive_need_layer(
			l->archive, path, &blob, &layers[i].diff_id, &layers[i].blob_proven, err);
		if (r < 0)
			return r;
		layers[i].blob_digest = d->digest;
		layers[i].blob_size = d->size;
		layers[i].media_type = d->media_type;
	}
	return finish_layers(l, layers, manifest->n_layers, err);
}

/* Annotations of the entry, and what manifest.json calls the image with that config. */
static int layout_names(struct load *l, const struct oci_descriptor *entry, const struct digest *id,
	char ***names, struct hull_error *err)
{
	const char *full =
		oci_annotation(entry->annotations, entry->n_annotations, OCI_ANNOTATION_CONTAINERD);
	const char *ref =
		oci_annotation(entry->annotations, entry->n_annotations, OCI_ANNOTATION_REF_NAME);
	int r = 0;

	/* A reference name alone may be just a tag, which names nothing. */
	if (!full && ref && strpbrk(ref, ":/"))
		full = ref;
	if (full)
		r = add_name(names, full, err);
	for (size_t i = 0; r == 0 && i < l->n_items; i++) {
		size_t len = 0;
		const char *text = archive_document(l->archive, l->items[i].config, &len);
		struct digest config;

		if (!text || digest_of(id->algorithm, text, len, &config, NULL) < 0 ||
			!digest_equal(&config, id))
			continue;
		strv_foreach (name, l->items[i].repo_tags)
			if (r == 0)
				r = add_name(names, *name, err);
	}
	return r;
}

/* 1: loaded; 0: not an image, or not in the archive. */
static int load_layout_entry(
	struct load *l, const struct oci_descriptor *entry, struct hull_error *err)
{
	_cleanup_strv_ char **names = NULL;
	struct layout_manifest m = {0};
	struct oci_image config;
	struct digest id;
	const char *text = NULL;
	char manifest_digest[DIGEST_TEXT_SIZE];
	size_t len = 0;
	int r = find_manifest(l, entry, &m, err);

	if (r <= 0)
		return r;
	if (m.manifest.config.media_type &&
		oci_media_kind(m.manifest.config.media_type) != OCI_KIND_CONFIG)
		return 0;
	r = digest_parse(m.manifest.config.digest, &id, err);
	if (r == 0)
		r = layout_document(l, &id, &text, &len, err);
	if (r < 0)
		return r;
	if (!text)
		return error_set(err, HULL_ERROR_INVALID, "%s: config %s is missing", l->what,
			m.manifest.config.digest);
	size_t n = m.manifest.n_layers;
	struct image_layer *layers = arena_array(&l->arena, n ? n : 1, sizeof(*layers));
	if (!layers)
		return error_no_memory(err);
	r = oci_image_parse(&l->arena, text, len, m.manifest.config.digest, &config, err);
	if (r == 0)
		r = check_layer_count(l, n, &config, err);
	if (r == 0)
		r = layout_names(l, entry, &id, &names, err);
	if (r == 0)
		r = load_layout_layers(l, &m.manifest, &config, layers, err);
	if (r == 0)
		r = blob_write(l->store, &m.digest, m.text, m.len, err);
	if (r < 0)
		return r;
	const char *type = m.manifest.media_type ? m.manifest.media_type : entry->media_type;
	struct image_record rec = {
		.id = id,
		.config = &config,
		.config_media_type = m.manifest.config.media_type,
		.manifest_digest = digest_format(&m.digest, manifest_digest),
		.manifest_media_type = type ? type : OCI_MEDIA_MANIFEST,
		.layers = layers,
		.n_layers = n,
		.names = names,
	};
	r = record(l, &rec, text, len, err);
	return r < 0 ? r : 1;
}

static bool is_wanted(struct load *l, const struct oci_descriptor *entry)
{
	const struct oci_index one = {
		.manifests = (struct oci_descriptor *)entry, .n_manifests = 1};

	if (l->options->platform)
		return oci_index_select(&one, &l->platform);
	return !entry->platform || oci_index_select(&one, entry->platform);
}

static int load_layout(struct load *l, const char *text, size_t len, struct hull_error *err)
{
	struct oci_index index;
	int r = oci_index_parse(&l->arena, text, len, "index.json", &index, err);

	for (size_t i = 0; r >= 0 && i < index.n_manifests; i++)
		if (is_wanted(l, &index.manifests[i]))
			r = load_layout_entry(l, &index.manifests[i], err);
	return r < 0 ? r : 0;
}

/* ---- Both ---- */

static int load_archive(struct load *l, struct hull_error *err)
{
	static const char *const names[] = {"index.json", "manifest.json"};
	size_t index_len = 0, items_len = 0;
	const char *index = archive_document(l->archive, "index.json", &index_len);
	const char *items = archive_document(l->archive, "manifest.json", &items_len);
	struct json_limits limits = {OCI_CONFIG_MAX, 32};
	int r = 0;

	for (size_t i = 0; !index && !items && i < ARRAY_SIZE(names); i++)
		if (archive_has(l->archive, names[i]))
			return error_set(err, HULL_ERROR_INVALID,
				"%s: %s is not JSON or larger than %zu MB", l->what, names[i],
				(size_t)OCI_CONFIG_MAX >> 20);
	if (!index && !items)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: not an image archive: it has neither index.json nor manifest.json",
			l->what);
	if (items)
		r = json_parse_array(&l->arena, &docker_item_table, (void **)&l->items, &l->n_items,
			items, items_len, &limits, "manifest.json", err);
	if (r == 0 && index)
		r = load_layout(l, index, index_len, err);
	for (size_t i = 0; r == 0 && (!index || l->n_loaded == 0) && i < l->n_items; i++)
		r = load_docker_item(l, &l->items[i], err);
	if (r == 0 && l->n_loaded == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "%s: no image in it", l->what);
	return r;
}

static int load(struct load *l, int fd, struct hull_error *err)
{
	_cleanup_close_ int hold = -1;
	int r = l->options->platform
			? oci_platform_parse(&l->arena, l->options->platform, &l->platform, err)
			: oci_platform_host(&l->arena, &l->platform, err);

	if (r == 0)
		r = image_hold(l->store, &hold, err);
	if (r == 0)
		r = archive_read(l->store, fd, l->what, l->options, &l->archive, err);
	if (r == 0)
		r = load_archive(l, err);
	archive_free(l->archive);
	return r;
}

int image_load(struct image_store *store, int fd, const char *what,
	const struct image_load_options *options, struct image_loaded **ret, size_t *ret_count,
	struct hull_error *err)
{
	struct load l = {.store = store, .options = options, .what = what};
	int r = load(&l, fd, err);

	arena_done(&l.arena);
	image_collect_garbage(store, NULL, NULL);
	if (r < 0) {
		image_loaded_free(l.loaded, l.n_loaded);
		return r;
	}
	*ret = l.loaded;
	*ret_count = l.n_loaded;
	return 0;
}

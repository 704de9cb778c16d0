/* SPDX-License-Identifier: Apache-2.0 */
/* Images as rows: put in, found, listed. */
#include "image/known-blob.h"

#include "base/clock.h"
#include "base/str.h"

static int insert_layers(
	struct image_store *store, const struct image_record *record, struct hull_error *err)
{
	char id[DIGEST_TEXT_SIZE], diff_id[DIGEST_TEXT_SIZE];

	digest_format(&record->id, id);
	for (size_t i = 0; i < record->n_layers; i++) {
		const struct image_layer *layer = &record->layers[i];
		int r = metadata_exec(store->md, err,
			"INSERT OR REPLACE INTO image_layer (image_id, position, diff_id, blob_digest,"
			" blob_size, media_type, content_size) VALUES (?1, ?2, ?3,"
			" CASE WHEN ?8 OR " BLOB_IS_PROVEN("?3", "?4") " THEN ?4 END, ?5, ?6, ?7)",
			"tittitii", id, (int64_t)i, digest_format(&layer->diff_id, diff_id),
			layer->blob_digest, layer->blob_size, layer->media_type,
			layer->content_size, (int64_t)layer->blob_proven);
		if (r < 0)
			return r;
	}
	return 0;
}

static int insert_names(
	struct image_store *store, const char *id, char *const *names, struct hull_error *err)
{
	strv_foreach (name, names) {
		/* A name that stays keeps its age. */
		int r = metadata_exec(store->md, err,
			"INSERT INTO image_name (name, image_id, added) VALUES (?1, ?2, ?3)"
			" ON CONFLICT (name) DO UPDATE SET image_id = ?2, added = ?3"
			" WHERE image_id <> ?2",
			"tti", *name, id, clock_realtime_ns());
		if (r < 0)
			return r;
	}
	return 0;
}

static int64_t content_size(const struct image_record *record)
{
	int64_t size = 0;

	for (size_t i = 0; i < record->n_layers; i++)
		size += record->layers[i].content_size;
	return size;
}

static int insert_image(
	struct image_store *store, const struct image_record *record, struct hull_error *err)
{
	const struct oci_image *config = record->config;
	char id[DIGEST_TEXT_SIZE];
	int64_t created = 0;

	if (config->created)
		clock_parse_rfc3339(config->created, &created);
	/* The same image may come once with a manifest (pull) and once without (load). */
	return metadata_exec(store->md, err,
		"INSERT INTO image (id, manifest_digest, manifest_type, config_type, size, os,"
		" architecture, variant, created, added, parent)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		" ON CONFLICT (id) DO UPDATE SET manifest_digest = ?2, manifest_type = ?3,"
		" config_type = ?4 WHERE ?2 <> ''",
		"ttttitttiit", digest_format(&record->id, id),
		record->manifest_digest ? record->manifest_digest : "",
		record->manifest_media_type ? record->manifest_media_type : "",
		record->config_media_type ? record->config_media_type : "", content_size(record),
		config->os ? config->os : "", config->architecture ? config->architecture : "",
		config->variant, created, clock_realtime_ns(), record->parent);
}

int image_record_insert(
	struct image_store *store, const struct image_record *record, struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	char id[DIGEST_TEXT_SIZE];
	int r = blob_names_sync(store, err);

	if (r == 0)
		r = metadata_begin(store->md, &t, err);

	digest_format(&record->id, id);
	if (r == 0)
		r = insert_image(store, record, err);
	/* Layers of an image never change; how they were packed follows the manifest. */
	if (r == 0)
		r = insert_layers(store, record, err);
	if (r == 0)
		r = insert_names(store, id, record->names, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

int image_name_find(
	struct image_store *store, const char *name, struct digest *ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(
		store->md, &q, err, "SELECT image_id FROM image_name WHERE name = ?", "t", name);

	if (r == 0)
		r = metadata_next(q, err);
	if (r <= 0)
		return r;
	r = digest_parse(metadata_text(q, 0), ret, err);
	return r < 0 ? r : 1;
}

int image_is_complete(struct image_store *store, const struct digest *id, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	char text[DIGEST_TEXT_SIZE];
	int64_t there = 0;
	int r = metadata_get_int(store->md, &there, err, "SELECT 1 FROM image WHERE id = ?", "t",
		digest_format(id, text));

	if (r <= 0)
		return r;
	r = metadata_query(store->md, &q, err, "SELECT diff_id FROM image_layer WHERE image_id = ?",
		"t", text);
	if (r < 0)
		return r;
	while ((r = metadata_next(q, err)) > 0) {
		struct digest diff_id;

		if (digest_parse(metadata_text(q, 0), &diff_id, NULL) < 0 ||
			!layer_store_has(store->layers, &diff_id))
			return 0;
	}
	return r < 0 ? r : blob_exists(store, id);
}

struct image *image_free(struct image *image)
{
	if (image) {
		arena_done(&image->arena);
		free(image);
	}
	return NULL;
}

void image_list_free(struct image **images, size_t count)
{
	for (size_t i = 0; i < count; i++)
		image_free(images[i]);
	free(images);
}

#define IMAGE_COLUMNS \
	"id, os, architecture, variant, size, created, parent, manifest_digest, manifest_type"

static char *optional(struct arena *arena, const char *text)
{
	return str_empty(text) ? NULL : arena_strdup(arena, text);
}

static int image_from_row(struct metadata_query *q, struct image **ret, struct hull_error *err)
{
	_cleanup_image_ struct image *image = calloc(1, sizeof(*image));

	if (!image)
		return error_no_memory(err);
	int r = digest_parse(metadata_text(q, 0), &image->id, err);
	if (r < 0)
		return r;
	struct arena *arena = &image->arena;
	digest_format(&image->id, image->id_text);
	image->os = optional(arena, metadata_text(q, 1));
	image->architecture = optional(arena, metadata_text(q, 2));
	image->variant = optional(arena, metadata_text(q, 3));
	image->size = metadata_int(q, 4);
	image->created_ns = metadata_int(q, 5);
	image->parent = optional(arena, metadata_text(q, 6));
	image->manifest_digest = optional(arena, metadata_text(q, 7));
	image->manifest_media_type = optional(arena, metadata_text(q, 8));
	*ret = TAKE_PTR(image);
	return 0;
}

static int add_name(struct image *image, const char *name, int64_t added, struct hull_error *err)
{
	bool digested = strchr(name, '@');

	if (!digested && added > image->tagged_ns)
		image->tagged_ns = added;
	if (arena_strv_append(&image->arena, digested ? &image->repo_digests : &image->repo_tags,
		    reference_familiar(name)) < 0)
		return error_no_memory(err);
	return 0;
}

static int read_names(struct image_store *store, struct image *image, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(store->md, &q, err,
		"SELECT name, added FROM image_name WHERE image_id = ? ORDER BY name", "t",
		image->id_text);

	while (r == 0 && (r = metadata_next(q, err)) > 0)
		r = add_name(image, metadata_text(q, 0), metadata_int(q, 1), err);
	return r;
}

static int append_layer(
	struct image *image, struct metadata_query *q, size_t *size, struct hull_error *err)
{
	if (image->n_layers == *size) {
		size_t more = *size ? *size * 2 : 16;
		struct image_layer *v = arena_array(&image->arena, more, sizeof(*v));

		if (!v)
			return error_no_memory(err);
		if (image->n_layers)
			memcpy(v, image->layers, image->n_layers * sizeof(*v));
		image->layers = v;
		*size = more;
	}
	struct image_layer *layer = &image->layers[image->n_layers++];
	layer->blob_digest = optional(&image->arena, metadata_text(q, 1));
	layer->blob_size = metadata_int(q, 2);
	layer->media_type = optional(&image->arena, metadata_text(q, 3));
	layer->content_size = metadata_int(q, 4);
	return digest_parse(metadata_text(q, 0), &layer->diff_id, err);
}

static int read_layers(struct image_store *store, struct image *image, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	size_t size = 0;
	int r = metadata_query(store->md, &q, err,
		"SELECT diff_id, blob_digest, blob_size, media_type, content_size"
		" FROM image_layer WHERE image_id = ? ORDER BY position",
		"t", image->id_text);

	while (r == 0 && (r = metadata_next(q, err)) > 0)
		r = append_layer(image, q, &size, err);
	if (r < 0)
		return r;
	image->diff_ids = arena_array(
		&image->arena, image->n_layers ? image->n_layers : 1, sizeof(*image->diff_ids));
	if (!image->diff_ids)
		return error_no_memory(err);
	for (size_t i = 0; i < image->n_layers; i++)
		image->diff_ids[i] = image->layers[i].diff_id;
	return 0;
}

int image_read(struct image_store *store, struct image *image, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (image->config_text)
		return 0;
	int r = read_layers(store, image, err);
	if (r == 0)
		r = blob_read(store, &image->id, OCI_CONFIG_MAX, &text, err);
	if (r < 0)
		return error_wrap(err, r, "image %s", image->id_text);
	char *copy = arena_memdup(&image->arena, buf_str(&text), text.len + 1);
	if (!copy)
		return error_no_memory(err);
	r = oci_image_parse(&image->arena, copy, text.len, image->id_text, &image->config, err);
	if (r < 0)
		return r;
	image->config_text = copy;
	image->config_len = text.len;
	return 0;
}

int image_get(struct image_store *store, const struct digest *id, struct image **ret,
	struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	_cleanup_image_ struct image *image = NULL;
	char text[DIGEST_TEXT_SIZE];
	int r = metadata_query(store->md, &q, err,
		"SELECT " IMAGE_COLUMNS " FROM image WHERE id = ?", "t", digest_format(id, text));

	if (r == 0)
		r = metadata_next(q, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, HULL_ERROR_NOT_FOUND, "No such image: %s", text);
	r = image_from_row(q, &image, err);
	if (r == 0)
		r = read_names(store, image, err);
	if (r == 0)
		r = image_read(store, image, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(image);
	return 0;
}

struct image_vector {
	struct image **items;
	size_t count;
	size_t size;
};

static int vector_append(struct image_vector *v, struct image *image)
{
	if (v->count == v->size) {
		size_t more = v->size ? v->size * 2 : 64;
		struct image **items = reallocarray(v->items, more, sizeof(struct image *));

		if (!items)
			return -ENOMEM;
		v->items = items;
		v->size = more;
	}
	v->items[v->count++] = image;
	return 0;
}

static void vector_done(struct image_vector *v)
{
	image_list_free(v->items, v->count);
}

static int compare_ids(const void *a, const void *b)
{
	const struct image *const *x = a, *const *y = b;

	return digest_compare(&(*x)->id, &(*y)->id);
}

static int compare_newest_first(const void *a, const void *b)
{
	const struct image *const *x = a, *const *y = b;

	if ((*x)->created_ns != (*y)->created_ns)
		return (*x)->created_ns < (*y)->created_ns ? 1 : -1;
	return compare_ids(a, b);
}

/* All names in one query, each given to its image (the vector is sorted by id). */
static int distribute_names(
	struct image_store *store, struct image_vector *v, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(store->md, &q, err,
		"SELECT image_id, name, added FROM image_name ORDER BY name", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		struct image key, *key_p = &key;

		r = digest_parse(metadata_text(q, 0), &key.id, err);
		struct image **found = r < 0 ? NULL
					     : bsearch(&key_p, v->items, v->count,
						       sizeof(struct image *), compare_ids);
		if (found)
			r = add_name(*found, metadata_text(q, 1), metadata_int(q, 2), err);
	}
	return r;
}

int image_list(
	struct image_store *store, struct image ***ret, size_t *ret_count, struct hull_error *err)
{
	_cleanup_(vector_done) struct image_vector v = {0};
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(
		store->md, &q, err, "SELECT " IMAGE_COLUMNS " FROM image ORDER BY id", "");

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		struct image *image = NULL;

		r = image_from_row(q, &image, err);
		if (r == 0 && vector_append(&v, image) < 0) {
			image_free(image);
			r = error_no_memory(err);
		}
	}
	if (r < 0)
		return r;
	if (v.count > 0) {
		qsort(v.items, v.count, sizeof(struct image *), compare_ids);
		r = distribute_names(store, &v, err);
		if (r < 0)
			return r;
		qsort(v.items, v.count, sizeof(struct image *), compare_newest_first);
	}
	*ret = v.items;
	*ret_count = v.count;
	v = (struct image_vector){0};
	return 0;
}

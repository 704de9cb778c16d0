/* SPDX-License-Identifier: Apache-2.0 */
/* Which images go into an archive, under which names, and the documents in it that say so. */
#include "image/save.h"

#include "base/str.h"

/* ---- Finding ---- */

static int check_platform(
	const struct save *s, const struct image *image, const char *text, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_platform want;
	const struct oci_platform have = {.os = image->config.os,
		.architecture = image->config.architecture,
		.variant = image->config.variant};

	if (!s->options->platform)
		return 0;
	int r = oci_platform_parse(&arena, s->options->platform, &want, err);
	if (r < 0)
		return r;
	if (oci_platform_rank(&want, &have) == 0)
		return 0;
	return error_set(err, HULL_ERROR_NOT_FOUND,
		"image %s was found but does not provide the specified platform (%s)", text,
		s->options->platform);
}

/* Takes the image. name (full) may be NULL: saved by its id. */
static int add_image(struct save *s, struct image *image, const char *name, struct hull_error *err)
{
	struct saved_image *entry = NULL;

	for (size_t i = 0; i < s->n_images && !entry; i++)
		if (digest_equal(&s->images[i].image->id, &image->id))
			entry = &s->images[i];
	if (entry) {
		image_free(image);
	} else {
		struct saved_image *v = reallocarray(s->images, s->n_images + 1, sizeof(*v));
		if (!v) {
			image_free(image);
			return error_no_memory(err);
		}
		s->images = v;
		entry = &v[s->n_images++];
		*entry = (struct saved_image){.image = image};
	}
	if (!name || strv_contains(entry->names, name))
		return 0;
	return strv_append(&entry->names, name) < 0 ? error_no_memory(err) : 0;
}

static int find_one(struct save *s, const char *text, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_free_ char *familiar = NULL, *full = NULL;
	int r = image_resolve(s->store, text, &image, &familiar, err);

	if (r == 0)
		r = check_platform(s, image, text, err);
	if (r == 0 && familiar)
		r = reference_parse(familiar, &ref, err);
	if (r < 0)
		return r;
	/* A digest is no name that an archive could give back. */
	if (familiar && !ref.has_digest && !(full = reference_tagged(&ref)))
		return error_no_memory(err);
	return add_image(s, TAKE_PTR(image), full, err);
}

/* "docker.io/library/busybox" if the text is a repository without tag or digest; heap, else NULL. */
static char *repository_alone(const char *text)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;

	if (reference_parse(text, &ref, NULL) < 0 || ref.has_digest || ref.tag)
		return NULL;
	return reference_name(&ref);
}

static int list_tags(struct save *s, const char *repository, char ***ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	int r = metadata_query(s->store->md, &q, err,
		"SELECT name FROM image_name WHERE substr(name, 1, length(?1) + 1) = ?1 || ':'"
		" ORDER BY name",
		"t", repository);

	while (r == 0 && (r = metadata_next(q, err)) > 0)
		r = strv_append(ret, metadata_text(q, 0)) < 0 ? error_no_memory(err) : 0;
	return r;
}

int save_find(struct save *s, const char *text, struct hull_error *err)
{
	_cleanup_free_ char *repository = repository_alone(text);
	_cleanup_strv_ char **names = NULL;
	int r = repository ? list_tags(s, repository, &names, err) : 0;

	if (r < 0 || !names)
		return r < 0 ? r : find_one(s, text, err);
	strv_foreach (name, names) {
		r = find_one(s, *name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Documents ---- */

static const char *tag_of(const char *full_name)
{
	return strrchr(full_name, ':') + 1;
}

static void write_platform(struct json_writer *w, const struct image *image)
{
	json_key(w, "platform");
	json_begin_object(w);
	json_member_string(
		w, "architecture", image->config.architecture ? image->config.architecture : "");
	json_member_string(w, "os", image->config.os ? image->config.os : "");
	if (image->config.variant)
		json_member_string(w, "variant", image->config.variant);
	json_end_object(w);
}

/* One entry of index.json: with the names that Docker and containerd look for, NULL: without. */
static void write_index_entry(
	struct json_writer *w, const struct saved_image *entry, const char *name)
{
	char text[DIGEST_TEXT_SIZE];
	const char *type = entry->kept ? entry->image->manifest_media_type : NULL;

	json_begin_object(w);
	json_member_string(w, "mediaType", type ? type : OCI_MEDIA_MANIFEST);
	json_member_string(w, "digest", digest_format(&entry->manifest, text));
	json_key(w, "size");
	json_u64(w, entry->manifest_size);
	if (name) {
		json_key(w, "annotations");
		json_begin_object(w);
		json_member_string(w, OCI_ANNOTATION_CONTAINERD, name);
		json_member_string(w, OCI_ANNOTATION_REF_NAME, tag_of(name));
		json_end_object(w);
	}
	write_platform(w, entry->image);
	json_end_object(w);
}

int save_format_index(const struct save *s, struct buf *text, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);

	json_begin_object(&w);
	json_key(&w, "schemaVersion");
	json_i64(&w, 2);
	json_member_string(&w, "mediaType", OCI_MEDIA_INDEX);
	json_key(&w, "manifests");
	json_begin_array(&w);
	for (size_t i = 0; i < s->n_images; i++) {
		strv_foreach (name, s->images[i].names)
			write_index_entry(&w, &s->images[i], *name);
		if (!s->images[i].names)
			write_index_entry(&w, &s->images[i], NULL);
	}
	json_end_array(&w);
	json_end_object(&w);
	return buf_error(text) < 0 ? error_no_memory(err) : 0;
}

static void write_docker_item(struct json_writer *w, const struct saved_image *entry)
{
	char path[ARCHIVE_PATH_SIZE];

	archive_blob_path(&entry->image->id, path);
	json_begin_object(w);
	json_member_string(w, "Config", path);
	json_key(w, "RepoTags");
	if (!entry->names)
		json_null(w);
	else
		json_begin_array(w);
	strv_foreach (name, entry->names)
		json_string(w, reference_familiar(*name));
	if (entry->names)
		json_end_array(w);
	json_key(w, "Layers");
	json_begin_array(w);
	for (size_t i = 0; i < entry->image->n_layers; i++) {
		archive_blob_path(&entry->layers[i].blob, path);
		json_string(w, path);
	}
	json_end_array(w);
	json_end_object(w);
}

int save_format_docker(const struct save *s, struct buf *text, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);

	json_begin_array(&w);
	for (size_t i = 0; i < s->n_images; i++)
		write_docker_item(&w, &s->images[i]);
	json_end_array(&w);
	return buf_error(text) < 0 ? error_no_memory(err) : 0;
}

/* A tag on its way into `repositories`, which groups them. */
struct repository_tag {
	char *repository; /* familiar */
	const char *tag;
	const struct digest *layer;
};

static int compare_tags(const void *a, const void *b)
{
	const struct repository_tag *x = a, *y = b;
	int order = strcmp(x->repository, y->repository);

	return order ? order : strcmp(x->tag, y->tag);
}

static int collect_tags(
	const struct save *s, struct repository_tag *tags, size_t *n, struct hull_error *err)
{
	for (size_t i = 0; i < s->n_images; i++) {
		const struct saved_image *entry = &s->images[i];

		if (entry->image->n_layers == 0)
			continue;
		strv_foreach (name, entry->names) {
			const char *familiar = reference_familiar(*name);
			char *repository =
				strndup(familiar, strlen(familiar) - strlen(tag_of(*name)) - 1);

			if (!repository)
				return error_no_memory(err);
			tags[(*n)++] = (struct repository_tag){repository, tag_of(*name),
				&entry->layers[entry->image->n_layers - 1].blob};
		}
	}
	return 0;
}

static void write_repositories(struct buf *text, const struct repository_tag *tags, size_t n)
{
	struct json_writer w = JSON_WRITER_INIT(text, 0);

	json_begin_object(&w);
	for (size_t i = 0; i < n; i++) {
		char hex[DIGEST_HEX_SIZE];

		if (i == 0 || !str_eq(tags[i].repository, tags[i - 1].repository)) {
			if (i > 0)
				json_end_object(&w);
			json_key(&w, tags[i].repository);
			json_begin_object(&w);
		}
		json_member_string(&w, tags[i].tag, digest_format_hex(tags[i].layer, hex));
	}
	json_end_object(&w);
	json_end_object(&w);
}

int save_format_repositories(const struct save *s, struct buf *text, struct hull_error *err)
{
	size_t n = 0, max = 0;

	for (size_t i = 0; i < s->n_images; i++)
		max += strv_length(s->images[i].names);
	struct repository_tag *tags = calloc(max ? max : 1, sizeof(*tags));
	if (!tags)
		return error_no_memory(err);
	int r = collect_tags(s, tags, &n, err);
	if (r == 0 && n > 0) {
		qsort(tags, n, sizeof(*tags), compare_tags);
		write_repositories(text, tags, n);
	}
	for (size_t i = 0; i < n; i++)
		free(tags[i].repository);
	free(tags);
	return r == 0 && buf_error(text) < 0 ? error_no_memory(err) : r;
}

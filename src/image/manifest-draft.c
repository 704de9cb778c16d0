/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest-draft.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MAX_ENTRIES 1000

/* What the file holds: the rows of a struct manifest_draft from `name` on. */
static const struct json_field entry_fields[] = {
	JSON_FIELD(
		struct manifest_entry, reference, "reference", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct manifest_entry, descriptor, "descriptor", JSON_STRUCT,
		.table = &oci_descriptor_table, .flags = JSON_REQUIRED),
};
static const struct json_table entry_table =
	JSON_TABLE("entry", struct manifest_entry, entry_fields);
static const struct json_field draft_fields[] = {
	JSON_FIELD(struct manifest_draft, name, "name", JSON_STRING, .flags = JSON_REQUIRED),
	JSON_FIELD(struct manifest_draft, entries, "entries", JSON_ARRAY,
		.count_offset = offsetof(struct manifest_draft, n), .table = &entry_table),
};
static const struct json_table draft_table =
	JSON_TABLE("draft", struct manifest_draft, draft_fields);

void manifest_draft_done(struct manifest_draft *draft)
{
	arena_done(&draft->arena);
}

char *manifest_draft_name(const char *text, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return NULL;
	if (ref.has_digest) {
		error_set(err, HULL_ERROR_INVALID,
			"%s: a list of manifests has a tag, not a digest", text);
		return NULL;
	}
	char *full = reference_set_default_tag(&ref) < 0 ? NULL : reference_tagged(&ref);
	if (!full)
		error_no_memory(err);
	return full;
}

/* "manifests/<hex>.json" below the root; heap. */
static int file_name(
	struct image_store *store, const char *full, char **ret, struct hull_error *err)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	int r = digest_of(DIGEST_SHA256, full, strlen(full), &digest, err);

	if (r < 0)
		return r;
	*ret = str_printf("%s/manifests/%s.json", store->root, digest_format_hex(&digest, hex));
	return *ret ? 0 : error_no_memory(err);
}

int manifest_draft_read(struct image_store *store, const char *full, struct manifest_draft *ret,
	struct hull_error *err)
{
	struct json_limits limits = {OCI_MANIFEST_MAX, 32};
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r = file_name(store, full, &path, err);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0 && errno == ENOENT)
		return 0;
	r = json_parse_file_at(&ret->arena, &draft_table, ret, AT_FDCWD, path, &limits, err);
	return r < 0 ? r : 1;
}

int manifest_draft_write(
	struct image_store *store, const struct manifest_draft *draft, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_MANIFEST_MAX);
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	_cleanup_free_ char *directory = str_printf("%s/manifests", store->root);
	_cleanup_free_ char *path = NULL;
	int r = file_name(store, draft->name, &path, err);

	json_struct(&w, &draft_table, draft);
	if (r < 0 || !directory || buf_error(&text) < 0)
		return r < 0 ? r : error_no_memory(err);
	r = dir_make_parents_at(AT_FDCWD, directory, 0700);
	if (r == 0)
		r = file_replace_at(AT_FDCWD, path, text.data, text.len, 0600, true);
	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

int manifest_draft_remove(struct image_store *store, const char *full, struct hull_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = file_name(store, full, &path, err);

	if (r < 0)
		return r;
	if (unlink(path) == 0)
		return 1;
	return errno == ENOENT ? 0 : error_errno(err, errno, "%s", path);
}

int manifest_draft_add(struct manifest_draft *draft, const struct manifest_entry *entry)
{
	for (size_t i = 0; i < draft->n; i++)
		if (str_eq(draft->entries[i].reference, entry->reference)) {
			draft->entries[i] = *entry;
			return 0;
		}
	if (draft->n == MAX_ENTRIES)
		return -E2BIG;
	struct manifest_entry *v = arena_array(&draft->arena, draft->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (draft->n)
		memcpy(v, draft->entries, draft->n * sizeof(*v));
	v[draft->n++] = *entry;
	draft->entries = v;
	return 0;
}

bool manifest_draft_is_docker(const struct manifest_draft *draft)
{
	for (size_t i = 0; i < draft->n; i++)
		if (!str_eq(draft->entries[i].descriptor.media_type, DOCKER_MEDIA_MANIFEST))
			return false;
	return draft->n > 0;
}

int manifest_draft_format(const struct manifest_draft *draft, bool docker, struct buf *ret)
{
	struct json_writer w = JSON_WRITER_INIT(ret, 3);

	json_begin_object(&w);
	json_key(&w, "schemaVersion");
	json_i64(&w, 2);
	json_key(&w, "mediaType");
	json_string(&w, docker ? DOCKER_MEDIA_MANIFEST_LIST : OCI_MEDIA_INDEX);
	json_key(&w, "manifests");
	json_begin_array(&w);
	for (size_t i = 0; i < draft->n; i++)
		json_struct(&w, &oci_descriptor_table, &draft->entries[i].descriptor);
	json_end_array(&w);
	json_end_object(&w);
	return buf_error(ret);
}

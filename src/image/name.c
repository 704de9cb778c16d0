/* SPDX-License-Identifier: Apache-2.0 */
/* From what people type to an image, and names given to images. */
#include "image/store.h"

#include "base/clock.h"
#include "base/str.h"

static int no_such_image(const char *text, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_NOT_FOUND, "No such image: %.300s", text);
}

/* "a1b2" or "sha256:a1b2": the hex part, NULL if it cannot begin an id. */
static const char *id_prefix(const char *text)
{
	const char *hex = str_after(text, "sha256:");

	if (!hex)
		hex = text;
	size_t n = strspn(hex, "0123456789abcdef");
	return n > 0 && n <= 64 && !hex[n] ? hex : NULL;
}

/* 1 and the id that begins so; 0: none does. */
static int find_by_prefix(
	struct image_store *store, const char *hex, struct digest *ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	_cleanup_free_ char *first = str_printf("sha256:%s", hex);
	/* 'g' follows every hex digit. */
	_cleanup_free_ char *past = str_printf("sha256:%sg", hex);

	if (!first || !past)
		return error_no_memory(err);
	int r = metadata_query(store->md, &q, err,
		"SELECT id FROM image WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", "tt", first,
		past);
	if (r == 0)
		r = metadata_next(q, err);
	if (r <= 0)
		return r;
	r = digest_parse(metadata_text(q, 0), ret, err);
	if (r < 0)
		return r;
	r = metadata_next(q, err);
	if (r > 0)
		return error_set(err, HULL_ERROR_INVALID,
			"ambiguous image id prefix: %s (more than one image begins with it)", hex);
	return r < 0 ? r : 1;
}

/* 1 and the image of that reference; the digest counts more than the tag. */
static int find_by_reference(struct image_store *store, const struct reference *ref,
	struct digest *ret, char **ret_name, struct hull_error *err)
{
	_cleanup_free_ char *name =
		ref->has_digest ? reference_digested(ref) : reference_tagged(ref);

	if (!name)
		return error_no_memory(err);
	int r = image_name_find(store, name, ret, err);
	if (r > 0 && ret_name) {
		*ret_name = strdup(reference_familiar(name));
		if (!*ret_name)
			return error_no_memory(err);
	}
	return r;
}

static int find(struct image_store *store, const char *text, struct digest *ret, char **ret_name,
	struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_error_ struct hull_error malformed = HULL_ERROR_INIT;
	const char *hex = id_prefix(text);
	int r = 0;

	bool is_id = hex && strlen(hex) == 64;
	bool is_reference = !is_id && reference_parse(text, &ref, &malformed) == 0;
	if (is_reference) {
		if (reference_set_default_tag(&ref) < 0)
			return error_no_memory(err);
		r = find_by_reference(store, &ref, ret, ret_name, err);
	}
	if (r == 0 && hex)
		r = find_by_prefix(store, hex, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!is_reference && !hex) {
		error_move(err, &malformed);
		return -1;
	}
	if (!is_reference)
		return no_such_image(text, err);
	_cleanup_free_ char *full = reference_format(&ref);
	return full ? no_such_image(reference_familiar(full), err) : error_no_memory(err);
}

int image_resolve(struct image_store *store, const char *text, struct image **ret, char **ret_name,
	struct hull_error *err)
{
	_cleanup_free_ char *name = NULL;
	struct digest id;
	int r = find(store, text, &id, &name, err);

	if (r < 0)
		return r;
	r = image_get(store, &id, ret, err);
	if (r == 0 && ret_name)
		*ret_name = TAKE_PTR(name);
	return r;
}

int image_tag(struct image_store *store, const struct digest *id, const char *name,
	struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	char text[DIGEST_TEXT_SIZE];
	int r = reference_parse(name, &ref, err);

	if (r < 0)
		return r;
	if (ref.has_digest)
		return error_set(err, HULL_ERROR_INVALID,
			"refusing to create a tag with a digest reference");
	if (reference_set_default_tag(&ref) < 0)
		return error_no_memory(err);
	_cleanup_free_ char *full = reference_tagged(&ref);
	if (!full)
		return error_no_memory(err);
	/* Only if the image is still there: one statement, no race with its removal. */
	r = metadata_exec(store->md, err,
		"INSERT INTO image_name (name, image_id, added) SELECT ?1, id, ?3 FROM image"
		" WHERE id = ?2 ON CONFLICT (name) DO UPDATE SET image_id = ?2, added = ?3",
		"tti", full, digest_format(id, text), clock_realtime_ns());
	if (r == 0 && metadata_changes(store->md) == 0)
		return no_such_image(text, err);
	return r;
}

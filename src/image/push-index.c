/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index goes up only unchanged: it is what the digest in people's files means, and it may be
 * signed. So everything that it names must be there before it: images that are here are pushed,
 * and what is not here (other platforms, attestations) must be at the target already, as it is
 * when an image gets one more tag in its own repository.
 */
#include "image/push.h"

#include "base/str.h"

/* The image that came with that manifest: 1; 0 if none is here with all its layers. */
static int find_image(
	struct push *p, const struct digest *manifest, struct image **ret, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	char text[DIGEST_TEXT_SIZE];
	struct digest id;
	int r = metadata_query(p->store->md, &q, err,
		"SELECT id FROM image WHERE manifest_digest = ?", "t",
		digest_format(manifest, text));

	if (r == 0)
		r = metadata_next(q, err);
	if (r <= 0)
		return r;
	r = digest_parse(metadata_text(q, 0), &id, err);
	if (r == 0)
		r = image_is_complete(p->store, &id, err);
	if (r <= 0)
		return r;
	r = image_get(p->store, &id, ret, err);
	return r < 0 ? r : 1;
}

/* An entry of the index: 1 if it is here or there; with *ret if it is here. */
static int find_entry(struct push *p, const struct oci_descriptor *entry, struct image **ret,
	struct hull_error *err)
{
	struct digest digest;
	int r = digest_parse(entry->digest, &digest, err);

	if (r == 0)
		r = find_image(p, &digest, ret, err);
	return r != 0 ? r : registry_has_manifest(p->registry, &digest, err);
}

/* An index among the documents that the image's names with a digest lead to: 1, or 0. */
static int find_index(struct push *p, const struct image *image, struct push_document *ret,
	struct oci_index *index, struct hull_error *err)
{
	strv_foreach (name, image->repo_digests) {
		const char *at = strchr(*name, '@');
		enum oci_media_kind kind;

		if (!at || digest_parse(at + 1, &ret->digest, NULL) < 0)
			continue;
		buf_done(&ret->body);
		int r = blob_read_verified(
			p->store, &ret->digest, OCI_MANIFEST_MAX, &ret->body, err);
		if (r < 0)
			return r;
		if (r == 0 ||
			oci_document_kind(
				buf_str(&ret->body), ret->body.len, NULL, *name, &kind, NULL) < 0 ||
			kind != OCI_KIND_INDEX)
			continue;
		r = oci_index_parse(
			&p->arena, buf_str(&ret->body), ret->body.len, *name, index, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < index->n_manifests; i++)
			if (str_eq(index->manifests[i].digest, image->manifest_digest))
				return 1;
	}
	return 0;
}

/* One image of the index. 1: its manifest is at the target; 0: it could not go unchanged. */
static int push_entry(struct push *p, const struct image *image, const struct digest *wanted,
	struct hull_error *err)
{
	struct push_document document = {.body = BUF_INIT_MAX(OCI_MANIFEST_MAX + 1)};
	int r = push_image_content(p, image, &document, err);

	if (r == 0 && digest_equal(&document.digest, wanted)) {
		r = registry_put_manifest(p->registry, NULL, document.media_type,
			buf_str(&document.body), document.body.len, &document.digest, err);
		r = r < 0 ? r : 1;
	}
	buf_done(&document.body);
	return r;
}

static int push_entries(struct push *p, const struct oci_index *index, struct hull_error *err)
{
	for (size_t i = 0; i < index->n_manifests; i++) {
		_cleanup_image_ struct image *image = NULL;
		struct digest digest;
		int r = digest_parse(index->manifests[i].digest, &digest, err);

		if (r == 0)
			r = find_image(p, &digest, &image, err);
		if (r > 0)
			r = push_entry(p, image, &digest, err);
		else if (r == 0)
			r = 1; /* It was there when all were looked for. */
		if (r <= 0)
			return r;
	}
	return 1;
}

int push_index(struct push *p, const struct image *image, struct push_document *ret,
	bool *ret_incomplete, struct hull_error *err)
{
	struct oci_index index;
	int r = find_index(p, image, ret, &index, err);

	if (r <= 0)
		return r;
	*ret_incomplete = true;
	for (size_t i = 0; i < index.n_manifests; i++) {
		_cleanup_image_ struct image *here = NULL;
		r = find_entry(p, &index.manifests[i], &here, err);
		if (r <= 0)
			return r;
	}
	r = push_entries(p, &index, err);
	if (r <= 0)
		return r;
	*ret_incomplete = false;
	ret->media_type = index.media_type ? index.media_type : (char *)OCI_MEDIA_INDEX;
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests on their way up, and what refers to them. A registry that knows the referrers API says
 * so by OCI-Subject when a manifest with a subject arrives; for one that does not, the client keeps
 * an index under a tag made of the subject's digest. Two clients that do so at once may lose each
 * other's entry: the specification has no remedy for that.
 */
#include "registry/remote.h"

#include "base/str.h"
#include "json/value.h"
#include "oci/image_spec.h"

#define REFERRERS_MAX	10000
#define REFERRERS_PAGES 100

/* ---- The index of referrers ---- */

struct referrers {
	struct arena arena;
	const char *artifact_type; /* NULL: all */
	bool filter;		   /* the registry has not done it */
	char **entries;		   /* descriptors as JSON, heap */
};

static void referrers_done(struct referrers *l)
{
	arena_done(&l->arena);
	strv_free(l->entries);
}

static int add_entry(struct referrers *l, const struct json_value *v, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	const char *type = json_value_string(json_value_get(v, "artifactType"));

	if (l->filter && l->artifact_type && !str_eq(type, l->artifact_type))
		return 0;
	if (strv_length(l->entries) == REFERRERS_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "more than %d manifests refer to one",
			REFERRERS_MAX);
	json_value_write(&w, v);
	char *entry = buf_take(&text);
	return !entry || strv_append_take(&l->entries, entry) < 0 ? error_no_memory(err) : 0;
}

static int add_entries(struct referrers *l, const char *text, size_t len, struct hull_error *err)
{
	struct json_limits limits = {OCI_MANIFEST_MAX, 32};
	struct json_value root;
	struct oci_index checked;
	int r = oci_index_parse(&l->arena, text, len, "index of referrers", &checked, err);

	if (r == 0)
		r = json_value_parse(
			&l->arena, &root, text, len, &limits, "index of referrers", err);
	const struct json_value *manifests = r < 0 ? NULL : json_value_get(&root, "manifests");
	for (size_t i = 0; r == 0 && manifests && i < manifests->count; i++)
		r = add_entry(l, &manifests->items[i], err);
	return r;
}

static int format_referrers(const struct referrers *l, struct buf *ret, struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(ret, 0);

	json_begin_object(&w);
	json_key(&w, "schemaVersion");
	json_i64(&w, 2);
	json_key(&w, "mediaType");
	json_string(&w, OCI_MEDIA_INDEX);
	json_key(&w, "manifests");
	json_begin_array(&w);
	strv_foreach (entry, l->entries)
		json_raw(&w, *entry);
	json_end_array(&w);
	json_end_object(&w);
	return buf_error(ret) < 0 ? error_no_memory(err) : 0;
}

/* "sha256-<hex>" */
static void fallback_tag(const struct digest *digest, char tag[DIGEST_TEXT_SIZE])
{
	digest_format(digest, tag);
	*strchr(tag, ':') = '-';
}

/* 1: there is such a tag; 0: not. */
static int read_fallback(struct registry *registry, const struct digest *digest,
	struct referrers *l, struct hull_error *err)
{
	_cleanup_registry_document_ struct registry_document document = REGISTRY_DOCUMENT_INIT;
	_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
	char tag[DIGEST_TEXT_SIZE];

	fallback_tag(digest, tag);
	l->filter = true;
	int r = registry_get_manifest(registry, tag, NULL, &document, &e);
	if (r < 0 && e.kind == HULL_ERROR_NOT_FOUND)
		return 0;
	if (r < 0) {
		error_move(err, &e);
		return r;
	}
	r = add_entries(l, buf_str(&document.body), document.body.len, err);
	return r < 0 ? r : 1;
}

/* 1: the registry has the API; 0: it has not. */
static int read_api(struct registry *registry, const struct digest *digest, struct referrers *l,
	struct hull_error *err)
{
	static char *const headers[] = {(char *)"Accept: " OCI_MEDIA_INDEX, NULL};
	struct remote *remote = registry_origin(registry);
	char text[DIGEST_TEXT_SIZE];
	_cleanup_buf_ struct buf first = BUF_INIT_MAX(8192);

	buf_printf(&first, "/referrers/%s", digest_format(digest, text));
	if (l->artifact_type)
		http_append_pair(&first, '?', "artifactType", l->artifact_type);
	_cleanup_free_ char *path = buf_take(&first);
	if (!path)
		return error_no_memory(err);
	for (int pages = 0; path; pages++) {
		_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
		struct http_request request = {.headers = headers, .max_body = OCI_MANIFEST_MAX};
		int r = remote_exchange(remote, path, &request, &response, err);

		if (r < 0)
			return r;
		/* Where the API is missing, some say 404, some 400, some show a web page. */
		const char *type = http_header(&response, "content-type");
		bool index = type && str_after(type, OCI_MEDIA_INDEX);
		if (pages == 0 && (response.status == 404 || response.status == 400 ||
					  (response.status == 200 && !index)))
			return 0;
		if (response.status != 200)
			return remote_status_error(remote, &response, "referrers", err);
		const char *filters = http_header(&response, "oci-filters-applied");
		l->filter = !filters || !strstr(filters, "artifactType");
		r = add_entries(l, buf_str(&response.body), response.body.len, err);
		if (r < 0)
			return r;
		if (pages == REFERRERS_PAGES)
			return error_set(err, HULL_ERROR_LIMIT,
				"%s: the list of referrers does not end", remote->endpoint->host);
		free(path);
		path = remote_next_page(&response);
	}
	return 1;
}

int registry_get_referrers(struct registry *registry, const struct digest *digest,
	const char *artifact_type, struct buf *ret, struct hull_error *err)
{
	_cleanup_(referrers_done) struct referrers l = {.artifact_type = artifact_type};

	/* It becomes part of a URL. */
	if (artifact_type &&
		strspn(artifact_type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
				      "VWXYZ0123456789!$-^_.+/") != strlen(artifact_type))
		return error_set(
			err, HULL_ERROR_INVALID, "\"%s\" is no artifact type", artifact_type);
	int r = read_api(registry, digest, &l, err);
	if (r == 0)
		r = read_fallback(registry, digest, &l, err);
	return r < 0 ? r : format_referrers(&l, ret, err);
}

/* ---- Putting a manifest ---- */

static int put(struct registry *registry, const char *reference, const char *media_type,
	const void *body, size_t len, struct http_response *response, struct hull_error *err)
{
	struct remote *remote = registry_origin(registry);
	_cleanup_free_ char *path = str_printf("/manifests/%s", reference);
	_cleanup_free_ char *type = str_printf("Content-Type: %s", media_type);
	_cleanup_free_ char *what = str_printf("%s:%s", registry->name, reference);
	char *headers[] = {type, NULL};

	if (!path || !type || !what)
		return error_no_memory(err);
	struct http_request request = {
		.method = "PUT",
		.headers = headers,
		.body = body,
		.body_len = len,
		.max_body = REMOTE_ERROR_BODY_MAX,
	};
	int r = remote_exchange(remote, path, &request, response, err);
	if (r < 0)
		return r;
	if (response->status < 200 || response->status > 299)
		return remote_status_error(remote, response, what, err);
	return 0;
}

/* The entry of a manifest among the referrers of its subject. */
static int describe_referrer(const struct oci_manifest *manifest, const char *media_type,
	size_t len, const struct digest *digest, char **ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	char digest_text[DIGEST_TEXT_SIZE];
	struct oci_descriptor descriptor = {
		.media_type = (char *)media_type,
		.digest = (char *)digest_format(digest, digest_text),
		.size = (int64_t)len,
		.artifact_type = manifest->artifact_type ? manifest->artifact_type
							 : manifest->config.media_type,
		.annotations = manifest->annotations,
		.n_annotations = manifest->n_annotations,
	};

	json_struct(&w, &oci_descriptor_table, &descriptor);
	*ret = buf_take(&text);
	return *ret ? 0 : -ENOMEM;
}

/* Adds a manifest to the index that stands in for the referrers API. */
static int update_fallback(struct registry *registry, const struct digest *subject,
	const char *entry, const struct digest *digest, struct hull_error *err)
{
	_cleanup_(referrers_done) struct referrers l = {0};
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(OCI_MANIFEST_MAX);
	char tag[DIGEST_TEXT_SIZE], digest_text[DIGEST_TEXT_SIZE];
	int r = read_fallback(registry, subject, &l, err);

	if (r < 0)
		return r;
	digest_format(digest, digest_text);
	strv_foreach (there, l.entries)
		if (strstr(*there, digest_text))
			return 0;
	if (strv_append(&l.entries, entry) < 0)
		return error_no_memory(err);
	r = format_referrers(&l, &text, err);
	fallback_tag(subject, tag);
	if (r == 0)
		r = put(registry, tag, OCI_MEDIA_INDEX, text.data, text.len, &response, err);
	return r;
}

static int keep_referrer(struct registry *registry, const char *media_type, const void *body,
	size_t len, const struct digest *digest, const struct http_response *response,
	struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *entry = NULL;
	struct oci_manifest manifest;
	struct digest subject;

	if (!json_has_key(body, len, "subject") || http_header(response, "oci-subject"))
		return 0;
	/* An index with a subject is one, too; only what is common to both is looked at. */
	int r = oci_media_kind(media_type) == OCI_KIND_MANIFEST
			? oci_manifest_parse(&arena, body, len, "manifest", &manifest, err)
			: 1;
	if (r != 0 || !manifest.subject)
		return r < 0 ? r : 0;
	r = digest_parse(manifest.subject->digest, &subject, err);
	if (r < 0)
		return r;
	if (describe_referrer(&manifest, media_type, len, digest, &entry) < 0)
		return error_no_memory(err);
	return update_fallback(registry, &subject, entry, digest, err);
}

int registry_put_manifest(struct registry *registry, const char *tag, const char *media_type,
	const void *body, size_t len, const struct digest *digest, struct hull_error *err)
{
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	char text[DIGEST_TEXT_SIZE];
	struct digest said;

	int r = put(registry, tag ? tag : digest_format(digest, text), media_type, body, len,
		&response, err);
	if (r < 0)
		return r;
	const char *announced = http_header(&response, "docker-content-digest");
	if (announced && digest_parse(announced, &said, NULL) == 0 &&
		said.algorithm == digest->algorithm && !digest_equal(&said, digest))
		return error_set(err, HULL_ERROR_REMOTE,
			"%s: the registry took another manifest than the one sent: %s",
			registry->name, announced);
	return keep_referrer(registry, media_type, body, len, digest, &response, err);
}

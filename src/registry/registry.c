/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry is a row of endpoints, the real one last. Documents are asked for at each in turn
 * until one has them; what the user reads if none has is what the last one said. The endpoint that
 * gave the first document is asked first for everything else: what it names should be there, too.
 */
#include "registry/remote.h"

#include "base/str.h"
#include "json/json.h"
#include "oci/image_spec.h"

#define TAGS_PAGE_MAX	((size_t)4 << 20)
#define TAGS_MAX	100000
#define PAGES_MAX	1000
#define EMPTY_PAGES_MAX 10 /* in a row */

/* The registry itself, or for a push the first host that the settings name for it. */
static struct remote *choose_origin(struct registry *registry, bool write)
{
	for (size_t i = 0; write && i < registry->n; i++)
		if (registry->remotes[i].endpoint->capabilities & ENDPOINT_PUSH)
			return &registry->remotes[i];
	return &registry->remotes[registry->n - 1];
}

static int open_remotes(
	struct registry *registry, const struct registry_options *options, struct hull_error *err)
{
	const struct registry_endpoints *endpoints = &registry->endpoints;

	registry->remotes = calloc(endpoints->n, sizeof(*registry->remotes));
	if (!registry->remotes)
		return error_no_memory(err);
	for (size_t i = 0; i < endpoints->n; i++) {
		registry->n++;
		int r = remote_open(
			&registry->remotes[i], registry, &endpoints->items[i], options, err);
		if (r < 0)
			return r;
	}
	registry->origin = choose_origin(registry, options->write);
	return 0;
}

int registry_open(const struct reference *ref, const struct registry_options *options,
	struct registry **ret, struct hull_error *err)
{
	_cleanup_registry_ struct registry *registry = calloc(1, sizeof(*registry));
	_cleanup_free_ char *name = reference_name(ref);

	if (!registry)
		return error_no_memory(err);
	pthread_mutex_init(&registry->lock, NULL);
	registry->window = -1;
	registry->path = strdup(ref->path);
	registry->name = name ? strdup(reference_familiar(name)) : NULL;
	if (!registry->path || !registry->name)
		return error_no_memory(err);
	int r = registry_endpoints_find(ref, &options->settings, &registry->endpoints, err);
	if (r == 0)
		r = http_client_new(
			&options->cancel, options->stall_seconds, &registry->client, err);
	if (r == 0)
		r = open_remotes(registry, options, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(registry);
	return 0;
}

struct registry *registry_close(struct registry *registry)
{
	if (!registry)
		return NULL;
	for (size_t i = 0; i < registry->n; i++)
		remote_close(&registry->remotes[i]);
	free(registry->remotes);
	http_client_free(registry->client);
	registry_endpoints_done(&registry->endpoints);
	pthread_mutex_destroy(&registry->lock);
	strv_free(registry->warnings);
	free(registry->name);
	free(registry->path);
	free(registry);
	return NULL;
}

struct remote *registry_origin(struct registry *registry)
{
	return registry->origin;
}

char *const *registry_warnings(const struct registry *registry)
{
	return registry->warnings;
}

void registry_document_done(struct registry_document *document)
{
	buf_done(&document->body);
	free(document->media_type);
	document->media_type = NULL;
}

/* What the registry says the digest is must be true, if it says something that we can check. */
static int check_announced_digest(const struct http_response *response,
	const struct registry_document *document, const char *what, struct hull_error *err)
{
	const char *announced = http_header(response, "docker-content-digest");
	struct digest said, is;

	if (!announced || digest_parse(announced, &said, NULL) < 0)
		return 0;
	int r = digest_of(said.algorithm, buf_str(&document->body), document->body.len, &is, err);
	if (r < 0)
		return r;
	if (!digest_equal(&said, &is))
		return error_set(err, HULL_ERROR_INVALID,
			"%s: the content does not have the digest that the registry gave", what);
	return 0;
}

static int check_document(const struct http_response *response, const struct digest *want,
	struct registry_document *document, const char *what, struct hull_error *err)
{
	int r = digest_of(want ? want->algorithm : DIGEST_SHA256, buf_str(&document->body),
		document->body.len, &document->digest, err);

	if (r < 0)
		return r;
	if (want && !digest_equal(want, &document->digest)) {
		char is[DIGEST_TEXT_SIZE];
		return error_set(err, HULL_ERROR_INVALID, "%s: wrong digest: the content has %s",
			what, digest_format(&document->digest, is));
	}
	return want ? 0 : check_announced_digest(response, document, what, err);
}

static int get_manifest(struct remote *remote, const char *path, const struct digest *digest,
	const char *what, struct registry_document *ret, struct hull_error *err)
{
	static char *const headers[] = {
		(char *)"Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST
			", " DOCKER_MEDIA_MANIFEST_LIST ", " DOCKER_MEDIA_MANIFEST,
		NULL,
	};
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {.headers = headers, .max_body = OCI_MANIFEST_MAX};
	int r = remote_exchange(remote, path, &request, &response, err);

	if (r < 0)
		return r;
	if (response.status != 200)
		return remote_status_error(remote, &response, what, err);
	ret->body = response.body;
	response.body = (struct buf)BUF_INIT;
	const char *type = http_header(&response, "content-type");
	if (type && !(ret->media_type = strndup(type, strcspn(type, "; \t"))))
		return error_no_memory(err);
	return check_document(&response, digest, ret, what, err);
}

/* Remembers who had the first document. */
static void remember_source(struct registry *registry, struct remote *remote)
{
	pthread_mutex_lock(&registry->lock);
	if (!registry->source)
		registry->source = remote;
	pthread_mutex_unlock(&registry->lock);
}

int registry_get_manifest(struct registry *registry, const char *tag, const struct digest *digest,
	struct registry_document *ret, struct hull_error *err)
{
	unsigned int needed = digest ? ENDPOINT_PULL : ENDPOINT_RESOLVE;
	char text[DIGEST_TEXT_SIZE];
	const char *which = digest ? digest_format(digest, text) : tag;
	_cleanup_free_ char *path = str_printf("/manifests/%s", which);
	_cleanup_free_ char *what =
		str_printf("manifest for %s%s%s", registry->name, digest ? "@" : ":", which);
	int r = -1;

	if (!path || !what)
		return error_no_memory(err);
	for (size_t i = 0; i < registry->n; i++) {
		struct remote *remote = &registry->remotes[i];
		bool able = remote->endpoint->capabilities & needed || remote == registry->source;

		if (i + 1 < registry->n && (!able || atomic_load(&remote->down)))
			continue;
		hull_error_done(err);
		registry_document_done(ret);
		*ret = (struct registry_document)REGISTRY_DOCUMENT_INIT;
		r = get_manifest(remote, path, digest, what, ret, err);
		if (r == 0)
			remember_source(registry, remote);
		if (r == 0 || (err && err->kind == HULL_ERROR_CANCELED))
			return r;
	}
	return r;
}

/* ---- Tags ---- */

struct tags_page {
	char **tags;
};

static const struct json_field tags_fields[] = {
	JSON_FIELD(struct tags_page, tags, "tags", JSON_STRV),
};
static const struct json_table tags_table = JSON_TABLE("tags", struct tags_page, tags_fields);

static int add_tags(const struct http_response *response, char ***ret, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_limits limits = {TAGS_PAGE_MAX, 8};
	struct tags_page page = {0};
	int r = json_parse(&arena, &tags_table, &page, buf_str(&response->body), response->body.len,
		&limits, "list of tags", err);

	if (r < 0)
		return r;
	if (strv_length(*ret) + strv_length(page.tags) > TAGS_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "more than %d tags", TAGS_MAX);
	return strv_extend(ret, page.tags) < 0 ? error_no_memory(err) : 0;
}

int registry_list_tags(struct registry *registry, char ***ret, struct hull_error *err)
{
	struct remote *remote = registry_origin(registry);
	_cleanup_free_ char *path = strdup("/tags/list");

	for (int pages = 0, empty = 0; path; pages++) {
		_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
		struct http_request request = {.max_body = TAGS_PAGE_MAX};
		size_t before = strv_length(*ret);
		int r = remote_exchange(remote, path, &request, &response, err);

		if (r == 0 && response.status != 200)
			r = remote_status_error(remote, &response, registry->name, err);
		if (r == 0)
			r = add_tags(&response, ret, err);
		if (r < 0)
			return r;
		empty = strv_length(*ret) > before ? 0 : empty + 1;
		if (pages == PAGES_MAX || empty == EMPTY_PAGES_MAX)
			return error_set(err, HULL_ERROR_LIMIT, "%s: the list of tags does not end",
				remote->endpoint->host);
		free(path);
		path = remote_next_page(&response);
	}
	return 0;
}

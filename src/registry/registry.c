/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request goes through request(): it finds out whether the host speaks TLS where that may be
 * open, and answers challenges. Above it are two ways to survive faults: documents are asked for
 * again as a whole; a blob goes on where it broke, by a Range request, and a server that ignores
 * Range costs only the bytes that are thrown away. A blob is given up when several attempts in a
 * row brought next to nothing.
 */
#include "registry/registry.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/json.h"
#include "oci/image_spec.h"

#include <stdatomic.h>

#define ERROR_BODY_MAX	    ((size_t)1 << 20)
#define MAX_ATTEMPTS	    5
#define MAX_AUTH_ROUNDS	    3
#define PROGRESS_BYTES	    ((int64_t)1 << 20) /* this much resets the count of failures */
#define FIRST_PAUSE_NS	    (200 * NS_PER_MS)
#define LONGEST_PAUSE_NS    (5 * NS_PER_SECOND)
#define LONGEST_RETRY_AFTER 60

enum scheme {
	SCHEME_UNKNOWN, /* TLS is tried, then plain HTTP */
	SCHEME_HTTPS,
	SCHEME_HTTP,
};

struct registry {
	struct http_client *client;
	struct authorizer *authorizer;
	char *host;
	char *name; /* familiar repository name, for errors */
	char *path;
	char *scope;
	bool insecure;
	atomic_int scheme;
};

static bool is_listed(char *const *hosts, const char *host)
{
	return strv_contains(hosts, host);
}

int registry_open(const struct reference *ref, const struct registry_options *options,
	struct registry **ret, struct hull_error *err)
{
	_cleanup_registry_ struct registry *registry = calloc(1, sizeof(*registry));
	const char *host = reference_api_host(ref);
	_cleanup_free_ char *name = reference_name(ref);

	if (!registry || !name)
		return error_no_memory(err);
	registry->host = strdup(host);
	registry->name = strdup(reference_familiar(name));
	registry->path = strdup(ref->path);
	registry->scope = str_printf("repository:%s:pull", ref->path);
	if (!registry->host || !registry->name || !registry->path || !registry->scope)
		return error_no_memory(err);
	/* Nobody in between can listen on a loopback address. */
	bool loopback = http_host_is_loopback(host);
	registry->insecure = options->insecure || loopback;
	if (is_listed(options->plain_http, host))
		registry->scheme = SCHEME_HTTP;
	else
		registry->scheme = registry->insecure ? SCHEME_UNKNOWN : SCHEME_HTTPS;
	int r = http_client_new(&options->cancel, &registry->client, err);
	if (r < 0)
		return r;
	struct auth_options auth = options->auth;
	auth.insecure = registry->insecure;
	r = authorizer_new(registry->client, ref->domain, &auth, &registry->authorizer, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(registry);
	return 0;
}

struct registry *registry_close(struct registry *registry)
{
	if (!registry)
		return NULL;
	authorizer_free(registry->authorizer);
	http_client_free(registry->client);
	free(registry->host);
	free(registry->name);
	free(registry->path);
	free(registry->scope);
	free(registry);
	return NULL;
}

void registry_document_done(struct registry_document *document)
{
	buf_done(&document->body);
	free(document->media_type);
	document->media_type = NULL;
}

/* One request with the scheme that is known, or with both in turn. */
static int request_any_scheme(struct registry *registry, const char *path,
	struct http_request *request, struct http_response *response, struct hull_error *err)
{
	enum scheme scheme = (enum scheme)atomic_load(&registry->scheme);

	for (;;) {
		_cleanup_error_ struct hull_error first = HULL_ERROR_INIT;
		_cleanup_free_ char *url = str_printf("%s://%s%s",
			scheme == SCHEME_HTTP ? "http" : "https", registry->host, path);

		if (!url)
			return error_no_memory(err);
		request->url = url;
		int r = http_perform(registry->client, request, response, &first);
		bool no_tls = response->outcome == HTTP_TLS_FAILED ||
			      response->outcome == HTTP_CONNECT_FAILED ||
			      (response->outcome == HTTP_BROKEN && response->status == 0);
		if (r < 0 && scheme == SCHEME_UNKNOWN && no_tls) {
			scheme = SCHEME_HTTP;
			continue;
		}
		if (r == 0 && atomic_load(&registry->scheme) == SCHEME_UNKNOWN)
			atomic_store(&registry->scheme,
				scheme == SCHEME_HTTP ? SCHEME_HTTP : SCHEME_HTTPS);
		if (r < 0)
			error_move(err, &first);
		return r;
	}
}

/* As above, with authorization where the registry wants one. */
static int request(struct registry *registry, const char *path, struct http_request *request,
	struct http_response *response, struct hull_error *err)
{
	for (int round = 1;; round++) {
		_cleanup_free_ char *authorization = NULL;
		int r = authorizer_get(registry->authorizer, registry->scope, &authorization, err);

		if (r < 0)
			return r;
		request->authorization = authorization;
		request->insecure = registry->insecure;
		request->allow_plain = registry->insecure;
		r = request_any_scheme(registry, path, request, response, err);
		request->authorization = NULL;
		if (r < 0 || response->status != 401 || round == MAX_AUTH_ROUNDS)
			return r;
		r = authorizer_answer(
			registry->authorizer, registry->scope, authorization, response, err);
		if (r < 0)
			return error_wrap(err, r,
				"pull access denied for %s, repository does not exist or may require 'login'",
				registry->name);
	}
}

static bool is_temporary(int status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

/* How long to wait before the next attempt: what the registry asks for, else longer each time. */
static int64_t pause_ns(const struct http_response *response, int failures)
{
	const char *after = http_header(response, "retry-after");
	int64_t pause = FIRST_PAUSE_NS << (failures < 5 ? failures : 5);
	uint64_t seconds;

	if (after && str_to_u64(after, &seconds) == 0)
		return (int64_t)(seconds < LONGEST_RETRY_AFTER ? seconds : LONGEST_RETRY_AFTER) *
		       NS_PER_SECOND;
	return pause < LONGEST_PAUSE_NS ? pause : LONGEST_PAUSE_NS;
}

/* {"errors":[{"code":"...","message":"..."}]} */
struct remote_error {
	char *code;
	char *message;
};

struct remote_errors {
	struct remote_error *errors;
	size_t n_errors;
};

static const struct json_field remote_error_fields[] = {
	JSON_FIELD(struct remote_error, code, "code", JSON_STRING),
	JSON_FIELD(struct remote_error, message, "message", JSON_STRING),
};
static const struct json_table remote_error_table =
	JSON_TABLE("error", struct remote_error, remote_error_fields);
static const struct json_field remote_errors_fields[] = {
	JSON_FIELD(struct remote_errors, errors, "errors", JSON_ARRAY,
		.count_offset = offsetof(struct remote_errors, n_errors),
		.table = &remote_error_table),
};
static const struct json_table remote_errors_table =
	JSON_TABLE("errors", struct remote_errors, remote_errors_fields);

/* ": manifest unknown: ..." or nothing. */
static void describe_remote_error(const struct http_response *response, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_limits limits = {ERROR_BODY_MAX, 16};
	struct remote_errors errors = {0};

	if (json_parse(&arena, &remote_errors_table, &errors, buf_str(&response->body),
		    response->body.len, &limits, "error", NULL) < 0 ||
		errors.n_errors == 0)
		return;
	const struct remote_error *first = &errors.errors[0];
	if (first->code) {
		buf_puts(out, ": ");
		for (size_t i = 0; first->code[i] && i < 60; i++) {
			char c = first->code[i];
			buf_putc(out, c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
		}
	}
	if (!str_empty(first->message)) {
		buf_puts(out, ": ");
		buf_printf(out, "%.300s", first->message);
	}
}

static int status_error(struct registry *registry, const struct http_response *response,
	const char *what, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(4096);
	int status = response->status;

	describe_remote_error(response, &text);
	if (status == 404)
		return error_set(err, HULL_ERROR_NOT_FOUND, "%s not found%s", what,
			text.len ? buf_str(&text) : ": 404 from the registry");
	if (status == 401 || status == 403)
		return error_set(err, HULL_ERROR_DENIED,
			"pull access denied for %s, repository does not exist or may require 'login'%s",
			registry->name, buf_str(&text));
	if (status == 429)
		return error_set(err, HULL_ERROR_REMOTE, "%s: too many requests%s", registry->host,
			buf_str(&text));
	return error_set(err, HULL_ERROR_REMOTE, "%s: %s: the registry answered status %d%s",
		registry->host, what, status, buf_str(&text));
}

/* A GET of a whole document, tried again as long as that makes sense. */
static int get_document(struct registry *registry, const char *path, char *const *headers,
	size_t max, const char *what, struct http_response *response, struct hull_error *err)
{
	for (int failures = 0;; failures++) {
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		struct http_request req = {.headers = headers, .max_body = max};
		int r = request(registry, path, &req, response, &e);

		if (r == 0 && response->status == 200)
			return 0;
		bool again =
			r < 0 ? response->outcome == HTTP_BROKEN : is_temporary(response->status);
		if (!again || failures + 1 == MAX_ATTEMPTS) {
			if (r == 0)
				return status_error(registry, response, what, err);
			error_move(err, &e);
			return r;
		}
		r = http_pause(registry->client, pause_ns(response, failures), err);
		if (r < 0)
			return r;
	}
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

int registry_get_manifest(struct registry *registry, const char *tag, const struct digest *digest,
	struct registry_document *ret, struct hull_error *err)
{
	static char *const headers[] = {
		(char *)"Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST
			", " DOCKER_MEDIA_MANIFEST_LIST ", " DOCKER_MEDIA_MANIFEST,
		NULL,
	};
	char text[DIGEST_TEXT_SIZE];
	const char *which = digest ? digest_format(digest, text) : tag;
	_cleanup_free_ char *path = str_printf("/v2/%s/manifests/%s", registry->path, which);
	_cleanup_free_ char *what =
		str_printf("manifest for %s%s%s", registry->name, digest ? "@" : ":", which);
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;

	if (!path || !what)
		return error_no_memory(err);
	int r = get_document(registry, path, headers, OCI_MANIFEST_MAX, what, &response, err);
	if (r < 0)
		return r;
	ret->body = response.body;
	response.body = (struct buf)BUF_INIT;
	const char *type = http_header(&response, "content-type");
	if (type && !(ret->media_type = strndup(type, strcspn(type, "; \t"))))
		return error_no_memory(err);
	return check_document(&response, digest, ret, what, err);
}

/* A blob on its way, over as many requests as it takes. */
struct blob_stream {
	const struct registry_sink *sink;
	int64_t size;
	int64_t offset; /* delivered to the sink */
	int64_t skip;	/* of this answer, because the server began at 0 again */
	bool began;	/* the headers of this answer were looked at */
	struct hull_error error;
};

/* Where a "bytes FIRST-LAST/SIZE" begins, -1 if it is none. */
static int64_t range_first(const char *range)
{
	const char *digits = range ? str_after(range, "bytes ") : NULL;
	_cleanup_free_ char *text = digits ? strndup(digits, strspn(digits, "0123456789")) : NULL;
	int64_t first;

	return text && digits[strlen(text)] == '-' && str_to_i64(text, &first) == 0 ? first : -1;
}

static int check_range(struct blob_stream *s, const struct http_response *head)
{
	s->skip = 0;
	if (head->status == 200) {
		s->skip = s->offset;
		return 0;
	}
	/* 206 */
	if (s->offset > 0 && range_first(http_header(head, "content-range")) == s->offset)
		return 0;
	return error_set(&s->error, HULL_ERROR_REMOTE,
		"the registry answered with another range than the one asked for");
}

static int stream_write(void *data, const struct http_response *head, const void *p, size_t n)
{
	struct blob_stream *s = data;

	if (!s->began) {
		s->began = true;
		if (check_range(s, head) < 0)
			return -1;
	}
	if (s->skip > 0) {
		size_t cut = (int64_t)n < s->skip ? n : (size_t)s->skip;
		s->skip -= (int64_t)cut;
		p = (const char *)p + cut;
		n -= cut;
	}
	if (n == 0)
		return 0;
	if ((int64_t)n > s->size - s->offset)
		return error_set(&s->error, HULL_ERROR_INVALID,
			"the registry sends more than the %lld bytes that the manifest names",
			(long long)s->size);
	s->offset += (int64_t)n;
	return s->sink->write(s->sink->data, p, n, &s->error);
}

/*
 * One request for the rest of the blob. 1: whole; 0: try again; negative: give up. Credentials
 * go to the registry alone: url is NULL there.
 */
static int stream_attempt(struct registry *registry, const char *path, const char *url,
	const char *what, struct blob_stream *s, struct http_response *response,
	struct hull_error *err)
{
	char range[64];
	char *headers[] = {range, NULL};
	struct http_request req = {
		.headers = s->offset > 0 ? headers : NULL,
		.max_body = ERROR_BODY_MAX,
		.sink = stream_write,
		.sink_data = s,
	};
	int r;

	snprintf(range, sizeof(range), "Range: bytes=%lld-", (long long)s->offset);
	s->began = false;
	if (url) {
		req.url = url;
		r = http_perform(registry->client, &req, response, err);
	} else {
		r = request(registry, path, &req, response, err);
	}
	if (response->outcome == HTTP_STOPPED) {
		hull_error_done(err);
		error_move(err, &s->error);
		return -1;
	}
	/* A registry that was there for the manifest and is not there now may be starting again. */
	if (r < 0)
		return response->outcome == HTTP_BROKEN || response->outcome == HTTP_CONNECT_FAILED
			       ? 0
			       : r;
	bool body = response->status == 200 || response->status == 206;
	if (body && s->offset == s->size)
		return 1;
	if (body) {
		error_set(err, HULL_ERROR_REMOTE, "%s: the registry sent %lld of %lld bytes", what,
			(long long)s->offset, (long long)s->size);
		return 0;
	}
	r = status_error(registry, response, what, err);
	return is_temporary(response->status) ? 0 : r;
}

static int stream_blob(struct registry *registry, const char *path, const char *url,
	const char *what, struct blob_stream *s, struct hull_error *err)
{
	int64_t mark = s->offset;

	for (int failures = 0;;) {
		_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		int r = stream_attempt(registry, path, url, what, s, &response, &e);

		if (r > 0)
			return 0;
		if (s->offset - mark >= PROGRESS_BYTES)
			failures = 0;
		mark = s->offset;
		if (r < 0 || ++failures == MAX_ATTEMPTS) {
			error_move(err, &e);
			return r < 0 ? r : -1;
		}
		r = http_pause(registry->client, pause_ns(&response, failures - 1), err);
		if (r < 0)
			return r;
	}
}

static bool is_http_url(const char *url)
{
	return str_after(url, "https://") || str_after(url, "http://");
}

int registry_get_blob(struct registry *registry, const struct digest *digest, int64_t size,
	char *const *urls, const struct registry_sink *sink, struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path =
		str_printf("/v2/%s/blobs/%s", registry->path, digest_format(digest, text));
	_cleanup_free_ char *what = str_printf("blob %s", text);
	_cleanup_error_ struct hull_error first = HULL_ERROR_INIT;
	struct blob_stream s = {.sink = sink, .size = size};

	if (!path || !what)
		return error_no_memory(err);
	if (size == 0)
		return 0;
	int r = stream_blob(registry, path, NULL, what, &s, &first);
	bool elsewhere = first.kind == HULL_ERROR_NOT_FOUND || first.kind == HULL_ERROR_DENIED;
	strv_foreach (url, r < 0 && elsewhere ? urls : NULL) {
		if (!is_http_url(*url))
			continue;
		hull_error_done(&first);
		r = stream_blob(registry, path, *url, what, &s, &first);
		if (r == 0)
			return 0;
	}
	hull_error_done(&s.error);
	if (r < 0)
		error_move(err, &first);
	return r;
}

static int append_to_buf(void *data, const void *p, size_t n, struct hull_error *err)
{
	struct buf *out = data;

	buf_append(out, p, n);
	return buf_error(out) < 0 ? error_no_memory(err) : 0;
}

int registry_get_small_blob(struct registry *registry, const struct digest *digest, int64_t size,
	size_t max, struct buf *ret, struct hull_error *err)
{
	struct registry_sink sink = {append_to_buf, ret};
	char text[DIGEST_TEXT_SIZE];
	struct digest is;

	digest_format(digest, text);
	if (size < 0 || (uint64_t)size > max)
		return error_set(err, HULL_ERROR_LIMIT, "blob %s: %lld bytes are more than allowed",
			text, (long long)size);
	ret->max = (size_t)size + 1;
	int r = registry_get_blob(registry, digest, size, NULL, &sink, err);
	if (r == 0)
		r = digest_of(digest->algorithm, buf_str(ret), ret->len, &is, err);
	if (r < 0)
		return r;
	if (!digest_equal(digest, &is))
		return error_set(err, HULL_ERROR_INVALID, "blob %s: wrong digest", text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request goes through remote_request(): it finds out whether the host speaks TLS where that
 * may be open, and answers challenges.
 */
#include "registry/remote.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/json.h"

#define MAX_AUTH_ROUNDS	       3
#define FIRST_PAUSE_NS	       (200 * NS_PER_MS)
#define LONGEST_PAUSE_NS       (5 * NS_PER_SECOND)
#define LONGEST_RETRY_AFTER_NS (60 * NS_PER_SECOND)

int remote_open(struct remote *remote, struct registry *registry,
	const struct registry_endpoint *endpoint, const struct registry_options *options,
	struct hull_error *err)
{
	const struct auth_place place = {
		.client = registry->client,
		.host = endpoint->login,
		.repository = endpoint->repository,
		.tls = &endpoint->tls,
		.plain = endpoint->scheme != ENDPOINT_HTTPS,
	};

	remote->registry = registry;
	remote->endpoint = endpoint;
	remote->client = registry->client;
	remote->name = registry->name;
	remote->write = options->write;
	remote->scheme = (int)endpoint->scheme;
	remote->scope = str_printf(
		"repository:%s:pull%s", endpoint->repository, options->write ? ",push" : "");
	if (!remote->scope)
		return error_no_memory(err);
	return authorizer_new(&place, &options->auth, &remote->authorizer, err);
}

void remote_close(struct remote *remote)
{
	authorizer_free(remote->authorizer);
	free(remote->scope);
}

/* A whole URL stays as it is; a path goes below the repository. */
static char *make_url(const struct remote *remote, const char *path, enum endpoint_scheme scheme)
{
	const struct registry_endpoint *e = remote->endpoint;

	if (strstr(path, "://"))
		return strdup(path);
	return str_printf("%s://%s%s/%s%s%s%s", scheme == ENDPOINT_HTTP ? "http" : "https", e->host,
		e->prefix, e->repository, path,
		!e->query	    ? ""
		: strchr(path, '?') ? "&"
				    : "?",
		e->query ? e->query : "");
}

/* True if a URL leads to the endpoint itself, where its credentials and headers belong. */
static bool is_own_url(struct remote *remote, const char *url)
{
	_cleanup_free_ char *own =
		make_url(remote, "", (enum endpoint_scheme)atomic_load(&remote->scheme));
	_cleanup_free_ char *a = own ? http_url_origin(own) : NULL;
	_cleanup_free_ char *b = http_url_origin(url);

	return a && b && str_eq(a, b);
}

/* One request with the scheme that is known, or with both in turn. */
static int request_any_scheme(struct remote *remote, const char *path, struct http_request *request,
	struct http_response *response, struct hull_error *err)
{
	enum endpoint_scheme scheme = (enum endpoint_scheme)atomic_load(&remote->scheme);

	for (;;) {
		_cleanup_error_ struct hull_error first = HULL_ERROR_INIT;
		_cleanup_free_ char *url = make_url(remote, path, scheme);

		if (!url)
			return error_no_memory(err);
		request->url = url;
		int r = http_perform(remote->client, request, response, &first);
		bool no_tls = response->outcome == HTTP_TLS_FAILED ||
			      response->outcome == HTTP_CONNECT_FAILED ||
			      (response->outcome == HTTP_BROKEN && response->status == 0);
		if (r < 0 && scheme == ENDPOINT_ANY && no_tls && !strstr(path, "://")) {
			scheme = ENDPOINT_HTTP;
			continue;
		}
		if (r == 0 && atomic_load(&remote->scheme) == ENDPOINT_ANY)
			atomic_store(&remote->scheme,
				scheme == ENDPOINT_HTTP ? ENDPOINT_HTTP : ENDPOINT_HTTPS);
		if (r < 0)
			error_move(err, &first);
		return r;
	}
}

static int access_denied(struct remote *remote, const char *more, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_DENIED,
		"%s access denied for %s, repository does not exist or may require 'login'%s",
		remote->write ? "push" : "pull", remote->name, more);
}

/* Warning: 299 - "TEXT": what a registry wants its users to know, each text once. */
static void keep_warnings(struct remote *remote, const struct http_response *response)
{
	struct registry *registry = remote->registry;

	strv_foreach (header, response->headers) {
		const char *value = str_after(*header, "warning:");
		const char *code =
			value ? str_after(value + strspn(value, " \t"), "299 - \"") : NULL;
		_cleanup_buf_ struct buf text = BUF_INIT_MAX(1024);

		if (!code)
			continue;
		for (; *code && *code != '"'; code++) {
			if (*code == '\\' && code[1])
				code++;
			buf_putc(&text, *code);
		}
		pthread_mutex_lock(&registry->lock);
		/* A warning that does not fit, or for which there is no memory, is left out. */
		if (buf_error(&text) == 0 && text.len > 0 &&
			strv_length(registry->warnings) < REGISTRY_WARNINGS_MAX &&
			!strv_contains(registry->warnings, buf_str(&text)))
			strv_append(&registry->warnings, buf_str(&text));
		pthread_mutex_unlock(&registry->lock);
	}
}

int remote_request(struct remote *remote, const char *path, const char *more_scope,
	struct http_request *request, struct http_response *response, struct hull_error *err)
{
	_cleanup_free_ char *scope =
		more_scope ? str_printf("%s %s", remote->scope, more_scope) : strdup(remote->scope);
	bool own = !strstr(path, "://") || is_own_url(remote, path);

	if (!scope)
		return error_no_memory(err);
	if (str_after(path, "http://") && remote->endpoint->scheme == ENDPOINT_HTTPS)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: the registry leads from https to http", remote->endpoint->host);
	request->tls = &remote->endpoint->tls;
	request->allow_plain = remote->endpoint->scheme != ENDPOINT_HTTPS;
	request->dial_timeout_ms = remote->endpoint->dial_timeout_ms;
	request->origin_headers = own ? remote->endpoint->headers : NULL;
	for (int round = 1;; round++) {
		_cleanup_free_ char *authorization = NULL;
		int r = own ? authorizer_get(remote->authorizer, scope, &authorization, err) : 0;

		if (r < 0)
			return r;
		request->authorization = authorization;
		r = request_any_scheme(remote, path, request, response, err);
		request->authorization = NULL;
		if (r == 0)
			keep_warnings(remote, response);
		if (r < 0 || response->status != 401 || round == MAX_AUTH_ROUNDS || !own)
			return r;
		r = authorizer_answer(remote->authorizer, scope, authorization, response, err);
		if (r < 0 && err && err->kind == HULL_ERROR_DENIED) {
			_cleanup_free_ char *why = strdup(hull_error_message(err));
			_cleanup_free_ char *more = str_printf(": %s", why ? why : "");
			hull_error_done(err);
			return access_denied(remote, more ? more : "", err);
		}
		if (r < 0)
			return error_wrap(err, r, "%s", remote->name);
		if (request->source && request->source->rewind(request->source->data) < 0)
			return error_set(err, HULL_ERROR_IO, "an upload cannot start again");
	}
}

static bool is_temporary_status(int status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

bool remote_is_temporary(int r, const struct http_response *response)
{
	return r < 0 ? response->outcome == HTTP_BROKEN : is_temporary_status(response->status);
}

int64_t remote_pause_ns(const struct http_response *response, int failures)
{
	int64_t pause = FIRST_PAUSE_NS << (failures < 5 ? failures : 5);
	int64_t asked = http_retry_after(response);

	if (asked >= 0)
		return asked < LONGEST_RETRY_AFTER_NS ? asked : LONGEST_RETRY_AFTER_NS;
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
	struct json_limits limits = {REMOTE_ERROR_BODY_MAX, 16};
	struct remote_errors errors = {0};

	if (json_parse(&arena, &remote_errors_table, &errors, buf_str(&response->body),
		    response->body.len, &limits, "error", NULL) < 0 ||
		errors.n_errors == 0)
		return;
	const struct remote_error *first = &errors.errors[0];
	if (first->code) {
		buf_puts(out, ": ");
		for (char *c = first->code; *c; c++)
			*c = *c == '_' ? ' ' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		buf_append(out, first->code, strnlen(first->code, 60));
	}
	if (!str_empty(first->message)) {
		buf_puts(out, ": ");
		buf_append(out, first->message, strnlen(first->message, 300));
	}
}

int remote_status_error(struct remote *remote, const struct http_response *response,
	const char *what, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(4096);
	const char *host = remote->endpoint->host;
	int status = response->status;

	describe_remote_error(response, &text);
	if (status == 404)
		return error_set(err, HULL_ERROR_NOT_FOUND, "%s not found%s", what,
			text.len ? buf_str(&text) : ": 404 from the registry");
	if (status == 401 || status == 403)
		return access_denied(remote, buf_str(&text), err);
	if (status == 429)
		return error_set(
			err, HULL_ERROR_REMOTE, "%s: too many requests%s", host, buf_str(&text));
	return error_set(err, HULL_ERROR_REMOTE, "%s: %s: the registry answered status %d%s", host,
		what, status, buf_str(&text));
}

int remote_exchange(struct remote *remote, const char *path, const struct http_request *request,
	struct http_response *response, struct hull_error *err)
{
	/* Where something else can be asked, nobody waits for long. */
	const int attempts = remote->endpoint->mirror ? 2 : REMOTE_ATTEMPTS;

	for (int failures = 0;; failures++) {
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		struct http_request copy = *request;
		int r = remote_request(remote, path, NULL, &copy, response, &e);

		if (r < 0 && response->outcome == HTTP_CONNECT_FAILED)
			atomic_store(&remote->down, true);
		if (!remote_is_temporary(r, response) || failures + 1 == attempts) {
			if (r < 0)
				error_move(err, &e);
			return r;
		}
		r = http_pause(remote->client, remote_pause_ns(response, failures), err);
		if (r < 0)
			return r;
	}
}

char *remote_next_page(const struct http_response *response)
{
	strv_foreach (header, response->headers) {
		const char *value = str_after(*header, "link:");
		const char *open = value ? strchr(value, '<') : NULL;
		const char *close = open ? strchr(open, '>') : NULL;

		if (!close || (!strstr(close, "rel=\"next\"") && !strstr(close, "rel=next")))
			continue;
		_cleanup_free_ char *reference = strndup(open + 1, (size_t)(close - open - 1));
		return reference ? http_url_resolve(response->url, reference) : NULL;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Are credentials good? The registry is asked for nothing but to let us in: GET /v2/. */
#include "registry/registry.h"

#include "base/str.h"

/* An authorizer's source of credentials: the ones that are being tried. */
static int give_credentials(void *data, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	const struct auth_credentials *c = data;

	ret->user = strdup(c->user);
	ret->secret = strdup(c->secret);
	return ret->user && ret->secret ? 0 : error_no_memory(err);
}

struct login {
	const struct registry_endpoint *endpoint;
	struct http_client *client;
	struct authorizer *authorizer;
};

static void login_done(struct login *l)
{
	authorizer_free(l->authorizer);
	http_client_free(l->client);
}

static int ask(struct login *l, const char *scheme, const char *authorization,
	struct http_response *response, struct hull_error *err)
{
	const struct registry_endpoint *e = l->endpoint;
	_cleanup_free_ char *url = str_printf("%s://%s%s/", scheme, e->host, e->prefix);
	struct http_request request = {
		.url = url,
		.origin_headers = e->headers,
		.authorization = authorization,
		.tls = &e->tls,
		.dial_timeout_ms = e->dial_timeout_ms,
		.max_body = (size_t)1 << 20,
	};

	return url ? http_perform(l->client, &request, response, err) : error_no_memory(err);
}

/* *scheme is the one that answered, for the requests that follow. */
static int ask_first(struct login *l, const char **scheme, struct http_response *response,
	struct hull_error *err)
{
	_cleanup_error_ struct hull_error first = HULL_ERROR_INIT;

	*scheme = l->endpoint->scheme == ENDPOINT_HTTP ? "http" : "https";
	int r = ask(l, *scheme, NULL, response, &first);
	if (r < 0 && l->endpoint->scheme == ENDPOINT_ANY && first.kind != HULL_ERROR_CANCELED) {
		http_response_done(response);
		*response = (struct http_response)HTTP_RESPONSE_INIT;
		*scheme = "http";
		return ask(l, *scheme, NULL, response, err);
	}
	if (r < 0)
		error_move(err, &first);
	return r;
}

static int refused(const struct login *l, const char *why, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_DENIED,
		"%s/: unauthorized: incorrect username or password%s%s", l->endpoint->host,
		*why ? ": " : "", why);
}

static int login(struct login *l, struct hull_error *err)
{
	_cleanup_http_response_ struct http_response first = HTTP_RESPONSE_INIT;
	_cleanup_http_response_ struct http_response second = HTTP_RESPONSE_INIT;
	_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
	_cleanup_free_ char *authorization = NULL;
	const char *scheme;
	int r = ask_first(l, &scheme, &first, err);

	if (r < 0)
		return r;
	/* Nobody is kept out: any credentials are good. */
	if (first.status == 200)
		return 0;
	if (first.status == 404)
		return error_set(err, HULL_ERROR_REMOTE, "%s is no registry: status 404 for %s/",
			l->endpoint->host, l->endpoint->prefix);
	if (first.status != 401)
		return error_set(err, HULL_ERROR_REMOTE, "%s answered status %d", l->endpoint->host,
			first.status);
	r = authorizer_answer(l->authorizer, "", NULL, &first, &e);
	if (r < 0 && e.kind == HULL_ERROR_DENIED)
		return refused(l, hull_error_message(&e), err);
	if (r < 0) {
		error_move(err, &e);
		return r;
	}
	r = authorizer_get(l->authorizer, "", &authorization, err);
	if (r == 0)
		r = ask(l, scheme, authorization, &second, err);
	if (r < 0)
		return r;
	if (second.status == 401 || second.status == 403)
		return refused(l, "", err);
	if (second.status != 200)
		return error_set(err, HULL_ERROR_REMOTE, "%s answered status %d", l->endpoint->host,
			second.status);
	return 0;
}

int registry_login(const char *host, const struct registry_options *options,
	const struct auth_credentials *credentials, char **ret_identity, struct hull_error *err)
{
	_cleanup_registry_endpoints_ struct registry_endpoints endpoints = REGISTRY_ENDPOINTS_INIT;
	_cleanup_(login_done) struct login l = {0};
	struct auth_options auth = {give_credentials, (void *)credentials};
	/* Settings are found by a name of an image; which one does not matter. */
	struct reference ref = {.domain = (char *)host, .path = (char *)"login"};
	int r = registry_endpoints_find(&ref, &options->settings, &endpoints, err);

	*ret_identity = NULL;
	if (r < 0)
		return r;
	l.endpoint = &endpoints.items[endpoints.n - 1];
	r = http_client_new(&options->cancel, options->stall_seconds, &l.client, err);
	if (r < 0)
		return r;
	const struct auth_place place = {
		.client = l.client,
		.host = host,
		.repository = "",
		.tls = &l.endpoint->tls,
		.plain = l.endpoint->scheme != ENDPOINT_HTTPS,
		.offline = true,
	};
	r = authorizer_new(&place, &auth, &l.authorizer, err);
	if (r == 0)
		r = login(&l, err);
	if (r == 0)
		*ret_identity = authorizer_take_identity(l.authorizer);
	return r;
}

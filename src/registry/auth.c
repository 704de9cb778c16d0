/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token protocol of distribution (its spec/auth/token.md and oauth.md): the registry names a
 * realm, a service and a scope; the realm gives a token for them, to anybody for what is public,
 * else for a user's Basic credentials (GET), or for an identity token (POST, OAuth 2). A token is
 * kept per scope until shortly before it expires. The lock is held while a token is fetched, so
 * that many layers ask for it once.
 */
#include "registry/auth.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/str.h"
#include "registry/challenge.h"

#include <pthread.h>

#define TOKEN_MAX	     ((size_t)1 << 20)
#define TOKEN_LIFE_DEFAULT_S 60
#define TOKEN_MARGIN_S	     5
#define MAX_GRANTS	     32
#define CLIENT_ID	     "hull"
#define IDENTITY_USER	     "<token>"

/* A value of the Authorization header that worked, or should. */
struct grant {
	char *scope;
	char *value;
	int64_t expires_ns; /* monotonic; 0 = never */
};

struct authorizer {
	struct auth_place place;
	struct auth_options options;
	char *identity;
	pthread_mutex_t lock;
	struct grant grants[MAX_GRANTS];
	unsigned int n_grants;
};

void auth_credentials_done(struct auth_credentials *c)
{
	free(c->user);
	if (c->secret)
		explicit_bzero(c->secret, strlen(c->secret));
	free(c->secret);
	if (c->bearer)
		explicit_bzero(c->bearer, strlen(c->bearer));
	free(c->bearer);
	*c = (struct auth_credentials){0};
}

int authorizer_new(const struct auth_place *place, const struct auth_options *options,
	struct authorizer **ret, struct hull_error *err)
{
	struct authorizer *a = calloc(1, sizeof(*a));

	if (!a)
		return error_no_memory(err);
	a->place = *place;
	a->options = *options;
	pthread_mutex_init(&a->lock, NULL);
	*ret = a;
	return 0;
}

static void grant_done(struct grant *g)
{
	free(g->scope);
	if (g->value)
		explicit_bzero(g->value, strlen(g->value));
	free(g->value);
	*g = (struct grant){0};
}

struct authorizer *authorizer_free(struct authorizer *a)
{
	if (!a)
		return NULL;
	for (unsigned int i = 0; i < a->n_grants; i++)
		grant_done(&a->grants[i]);
	pthread_mutex_destroy(&a->lock);
	if (a->identity)
		explicit_bzero(a->identity, strlen(a->identity));
	free(a->identity);
	free(a);
	return NULL;
}

static struct grant *find_grant(struct authorizer *a, const char *scope)
{
	for (unsigned int i = 0; i < a->n_grants; i++) {
		struct grant *g = &a->grants[i];

		if (str_eq(g->scope, scope) &&
			(g->expires_ns == 0 || g->expires_ns > clock_monotonic_ns()))
			return g;
	}
	return NULL;
}

/* Takes value. */
static int store_grant(struct authorizer *a, const char *scope, char *value, int64_t expires_ns)
{
	struct grant *g = NULL;

	for (unsigned int i = 0; i < a->n_grants && !g; i++)
		if (str_eq(a->grants[i].scope, scope))
			g = &a->grants[i];
	if (!g)
		g = &a->grants[a->n_grants < MAX_GRANTS ? a->n_grants++ : 0];
	grant_done(g);
	g->scope = strdup(scope);
	g->value = value;
	g->expires_ns = expires_ns;
	return g->scope ? 0 : -ENOMEM;
}

int authorizer_get(struct authorizer *a, const char *scope, char **ret, struct hull_error *err)
{
	pthread_mutex_lock(&a->lock);
	struct grant *g = find_grant(a, scope);
	char *value = g ? strdup(g->value) : NULL;
	bool failed = g && !value;
	pthread_mutex_unlock(&a->lock);
	if (failed)
		return error_no_memory(err);
	*ret = value;
	return 0;
}

/* "Basic ..." for the credentials; NULL if memory is out. */
static char *basic_value(const struct auth_credentials *c)
{
	_cleanup_free_ char *pair = str_printf("%s:%s", c->user ? c->user : "", c->secret);
	_cleanup_free_ char *encoded = pair ? base64_encode(pair, strlen(pair)) : NULL;

	return encoded ? str_printf("Basic %s", encoded) : NULL;
}

struct token_answer {
	char *token;
	char *access_token;
	char *refresh_token;
	int64_t expires_in;
};

static const struct json_field token_fields[] = {
	JSON_FIELD(struct token_answer, token, "token", JSON_STRING),
	JSON_FIELD(struct token_answer, access_token, "access_token", JSON_STRING),
	JSON_FIELD(struct token_answer, refresh_token, "refresh_token", JSON_STRING),
	JSON_FIELD(struct token_answer, expires_in, "expires_in", JSON_I64),
};
static const struct json_table token_table = JSON_TABLE("token", struct token_answer, token_fields);

/* A header value made from it must stay one line. */
static bool is_token_text(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static int read_token(
	struct authorizer *a, const char *scope, const struct buf *body, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_limits limits = {TOKEN_MAX, 16};
	struct token_answer answer = {0};
	int r = json_parse(&arena, &token_table, &answer, buf_str(body), body->len, &limits,
		"answer of the token server", err);

	if (r < 0)
		return r;
	const char *token = answer.token ? answer.token : answer.access_token;
	if (str_empty(token) || !is_token_text(token))
		return error_set(err, HULL_ERROR_REMOTE, "the token server gave no token");
	int64_t life = answer.expires_in > 0 ? answer.expires_in : TOKEN_LIFE_DEFAULT_S;
	if (life > 24 * 3600)
		life = 24 * 3600;
	/* A short-lived token is used until the registry refuses it. */
	if (life > 2 * TOKEN_MARGIN_S)
		life -= TOKEN_MARGIN_S;
	if (a->place.offline && !str_empty(answer.refresh_token) &&
		str_set(&a->identity, answer.refresh_token) < 0)
		return error_no_memory(err);
	char *value = str_printf("Bearer %s", token);
	if (!value || store_grant(a, scope, value, clock_monotonic_ns() + life * NS_PER_SECOND) < 0)
		return error_no_memory(err);
	return 0;
}

/* One question to a token server, with what the registry said of it. */
struct token_question {
	const char *realm;
	const char *service;
	char **scopes;
};

static int question_of(const struct auth_challenge *challenge, const char *scope,
	struct token_question *ret, struct hull_error *err)
{
	const char *asked = auth_challenge_get(challenge, "scope");

	ret->realm = auth_challenge_get(challenge, "realm");
	ret->service = auth_challenge_get(challenge, "service");
	if (str_empty(ret->realm) ||
		!(str_after(ret->realm, "https://") || str_after(ret->realm, "http://")))
		return error_set(err, HULL_ERROR_REMOTE, "the registry names no token server");
	/*
	 * What the registry asks for may be worded otherwise than what we would ask for, and may
	 * be less: it speaks of one request, we know what the next ones will need.
	 */
	ret->scopes = strv_split(str_empty(asked) ? scope : asked, " ");
	bool failed = !ret->scopes;
	if (!str_empty(asked) && (strchr(scope, ' ') || strstr(scope, "push"))) {
		_cleanup_strv_ char **ours = strv_split(scope, " ");
		failed = failed || !ours;
		strv_foreach (one, ours)
			if (!strv_contains(ret->scopes, *one))
				failed = failed || strv_append(&ret->scopes, *one) < 0;
	}
	return failed ? error_no_memory(err) : 0;
}

static int question_url(const struct authorizer *a, const struct token_question *q,
	const char *user, struct buf *url, struct hull_error *err)
{
	buf_puts(url, q->realm);
	char separator = strchr(q->realm, '?') ? '&' : '?';
	if (q->service) {
		http_append_pair(url, separator, "service", q->service);
		separator = '&';
	}
	strv_foreach (scope, q->scopes) {
		http_append_pair(url, separator, "scope", *scope);
		separator = '&';
	}
	if (a->place.offline && user) {
		http_append_pair(url, separator, "offline_token", "true");
		http_append_pair(url, '&', "client_id", CLIENT_ID);
		http_append_pair(url, '&', "account", user);
	}
	return buf_error(url) < 0 ? error_no_memory(err) : 0;
}

/* GET with Basic credentials, or with none. */
static int ask_by_get(struct authorizer *a, const struct token_question *q,
	const struct auth_credentials *c, struct http_response *response, struct hull_error *err)
{
	_cleanup_buf_ struct buf url = BUF_INIT_MAX(8192);
	_cleanup_free_ char *basic = NULL;
	int r = question_url(a, q, c->secret ? c->user : NULL, &url, err);

	if (r < 0)
		return r;
	if (c->secret && !(basic = basic_value(c)))
		return error_no_memory(err);
	struct http_request request = {
		.url = buf_str(&url),
		.authorization = basic,
		.tls = a->place.tls,
		.max_body = TOKEN_MAX,
	};
	r = http_perform(a->place.client, &request, response, err);
	if (basic)
		explicit_bzero(basic, strlen(basic));
	return r;
}

/* POST as OAuth 2 wants it: with an identity token, or with user and password. */
static int ask_by_post(struct authorizer *a, const struct token_question *q,
	const struct auth_credentials *c, struct http_response *response, struct hull_error *err)
{
	static char *const headers[] = {
		(char *)"Content-Type: application/x-www-form-urlencoded", NULL};
	_cleanup_buf_ struct buf form = BUF_INIT_MAX(256 << 10);
	_cleanup_free_ char *scope = strv_join(q->scopes, " ");
	bool identity = str_eq(c->user, IDENTITY_USER);

	if (!scope)
		return error_no_memory(err);
	http_append_pair(&form, 0, "grant_type", identity ? "refresh_token" : "password");
	if (q->service)
		http_append_pair(&form, '&', "service", q->service);
	http_append_pair(&form, '&', "client_id", CLIENT_ID);
	http_append_pair(&form, '&', "scope", scope);
	if (identity) {
		http_append_pair(&form, '&', "refresh_token", c->secret);
	} else {
		http_append_pair(&form, '&', "username", c->user ? c->user : "");
		http_append_pair(&form, '&', "password", c->secret);
	}
	if (a->place.offline)
		http_append_pair(&form, '&', "access_type", "offline");
	if (buf_error(&form) < 0)
		return error_no_memory(err);
	struct http_request request = {
		.method = "POST",
		.url = q->realm,
		.headers = headers,
		.body = buf_str(&form),
		.body_len = form.len,
		.secret_body = true,
		.tls = a->place.tls,
		.max_body = TOKEN_MAX,
	};
	int r = http_perform(a->place.client, &request, response, err);
	explicit_bzero(form.data, form.len);
	return r;
}

static int ask(struct authorizer *a, const struct token_question *q,
	const struct auth_credentials *c, struct http_response *response, struct hull_error *err)
{
	if (c->secret && str_eq(c->user, IDENTITY_USER))
		return ask_by_post(a, q, c, response, err);
	int r = ask_by_get(a, q, c, response, err);
	bool no_get = response->status == 404 || response->status == 405;
	if (r < 0 || !no_get || !c->secret)
		return r;
	http_response_done(response);
	*response = (struct http_response)HTTP_RESPONSE_INIT;
	return ask_by_post(a, q, c, response, err);
}

static int fetch_token(struct authorizer *a, const struct auth_challenge *challenge,
	const char *scope, const struct auth_credentials *credentials, struct hull_error *err)
{
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct token_question q = {0};
	int r = question_of(challenge, scope, &q, err);
	const char *plain = q.realm ? str_after(q.realm, "http://") : NULL;

	if (r == 0 && credentials->secret && plain && !http_host_is_loopback(plain) &&
		!a->place.plain)
		r = error_set(err, HULL_ERROR_DENIED,
			"the token server is not on https; credentials are not sent to it");
	if (r == 0) {
		r = ask(a, &q, credentials, &response, err);
		if (r < 0)
			error_wrap(err, r, "token server");
	}
	strv_free(q.scopes);
	if (r < 0)
		return r;
	if (response.status == 200)
		return read_token(a, scope, &response.body, err);
	if (response.status == 401 || response.status == 403 || response.status == 400)
		return error_set(err, HULL_ERROR_DENIED, "the token server refused (status %d)",
			response.status);
	return error_set(
		err, HULL_ERROR_REMOTE, "the token server answered status %d", response.status);
}

static int collect_challenges(struct arena *arena, const struct http_response *response,
	struct auth_challenge **ret, size_t *n)
{
	strv_foreach (header, response->headers) {
		const char *value = str_after(*header, "www-authenticate:");

		if (value && auth_challenge_parse(arena, value, ret, n) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int answer_locked(struct authorizer *a, const char *scope, const char *used,
	const struct http_response *response, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_auth_credentials_ struct auth_credentials credentials = {0};
	struct auth_challenge *challenges = NULL;
	size_t n = 0;
	struct grant *g = find_grant(a, scope);

	/* Another thread was faster. */
	if (g && !str_eq(g->value, used))
		return 0;
	if (collect_challenges(&arena, response, &challenges, &n) < 0)
		return error_no_memory(err);
	if (a->options.credentials) {
		int r = a->options.credentials(a->options.credentials_data, a->place.host,
			a->place.repository, &credentials, err);
		if (r < 0)
			return r;
	}
	if (credentials.bearer && !used) {
		char *value = str_printf("Bearer %s", credentials.bearer);
		if (!value || store_grant(a, scope, value, 0) < 0)
			return error_no_memory(err);
		return 0;
	}
	const struct auth_challenge *bearer = auth_challenge_find(challenges, n, "bearer");
	if (bearer)
		return fetch_token(a, bearer, scope, &credentials, err);
	const struct auth_challenge *basic = auth_challenge_find(challenges, n, "basic");
	if (!basic || !credentials.secret || (used && str_after(used, "Basic ")))
		return error_set(err, HULL_ERROR_DENIED, "unauthorized: authentication required");
	char *value = basic_value(&credentials);
	if (!value || store_grant(a, scope, value, 0) < 0)
		return error_no_memory(err);
	return 0;
}

int authorizer_answer(struct authorizer *a, const char *scope, const char *used,
	const struct http_response *response, struct hull_error *err)
{
	pthread_mutex_lock(&a->lock);
	int r = answer_locked(a, scope, used, response, err);
	pthread_mutex_unlock(&a->lock);
	return r;
}

char *authorizer_take_identity(struct authorizer *a)
{
	pthread_mutex_lock(&a->lock);
	char *identity = TAKE_PTR(a->identity);
	pthread_mutex_unlock(&a->lock);
	return identity;
}

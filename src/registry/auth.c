/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token protocol of distribution (its spec/auth/token.md): the registry names a realm, a
 * service and a scope; the realm gives a token for them, to anybody for what is public, else for a
 * user's Basic credentials. A token is kept per scope until shortly before it expires. The lock is
 * held while a token is fetched, so that many layers ask for it once.
 */
#include "registry/auth.h"

#include "base/clock.h"
#include "base/str.h"
#include "registry/challenge.h"

#include <pthread.h>

#define TOKEN_MAX	     ((size_t)1 << 20)
#define TOKEN_LIFE_DEFAULT_S 60
#define TOKEN_MARGIN_S	     5
#define MAX_GRANTS	     32

/* A value of the Authorization header that worked, or should. */
struct grant {
	char *scope;
	char *value;
	int64_t expires_ns; /* monotonic; 0 = never */
};

struct authorizer {
	struct http_client *client;
	char *host;
	struct auth_options options;
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
	*c = (struct auth_credentials){0};
}

int authorizer_new(struct http_client *client, const char *host, const struct auth_options *options,
	struct authorizer **ret, struct hull_error *err)
{
	struct authorizer *a = calloc(1, sizeof(*a));

	if (!a || !(a->host = strdup(host))) {
		free(a);
		return error_no_memory(err);
	}
	a->client = client;
	a->options = *options;
	pthread_mutex_init(&a->lock, NULL);
	*ret = a;
	return 0;
}

static void grant_done(struct grant *g)
{
	free(g->scope);
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
	free(a->host);
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

static char *base64(const char *text, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((n + 2) / 3 * 4 + 1), *o = out;

	for (size_t i = 0; out && i < n; i += 3) {
		size_t left = n - i;
		unsigned int v = (unsigned char)text[i] << 16;

		if (left > 1)
			v |= (unsigned int)(unsigned char)text[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)text[i + 2];
		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*o++ = left > 2 ? digits[v & 63] : '=';
	}
	if (o)
		*o = '\0';
	return out;
}

/* "Basic ..." for the credentials; NULL if memory is out. */
static char *basic_value(const struct auth_credentials *c)
{
	_cleanup_free_ char *pair = str_printf("%s:%s", c->user ? c->user : "", c->secret);
	_cleanup_free_ char *encoded = pair ? base64(pair, strlen(pair)) : NULL;

	return encoded ? str_printf("Basic %s", encoded) : NULL;
}

static void append_query(struct buf *url, const char *name, const char *value)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/,";

	buf_putc(url, strchr(buf_str(url), '?') ? '&' : '?');
	buf_printf(url, "%s=", name);
	for (; *value; value++) {
		if (strchr(plain, *value))
			buf_putc(url, *value);
		else
			buf_printf(url, "%%%02X", (unsigned char)*value);
	}
}

struct token_answer {
	char *token;
	char *access_token;
	int64_t expires_in;
};

static const struct json_field token_fields[] = {
	JSON_FIELD(struct token_answer, token, "token", JSON_STRING),
	JSON_FIELD(struct token_answer, access_token, "access_token", JSON_STRING),
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
	char *value = str_printf("Bearer %s", token);
	if (!value || store_grant(a, scope, value, clock_monotonic_ns() + life * NS_PER_SECOND) < 0)
		return error_no_memory(err);
	return 0;
}

static int token_url(const struct auth_challenge *challenge, const char *scope, struct buf *url,
	struct hull_error *err)
{
	const char *realm = auth_challenge_get(challenge, "realm");
	const char *service = auth_challenge_get(challenge, "service");
	const char *asked = auth_challenge_get(challenge, "scope");

	if (str_empty(realm) || !(str_after(realm, "https://") || str_after(realm, "http://")))
		return error_set(err, HULL_ERROR_REMOTE, "the registry names no token server");
	buf_puts(url, realm);
	if (service)
		append_query(url, "service", service);
	append_query(url, "scope", asked ? asked : scope);
	return buf_error(url) < 0 ? error_no_memory(err) : 0;
}

static int fetch_token(struct authorizer *a, const struct auth_challenge *challenge,
	const char *scope, const struct auth_credentials *credentials, struct hull_error *err)
{
	_cleanup_buf_ struct buf url = BUF_INIT_MAX(8192);
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	_cleanup_free_ char *basic = NULL;
	int r = token_url(challenge, scope, &url, err);

	if (r < 0)
		return r;
	if (credentials->secret) {
		bool plain = str_after(buf_str(&url), "http://");
		if (plain && !http_host_is_loopback(buf_str(&url) + strlen("http://")) &&
			!a->options.insecure)
			return error_set(err, HULL_ERROR_DENIED,
				"the token server is not on https; credentials are not sent to it");
		basic = basic_value(credentials);
		if (!basic)
			return error_no_memory(err);
	}
	struct http_request request = {
		.url = buf_str(&url),
		.authorization = basic,
		.insecure = a->options.insecure,
		.max_body = TOKEN_MAX,
	};
	r = http_perform(a->client, &request, &response, err);
	if (r < 0)
		return error_wrap(err, r, "token server");
	if (response.status == 200)
		return read_token(a, scope, &response.body, err);
	if (response.status == 401 || response.status == 403)
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
	_cleanup_(auth_credentials_done) struct auth_credentials credentials = {0};
	struct auth_challenge *challenges = NULL;
	size_t n = 0;
	struct grant *g = find_grant(a, scope);

	/* Another thread was faster. */
	if (g && !str_eq(g->value, used))
		return 0;
	if (collect_challenges(&arena, response, &challenges, &n) < 0)
		return error_no_memory(err);
	if (a->options.credentials) {
		int r = a->options.credentials(
			a->options.credentials_data, a->host, &credentials, err);
		if (r < 0)
			return r;
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

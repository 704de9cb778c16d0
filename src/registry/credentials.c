/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credentials.h"

#include "base/fd.h"
#include "base/str.h"
#include "json/json.h"

#define CONFIG_MAX ((size_t)1 << 20)

/* What docker writes for docker.io. */
#define HUB_KEY "https://index.docker.io/v1/"

struct login {
	char *host; /* the key */
	char *auth;
};

struct logins {
	struct login *auths;
	size_t n_auths;
};

static const struct json_field login_fields[] = {
	JSON_FIELD(struct login, auth, "auth", JSON_STRING),
};
static const struct json_table login_table = JSON_TABLE("login", struct login, login_fields);
static const struct json_field logins_fields[] = {
	JSON_FIELD(struct logins, auths, "auths", JSON_STRUCT_MAP,
		.count_offset = offsetof(struct logins, n_auths), .table = &login_table),
};
static const struct json_table logins_table = JSON_TABLE("config", struct logins, logins_fields);

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The text behind it as a heap string, NULL if it is none. */
static char *base64_decode(const char *text)
{
	size_t n = strcspn(text, "=");
	char *out = malloc(n / 4 * 3 + 4), *o = out;
	unsigned int bits = 0, v = 0;

	for (size_t i = 0; out && i < n; i++) {
		int digit = base64_value(text[i]);

		if (digit < 0) {
			free(out);
			return NULL;
		}
		v = v << 6 | (unsigned int)digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*o++ = (char)(v >> bits & 0xff);
		}
	}
	if (o)
		*o = '\0';
	return out;
}

/* "https://host:5000/v1/" and "host:5000" are the login of one host. */
static bool is_login_of(const char *key, const char *host)
{
	const char *rest = strstr(key, "://");

	if (str_eq(host, "docker.io"))
		return str_eq(key, HUB_KEY) || str_eq(key, "docker.io") ||
		       str_eq(key, "index.docker.io");
	rest = rest ? rest + 3 : key;
	size_t n = strcspn(rest, "/");
	return n == strlen(host) && strncmp(rest, host, n) == 0;
}

static int use_login(const struct login *login, const char *path, struct auth_credentials *ret,
	struct hull_error *err)
{
	char *text = base64_decode(login->auth);
	char *colon = text ? strchr(text, ':') : NULL;

	if (!colon) {
		free(text);
		return error_set(err, HULL_ERROR_INVALID, "%s: the login of %s is malformed", path,
			login->host);
	}
	ret->user = strndup(text, (size_t)(colon - text));
	ret->secret = strdup(colon + 1);
	explicit_bzero(text, strlen(text));
	free(text);
	return ret->user && ret->secret ? 0 : error_no_memory(err);
}

/* 1: found; 0: not in that file. */
static int find_in_file(
	const char *path, const char *host, struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	struct json_limits limits = {CONFIG_MAX, 16};
	struct logins logins = {0};
	int r = file_read_at(AT_FDCWD, path, &text, CONFIG_MAX);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return error_errno(err, r, "%s", path);
	r = json_parse(
		&arena, &logins_table, &logins, buf_str(&text), text.len, &limits, path, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < logins.n_auths; i++) {
		const struct login *login = &logins.auths[i];

		/* An empty one says that a helper keeps the login. */
		if (str_empty(login->auth) || !is_login_of(login->host, host))
			continue;
		r = use_login(login, path, ret, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

/* The candidates in order; heap vector. */
static int list_files(const char *directory, char ***ret)
{
	const char *home = secure_getenv("HOME"), *docker = secure_getenv("DOCKER_CONFIG");
	const char *podman = secure_getenv("REGISTRY_AUTH_FILE");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	int r = 0;

	if (!directory)
		directory = docker;
	if (directory)
		r = strv_append_printf(ret, "%s/config.json", directory);
	else if (home)
		r = strv_append_printf(ret, "%s/.docker/config.json", home);
	if (r == 0 && podman)
		r = strv_append(ret, podman);
	if (r == 0 && runtime)
		r = strv_append_printf(ret, "%s/containers/auth.json", runtime);
	return r;
}

int credentials_find(
	void *directory, const char *host, struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_strv_ char **files = NULL;

	if (list_files(directory, &files) < 0)
		return error_no_memory(err);
	strv_foreach (file, files) {
		int r = find_in_file(*file, host, ret, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 0;
}

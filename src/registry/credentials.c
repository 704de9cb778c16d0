/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credentials.h"

#include "base/base64.h"
#include "base/str.h"
#include "registry/credential_helper.h"
#include "registry/login_file.h"

#define PAIR_MAX ((size_t)1 << 20)

/* What docker writes for docker.io. */
#define HUB_KEY "https://index.docker.io/v1/"

const char *credentials_key(const char *host)
{
	bool hub = str_eq(host, "docker.io") || str_eq(host, "index.docker.io") ||
		   str_eq(host, "registry-1.docker.io");

	return hub ? HUB_KEY : host;
}

static int use_pair(const struct login_file *f, const struct json_value *login, const char *auth,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(PAIR_MAX);
	int r = base64_decode(auth, &text);

	if (r == -ENOMEM)
		return error_no_memory(err);
	const char *colon = r < 0 ? NULL : strchr(buf_str(&text), ':');
	if (!colon)
		return error_set(err, HULL_ERROR_INVALID, "%s: the login of %s is malformed",
			f->path, login->key);
	ret->user = strndup(text.data, (size_t)(colon - text.data));
	ret->secret = strdup(colon + 1);
	explicit_bzero(text.data, text.len);
	return ret->user && ret->secret ? 1 : error_no_memory(err);
}

/* 1: there is a login in it; 0: it is empty, as where a helper keeps the login. */
static int use_login(const struct login_file *f, const struct json_value *login,
	struct auth_credentials *ret, struct hull_error *err)
{
	const char *auth = json_value_string(json_value_get(login, "auth"));
	const char *identity = json_value_string(json_value_get(login, "identitytoken"));
	const char *token = json_value_string(json_value_get(login, "registrytoken"));
	int r = 0;

	if (!str_empty(auth))
		r = use_pair(f, login, auth, ret, err);
	if (r < 0)
		return r;
	if (!str_empty(identity)) {
		if (str_set(&ret->user, LOGIN_IDENTITY_USER) < 0 ||
			str_set(&ret->secret, identity) < 0)
			return error_no_memory(err);
		r = 1;
	}
	if (!str_empty(token)) {
		if (str_set(&ret->bearer, token) < 0)
			return error_no_memory(err);
		r = 1;
	}
	return r;
}

/* 1: found. */
static int find_in_file(const struct login_file *f, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	const char *helper = login_file_helper(f, host);

	if (helper) {
		int r = credential_helper_get(helper, credentials_key(host), ret, err);
		if (r != 0)
			return r;
	}
	const struct json_value *login = login_file_find(f, host, repository);
	return login ? use_login(f, login, ret, err) : 0;
}

/* ---- Which files ---- */

/* The config.json of a user, heap; NULL if nothing says where it is (or memory is out). */
static char *config_file(const char *directory)
{
	const char *home = secure_getenv("HOME"), *docker = secure_getenv("DOCKER_CONFIG");

	if (!directory)
		directory = docker;
	if (directory)
		return str_printf("%s/config.json", directory);
	return home ? str_printf("%s/.docker/config.json", home) : NULL;
}

static int list_podman_files(char ***ret)
{
	const char *file = secure_getenv("REGISTRY_AUTH_FILE");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int r = 0;

	if (!str_empty(file))
		return strv_append(ret, file);
	if (runtime)
		r = strv_append_printf(ret, "%s/containers/auth.json", runtime);
	if (r == 0 && config)
		r = strv_append_printf(ret, "%s/containers/auth.json", config);
	else if (r == 0 && home)
		r = strv_append_printf(ret, "%s/.config/containers/auth.json", home);
	return r;
}

/* 1: found; 0: not in that file. */
static int try_file(const char *path, bool podman, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_login_file_ struct login_file f = {0};
	int r = login_file_read(path, podman, &f, err);

	return r <= 0 ? r : find_in_file(&f, host, repository, ret, err);
}

int credentials_find(void *directory, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_free_ char *config = config_file(directory);
	_cleanup_strv_ char **files = NULL;
	int r = config ? try_file(config, false, host, repository, ret, err) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	if (list_podman_files(&files) < 0)
		return error_no_memory(err);
	strv_foreach (file, files) {
		r = try_file(*file, true, host, repository, ret, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 0;
}

/* ---- Changing config.json ---- */

static int open_config(const char *directory, struct login_file *f, struct hull_error *err)
{
	_cleanup_free_ char *path = config_file(directory);

	if (!path)
		return error_set(err, HULL_ERROR_INVALID,
			"nothing says where config.json is: set HOME or give --config");
	int r = login_file_read(path, false, f, err);
	return r < 0 ? r : 0;
}

/* Helpers, which may ask a person, are called before the file is locked. */
int credentials_store(const char *directory, const char *host, const struct auth_credentials *c,
	char **ret_file, struct hull_error *err)
{
	_cleanup_login_file_ struct login_file f = {0};
	int r = open_config(directory, &f, err);
	const char *helper = r < 0 ? NULL : login_file_helper(&f, host);
	const struct login_entry entry = {host, c, helper != NULL};

	*ret_file = NULL;
	if (r == 0 && helper)
		r = credential_helper_store(helper, credentials_key(host), c, err);
	if (r == 0)
		r = login_file_change(f.path, &entry, err);
	if (r == 0 && !helper && !(*ret_file = strdup(f.path)))
		return error_no_memory(err);
	return r;
}

int credentials_erase(const char *directory, const char *host, struct hull_error *err)
{
	_cleanup_login_file_ struct login_file f = {0};
	const struct login_entry none = {host, NULL, false};
	int r = open_config(directory, &f, err);
	const char *helper = r < 0 ? NULL : login_file_helper(&f, host);
	int erased = 0;

	if (r == 0 && helper)
		r = erased = credential_helper_erase(helper, credentials_key(host), err);
	if (r < 0)
		return r;
	if (!login_file_find(&f, host, ""))
		return erased;
	r = login_file_change(f.path, &none, err);
	return r < 0 ? r : 1;
}

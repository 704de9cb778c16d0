/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credentials.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/str.h"
#include "json/value.h"
#include "registry/credential_helper.h"

#include <limits.h>
#include <sys/stat.h>

#define CONFIG_MAX ((size_t)1 << 20)

/* What docker writes for docker.io. */
#define HUB_KEY	      "https://index.docker.io/v1/"
#define IDENTITY_USER "<token>"

const char *credentials_key(const char *host)
{
	bool hub = str_eq(host, "docker.io") || str_eq(host, "index.docker.io") ||
		   str_eq(host, "registry-1.docker.io");

	return hub ? HUB_KEY : host;
}

/* ---- One file ---- */

/* A config.json or auth.json; the tree is empty if there is no such file. */
struct login_file {
	struct arena arena;
	char *path;
	bool podman; /* keys may have paths */
	struct json_value root;
};

static void login_file_done(struct login_file *f)
{
	arena_done(&f->arena);
	free(f->path);
}

/* 1: read; 0: not there. */
static int login_file_read(struct login_file *f, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	struct json_limits limits = {CONFIG_MAX, 32};
	int r = file_read_at(AT_FDCWD, f->path, &text, CONFIG_MAX);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return error_errno(err, r, "%s", f->path);
	/* An empty file is what `touch` and /dev/null leave. */
	if (strspn(buf_str(&text), " \t\r\n") == text.len)
		return 0;
	r = json_value_parse(&f->arena, &f->root, buf_str(&text), text.len, &limits, f->path, err);
	if (r == 0 && f->root.type != JSON_TYPE_OBJECT)
		return error_set(err, HULL_ERROR_INVALID, "%s: expected an object", f->path);
	return r < 0 ? r : 1;
}

/* "https://host:5000/v1/" and "host:5000" are the login of one host. */
static bool is_key_of_host(const char *key, const char *host)
{
	const char *rest = strstr(key, "://");

	if (str_eq(credentials_key(host), HUB_KEY))
		return str_eq(key, HUB_KEY) || str_eq(key, "docker.io") ||
		       str_eq(key, "index.docker.io");
	rest = rest ? rest + 3 : key;
	size_t n = strcspn(rest, "/");
	return n == strlen(host) && strncmp(rest, host, n) == 0;
}

/* How much of "host/repository" a key of podman's names, 0 if it is another. */
static size_t match_scoped_key(const char *key, const char *host, const char *repository)
{
	size_t n = strlen(key), h = strlen(host);

	if (is_key_of_host(key, host) && !(strchr(key, '/') && !strstr(key, "://")))
		return h;
	if (n <= h || strncmp(key, host, h) != 0 || key[h] != '/')
		return 0;
	const char *path = key + h + 1;
	size_t p = strlen(path);
	if (strncmp(repository, path, p) != 0 || (repository[p] && repository[p] != '/'))
		return 0;
	return n;
}

static const struct json_value *find_login(
	const struct login_file *f, const char *host, const char *repository)
{
	const struct json_value *auths = json_value_get(&f->root, "auths"), *best = NULL;
	size_t longest = 0;

	if (!auths || auths->type != JSON_TYPE_OBJECT)
		return NULL;
	for (size_t i = 0; i < auths->count; i++) {
		const struct json_value *login = &auths->items[i];
		size_t n = f->podman ? match_scoped_key(login->key, host, repository)
			   : is_key_of_host(login->key, host) ? 1
							      : 0;
		if (n > longest) {
			longest = n;
			best = login;
		}
	}
	return best;
}

static int use_pair(const struct login_file *f, const struct json_value *login, const char *auth,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(CONFIG_MAX);
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
		if (str_set(&ret->user, IDENTITY_USER) < 0 || str_set(&ret->secret, identity) < 0)
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

/* The helper for a host, NULL if the file itself keeps its login. */
static const char *helper_of(const struct login_file *f, const char *host)
{
	const struct json_value *helpers = json_value_get(&f->root, "credHelpers");
	const char *all = json_value_string(json_value_get(&f->root, "credsStore"));

	if (helpers && helpers->type == JSON_TYPE_OBJECT)
		for (size_t i = 0; i < helpers->count; i++)
			if (is_key_of_host(helpers->items[i].key, host))
				return json_value_string(&helpers->items[i]);
	return str_empty(all) ? NULL : all;
}

/* 1: found. */
static int find_in_file(const struct login_file *f, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	const char *helper = helper_of(f, host);

	if (helper) {
		int r = credential_helper_get(helper, credentials_key(host), ret, err);
		if (r != 0)
			return r;
	}
	const struct json_value *login = find_login(f, host, repository);
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

/* Takes path. 1: found; 0: not in that file. */
static int try_file(char *path, bool podman, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_(login_file_done) struct login_file f = {.path = path, .podman = podman};
	int r = path ? login_file_read(&f, err) : 0;

	return r <= 0 ? r : find_in_file(&f, host, repository, ret, err);
}

int credentials_find(void *directory, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err)
{
	_cleanup_strv_ char **files = NULL;
	int r = try_file(config_file(directory), false, host, repository, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (list_podman_files(&files) < 0)
		return error_no_memory(err);
	strv_foreach (file, files) {
		char *copy = strdup(*file);
		if (!copy)
			return error_no_memory(err);
		r = try_file(copy, true, host, repository, ret, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 0;
}

/* ---- Changing a file ---- */

/* A login as it is to stand in "auths"; NULL members are left out. */
struct new_login {
	const char *key;
	const struct auth_credentials *c; /* NULL: the entry goes */
	bool keep_empty;		  /* an entry without a secret, as beside a helper */
};

static int write_login(struct json_writer *w, const struct new_login *login)
{
	const struct auth_credentials *c = login->c;

	json_key(w, login->key);
	json_begin_object(w);
	if (!login->keep_empty && str_eq(c->user, IDENTITY_USER)) {
		json_key(w, "identitytoken");
		json_string(w, c->secret);
	} else if (!login->keep_empty) {
		_cleanup_free_ char *pair = str_printf("%s:%s", c->user, c->secret);
		_cleanup_free_ char *encoded = pair ? base64_encode(pair, strlen(pair)) : NULL;
		if (!encoded)
			return -ENOMEM;
		json_key(w, "auth");
		json_string(w, encoded);
		explicit_bzero(pair, strlen(pair));
		explicit_bzero(encoded, strlen(encoded));
	}
	json_end_object(w);
	return 0;
}

/* "auths" with one entry replaced, added or taken out. */
static int write_auths(struct json_writer *w, const struct json_value *auths, const char *host,
	const struct new_login *login)
{
	int r = 0;

	json_key(w, "auths");
	json_begin_object(w);
	for (size_t i = 0; auths && auths->type == JSON_TYPE_OBJECT && i < auths->count; i++) {
		if (is_key_of_host(auths->items[i].key, host))
			continue;
		json_key(w, auths->items[i].key);
		json_value_write(w, &auths->items[i]);
	}
	if (login->c)
		r = write_login(w, login);
	json_end_object(w);
	return r;
}

static int format_file(const struct login_file *f, const char *host, const struct new_login *login,
	struct buf *text)
{
	struct json_writer w = JSON_WRITER_INIT(text, 8);
	bool written = false;
	int r = 0;

	json_begin_object(&w);
	for (size_t i = 0; i < f->root.count && r == 0; i++) {
		const struct json_value *member = &f->root.items[i];

		if (str_eq(member->key, "auths")) {
			r = write_auths(&w, member, host, login);
			written = true;
			continue;
		}
		json_key(&w, member->key);
		json_value_write(&w, member);
	}
	if (!written && r == 0)
		r = write_auths(&w, NULL, host, login);
	json_end_object(&w);
	buf_putc(text, '\n');
	return r < 0 ? r : buf_error(text);
}

/* Replaced by a rename, so that nobody reads a half; a link to it stays a link. */
static int login_file_write(const struct login_file *f, const char *host,
	const struct new_login *login, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * CONFIG_MAX);
	char real[PATH_MAX];
	const char *path = realpath(f->path, real) ? real : f->path;
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = strndup(path, slash ? (size_t)(slash - path) : 0);

	if (!directory || format_file(f, host, login, &text) < 0)
		return error_no_memory(err);
	int r = *directory ? dir_make_parents_at(AT_FDCWD, directory, 0700) : 0;
	if (r == 0)
		r = file_replace_at(AT_FDCWD, path, text.data, text.len, 0600, true);
	explicit_bzero(text.data, text.len);
	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

static int open_config(const char *directory, struct login_file *f, struct hull_error *err)
{
	f->path = config_file(directory);
	if (!f->path)
		return error_set(err, HULL_ERROR_INVALID,
			"nothing says where config.json is: set HOME or give --config");
	int r = login_file_read(f, err);
	return r < 0 ? r : 0;
}

int credentials_store(const char *directory, const char *host, const struct auth_credentials *c,
	char **ret_file, struct hull_error *err)
{
	_cleanup_(login_file_done) struct login_file f = {0};
	const char *key = credentials_key(host);
	int r = open_config(directory, &f, err);
	const char *helper = r < 0 ? NULL : helper_of(&f, host);

	*ret_file = NULL;
	if (r == 0 && helper)
		r = credential_helper_store(helper, key, c, err);
	if (r < 0)
		return r;
	const struct new_login login = {.key = key, .c = c, .keep_empty = helper != NULL};
	r = login_file_write(&f, host, &login, err);
	if (r == 0 && !helper && !(*ret_file = strdup(f.path)))
		return error_no_memory(err);
	return r;
}

int credentials_erase(const char *directory, const char *host, struct hull_error *err)
{
	_cleanup_(login_file_done) struct login_file f = {0};
	const struct new_login none = {.key = credentials_key(host)};
	int r = open_config(directory, &f, err);
	const char *helper = r < 0 ? NULL : helper_of(&f, host);
	int erased = 0;

	if (r == 0 && helper)
		r = erased = credential_helper_erase(helper, none.key, err);
	if (r < 0)
		return r;
	if (!find_login(&f, host, ""))
		return erased;
	r = login_file_write(&f, host, &none, err);
	return r < 0 ? r : 1;
}

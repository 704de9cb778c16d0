/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first of the places below that has a directory for the host is the one that counts; what the
 * others have for the same host is not mixed in.
 */
#include "registry/host_directory.h"

#include "base/fd.h"
#include "base/str.h"
#include "registry/toml.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX	   ((size_t)1 << 20)
#define MAX_ENDPOINTS	   64
#define MAX_FILES	   64
#define MAX_DIAL_TIMEOUT_S 600

struct registry_endpoint *endpoint_list_add(struct endpoint_list *list, struct hull_error *err)
{
	if (!list->items)
		list->items = arena_array(list->arena, MAX_ENDPOINTS, sizeof(*list->items));
	if (!list->items) {
		error_no_memory(err);
		return NULL;
	}
	if (list->n == MAX_ENDPOINTS) {
		error_set(err, HULL_ERROR_LIMIT, "more than %d mirrors", MAX_ENDPOINTS);
		return NULL;
	}
	return &list->items[list->n++];
}

/* Appends a PEM file to what is trusted already. */
static int add_ca(
	struct arena *arena, struct http_tls *tls, const char *path, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * FILE_MAX);
	int r;

	if (tls->ca)
		buf_puts(&text, tls->ca);
	buf_putc(&text, '\n');
	r = file_read_at(AT_FDCWD, path, &text, FILE_MAX);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	tls->ca = arena_strdup(arena, buf_str(&text));
	return tls->ca ? 0 : error_no_memory(err);
}

/* ---- hosts.toml ---- */

struct hosts_reader {
	struct arena *arena;
	const char *directory;
	const char *what;
	struct hull_error *err;
};

static char *absolute(const struct hosts_reader *h, const char *path)
{
	return *path == '/' ? arena_strdup(h->arena, path)
			    : arena_printf(h->arena, "%s/%s", h->directory, path);
}

static int invalid(const struct hosts_reader *h, const struct toml_value *v, const char *message)
{
	return error_set(h->err, HULL_ERROR_INVALID, "%s: line %u: %s", h->what, v->line, message);
}

static int read_capabilities(
	const struct hosts_reader *h, const struct toml_value *table, struct registry_endpoint *e)
{
	char **names = NULL;
	int r = toml_get_strings(h->arena, table, "capabilities", h->what, &names, h->err);

	if (r < 0 || !toml_get(table, "capabilities"))
		return r;
	e->capabilities = 0;
	strv_foreach (name, names) {
		if (str_eq(*name, "pull"))
			e->capabilities |= ENDPOINT_PULL;
		else if (str_eq(*name, "resolve"))
			e->capabilities |= ENDPOINT_RESOLVE;
		else if (str_eq(*name, "push"))
			e->capabilities |= ENDPOINT_PUSH;
		else if (!str_eq(*name, "referrers"))
			return invalid(
				h, table, "a capability is pull, resolve, push or referrers");
	}
	return 0;
}

static int read_ca(
	const struct hosts_reader *h, const struct toml_value *table, struct registry_endpoint *e)
{
	char **paths = NULL;
	int r = toml_get_strings(h->arena, table, "ca", h->what, &paths, h->err);

	strv_foreach (path, r < 0 ? NULL : paths) {
		char *full = absolute(h, *path);
		r = full ? add_ca(h->arena, &e->tls, full, h->err) : error_no_memory(h->err);
		if (r < 0)
			break;
	}
	return r;
}

static int use_client(const struct hosts_reader *h, const char *certificate, const char *key,
	struct registry_endpoint *e)
{
	e->tls.certificate = absolute(h, certificate);
	e->tls.key = key && *key ? absolute(h, key) : NULL;
	return e->tls.certificate && (str_empty(key) || e->tls.key) ? 0 : error_no_memory(h->err);
}

/* client = "cert.pem", [["cert.pem", "key.pem"]], or a list of both; the first one is used. */
static int read_client(
	const struct hosts_reader *h, const struct toml_value *table, struct registry_endpoint *e)
{
	const struct toml_value *v = toml_get(table, "client");

	if (!v)
		return 0;
	if (v->type == TOML_ARRAY && v->first)
		v = v->first;
	if (v->type == TOML_STRING)
		return use_client(h, v->text, NULL, e);
	const struct toml_value *certificate = v->type == TOML_ARRAY ? v->first : NULL;
	const struct toml_value *key = certificate ? certificate->next : NULL;
	if (!certificate || certificate->type != TOML_STRING || (key && key->type != TOML_STRING))
		return invalid(h, v, "client must be a file, or pairs of certificate and key");
	return use_client(h, certificate->text, key ? key->text : NULL, e);
}

static int add_header(const struct hosts_reader *h, const struct toml_value *at, const char *name,
	const char *value, struct registry_endpoint *e)
{
	if (strpbrk(name, "\r\n: ") || !*name || strpbrk(value, "\r\n"))
		return invalid(h, at, "malformed header");
	char *header = arena_printf(h->arena, "%s: %s", name, value);
	if (!header || arena_strv_append(h->arena, &e->headers, header) < 0)
		return error_no_memory(h->err);
	return 0;
}

static int read_headers(
	const struct hosts_reader *h, const struct toml_value *table, struct registry_endpoint *e)
{
	const struct toml_value *headers = toml_get(table, "header");
	int r = 0;

	if (headers && headers->type != TOML_TABLE)
		return invalid(h, headers, "header must be a table");
	for (const struct toml_value *v = headers ? headers->first : NULL; v && r == 0;
		v = v->next) {
		char **values = NULL;
		r = toml_get_strings(h->arena, headers, v->key, h->what, &values, h->err);
		strv_foreach (value, r < 0 ? NULL : values) {
			r = add_header(h, v, v->key, *value, e);
			if (r < 0)
				break;
		}
	}
	return r;
}

/* A number of seconds, or a duration in Go's form. */
static int read_dial_timeout(
	const struct hosts_reader *h, const struct toml_value *table, struct registry_endpoint *e)
{
	const struct toml_value *v = toml_get(table, "dial_timeout");
	int64_t ns = 0;

	if (!v)
		return 0;
	if (v->type == TOML_INTEGER && v->integer >= 0 && v->integer <= MAX_DIAL_TIMEOUT_S)
		ns = v->integer * 1000000000;
	else if (v->type != TOML_STRING || str_to_duration(v->text, &ns) < 0 || ns < 0 ||
		 ns / 1000000000 > MAX_DIAL_TIMEOUT_S)
		return invalid(h, v, "malformed dial_timeout");
	e->dial_timeout_ms = (unsigned int)(ns / 1000000);
	return 0;
}

/* "https://host:5000/v2/sub" or "host:5000" into scheme, host and prefix. */
static int set_url(const struct hosts_reader *h, const struct toml_value *at, const char *url,
	bool override_path, struct registry_endpoint *e)
{
	const char *host = str_after(url, "http://");

	if (host)
		e->scheme = ENDPOINT_HTTP;
	else if ((host = str_after(url, "https://")))
		e->scheme = ENDPOINT_HTTPS;
	else if (!strstr(url, "://"))
		host = url;
	size_t n = host ? strcspn(host, "/?#@") : 0;
	if (n == 0 || (host[n] && host[n] != '/'))
		return invalid(h, at, "malformed URL of a registry");
	const char *path = host + n;
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	e->host = arena_strndup(h->arena, host, n);
	/* As containerd does it: a path gets "/v2" after it unless it is meant as it is. */
	bool whole = override_path || (length >= 3 && strncmp(path + length - 3, "/v2", 3) == 0);
	e->prefix = arena_printf(h->arena, "%.*s%s", (int)length, path, whole ? "" : "/v2");
	return e->host && e->prefix ? 0 : error_no_memory(h->err);
}

/* The keys that a [host] has, and the top of the file for the registry itself. */
static int read_host(const struct hosts_reader *h, const struct toml_value *table,
	const struct toml_value *at, const char *url, struct registry_endpoint *e)
{
	bool override_path = false;
	int r = toml_get_bool(table, "override_path", h->what, &override_path, h->err);

	if (r == 0)
		r = toml_get_bool(table, "skip_verify", h->what, &e->tls.insecure, h->err);
	if (r == 0)
		r = read_capabilities(h, table, e);
	if (r == 0)
		r = read_ca(h, table, e);
	if (r == 0)
		r = read_client(h, table, e);
	if (r == 0)
		r = read_headers(h, table, e);
	if (r == 0)
		r = read_dial_timeout(h, table, e);
	if (r == 0 && url)
		r = set_url(h, at, url, override_path, e);
	return r;
}

static int add_host(const struct hosts_reader *h, const struct toml_value *table, const char *ns,
	const struct registry_endpoint *base, struct endpoint_list *list)
{
	struct registry_endpoint *e = endpoint_list_add(list, h->err);

	if (!e)
		return -1;
	*e = (struct registry_endpoint){
		.repository = base->repository,
		/* A mirror is pushed to only where the file says so. */
		.capabilities = ENDPOINT_RESOLVE | ENDPOINT_PULL,
		.scheme = ENDPOINT_HTTPS,
		.mirror = true,
	};
	int r = read_host(h, table, table, table->key, e);
	if (r < 0)
		return r;
	/* A host that the settings name is what it says it is, secure or not. */
	if (http_host_is_loopback(e->host) && !strstr(table->key, "://"))
		e->scheme = ENDPOINT_ANY;
	if (http_host_is_loopback(e->host) && e->scheme != ENDPOINT_HTTPS)
		e->tls.insecure = true;
	e->login = str_eq(e->host, base->host) ? base->login : e->host;
	e->query = str_eq(e->host, base->host) ? NULL : arena_printf(h->arena, "ns=%s", ns);
	return e->query || str_eq(e->host, base->host) ? 0 : error_no_memory(h->err);
}

int hosts_toml_read(const char *text, size_t len, const char *directory, const char *what,
	const char *ns, const struct registry_endpoint *base, struct endpoint_list *list,
	struct hull_error *err)
{
	struct hosts_reader h = {list->arena, directory, what, err};
	const char *server = NULL;
	struct toml_value *root;
	int r = toml_parse(list->arena, text, len, what, &root, err);

	if (r == 0)
		r = toml_get_string(root, "server", what, &server, err);
	if (r < 0)
		return r;
	const struct toml_value *hosts = toml_get(root, "host");
	if (hosts && hosts->type != TOML_TABLE)
		return invalid(&h, hosts, "host must be written [host.\"URL\"]");
	for (const struct toml_value *v = hosts ? hosts->first : NULL; v; v = v->next) {
		if (v->type != TOML_TABLE)
			return invalid(&h, v, "host must be written [host.\"URL\"]");
		r = add_host(&h, v, ns, base, list);
		if (r < 0)
			return r;
	}
	struct registry_endpoint *e = endpoint_list_add(list, err);
	if (!e)
		return -1;
	*e = *base;
	r = read_host(&h, root, toml_get(root, "server"), str_empty(server) ? NULL : server, e);
	if (r == 0 && !str_eq(e->host, base->host) && base->login == base->host)
		e->login = e->host;
	return r;
}

/* ---- Certificates as Docker keeps them ---- */

static int is_certificate(const struct dirent *e)
{
	return str_ends_with(e->d_name, ".crt") || str_ends_with(e->d_name, ".cert");
}

static int use_certificate(struct arena *arena, const char *directory, const char *name,
	struct http_tls *tls, struct hull_error *err)
{
	char *path = arena_printf(arena, "%s/%s", directory, name);

	if (!path)
		return error_no_memory(err);
	if (str_ends_with(name, ".crt"))
		return add_ca(arena, tls, path, err);
	char *key = arena_printf(
		arena, "%s/%.*s.key", directory, (int)(strlen(name) - strlen(".cert")), name);
	if (!key)
		return error_no_memory(err);
	if (access(key, R_OK) < 0)
		return error_set(err, HULL_ERROR_INVALID,
			"missing key %s for client certificate %s", key, path);
	tls->certificate = path;
	tls->key = key;
	return 0;
}

static int read_certificates(
	struct arena *arena, const char *directory, struct http_tls *tls, struct hull_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(directory, &entries, is_certificate, alphasort), r = 0;

	if (n > MAX_FILES)
		r = error_set(err, HULL_ERROR_LIMIT, "%s: more than %d certificates", directory,
			MAX_FILES);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = use_certificate(arena, directory, entries[i]->d_name, tls, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- Finding the directory ---- */

/* 1: the directory was there and is applied; 0: it is not there. */
static int try_directory(const char *directory, const char *ns,
	const struct registry_endpoint *base, struct endpoint_list *list, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(FILE_MAX + 1);
	_cleanup_free_ char *file = str_printf("%s/hosts.toml", directory);

	if (!file)
		return error_no_memory(err);
	if (access(directory, F_OK) < 0)
		return 0;
	int r = file_read_at(AT_FDCWD, file, &text, FILE_MAX);
	if (r == 0) {
		r = hosts_toml_read(buf_str(&text), text.len, directory, file, ns, base, list, err);
		return r < 0 ? r : 1;
	}
	if (r != -ENOENT)
		return error_errno(err, r, "%s", file);
	struct registry_endpoint *e = endpoint_list_add(list, err);
	if (!e)
		return -1;
	*e = *base;
	r = read_certificates(list->arena, directory, &e->tls, err);
	return r < 0 ? r : 1;
}

/* containerd writes a port as "host_port_", too, and has a directory for everybody else. */
static int try_place(const char *place, const char *ns, const struct registry_endpoint *base,
	struct endpoint_list *list, struct hull_error *err)
{
	const char *colon = strrchr(ns, ':');
	_cleanup_strv_ char **names = NULL;
	int r = strv_append_printf(&names, "%s/%s", place, ns);

	if (r == 0 && colon)
		r = strv_append_printf(
			&names, "%s/%.*s_%s_", place, (int)(colon - ns), ns, colon + 1);
	if (r == 0)
		r = strv_append_printf(&names, "%s/_default", place);
	if (r < 0)
		return error_no_memory(err);
	strv_foreach (name, names) {
		r = try_directory(*name, ns, base, list, err);
		if (r != 0)
			break;
	}
	return r;
}

int host_directory_apply(const char *config, const char *ns, const struct registry_endpoint *base,
	struct endpoint_list *list, struct hull_error *err)
{
	static const char *const places[] = {"/etc/hull/certs.d", "/etc/docker/certs.d",
		"/etc/containerd/certs.d", "/etc/containers/certs.d"};
	const char *docker = secure_getenv("DOCKER_CONFIG"), *home = secure_getenv("HOME");
	_cleanup_free_ char *own = config || docker
					   ? str_printf("%s/certs.d", config ? config : docker)
					   : str_printf("%s/.docker/certs.d", home ? home : "");
	int r;

	if (!own)
		return error_no_memory(err);
	r = config || docker || home ? try_place(own, ns, base, list, err) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = try_place(places[i], ns, base, list, err);
	if (r != 0)
		return r < 0 ? r : 0;
	struct registry_endpoint *e = endpoint_list_add(list, err);
	if (!e)
		return -1;
	*e = *base;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/endpoint.h"

#include "base/fd.h"
#include "base/str.h"
#include "json/json.h"
#include "registry/host_directory.h"
#include "registry/registries_conf.h"

#include <arpa/inet.h>
#include <netdb.h>

#define DAEMON_JSON	"/etc/docker/daemon.json"
#define DAEMON_JSON_MAX ((size_t)1 << 20)

void registry_endpoints_done(struct registry_endpoints *endpoints)
{
	arena_done(&endpoints->arena);
	endpoints->items = NULL;
	endpoints->n = 0;
}

/* ---- Which hosts need no valid certificate ---- */

static bool in_network(
	const unsigned char *address, const unsigned char *network, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(address, network, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0;
}

static bool address_in_network(
	const struct sockaddr *address, int family, const void *network, unsigned int bits)
{
	if (address->sa_family != family)
		return false;
	if (family == AF_INET)
		return in_network(
			(const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr,
			network, bits);
	return in_network((const unsigned char *)&((const struct sockaddr_in6 *)address)->sin6_addr,
		network, bits);
}

/* The name without its port and brackets. */
static char *host_name(const char *host)
{
	if (*host == '[')
		return strndup(host + 1, strcspn(host + 1, "]"));
	return strndup(host, strcspn(host, ":"));
}

static bool network_matches(const char *entry, const char *host)
{
	const char *slash = strchr(entry, '/');
	_cleanup_free_ char *text = strndup(entry, (size_t)(slash - entry));
	_cleanup_free_ char *name = host_name(host);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	unsigned char network[16];
	bool matches = false;
	uint32_t bits;

	if (!text || !name || str_to_u32(slash + 1, &bits) < 0)
		return false;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, network) != 1 || bits > (family == AF_INET ? 32u : 128u))
		return false;
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a && !matches; a = a->ai_next)
		matches = address_in_network(a->ai_addr, family, network, bits);
	freeaddrinfo(found);
	return matches;
}

bool registry_host_matches(const char *entry, const char *host)
{
	const char *rest = str_after(entry, "http://");

	if (!rest)
		rest = str_after(entry, "https://");
	if (rest)
		entry = rest;
	if (strchr(entry, '/'))
		return network_matches(entry, host);
	if (str_eq(entry, host))
		return true;
	/* A name without a port means the port that TLS has anyway. */
	const char *port = str_after(host, entry);
	return port && str_eq(port, ":443");
}

static bool is_listed(char *const *list, const char *host)
{
	strv_foreach (entry, list)
		if (registry_host_matches(*entry, host))
			return true;
	return false;
}

/* ---- daemon.json ---- */

struct daemon_settings {
	char **mirrors;
	char **insecure;
};

static const struct json_field daemon_fields[] = {
	JSON_FIELD(struct daemon_settings, mirrors, "registry-mirrors", JSON_STRV),
	JSON_FIELD(struct daemon_settings, insecure, "insecure-registries", JSON_STRV),
};
static const struct json_table daemon_table =
	JSON_TABLE("daemon.json", struct daemon_settings, daemon_fields);

static int read_daemon_settings(
	struct arena *arena, struct daemon_settings *ret, struct hull_error *err)
{
	struct json_limits limits = {DAEMON_JSON_MAX, 32};

	if (access(DAEMON_JSON, F_OK) < 0)
		return 0;
	return json_parse_file_at(arena, &daemon_table, ret, AT_FDCWD, DAEMON_JSON, &limits, err);
}

/* ---- Putting it together ---- */

struct finder {
	const struct endpoint_settings *settings;
	struct daemon_settings daemon;
	struct endpoint_list list;
	struct hull_error *err;
};

static char *api_host(const char *host)
{
	return (char *)(str_eq(host, "docker.io") ? "registry-1.docker.io" : host);
}

/* "host/path" with its scheme by the settings, then whatever its directory in certs.d says. */
static int add_place(struct finder *f, const struct registries_place *place, bool mirror,
	unsigned int capabilities)
{
	const struct endpoint_settings *s = f->settings;
	struct arena *arena = f->list.arena;
	size_t n = strcspn(place->name, "/");
	char *domain = arena_strndup(arena, place->name, n);

	if (!domain)
		return error_no_memory(f->err);
	if (!place->name[n] || !place->name[n + 1])
		return error_set(f->err, HULL_ERROR_INVALID,
			"registries.conf: \"%s\" names no repository", place->name);
	struct registry_endpoint base = {
		.host = api_host(domain),
		.prefix = (char *)"/v2",
		.repository = place->name + n + 1,
		.login = domain,
		.mirror = mirror,
		.capabilities = capabilities,
	};
	/* Nobody in between can listen on a loopback address. */
	base.tls.insecure = s->insecure_all || place->insecure || http_host_is_loopback(domain) ||
			    is_listed(s->insecure, domain) || is_listed(f->daemon.insecure, domain);
	if (strv_contains(s->plain_http, domain) || strv_contains(s->plain_http, base.host))
		base.scheme = ENDPOINT_HTTP;
	else
		base.scheme = base.tls.insecure ? ENDPOINT_ANY : ENDPOINT_HTTPS;
	return host_directory_apply(s->config, domain, &base, &f->list, f->err);
}

/* Docker's mirrors stand for Docker Hub alone, and serve nothing but pulls. */
static int add_daemon_mirrors(struct finder *f, const struct reference *ref)
{
	if (!str_eq(ref->domain, "docker.io"))
		return 0;
	strv_foreach (mirror, f->daemon.mirrors) {
		const char *host = str_after(*mirror, "https://");
		bool plain = !host && (host = str_after(*mirror, "http://"));
		size_t n = host ? strcspn(host, "/") : 0;
		if (n == 0)
			return error_set(f->err, HULL_ERROR_INVALID,
				DAEMON_JSON ": registry-mirrors: \"%s\" is no URL", *mirror);
		struct registry_endpoint *e = endpoint_list_add(&f->list, f->err);
		if (!e)
			return -1;
		e->host = arena_strndup(f->list.arena, host, n);
		e->prefix = (char *)"/v2";
		e->repository = arena_strdup(f->list.arena, ref->path);
		e->login = e->host;
		e->mirror = true;
		e->capabilities = ENDPOINT_RESOLVE | ENDPOINT_PULL;
		e->scheme = plain ? ENDPOINT_HTTP : ENDPOINT_HTTPS;
		if (!e->host || !e->repository)
			return error_no_memory(f->err);
		e->tls.insecure = is_listed(f->daemon.insecure, e->host);
	}
	return 0;
}

static int add_all(struct finder *f, const struct reference *ref, char *name)
{
	struct registries_rule rule = {.itself = {.name = name}};
	int r = registries_conf_find(f->list.arena, name, &rule, f->err);

	if (r < 0)
		return r;
	if (rule.blocked)
		return error_set(f->err, HULL_ERROR_DENIED,
			"registry %s is blocked by registries.conf", ref->domain);
	for (size_t i = 0; i < rule.n_mirrors && r == 0; i++) {
		const struct registries_place *mirror = &rule.mirrors[i];
		unsigned int capabilities = ENDPOINT_PULL | ENDPOINT_RESOLVE;

		if (!mirror->by_tag)
			capabilities &= ~(unsigned int)ENDPOINT_RESOLVE;
		if (!mirror->by_digest)
			capabilities &= ~(unsigned int)ENDPOINT_PULL;
		r = add_place(f, mirror, true, capabilities);
	}
	if (r == 0)
		r = add_daemon_mirrors(f, ref);
	return r < 0 ? r : add_place(f, &rule.itself, false, ENDPOINT_EVERYTHING);
}

int registry_endpoints_find(const struct reference *ref, const struct endpoint_settings *settings,
	struct registry_endpoints *ret, struct hull_error *err)
{
	struct finder f = {.settings = settings, .list = {.arena = &ret->arena}, .err = err};
	char *name = arena_printf(&ret->arena, "%s/%s", ref->domain, ref->path);

	if (!name)
		return error_no_memory(err);
	int r = read_daemon_settings(&ret->arena, &f.daemon, err);
	if (r == 0)
		r = add_all(&f, ref, name);
	ret->items = f.list.items;
	ret->n = f.list.n;
	return r;
}

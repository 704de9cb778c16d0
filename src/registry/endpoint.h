/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a repository can be had: the registry that its name says, or what the settings of this
 * machine put before or instead of it. Three families of settings are read, so that what a machine
 * has for Docker, containerd or Podman counts here too (docs/registry.md has the order):
 *
 *	certs.d/<host>/		*.crt, *.cert, *.key (Docker), or hosts.toml (containerd)
 *	registries.conf		rewritten names, mirrors, blocked registries (Podman)
 *	daemon.json		registry-mirrors and insecure-registries (Docker)
 */
#pragma once

#include "base/arena.h"
#include "registry/http.h"
#include "registry/reference.h"

enum endpoint_scheme {
	ENDPOINT_HTTPS,
	ENDPOINT_HTTP,
	ENDPOINT_ANY, /* TLS is tried, then plain HTTP */
};

enum endpoint_capability {
	ENDPOINT_RESOLVE = 1 << 0, /* tags */
	ENDPOINT_PULL = 1 << 1,	   /* content by digest */
	ENDPOINT_PUSH = 1 << 2,
	ENDPOINT_EVERYTHING = ENDPOINT_RESOLVE | ENDPOINT_PULL | ENDPOINT_PUSH,
};

struct registry_endpoint {
	char *host;	  /* "registry-1.docker.io", "mirror.example:5000" */
	char *prefix;	  /* what stands before "/NAME/manifests/...": "/v2" */
	char *repository; /* "library/busybox" */
	char *login;	  /* the host whose credentials count: "docker.io" */
	char *query;	  /* appended to what is asked of a mirror: "ns=docker.io"; or NULL */
	char **headers;	  /* "Name: value" */
	bool mirror;	  /* stands before the registry itself */
	unsigned int capabilities;
	enum endpoint_scheme scheme;
	unsigned int dial_timeout_ms; /* 0 = the default */
	struct http_tls tls;
};

struct endpoint_settings {
	const char *config;	 /* directory of the user's config.json; NULL: as credentials.h */
	char *const *plain_http; /* hosts that speak HTTP without TLS */
	char *const *insecure; /* hosts and networks ("10.0.0.0/8") that need no valid certificate,
				    and may speak HTTP; 127.0.0.0/8 and ::1 are always */
	bool insecure_all;     /* every host */
};

struct registry_endpoints {
	struct arena arena;
	struct registry_endpoint *items; /* in the order to try; the registry itself is the last */
	size_t n;
};

#define REGISTRY_ENDPOINTS_INIT \
	{                       \
		.items = NULL   \
	}

void registry_endpoints_done(struct registry_endpoints *endpoints);

#define _cleanup_registry_endpoints_ _cleanup_(registry_endpoints_done)

/* A setting that forbids the registry is HULL_ERROR_DENIED; a malformed file is an error, too. */
int registry_endpoints_find(const struct reference *ref, const struct endpoint_settings *settings,
	struct registry_endpoints *ret, struct hull_error *err);

/*
 * True if an entry of a list of hosts and networks means the host ("name", "name:port"). A network
 * means names, too, that resolve to an address in it.
 */
bool registry_host_matches(const char *entry, const char *host);

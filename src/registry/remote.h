/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/registry: one endpoint of a registry, and requests to it. */
#pragma once

#include "registry/registry.h"

#include <stdatomic.h>
#include <pthread.h>

#define REMOTE_ERROR_BODY_MAX ((size_t)1 << 20)
#define REMOTE_ATTEMPTS	      5
#define REGISTRY_WARNINGS_MAX 16

struct remote {
	struct registry *registry; /* whose warnings are collected */
	const struct registry_endpoint *endpoint;
	struct http_client *client;
	struct authorizer *authorizer;
	const char *name; /* familiar name of the repository, for errors */
	char *scope;
	bool write;
	atomic_int scheme; /* enum endpoint_scheme; ENDPOINT_ANY until the first answer */
	atomic_bool down;  /* could not be reached: not asked again */
};

struct registry {
	struct http_client *client;
	struct registry_endpoints endpoints;
	struct remote *remotes;
	size_t n;
	char *name;
	char *path;
	struct remote *origin; /* what is asked for lists, and pushed to */
	struct remote *source; /* gave the first document: has its blobs, too. Under lock */
	pthread_mutex_t lock;
	char **warnings; /* under lock */
	int window; /* segments that may still be put aside, of all blobs together; under lock */
};

int remote_open(struct remote *remote, struct registry *registry,
	const struct registry_endpoint *endpoint, const struct registry_options *options,
	struct hull_error *err);
void remote_close(struct remote *remote);

/*
 * One request to "/NAME" + path below the repository, or to path as it is if it is a whole URL;
 * with authorization where the endpoint wants one. `more_scope` (may be NULL) is asked for besides
 * the repository's own. The request's source is started again when it has to be sent again.
 */
int remote_request(struct remote *remote, const char *path, const char *more_scope,
	struct http_request *request, struct http_response *response, struct hull_error *err);

/* Whether it makes sense to ask again. */
bool remote_is_temporary(int r, const struct http_response *response);

/* How long to wait before the next attempt: what the registry asks for, else longer each time. */
int64_t remote_pause_ns(const struct http_response *response, int failures);

/* An answer that is not the one hoped for, as an error. `what` is "manifest for X" ... */
int remote_status_error(struct remote *remote, const struct http_response *response,
	const char *what, struct hull_error *err);

/*
 * A request without a body, or with one in memory, tried again as long as that makes sense. 0 for
 * any complete answer that is not temporary: look at its status.
 */
int remote_exchange(struct remote *remote, const char *path, const struct http_request *request,
	struct http_response *response, struct hull_error *err);

/* The endpoint that lists are asked of, and that a push goes to. */
struct remote *registry_origin(struct registry *registry);

/* The URL of the next page by a Link header (RFC 8288), heap; NULL if there is none. */
char *remote_next_page(const struct http_response *response);

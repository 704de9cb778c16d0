/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests over libcurl (loaded at first use), as a registry client wants them: bounded
 * bodies, redirects that never carry an Authorization header to another origin nor step down from
 * HTTPS, stalls that end, and cancellation within a tenth of a second. Any number of threads may
 * perform requests with one client; it keeps a pool of handles so that connections are used again.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

/* Says whether work should end; called from any thread, often. */
struct http_cancel {
	bool (*canceled)(void *data); /* NULL: never */
	void *data;
};

/* cancel (may be NULL) ends every request of the client once it says so. */
int http_client_new(
	const struct http_cancel *cancel, struct http_client **ret, struct hull_error *err);
struct http_client *http_client_free(struct http_client *client); /* returns NULL */

DEFINE_CLEANUP(struct http_client *, http_client_freep, http_client_free)
#define _cleanup_http_client_ _cleanup_(http_client_freep)

struct http_response;

struct http_request {
	const char *method; /* NULL = GET; HEAD has no body; anything with `body` sends it */
	const char *url;
	char *const *headers;	   /* "Name: value", NULL-terminated; NULL = none */
	const char *authorization; /* value of that header; for the origin of url alone */
	const void *body;
	size_t body_len;
	bool insecure;	  /* do not verify certificates */
	bool allow_plain; /* a redirect from https to http is followed */
	size_t max_body;  /* cap on response.body */
	/*
	 * If set, the body of a 200 or 206 goes here instead of response.body, when the headers are
	 * complete. A negative result ends the request with HTTP_STOPPED.
	 */
	int (*sink)(void *data, const struct http_response *head, const void *p, size_t n);
	void *sink_data;
};

enum http_outcome {
	HTTP_COMPLETE,	     /* a whole answer arrived, whatever its status */
	HTTP_CONNECT_FAILED, /* no connection; name unknown, refused, timed out */
	HTTP_TLS_FAILED,     /* no TLS there, or a certificate that is not trusted */
	HTTP_BROKEN,	     /* the connection ended or stalled before the answer was whole */
	HTTP_STOPPED,	     /* the sink said so */
	HTTP_TOO_LARGE,	     /* past max_body, or too many headers or redirects */
	HTTP_CANCELED,
	HTTP_REFUSED, /* a redirect that we do not follow, a malformed URL */
};

struct http_response {
	enum http_outcome outcome;
	int status;
	char **headers; /* "name: value", names in lower case, in order */
	size_t headers_len;
	struct buf body;
};

#define HTTP_RESPONSE_INIT                                        \
	{                                                         \
		.outcome = HTTP_COMPLETE, .body = BUF_INIT_MAX(0) \
	}

void http_response_done(struct http_response *response);

#define _cleanup_http_response_ _cleanup_(http_response_done)

/* The value of the first header of that (lower-case) name, NULL if absent. */
const char *http_header(const struct http_response *response, const char *name);

/* 0 if outcome is HTTP_COMPLETE, else negative with err filled. */
int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct hull_error *err);

/* True for "localhost", 127.0.0.0/8 and ::1, with or without a port. */
bool http_host_is_loopback(const char *host);

/* Sleeps unless the client is canceled meanwhile: then -1 with HULL_ERROR_CANCELED. */
int http_pause(struct http_client *client, int64_t ns, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests over libcurl (loaded at first use), as a registry client wants them: bounded
 * bodies, redirects that never carry a header of ours to another origin nor step down from
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

/*
 * cancel (may be NULL) ends every request of the client once it says so. A request that moves
 * hardly anything for stall_seconds (0 = 60) is given up.
 */
int http_client_new(const struct http_cancel *cancel, unsigned int stall_seconds,
	struct http_client **ret, struct hull_error *err);
struct http_client *http_client_free(struct http_client *client); /* returns NULL */

DEFINE_CLEANUP(struct http_client *, http_client_freep, http_client_free)
#define _cleanup_http_client_ _cleanup_(http_client_freep)

struct http_response;

/* Whom TLS trusts and who we are there. Owned by the caller, shared by any number of requests. */
struct http_tls {
	bool insecure;		 /* do not verify certificates */
	const char *ca;		 /* PEM, trusted besides the system's; NULL = none */
	const char *certificate; /* path of the client's certificate, PEM; NULL = none */
	const char *key;	 /* path of its key, NULL = in the same file */
};

/* A body that is sent as it comes. */
struct http_source {
	int64_t size; /* -1: not known, sent in HTTP's chunks */
	/* Fills up to n bytes: the count, 0 at the end, negative ends the request (HTTP_STOPPED). */
	ssize_t (*read)(void *data, void *p, size_t n);
	/* Starts again from the beginning, for a redirect; negative: cannot. */
	int (*rewind)(void *data);
	void *data;
};

struct http_request {
	const char *
		method; /* NULL = GET; HEAD has no body; anything with `body` or `source` sends it */
	const char *url;
	char *const *headers; /* "Name: value", NULL-terminated; NULL = none */
	char *const
		*origin_headers;   /* the same, for the origin of url alone: configured by a user */
	const char *authorization; /* value of that header; for the origin of url alone */
	const void *body;
	size_t body_len;
	bool secret_body; /* credentials: a redirect may not take it to another origin */
	const struct http_source *source; /* instead of body */
	const struct http_tls *tls;	  /* NULL: the system's authorities */
	bool allow_plain;		  /* a redirect from https to http is followed */
	size_t max_body;		  /* cap on response.body */
	unsigned int dial_timeout_ms;	  /* 0 = 30 s */
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
	HTTP_STOPPED,	     /* the sink or the source said so */
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
	char *url; /* that answered, after redirects; what a relative Location refers to */
};

#define HTTP_RESPONSE_INIT                                        \
	{                                                         \
		.outcome = HTTP_COMPLETE, .body = BUF_INIT_MAX(0) \
	}

void http_response_done(struct http_response *response);

#define _cleanup_http_response_ _cleanup_(http_response_done)

/* The value of the first header of that (lower-case) name, NULL if absent. */
const char *http_header(const struct http_response *response, const char *name);

/* An absolute URL made of a reference (RFC 3986 section 5) and the URL it stood in; heap, NULL if
 * it is malformed. */
char *http_url_resolve(const char *base, const char *reference);

/* "https://host:443" of a URL, the port always written; heap, NULL if it is malformed. */
char *http_url_origin(const char *url);

/* 0 if outcome is HTTP_COMPLETE, else negative with err filled. */
int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct hull_error *err);

/* NAME=VALUE for a query or a form, the value escaped; separator 0: none before it. */
void http_append_pair(struct buf *out, char separator, const char *name, const char *value);

/*
 * The moment that a Retry-After header names, as nanoseconds from now: seconds or an HTTP date.
 * -1 if it is absent or malformed.
 */
int64_t http_retry_after(const struct http_response *response);

/* True for "localhost", 127.0.0.0/8 and ::1, with or without a port. */
bool http_host_is_loopback(const char *host);

/* Sleeps unless the client is canceled meanwhile: then -1 with HULL_ERROR_CANCELED. */
int http_pause(struct http_client *client, int64_t ns, struct hull_error *err);

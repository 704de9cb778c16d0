/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to a registry: answers 401 challenges with Basic credentials or a Bearer token, and
 * keeps tokens as long as they live. One authorizer serves one endpoint; threads share it.
 *
 * A scope is a text of the token protocol, "repository:library/busybox:pull", or several of them
 * with a space between.
 */
#pragma once

#include "registry/http.h"

struct authorizer;

/* User name and password (or token) for a host; heap strings. */
struct auth_credentials {
	char *user;   /* "<token>": secret is an identity token */
	char *secret; /* NULL: anonymous */
	char *bearer; /* a registry token that is used as it is; NULL: none */
};

void auth_credentials_done(struct auth_credentials *c);

#define _cleanup_auth_credentials_ _cleanup_(auth_credentials_done)

struct auth_options {
	/* Finds credentials for a repository of a host ("docker.io"). NULL: always anonymous. */
	int (*credentials)(void *data, const char *host, const char *repository,
		struct auth_credentials *ret, struct hull_error *err);
	void *credentials_data;
};

/* What an authorizer works for; all of it outlives the authorizer. */
struct auth_place {
	struct http_client *client;
	const char *host;	    /* whose credentials count */
	const char *repository;	    /* "" for the registry as a whole */
	const struct http_tls *tls; /* also towards token servers */
	bool plain;		    /* credentials may go to a token server without TLS */
	bool offline;		    /* ask for an identity token, too (login) */
};

int authorizer_new(const struct auth_place *place, const struct auth_options *options,
	struct authorizer **ret, struct hull_error *err);
struct authorizer *authorizer_free(struct authorizer *a); /* NULL allowed; returns NULL */

/* The Authorization value for a scope, heap; NULL in *ret if none is known yet. */
int authorizer_get(struct authorizer *a, const char *scope, char **ret, struct hull_error *err);

/*
 * A request with `used` (NULL: without) was answered 401: reads its challenges and gets what they
 * ask for. After success authorizer_get() gives something new. HULL_ERROR_DENIED if there is no way.
 */
int authorizer_answer(struct authorizer *a, const char *scope, const char *used,
	const struct http_response *response, struct hull_error *err);

/* The identity token that came with an answer, heap; NULL if there was none. */
char *authorizer_take_identity(struct authorizer *a);

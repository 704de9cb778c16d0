/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to a registry: answers 401 challenges with Basic credentials or a Bearer token, and
 * keeps tokens as long as they live. One authorizer serves one registry; threads share it.
 */
#pragma once

#include "registry/http.h"

struct authorizer;

/* User name and password (or token) for a host; heap strings. */
struct auth_credentials {
	char *user;   /* "<token>": secret is an identity token */
	char *secret; /* NULL: anonymous */
};

void auth_credentials_done(struct auth_credentials *c);

struct auth_options {
	/* Finds credentials for a host ("docker.io"). NULL: always anonymous. */
	int (*credentials)(
		void *data, const char *host, struct auth_credentials *ret, struct hull_error *err);
	void *credentials_data;
	bool insecure; /* token servers' certificates are not verified either */
};

int authorizer_new(struct http_client *client, const char *host, const struct auth_options *options,
	struct authorizer **ret, struct hull_error *err);
struct authorizer *authorizer_free(struct authorizer *a); /* returns NULL */

/* The Authorization value for a scope, heap; NULL in *ret if none is known yet. */
int authorizer_get(struct authorizer *a, const char *scope, char **ret, struct hull_error *err);

/*
 * A request with `used` (NULL: without) was answered 401: reads its challenges and gets what they
 * ask for. After success authorizer_get() gives something new. HULL_ERROR_DENIED if there is no way.
 */
int authorizer_answer(struct authorizer *a, const char *scope, const char *used,
	const struct http_response *response, struct hull_error *err);

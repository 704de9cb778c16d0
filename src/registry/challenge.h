/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate headers (RFC 9110 section 11.6.1): one value may hold several challenges. */
#pragma once

#include "base/arena.h"
#include "json/json.h"

#include <stddef.h>

struct auth_challenge {
	char *scheme;		      /* as sent; compare without case */
	struct json_pair *parameters; /* keys in lower case */
	size_t n_parameters;
};

/*
 * Appends the challenges of one header value. 0, -EINVAL if it is malformed (what was understood
 * before that point is kept), -E2BIG past 16 challenges or 32 parameters of one, -ENOMEM.
 */
int auth_challenge_parse(
	struct arena *arena, const char *value, struct auth_challenge **challenges, size_t *n);

/* The challenge of that scheme, NULL if there is none. */
const struct auth_challenge *auth_challenge_find(
	const struct auth_challenge *challenges, size_t n, const char *scheme);

/* A parameter of it, NULL if absent. */
const char *auth_challenge_get(const struct auth_challenge *challenge, const char *name);

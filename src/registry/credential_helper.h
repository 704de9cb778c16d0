/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-credential-NAME: programs that keep logins. The action is their argument, a server or a
 * JSON object goes to their standard input, a JSON object or a message comes from their output.
 */
#pragma once

#include "registry/auth.h"

/* 1: found; 0: the helper has no login for that server. */
int credential_helper_get(
	const char *name, const char *server, struct auth_credentials *ret, struct hull_error *err);
int credential_helper_store(const char *name, const char *server, const struct auth_credentials *c,
	struct hull_error *err);
/* 1: erased; 0: there was none. */
int credential_helper_erase(const char *name, const char *server, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins as docker and podman keep them: config.json with "auths", an object of hosts with base64
 * of "user:password" each, or with helper programs that keep the logins ("credsStore" for all
 * hosts, "credHelpers" for single ones).
 *
 * A `directory` (may be NULL) is where config.json is; without it $DOCKER_CONFIG or ~/.docker is.
 */
#pragma once

#include "registry/auth.h"

/*
 * A struct auth_options.credentials, whose data is the directory (char *). After config.json,
 * podman's files are looked into: $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json
 * and ~/.config/containers/auth.json, where a key may name a part of a registry ("host/team"), and
 * the longest counts. A file that is not there is no error, nor is a host that none of them has:
 * *ret stays empty then.
 */
int credentials_find(void *directory, const char *host, const char *repository,
	struct auth_credentials *ret, struct hull_error *err);

/*
 * Keeps a login. *ret_file is the config.json it was written to in the clear (heap), NULL if a
 * helper took it. Everything else in the file stays as it is.
 */
int credentials_store(const char *directory, const char *host, const struct auth_credentials *c,
	char **ret_file, struct hull_error *err);

/* Forgets a login, wherever it is. 1: there was one; 0: not. */
int credentials_erase(const char *directory, const char *host, struct hull_error *err);

/* The key of a host: "https://index.docker.io/v1/" for docker.io, else the host itself. */
const char *credentials_key(const char *host);

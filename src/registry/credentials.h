/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins as docker and podman keep them: config.json with an object "auths" of hosts, each with
 * base64 of "user:password".
 */
#pragma once

#include "registry/auth.h"

/*
 * A struct auth_options.credentials: `directory` (a char *, may be NULL) holds config.json; without
 * it $DOCKER_CONFIG or ~/.docker does. After it podman's files are looked into: $REGISTRY_AUTH_FILE
 * and $XDG_RUNTIME_DIR/containers/auth.json. A file that is not there is no error, nor is a host
 * that none of them has: *ret stays empty then.
 */
int credentials_find(
	void *directory, const char *host, struct auth_credentials *ret, struct hull_error *err);

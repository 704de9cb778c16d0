/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles as the text of linux.seccomp in config.json: the default one, and those of
 * --security-opt seccomp=FILE.
 *
 * The runtime finds the compiled filter by the bytes of this text, so the same capabilities always
 * give the same bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

/*
 * The default profile of this machine's architecture for a process whose bounding set is
 * `capabilities` ("CAP_..." names, NULL-terminated, NULL = none; unknown ones are ignored).
 */
int seccomp_profile_default(
	struct arena *arena, char *const *capabilities, char **ret_json, struct hull_error *err);

/*
 * Reads a profile in Docker's format (archMap, and rules with includes and excludes), which
 * covers the OCI form, and writes it in the OCI form for this machine. At most 4 MiB.
 */
int seccomp_profile_load(struct arena *arena, const char *path, char *const *capabilities,
	char **ret_json, struct hull_error *err);

/* As seccomp_profile_load() from a text; `what` names it in errors. */
int seccomp_profile_convert(struct arena *arena, const char *text, size_t len, const char *what,
	char *const *capabilities, char **ret_json, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a container's process is: the text of --user resolved against the container's own
 * /etc/passwd and /etc/group, which are read as files that an enemy may have made. No name service
 * of the host takes part.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct identity {
	uint32_t uid;
	uint32_t gid;
	uint32_t *additional_gids; /* gid first, no duplicates */
	size_t n_additional_gids;
	char *name; /* login name of uid, NULL if passwd has none */
	char *home; /* from passwd, "/" if it tells none */
};

/*
 * user: "", "NAME", "UID", each with ":GROUP" or ":GID" after it; NULL and "" are uid 0. group_add:
 * names or numbers, or NULL. root_fd: the container's root, O_PATH will do.
 *
 * Digits are always a number and never looked up as a name. Without a group, gid and supplementary
 * groups come from the files; with one, only group_add is supplementary. A missing file is an empty
 * one. Everything returned lives in the arena. Errors are HULL_ERROR_INVALID.
 */
int identity_resolve(struct arena *arena, int root_fd, const char *user, char *const *group_add,
	struct identity *ret, struct hull_error *err);

/* As identity_resolve() on the texts of the two files, which need no final NUL. */
int identity_resolve_texts(struct arena *arena, const char *passwd, size_t passwd_len,
	const char *group, size_t group_len, const char *user, char *const *group_add,
	struct identity *ret, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities a container gets: the default set, --cap-add, --cap-drop and --privileged. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

/* What a container has unless told otherwise, CAP_ names, NULL-terminated. */
extern const char *const capabilities_default[];

/* True for "CAP_NET_ADMIN", "net_admin", "ALL": what --cap-add and --cap-drop take. */
bool capability_name_is_known(const char *name);

/*
 * The set as CAP_ names in the order of their numbers, NULL-terminated, in the arena. `add` and
 * `drop` are as typed, NULL = none. A name in both is added, except that "ALL" in `add` adds what
 * `drop` does not name. "ALL" and privileged mean all that the running kernel has and our own
 * bounding set allows; of the default set, what is outside of it is left out silently. With
 * privileged, `add` and `drop` have no effect, but their names are checked.
 */
int capabilities_resolve(struct arena *arena, char *const *add, char *const *drop, bool privileged,
	char ***ret, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf, version 2, of the containers tools: containers-registries.conf(5). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct registries_place {
	char *name; /* "host[:port]/path" */
	bool insecure;
	bool by_digest, by_tag; /* what may be asked there; both = everything */
};

/* What the files say about one name. */
struct registries_rule {
	bool found;
	bool blocked;
	struct registries_place itself;
	struct registries_place *mirrors;
	size_t n_mirrors;
};

/* Looks "host/path" up in one text; a rule with a longer prefix than *ret's replaces it. */
int registries_conf_read(struct arena *arena, const char *text, size_t len, const char *what,
	const char *name, struct registries_rule *ret, struct hull_error *err);

/*
 * The same over the files of this machine: $CONTAINERS_REGISTRIES_CONF alone, or the user's
 * registries.conf, else the system's, and then both registries.conf.d.
 */
int registries_conf_find(
	struct arena *arena, const char *name, struct registries_rule *ret, struct hull_error *err);

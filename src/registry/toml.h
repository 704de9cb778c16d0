/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML 1.0 (toml.io), read strictly into a tree that lives in the caller's arena: containerd's
 * hosts.toml and registries.conf are written in it. Dates and times are kept as the text they were
 * written as. Errors name the place: "hosts.toml: line 4: expected a value".
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum toml_type {
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOLEAN,
	TOML_TIME, /* any of the four kinds of dates and times */
	TOML_ARRAY,
	TOML_TABLE,
};

struct toml_value {
	enum toml_type type;
	const char *key; /* of this value in the table that holds it, else NULL */
	unsigned int line;
	const char *text; /* of a string (NUL-terminated, without NUL inside) or a time */
	int64_t integer;
	double number;
	bool boolean;
	struct toml_value *first; /* of a table or an array, in the order of the text */
	struct toml_value *next;  /* in what holds this one */

	/* For the reader alone. */
	struct toml_value *last;
	unsigned int state;
};

/* Reads a whole text (at most 1 MiB, 64 levels) into a table. */
int toml_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct toml_value **ret, struct hull_error *err);

/* The member of a table (NULL allowed), NULL if it has none of that name. */
const struct toml_value *toml_get(const struct toml_value *table, const char *key);

/*
 * Typed reading of a member that may be absent; what is there with another type is
 * HULL_ERROR_INVALID. *ret is left alone if it is absent.
 */
int toml_get_string(const struct toml_value *table, const char *key, const char *what,
	const char **ret, struct hull_error *err);
int toml_get_bool(const struct toml_value *table, const char *key, const char *what, bool *ret,
	struct hull_error *err);

/* An array of strings, or a string alone, appended to a vector in the arena. */
int toml_get_strings(struct arena *arena, const struct toml_value *table, const char *key,
	const char *what, char ***ret, struct hull_error *err);

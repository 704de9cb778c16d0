/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of units, as a list that is made first and sent later. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum property_type {
	PROPERTY_BOOL,	  /* b */
	PROPERTY_I32,	  /* i */
	PROPERTY_U32,	  /* u */
	PROPERTY_I64,	  /* x */
	PROPERTY_U64,	  /* t */
	PROPERTY_STRING,  /* s */
	PROPERTY_STRINGS, /* as */
	PROPERTY_PIDS,	  /* au, of one */
	PROPERTY_BYTES,	  /* ay */
	PROPERTY_PAIRS,	  /* a(ss): texts[0], texts[1], ... */
	PROPERTY_RATES,	  /* a(st): texts[i], numbers[i] */
};

/* A property of a unit; everything lives in the list's arena. */
struct unit_property {
	const char *name;
	enum property_type type;
	uint64_t number; /* of the plain types, signed ones too */
	const char *text;
	char **texts; /* NULL-terminated */
	uint64_t *numbers;
	const void *bytes;
	size_t n_bytes;
};

struct unit_properties {
	struct arena arena;
	struct unit_property *items;
	size_t n, size;
};

void unit_properties_done(struct unit_properties *list);

/* A new entry, zeroed but for name and type; NULL if memory is out. */
struct unit_property *unit_property_add(
	struct unit_properties *list, const char *name, enum property_type type);
int unit_property_number(struct unit_properties *list, const char *name, enum property_type type,
	uint64_t number, struct hull_error *err);
int unit_property_string(
	struct unit_properties *list, const char *name, const char *text, struct hull_error *err);

/* Appends them to the body of a D-Bus message, as a(sv). Failure sticks in the buf. */
void unit_properties_put(struct buf *body, const struct unit_properties *list);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to systemd's manager. libsystemd is loaded with the first connection, so that a program that
 * never makes one does not pay for it. A connection belongs to one call of the public functions.
 */
#pragma once

#include "base/arena.h"
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

struct systemd_bus;

int systemd_bus_open(bool user, struct systemd_bus **ret, struct hull_error *err);
void systemd_bus_close(struct systemd_bus *bus);

/* Starts a transient unit and waits for its job. A failed unit of that name is forgotten first. */
int systemd_bus_start(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, int timeout_ms, struct hull_error *err);

/* Stops a unit, waits for its job, and forgets that it failed. No such unit is fine. */
int systemd_bus_stop(
	struct systemd_bus *bus, const char *unit, int timeout_ms, struct hull_error *err);

/* Sets properties until the next boot. */
int systemd_bus_set(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, struct hull_error *err);

/* The unit's group below the root of the hierarchy ("/system.slice/x.scope"), malloc'ed. */
int systemd_bus_group(
	struct systemd_bus *bus, const char *unit, char **ret, struct hull_error *err);

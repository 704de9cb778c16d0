/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to systemd's manager. A connection belongs to one call of the public functions. */
#pragma once

#include "cgroup/systemd_property.h"

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

/* SPDX-License-Identifier: Apache-2.0 */
/* Names of units, and resources as their properties. */
#pragma once

#include "cgroup/group.h"
#include "cgroup/systemd_property.h"

struct unit_name {
	char *unit;  /* "hull-web.scope", "batch.slice" */
	char *slice; /* where a scope goes; NULL for a slice, whose name says it */
};

void unit_name_done(struct unit_name *name);

/* From "SLICE:PREFIX:NAME", "NAME.slice" or "NAME.scope". */
int unit_name_parse(const char *path, bool user, struct unit_name *ret, struct hull_error *err);

/* "my-cgroup-abc.slice" to "/my.slice/my-cgroup.slice/my-cgroup-abc.slice"; "-.slice" is "/".
 * *ret is malloc'ed. */
int unit_slice_path(const char *slice, char **ret, struct hull_error *err);

/* What systemd knows of the limits, in the version of the group's hierarchies. */
int unit_add_resources(struct unit_properties *list, bool v2,
	const struct hull_cgroup_resources *resources, struct hull_error *err);

/* A property as text: 'text', true, 10, uint64 10, ['a', 'b']. */
int unit_add_text(struct unit_properties *list, const struct hull_cgroup_property *property,
	struct hull_error *err);

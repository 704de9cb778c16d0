/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoint.c and restore.c have in common. */
#pragma once

#include "runtime/cgroup_place.h"
#include "runtime/checkpoint.h"
#include "runtime/criu.h"

#include <limits.h>

/* Names that a dump gives to things from outside, and a restore finds again. */
#define CHECKPOINT_NULL_DEVICE "/dev/null"
#define CHECKPOINT_DESCRIPTORS "descriptors.json"

struct checkpoint_namespace {
	enum oci_namespace_type type;
	const char *name; /* criu's */
	const char *key;  /* under which its file is handed over */
};

#define CHECKPOINT_N_NAMESPACES 2
extern const struct checkpoint_namespace checkpoint_namespaces[CHECKPOINT_N_NAMESPACES];

void checkpoint_put_common(struct buf *out, const struct checkpoint_options *options);

/* The file of options for criu that the annotation org.criu.config names, or NULL. */
const char *checkpoint_config_file(const struct oci_spec *spec);

bool checkpoint_mount_is_bind(const struct oci_mount *mount);

/* Where a v1 hierarchy is mounted below the destination of a mount of type cgroup. */
int checkpoint_cgroup_mount(
	const struct cgroup_place *place, const char *destination, char path[PATH_MAX]);

int checkpoint_open_dir(const char *path, const char *what, bool make, struct hull_error *err);

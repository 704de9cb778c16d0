/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that systemd makes for us. */
#pragma once

#include "cgroup/group.h"

int systemd_create(const struct hull_cgroup_host *host, const char *path,
	const struct hull_cgroup_create_options *options, struct hull_cgroup **ret,
	struct hull_error *err);

/* The limits that systemd knows, as properties of the unit, so that it does not undo ours. */
int systemd_set(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	struct hull_error *err);

/* Stops the unit and forgets a failure of it. */
int systemd_delete(struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err);

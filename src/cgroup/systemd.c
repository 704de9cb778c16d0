/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd.h"

int systemd_create(const struct hull_cgroup_host *host, const char *path,
	const struct hull_cgroup_create_options *options, struct hull_cgroup **ret,
	struct hull_error *err)
{
	return error_set(err, HULL_ERROR_UNSUPPORTED, "%s: built without systemd", path);
}

int systemd_set(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	struct hull_error *err)
{
	return 0;
}

int systemd_delete(struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err)
{
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cgroup/group.h"

/*
 * Gives a v1 cpuset group the cpus and memory nodes of its parent where it has none; lists that
 * `given` (may be NULL) sets anyway are left out. is_new: the
 * group was made just now. 0 or -errno.
 */
int place_seed_cpuset(
	const struct group_place *place, const struct hull_cgroup_cpu *given, bool is_new);

/* SPDX-License-Identifier: Apache-2.0 */
/* hull cgroup: the commands, and how they name groups. */
#pragma once

#include "cli/option.h"
#include <hull/cgroup.h>

extern const struct cli_command hull_cgroup_command;

extern const struct cli_command hull_cgroup_classify_command, hull_cgroup_create_command,
	hull_cgroup_delete_command, hull_cgroup_events_command, hull_cgroup_exec_command,
	hull_cgroup_freeze_command, hull_cgroup_get_command, hull_cgroup_kill_command,
	hull_cgroup_list_command, hull_cgroup_mode_command, hull_cgroup_procs_command,
	hull_cgroup_set_command, hull_cgroup_stat_command, hull_cgroup_thaw_command;

/*
 * A group as people type it: "cpu,memory:web" or "web" (all controllers), from the root of the
 * hierarchies; "./web" below the caller's own group.
 */
struct group_name {
	uint32_t controllers; /* 0 = all */
	char *path;
};

void group_name_done(struct group_name *name);
int group_name_parse(const char *text, struct group_name *ret, struct hull_error *err);

/* The machine and one existing group of it. */
struct group_ref {
	struct hull_cgroup_host *host;
	struct hull_cgroup *group;
};

void group_ref_done(struct group_ref *ref);
int group_ref_open(struct group_ref *ref, const char *text, struct hull_error *err);

/* Sets "FILE=VALUE"; sizes of memory may have units ("1.5G"). */
int group_set(struct hull_cgroup *group, const char *setting, struct hull_error *err);

/*
 * Calls fn for the groups of -g and those in argv. An error of one does not keep the others from their
 * turn: it is printed as it comes, and the last is left in err.
 */
int each_group(struct cli_context *context, char **names, int argc, char **argv,
	int (*fn)(struct group_ref *ref, const char *text, void *data, struct hull_error *err),
	void *data, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

static const struct cli_command *const subcommands[] = {
	&hull_cgroup_classify_command,
	&hull_cgroup_create_command,
	&hull_cgroup_delete_command,
	&hull_cgroup_events_command,
	&hull_cgroup_exec_command,
	&hull_cgroup_freeze_command,
	&hull_cgroup_get_command,
	&hull_cgroup_kill_command,
	&hull_cgroup_list_command,
	&hull_cgroup_mode_command,
	&hull_cgroup_procs_command,
	&hull_cgroup_set_command,
	&hull_cgroup_stat_command,
	&hull_cgroup_thaw_command,
	NULL,
};

const struct cli_command hull_cgroup_command = {
	.name = "cgroup",
	.arguments = "COMMAND",
	.summary = "Manage control groups",
	.group = "Management Commands",
	.subcommands = subcommands,
};

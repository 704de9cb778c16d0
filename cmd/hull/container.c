/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "network_commands.h"

static const struct cli_command *const subcommands[] = {
	&hull_attach_command,
	&hull_commit_command,
	&hull_create_command,
	&hull_diff_command,
	&hull_exec_command,
	&hull_explain_command,
	&hull_export_command,
	&hull_inspect_command,
	&hull_kill_command,
	&hull_logs_command,
	&hull_pause_command,
	&hull_port_command,
	&hull_container_prune_command,
	&hull_ps_command,
	&hull_rename_command,
	&hull_restart_command,
	&hull_rm_command,
	&hull_run_command,
	&hull_start_command,
	&hull_stop_command,
	&hull_top_command,
	&hull_unpause_command,
	&hull_wait_command,
	NULL,
};

const struct cli_command hull_container_command = {
	.name = "container",
	.arguments = "COMMAND",
	.summary = "Manage containers",
	.group = "Management Commands",
	.subcommands = subcommands,
};

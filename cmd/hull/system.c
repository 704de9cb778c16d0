/* SPDX-License-Identifier: Apache-2.0 */
#include "system_commands.h"

#include <stddef.h>

static const struct cli_command *const commands[] = {
	&hull_system_check_command,
	&hull_system_df_command,
	&hull_info_command,
	&hull_system_prune_command,
	NULL,
};

const struct cli_command hull_system_command = {
	.name = "system",
	.arguments = "COMMAND",
	.summary = "Manage everything together",
	.subcommands = commands,
};

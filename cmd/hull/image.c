/* SPDX-License-Identifier: Apache-2.0 */
#include "image_commands.h"

#include <stddef.h>

static const struct cli_command *const commands[] = {
	&hull_image_convert_command,
	&hull_history_command,
	&hull_import_command,
	&hull_image_inspect_command,
	&hull_load_command,
	&hull_image_list_command,
	&hull_image_mount_command,
	&hull_image_prune_command,
	&hull_pull_command,
	&hull_push_command,
	&hull_image_remove_command,
	&hull_save_command,
	&hull_tag_command,
	&hull_image_unmount_command,
	NULL,
};

const struct cli_command hull_image_command = {
	.name = "image",
	.arguments = "COMMAND",
	.summary = "Manage images",
	.subcommands = commands,
};

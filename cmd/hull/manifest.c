/* SPDX-License-Identifier: Apache-2.0 */
#include "image_commands.h"
#include "manifest_commands.h"

#include <stddef.h>

static const struct cli_command *const commands[] = {
	&hull_manifest_annotate_command,
	&hull_manifest_create_command,
	&hull_manifest_inspect_command,
	&hull_manifest_push_command,
	&hull_manifest_remove_command,
	NULL,
};

const struct cli_command hull_manifest_command = {
	.name = "manifest",
	.arguments = "COMMAND",
	.summary = "Manage image manifests and manifest lists",
	.subcommands = commands,
};

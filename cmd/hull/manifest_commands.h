/* SPDX-License-Identifier: Apache-2.0 */
/* The commands below `hull manifest`. */
#pragma once

#include "cli/option.h"

extern const struct cli_command hull_manifest_annotate_command;
extern const struct cli_command hull_manifest_create_command;
extern const struct cli_command hull_manifest_inspect_command;
extern const struct cli_command hull_manifest_push_command;
extern const struct cli_command hull_manifest_remove_command;

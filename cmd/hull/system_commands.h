/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that deal with a root as a whole; `hull system` groups them. */
#pragma once

#include "cli/option.h"

extern const struct cli_command hull_info_command;
extern const struct cli_command hull_system_command;
extern const struct cli_command hull_version_command;

/* Below `hull system` only. */
extern const struct cli_command hull_system_check_command;
extern const struct cli_command hull_system_df_command;
extern const struct cli_command hull_system_prune_command;

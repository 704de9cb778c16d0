/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that deal with containers, one file each. */
#pragma once

#include "cli/option.h"

extern const struct cli_command hull_attach_command;
extern const struct cli_command hull_commit_command;
extern const struct cli_command hull_complete_command;
extern const struct cli_command hull_container_command;
extern const struct cli_command hull_create_command;
extern const struct cli_command hull_diff_command;
extern const struct cli_command hull_exec_command;
extern const struct cli_command hull_explain_command;
extern const struct cli_command hull_export_command;
extern const struct cli_command hull_inspect_command;
extern const struct cli_command hull_kill_command;
extern const struct cli_command hull_logs_command;
extern const struct cli_command hull_pause_command;
extern const struct cli_command hull_ps_command;
extern const struct cli_command hull_rename_command;
extern const struct cli_command hull_restart_command;
extern const struct cli_command hull_rm_command;
extern const struct cli_command hull_run_command;
extern const struct cli_command hull_settle_command;
extern const struct cli_command hull_start_command;
extern const struct cli_command hull_stop_command;
extern const struct cli_command hull_top_command;
extern const struct cli_command hull_unpause_command;
extern const struct cli_command hull_wait_command;

/* Below `hull container` only. */
extern const struct cli_command hull_container_prune_command;

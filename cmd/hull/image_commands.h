/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that deal with images, one file each; `hull image` groups them. */
#pragma once

#include "cli/option.h"

extern const struct cli_command hull_history_command;
extern const struct cli_command hull_image_command;
extern const struct cli_command hull_images_command;
extern const struct cli_command hull_import_command;
extern const struct cli_command hull_load_command;
extern const struct cli_command hull_login_command;
extern const struct cli_command hull_logout_command;
extern const struct cli_command hull_manifest_command;
extern const struct cli_command hull_pull_command;
extern const struct cli_command hull_push_command;
extern const struct cli_command hull_rmi_command;
extern const struct cli_command hull_save_command;
extern const struct cli_command hull_tag_command;

/* Below `hull image` only, where the name means images alone. */
extern const struct cli_command hull_image_convert_command;
extern const struct cli_command hull_image_inspect_command;
extern const struct cli_command hull_image_list_command;
extern const struct cli_command hull_image_mount_command;
extern const struct cli_command hull_image_prune_command;
extern const struct cli_command hull_image_remove_command;
extern const struct cli_command hull_image_unmount_command;

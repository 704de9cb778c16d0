/* SPDX-License-Identifier: Apache-2.0 */
/* `hull network` and what it consists of. */
#pragma once

#include "hull.h"

#include "engine/network.h"

extern const struct cli_command hull_network_command;
extern const struct cli_command hull_network_connect_command;
extern const struct cli_command hull_network_create_command;
extern const struct cli_command hull_network_disconnect_command;
extern const struct cli_command hull_network_inspect_command;
extern const struct cli_command hull_network_ls_command;
extern const struct cli_command hull_network_prune_command;
extern const struct cli_command hull_network_reload_command;
extern const struct cli_command hull_network_rm_command;
extern const struct cli_command hull_port_command;

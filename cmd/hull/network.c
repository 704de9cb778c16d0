/* SPDX-License-Identifier: Apache-2.0 */
#include "network_commands.h"

static const struct cli_command *const subcommands[] = {
	&hull_network_connect_command,
	&hull_network_create_command,
	&hull_network_disconnect_command,
	&hull_network_inspect_command,
	&hull_network_ls_command,
	&hull_network_prune_command,
	&hull_network_reload_command,
	&hull_network_rm_command,
	NULL,
};

const struct cli_command hull_network_command = {
	.name = "network",
	.arguments = "COMMAND",
	.summary = "Manage networks",
	.group = "Management Commands",
	.subcommands = subcommands,
};

/* ---- reload ---- */

static int reload(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	struct network_host *host;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_networks(engine, &host, err);
	return r < 0 ? r : network_reload(host, err);
}

const struct cli_command hull_network_reload_command = {
	.name = "reload",
	.summary = "Make bridges, addresses and packet filter agree with what is recorded again",
	.run = reload,
};

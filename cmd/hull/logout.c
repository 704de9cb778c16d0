/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "login.h"

#include "registry/credentials.h"

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	_cleanup_free_ char *host = login_host(argc > 0 ? argv[0] : NULL);

	if (!host)
		return error_no_memory(err);
	int r = credentials_erase(globals->config, host, err);
	if (r < 0)
		return r;
	printf(r ? "Removing login credentials for %s\n" : "Not logged in to %s\n",
		credentials_key(host));
	return 0;
}

const struct cli_command hull_logout_command = {
	.name = "logout",
	.arguments = "[SERVER]",
	.summary = "Log out from a registry",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "foreground.h"
#include "hull.h"

struct attach_options {
	bool no_stdin, sig_proxy;
	char *detach_keys;
};

static const struct cli_option options[] = {
	{"detach-keys", 0, CLI_STRING, offsetof(struct attach_options, detach_keys), "string",
		"Override the key sequence for detaching a container"},
	{"no-stdin", 0, CLI_FLAG, offsetof(struct attach_options, no_stdin), NULL,
		"Do not attach STDIN"},
	{"sig-proxy", 0, CLI_FLAG, offsetof(struct attach_options, sig_proxy), NULL,
		"Proxy all received signals to the process", NULL, 0, "true"},
};

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct attach_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;

	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0 && !container_is_running(c))
		r = error_set(err, HULL_ERROR_CONFLICT,
			"You cannot attach to a stopped container, start it first");
	if (r == 0 && str_eq(c->state, "paused"))
		r = error_set(err, HULL_ERROR_CONFLICT,
			"You cannot attach to a paused container, unpause it first");
	if (r < 0)
		return r;
	const struct foreground_options foreground = {
		.input = !o->no_stdin,
		.sig_proxy = o->sig_proxy,
		.detach_keys = o->detach_keys,
	};
	return foreground_join(engine, c, &foreground, err);
}

const struct cli_command hull_attach_command = {
	.name = "attach",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Attach local standard input, output, and error streams to a running container",
	.argument_values = "@running",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct attach_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

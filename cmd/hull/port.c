/* SPDX-License-Identifier: Apache-2.0 */
#include "network_commands.h"

#include "engine/inspect_network.h"

/* "80", "80/tcp": whether a binding has that port, and at which offset. */
static bool has_port(const struct network_binding *b, const struct network_port *port)
{
	return !port ||
	       (b->protocol == port->protocol && port->container_first >= b->container_first &&
		       port->container_first < (uint32_t)b->container_first + b->count);
}

static bool print_binding(const struct network_binding *b, const struct network_port *port)
{
	bool printed = false;

	for (uint16_t i = 0; has_port(b, port) && i < b->count; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		if (port && b->container_first + i != port->container_first)
			continue;
		inspect_host_port(b, i, &text);
		if (port)
			puts(buf_str(&text));
		else
			printf("%u/%s -> %s\n", b->container_first + i,
				network_protocol_name(b->protocol), buf_str(&text));
		printed = true;
	}
	return printed;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	struct network_binding *bindings = NULL;
	struct network_port port;
	struct network_host *host;
	bool printed = false;
	size_t n = 0;
	int r = argc > 1 ? network_port_parse(argv[1], &port, err) : 0;

	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0 && container_network_mode(c->config) == NETWORK_MODE_NETWORKS &&
		container_is_running(c)) {
		r = engine_networks(engine, &host, err);
		if (r == 0)
			r = network_bindings(host, &arena, c->id, &bindings, &n, err);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		printed |= print_binding(&bindings[i], argc > 1 ? &port : NULL);
	if (r == 0 && argc > 1 && !printed)
		r = error_set(err, HULL_ERROR_NOT_FOUND, "No public port '%s' published for %s",
			argv[1], argv[0]);
	return r;
}

const struct cli_command hull_port_command = {
	.name = "port",
	.arguments = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.summary = "List port mappings or a specific mapping for the container",
	.argument_values = "@container",
	.min_args = 1,
	.max_args = 2,
	.run = run,
};

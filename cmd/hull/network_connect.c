/* SPDX-License-Identifier: Apache-2.0 */
/* `network connect` and `network disconnect`. */
#include "network_commands.h"

#include "engine/parse.h"

struct connect_options {
	char *ip, *ip6, *mac;
	char **alias, **link, **link_local_ip, **driver_opt;
	struct hull_opt_i64 priority;
};

#define O(member) offsetof(struct connect_options, member)

static const struct cli_option connect_options[] = {
	{"alias", 0, CLI_STRV, O(alias), "strings", "Add network-scoped alias for the container"},
	{"driver-opt", 0, CLI_STRV, O(driver_opt), "strings", "Driver options for the network"},
	{"gw-priority", 0, CLI_I64, O(priority), "int",
		"Highest gw-priority provides the default gateway"},
	{"ip", 0, CLI_STRING, O(ip), "ip", "IPv4 address (e.g., 172.30.100.104)"},
	{"ip6", 0, CLI_STRING, O(ip6), "ip", "IPv6 address (e.g., 2001:db8::33)"},
	{"link", 0, CLI_STRV, O(link), "list", "Add link to another container", "@container",
		CLI_UNSUPPORTED},
	{"link-local-ip", 0, CLI_STRV, O(link_local_ip), "strings",
		"Add a link-local address for the container"},
	{"mac-address", 0, CLI_STRING, O(mac), "string", "MAC address of the interface"},
};

static int run_connect(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct connect_options *o = data;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	struct pair_list driver_options = {0};
	struct network_endpoint_config config = {.ipv4 = o->ip,
		.ipv6 = o->ip6,
		.mac = o->mac,
		.aliases = o->alias,
		.link_local = o->link_local_ip,
		.gateway_priority = (int)o->priority.value};
	int r = 0;

	for (char **option = o->driver_opt; r == 0 && option && *option; option++)
		r = label_parse(&arena, *option, &driver_options, err);
	if (r == 0)
		r = pair_list_settle(&driver_options, err);
	config.options = driver_options.items;
	config.n_options = driver_options.count;
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[1], &c, err);
	return r < 0 ? r : container_network_connect(engine, c, argv[0], &config, err);
}

const struct cli_command hull_network_connect_command = {
	.name = "connect",
	.arguments = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Connect a container to a network",
	.argument_values = "@network @container",
	CLI_OPTIONS(connect_options),
	.options_size = sizeof(struct connect_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_connect,
};

struct disconnect_options {
	bool force;
};

static const struct cli_option disconnect_options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct disconnect_options, force), NULL,
		"Force the container to disconnect from a network"},
};

static int run_disconnect(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct disconnect_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = container_load(engine, argv[1], &c, err);
	return r < 0 ? r : container_network_disconnect(engine, c, argv[0], o->force, err);
}

const struct cli_command hull_network_disconnect_command = {
	.name = "disconnect",
	.arguments = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Disconnect a container from a network",
	.argument_values = "@network @container",
	CLI_OPTIONS(disconnect_options),
	.options_size = sizeof(struct disconnect_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_disconnect,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"
#include "network_commands.h"

#include "base/clock.h"
#include "cli/format.h"

#define SHORT_ID 12

struct ls_options {
	bool quiet, no_trunc;
	char **filter;
	char *format;
};

static const struct cli_option options[] = {
	{"filter", 'f', CLI_STRV, offsetof(struct ls_options, filter), "filter",
		"Show only what matches: driver=, id=, label=, name=, scope=, type=, dangling=",
		"driver= id= label= name= scope= type=builtin type=custom dangling="},
	{"format", 0, CLI_STRING, offsetof(struct ls_options, format), "string",
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'"},
	{"no-trunc", 0, CLI_FLAG, offsetof(struct ls_options, no_trunc), NULL,
		"Do not truncate the output"},
	{"quiet", 'q', CLI_FLAG, offsetof(struct ls_options, quiet), NULL,
		"Only display network IDs"},
};

static const struct format_column columns[] = {
	{"ID", "NETWORK ID"},
	{"Name", "NAME"},
	{"Driver", "DRIVER"},
	{"Scope", "SCOPE"},
	{"IPv4", "IPV4"},
	{"IPv6", "IPV6"},
	{"Internal", "INTERNAL"},
	{"Labels", "LABELS"},
	{"CreatedAt", "CREATED AT"},
};

static const struct format_spec spec = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
	.quiet = "{{.ID}}",
};

/* ---- Filters ---- */

/* What a filter may look at. */
struct candidate {
	const struct network *network;
	bool used;
};

static int match_driver(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return str_eq(network_driver_name(c->network->driver), value);
}

static int match_id(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return str_after(c->network->id, value) != NULL;
}

static int match_label(const void *thing, const char *value, struct hull_error *err)
{
	const struct network_config *config = ((const struct candidate *)thing)->network->config;

	return json_pairs_have(config->labels, config->n_labels, value);
}

static int match_name(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return filter_match_pattern(c->network->name, value);
}

static int match_scope(const void *thing, const char *value, struct hull_error *err)
{
	return str_eq(value, "local");
}

static int check_scope(const char *value)
{
	return str_eq(value, "local") || str_eq(value, "global") || str_eq(value, "swarm")
		       ? 0
		       : -EINVAL;
}

static int match_type(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return str_eq(value, network_is_predefined(c->network->name) ? "builtin" : "custom");
}

static int check_type(const char *value)
{
	return str_eq(value, "builtin") || str_eq(value, "custom") ? 0 : -EINVAL;
}

static int match_dangling(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;
	bool wanted = false;

	str_to_bool(value, &wanted);
	return wanted == (!c->used && !network_is_predefined(c->network->name));
}

static const struct filter known_filters[] = {
	{"dangling", match_dangling, filter_check_boolean},
	{"driver", match_driver},
	{"id", match_id},
	{"label", match_label, .every = true},
	{"name", match_name},
	{"scope", match_scope, check_scope},
	{"type", match_type, check_type},
};

/* ---- Rows ---- */

static void write_row(struct json_writer *w, const struct network *n, bool no_trunc)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;
	const struct network_config *c = n->config;
	char created[CLOCK_TEXT_SIZE];

	json_pairs_join(&labels, c->labels, c->n_labels);
	clock_format_rfc3339(n->created, created);
	json_begin_object(w);
	json_key(w, "ID");
	json_string_n(w, n->id, no_trunc ? strlen(n->id) : SHORT_ID);
	json_member_string(w, "Name", n->name);
	json_member_string(w, "Driver", network_driver_name(n->driver));
	json_member_string(w, "Scope", "local");
	json_member_string(w, "IPv4", !c->ipv4.set || c->ipv4.value ? "true" : "false");
	json_member_string(w, "IPv6", c->ipv6 ? "true" : "false");
	json_member_string(w, "Internal", c->internal ? "true" : "false");
	json_member_string(w, "Labels", buf_str(&labels));
	json_member_string(w, "CreatedAt", created);
	json_end_object(w);
}

static int is_used(struct network_host *host, struct arena *arena, const struct network *network,
	bool *ret, struct hull_error *err)
{
	struct network_endpoint *endpoints;
	size_t n;
	int r = network_endpoints_of_network(host, arena, network, &endpoints, &n, err);

	*ret = r == 0 && n > 0;
	return r;
}

static int print_row(struct network_host *host, struct arena *arena, const struct ls_options *o,
	const struct filters *filters, const struct network *network, struct format_list *out,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&row, 0);
	struct candidate candidate = {.network = network};
	int r = 0;

	if (filters_value(filters, "dangling"))
		r = is_used(host, arena, network, &candidate.used, err);
	if (r == 0)
		r = filters_match(filters, &candidate, err);
	if (r <= 0)
		return r;
	write_row(&w, network, o->no_trunc);
	return format_row(out, buf_str(&row), row.len, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct ls_options *o = data;
	const struct filters filters = {known_filters, ARRAY_SIZE(known_filters), o->filter};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_format_ struct format_list *out = NULL;
	struct network_host *host;
	struct network **list;
	size_t n = 0;
	int r = filters_check(&filters, err);

	if (r == 0)
		r = format_begin(&out, &spec, o->format, o->quiet, stdout, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_list(host, &arena, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = print_row(host, &arena, o, &filters, list[i], out, err);
	return r < 0 ? r : format_end(out, err);
}

static const char *const aliases[] = {"list", NULL};

const struct cli_command hull_network_ls_command = {
	.name = "ls",
	.aliases = aliases,
	.arguments = "[OPTIONS]",
	.summary = "List networks",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct ls_options),
	.run = run,
};

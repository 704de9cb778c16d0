/* SPDX-License-Identifier: Apache-2.0 */
/* `network rm` and `network prune`. */
#include "each.h"
#include "network_commands.h"
#include "prune.h"

#include "metadata/reserve.h"

/* ---- rm ---- */

struct rm_options {
	bool force;
};

static const struct cli_option rm_options[] = {
	{"force", 'f', CLI_FLAG, offsetof(struct rm_options, force), NULL,
		"Do not error if the network does not exist"},
};

static int remove_one(struct engine *engine, const char *name, void *data, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const struct rm_options *o = data;
	struct network_host *host;
	struct network *network;

	metadata_make_room(engine_root(engine));
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_find(host, &arena, name, &network, err);
	if (r == 0)
		r = network_remove(host, network, err);
	if (r < 0 && o->force && err->kind == HULL_ERROR_NOT_FOUND) {
		hull_error_done(err);
		return 1;
	}
	return r;
}

static int run_rm(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	return each_name(context, argc, argv, remove_one, data, err);
}

static const char *const rm_aliases[] = {"remove", NULL};

const struct cli_command hull_network_rm_command = {
	.name = "rm",
	.aliases = rm_aliases,
	.arguments = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Remove one or more networks",
	.argument_values = "@network",
	CLI_OPTIONS(rm_options),
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};

/* ---- prune ---- */

struct prune_options {
	bool force;
	char **filters;
};

static const struct cli_option prune_options[] = {
	{"filter", 0, CLI_STRV, offsetof(struct prune_options, filters), "filter",
		"Prune only what matches: until=, label=, label!=", "until= label= label!="},
	{"force", 'f', CLI_FLAG, offsetof(struct prune_options, force), NULL,
		"Do not ask for confirmation"},
};

/* Whether somebody is in a network, and whether it can go, is for network_remove() to say. */
int prune_networks(struct engine *engine, const struct prune_filter *filter, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_host *host;
	struct network **list;
	bool titled = false;
	size_t n = 0;

	metadata_make_room(engine_root(engine));
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_list(host, &arena, &list, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		const struct network_config *c = list[i]->config;

		if (network_is_predefined(list[i]->name) ||
			!prune_filter_matches(filter, list[i]->created, c->labels, c->n_labels))
			continue;
		r = network_remove(host, list[i], &why);
		if (r < 0 &&
			(why.kind == HULL_ERROR_CONFLICT || why.kind == HULL_ERROR_NOT_FOUND)) {
			r = 0;
			continue;
		}
		if (r < 0) {
			error_move(err, &why);
			return r;
		}
		if (!titled)
			puts("Deleted Networks:");
		titled = true;
		puts(list[i]->name);
	}
	if (titled)
		puts("");
	return r < 0 ? r : network_tidy(host, err);
}

static int run_prune(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct prune_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_prune_filter_ struct prune_filter filter = {0};
	int r = prune_filter_parse(&filter, o->filters, false, err);

	if (r == 0)
		r = prune_confirm(
			"WARNING! This will remove all custom networks not used by at least "
			"one container.",
			"network prune", o->force, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	return r < 0 ? r : prune_networks(engine, &filter, err);
}

const struct cli_command hull_network_prune_command = {
	.name = "prune",
	.arguments = "[OPTIONS]",
	.summary = "Remove all unused networks",
	CLI_OPTIONS(prune_options),
	.options_size = sizeof(struct prune_options),
	.run = run_prune,
};

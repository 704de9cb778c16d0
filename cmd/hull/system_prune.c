/* SPDX-License-Identifier: Apache-2.0 */
#include "prune.h"
#include "system_commands.h"

struct system_prune_options {
	bool all, force, volumes;
	char **filters;
};

static const struct cli_option options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct system_prune_options, all), NULL,
		"Remove all unused images, not just dangling ones", NULL},
	{"filter", 0, CLI_STRV, offsetof(struct system_prune_options, filters), "filter",
		"Prune only what matches: until=, label=, label!=", "until= label= label!="},
	{"force", 'f', CLI_FLAG, offsetof(struct system_prune_options, force), NULL,
		"Do not ask for confirmation", NULL},
	{"volumes", 0, CLI_FLAG, offsetof(struct system_prune_options, volumes), NULL,
		"Prune anonymous volumes, too", NULL},
};

static int confirm(const struct system_prune_options *o, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_puts(&text, "WARNING! This will remove:\n"
			"  - all stopped containers\n"
			"  - all networks not used by at least one container\n");
	if (o->volumes)
		buf_puts(&text, "  - all anonymous volumes not used by at least one container\n");
	buf_puts(
		&text, o->all ? "  - all images without at least one container associated to them\n"
				"  - all build cache\n"
			      : "  - all dangling images\n"
				"  - unused build cache\n");
	if (o->filters)
		buf_puts(&text, "\n  Items to be pruned will be filtered with:\n");
	strv_foreach (filter, o->filters)
		buf_printf(&text, "  - %s\n", *filter);
	return prune_confirm(buf_str(&text), "system prune", o->force, err);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct system_prune_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_prune_filter_ struct prune_filter filter = {0};
	int64_t bytes = 0;
	int r = prune_filter_parse(&filter, o->filters, false, err);

	if (r == 0)
		r = confirm(o, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	/* Containers first: they are what holds the rest. */
	if (r == 0)
		r = prune_containers(engine, &filter, &bytes, err);
	if (r == 0)
		r = prune_networks(engine, &filter, err);
	if (r == 0)
		r = prune_images(engine, &filter, o->all, &bytes, err);
	if (r == 0)
		prune_print_total(bytes);
	return r;
}

const struct cli_command hull_system_prune_command = {
	.name = "prune",
	.arguments = "[OPTIONS]",
	.summary = "Remove unused data",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct system_prune_options),
	.run = run,
};

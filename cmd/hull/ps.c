/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "filter.h"

#include "base/str.h"
#include "cli/format.h"
#include "engine/inspect.h"
#include "engine/inspect_network.h"
#include "image/image.h"
#include "network/port.h"

struct ps_options {
	bool all, quiet, no_trunc, latest, size;
	int last;
	char **filter;
	char *format;
};

static const struct cli_option options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct ps_options, all), NULL,
		"Show all containers (default shows just running)"},
	{"filter", 'f', CLI_STRV, offsetof(struct ps_options, filter), "filter",
		"Show only what matches: ancestor=, before=, exited=, expose=, id=, label=, name=, network=, "
		"publish=, since=, status=, volume=",
		"ancestor= before= exited= expose= id= label= name= network= publish= since= "
		"status=created status=running status=paused status=exited status=dead volume="},
	{"format", 0, CLI_STRING, offsetof(struct ps_options, format), "string",
		"Format output using a custom template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'"},
	{"last", 'n', CLI_INT, offsetof(struct ps_options, last), "int",
		"Show n last created containers (includes all states)", NULL, 0, "-1"},
	{"latest", 'l', CLI_FLAG, offsetof(struct ps_options, latest), NULL,
		"Show the latest created container (includes all states)"},
	{"no-trunc", 0, CLI_FLAG, offsetof(struct ps_options, no_trunc), NULL,
		"Don't truncate output"},
	{"quiet", 'q', CLI_FLAG, offsetof(struct ps_options, quiet), NULL,
		"Only display container IDs"},
	{"size", 's', CLI_FLAG, offsetof(struct ps_options, size), NULL,
		"Display total file sizes"},
};

static const struct format_column columns[] = {
	{"ID", "CONTAINER ID"},
	{"Image", "IMAGE"},
	{"Command", "COMMAND"},
	{"CreatedAt", "CREATED AT"},
	{"RunningFor", "CREATED"},
	{"Status", "STATUS"},
	{"State", "STATE"},
	{"Ports", "PORTS"},
	{"Names", "NAMES"},
	{"Labels", "LABELS"},
	{"Mounts", "MOUNTS"},
	{"Networks", "NETWORKS"},
	{"LocalVolumes", "LOCAL VOLUMES"},
	{"Size", "SIZE"},
};

#define TABLE \
	"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

static const struct format_spec spec = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = TABLE,
	.quiet = "{{.ID}}",
};

static const struct format_spec spec_with_size = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = TABLE "\t{{.Size}}",
	.quiet = "{{.ID}}",
};

/* ---- Filters ---- */

/* What a filter may look at. */
struct candidate {
	struct engine *engine;
	const struct container *container;
	int64_t before, since; /* when the containers of those filters were created */
};

static int match_id(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return str_after(c->container->id, value) != NULL;
}

static int match_name(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;
	_cleanup_free_ char *with_slash = str_printf("/%s", c->container->name);

	if (!with_slash)
		return error_no_memory(err);
	return filter_match_pattern(c->container->name, value) ||
	       filter_match_pattern(with_slash, value);
}

static int match_status(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return str_eq(c->container->state, value);
}

static int check_status(const char *value)
{
	static const char *const states[] = {
		"created", "restarting", "running", "removing", "paused", "exited", "dead"};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (str_eq(value, states[i]))
			return 0;
	return -EINVAL;
}

/* The image by whatever name it has now, or the name that the container was made with. */
static int match_ancestor(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *candidate = thing;
	const struct container *c = candidate->container;
	_cleanup_image_ struct image *image = NULL;
	struct image_store *images;
	int r = engine_images(candidate->engine, &images, err);

	if (r < 0)
		return r;
	if (image_resolve(images, value, &image, NULL, NULL) == 0)
		return str_eq(c->image_id, image->id_text);
	return str_eq(c->image_name, value) || str_eq(c->image_id, value);
}

static int match_before(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return c->container->created < c->before;
}

static int match_since(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	return c->container->created > c->since;
}

static int match_exited(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;
	int64_t code;

	return str_eq(c->container->state, "exited") && str_to_i64(value, &code) == 0 &&
	       c->container->exit_code == code;
}

static int check_number(const char *value)
{
	int64_t ignored;

	return str_to_i64(value, &ignored);
}

static int match_label(const void *thing, const char *value, struct hull_error *err)
{
	const struct container_config *config =
		((const struct candidate *)thing)->container->config;

	return json_pairs_have(config->labels, config->n_labels, value);
}

static int match_network(const void *thing, const char *value, struct hull_error *err)
{
	const struct container_config *config =
		((const struct candidate *)thing)->container->config;

	if (str_eq(config->network, value))
		return true;
	for (size_t i = 0; i < config->n_endpoints; i++)
		if (str_eq(config->endpoints[i].network, value))
			return true;
	return false;
}

static int match_port(
	const struct candidate *c, const char *value, bool exposed, struct hull_error *err)
{
	struct network_port port;
	int r = network_port_parse(value, &port, err);

	return r < 0 ? r : inspect_match_port(c->engine, c->container, &port, exposed, err);
}

static int match_publish(const void *thing, const char *value, struct hull_error *err)
{
	return match_port(thing, value, false, err);
}

static int match_expose(const void *thing, const char *value, struct hull_error *err)
{
	return match_port(thing, value, true, err);
}

static int check_port(const char *value)
{
	struct network_port port;
	int r = network_port_parse(value, &port, NULL);

	return r == 0 && port.host_first ? -EINVAL : r;
}

/* A path on the host or in the container. */
static int match_volume(const void *thing, const char *value, struct hull_error *err)
{
	const struct candidate *c = thing;

	strv_foreach (bind, c->container->config->binds) {
		_cleanup_strv_ char **parts = strv_split(*bind, ":");

		if (strv_contains(parts, value))
			return true;
	}
	return false;
}

static const struct filter known_filters[] = {
	{"ancestor", match_ancestor},
	{"before", match_before},
	{"exited", match_exited, check_number},
	{"expose", match_expose, check_port},
	{"id", match_id},
	{"label", match_label, .every = true},
	{"name", match_name},
	{"network", match_network},
	{"publish", match_publish, check_port},
	{"since", match_since},
	{"status", match_status, check_status},
	{"volume", match_volume},
};

static int time_of(struct engine *engine, const char *name, int64_t *ret, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	int r = name ? container_load(engine, name, &c, err) : 0;

	*ret = c ? c->created : 0;
	return r;
}

/* ---- Rows ---- */

static int print_row(const struct candidate *c, const struct ps_options *o, bool size,
	struct format_list *out, struct hull_error *err)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&row, 0);
	int r = inspect_ps_row(c->engine, c->container, o->no_trunc, size, &w, err);

	return r < 0 ? r : format_row(out, buf_str(&row), row.len, err);
}

static int print_rows(struct engine *engine, const struct ps_options *o,
	const struct filters *filters, struct container *const *list, size_t n,
	struct format_list *out, struct hull_error *err)
{
	struct candidate candidate = {.engine = engine};
	size_t limit = o->latest ? 1 : o->last >= 0 ? (size_t)o->last : n;
	bool size = o->size || format_uses(out, "Size");
	int r = time_of(engine, filters_value(filters, "before"), &candidate.before, err);

	if (r == 0)
		r = time_of(engine, filters_value(filters, "since"), &candidate.since, err);
	for (size_t i = 0, shown = 0; r == 0 && i < n && shown < limit; i++) {
		candidate.container = list[i];
		r = filters_match(filters, &candidate, err);
		if (r <= 0)
			continue;
		r = print_row(&candidate, o, size, out, err);
		shown++;
	}
	return r < 0 ? r : format_end(out, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct ps_options *o = data;
	const struct filters filters = {known_filters, ARRAY_SIZE(known_filters), o->filter};
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_format_ struct format_list *out = NULL;
	struct container **list = NULL;
	/* Who asks for those shows containers that do not run, too. */
	bool all = o->all || o->latest || o->last >= 0 || filters_value(&filters, "status") ||
		   filters_value(&filters, "exited");
	size_t n;

	int r = filters_check(&filters, err);
	if (r == 0)
		r = format_begin(
			&out, o->size ? &spec_with_size : &spec, o->format, o->quiet, stdout, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_list(engine, all, &list, &n, err);
	if (r < 0)
		return r;
	r = print_rows(engine, o, &filters, list, n, out, err);
	container_list_free(list, n);
	return r;
}

static const char *const aliases[] = {"ls", "list", NULL};

const struct cli_command hull_ps_command = {
	.name = "ps",
	.aliases = aliases,
	.arguments = "[OPTIONS]",
	.summary = "List containers",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct ps_options),
	.group = "Common Commands",
	.run = run,
};

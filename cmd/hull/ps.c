/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"

#include "cli/format.h"
#include "engine/container.h"
#include "engine/inspect.h"

struct ps_options {
	bool all, quiet, no_trunc, latest;
	int last;
	char **filter;
	char *format;
};

static const struct cli_option options[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct ps_options, all), NULL,
		"Show all containers (default shows just running)"},
	{"filter", 'f', CLI_STRV, offsetof(struct ps_options, filter), "filter",
		"Filter output based on conditions provided"},
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
};

static const struct format_spec spec = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table =
		"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
	.quiet = "{{.ID}}",
};

static bool match_id(const struct container *c, const char *value)
{
	return strncmp(c->id, value, strlen(value)) == 0;
}

static bool match_name(const struct container *c, const char *value)
{
	return strstr(c->name, value[0] == '/' ? value + 1 : value) != NULL;
}

static bool match_status(const struct container *c, const char *value)
{
	return str_eq(c->state, value);
}

static bool match_ancestor(const struct container *c, const char *value)
{
	return str_eq(c->image_name, value) || str_eq(c->image_id, value) ||
	       (strlen(value) >= CONTAINER_SHORT_LENGTH &&
		       strncmp(c->image_id + strlen("sha256:"), value, strlen(value)) == 0);
}

static bool match_exited(const struct container *c, const char *value)
{
	int64_t code;

	return str_eq(c->state, "exited") && str_to_i64(value, &code) == 0 && c->exit_code == code;
}

static bool match_label(const struct container *c, const char *value)
{
	size_t n = strcspn(value, "=");

	for (size_t i = 0; i < c->config->n_labels; i++) {
		const struct json_pair *label = &c->config->labels[i];
		if (strlen(label->key) == n && strncmp(label->key, value, n) == 0 &&
			(!value[n] || str_eq(label->value, value + n + 1)))
			return true;
	}
	return false;
}

static bool match_network(const struct container *c, const char *value)
{
	if (str_eq(c->config->network, value))
		return true;
	for (size_t i = 0; i < c->config->n_endpoints; i++)
		if (str_eq(c->config->endpoints[i].network, value))
			return true;
	return false;
}

static const struct {
	const char *name;
	bool (*match)(const struct container *c, const char *value);
	bool all_states; /* asking for it shows containers that do not run, too */
} filters[] = {
	{"id", match_id, false},
	{"name", match_name, false},
	{"status", match_status, true},
	{"ancestor", match_ancestor, false},
	{"exited", match_exited, true},
	{"label", match_label, false},
	{"network", match_network, false},
};

static int find_filter(const char *text, size_t *ret, struct hull_error *err)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		if (strlen(filters[i].name) == n && strncmp(filters[i].name, text, n) == 0 &&
			text[n]) {
			*ret = i;
			return 0;
		}
	}
	return error_set(err, HULL_ERROR_INVALID, "invalid filter '%s'", text);
}

/* Filters of one name are alternatives, except labels; different names must all match. */
static bool matches(const struct container *c, char *const *wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		bool asked = false, any = false, every = true;
		strv_foreach (w, wanted) {
			size_t which;
			if (find_filter(*w, &which, NULL) < 0 || which != i)
				continue;
			bool hit = filters[i].match(c, strchr(*w, '=') + 1);
			asked = true;
			any |= hit;
			every &= hit;
		}
		if (asked && !(filters[i].match == match_label ? every : any))
			return false;
	}
	return true;
}

static int print_rows(struct engine *engine, const struct ps_options *o, struct container **list,
	size_t n, struct format_list *out, struct hull_error *err)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	size_t limit = o->latest ? 1 : o->last >= 0 ? (size_t)o->last : n;

	for (size_t i = 0, shown = 0; i < n && shown < limit; i++) {
		if (!matches(list[i], o->filter))
			continue;
		struct json_writer w = JSON_WRITER_INIT(&row, 0);
		buf_reset(&row);
		int r = inspect_ps_row(engine, list[i], o->no_trunc, false, &w, err);
		if (r == 0)
			r = format_row(out, buf_str(&row), row.len, err);
		if (r < 0)
			return r;
		shown++;
	}
	return format_end(out, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct ps_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_format_ struct format_list *out = NULL;
	struct container **list = NULL;
	bool all = o->all || o->latest || o->last >= 0;
	size_t n = 0;

	int r = 0;
	for (char **f = o->filter; r == 0 && f && *f; f++) {
		size_t which;
		r = find_filter(*f, &which, err);
		if (r == 0)
			all |= filters[which].all_states;
	}
	if (r == 0)
		r = format_begin(&out, &spec, o->format, o->quiet, stdout, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_list(engine, all, &list, &n, err);
	if (r == 0)
		r = print_rows(engine, o, list, n, out, err);
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

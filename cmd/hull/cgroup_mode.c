/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include "base/buf.h"
#include "cli/table.h"
#include "json/json.h"

#include <stdio.h>

struct mode_options {
	bool json;
};

static const struct cli_option options[] = {
	{"json", 0, CLI_FLAG, offsetof(struct mode_options, json), NULL, "Print JSON"},
};

DEFINE_CLEANUP(struct hull_cgroup_host *, host_closep, hull_cgroup_host_close)

static void print_controllers(struct buf *out, uint32_t controllers)
{
	const char *separator = "";

	for (unsigned int c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++) {
		if (!(controllers & HULL_CGROUP_BIT(c)))
			continue;
		buf_printf(out, "%s%s", separator,
			hull_cgroup_controller_name((enum hull_cgroup_controller)c));
		separator = ",";
	}
}

static void mode_table(const struct hull_cgroup_hierarchy *hierarchies, size_t n, struct buf *out)
{
	buf_puts(out, "VERSION\tMOUNTED AT\tOWN GROUP\tCONTROLLERS\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%u\t%s\t%s\t", hierarchies[i].version, hierarchies[i].mount_point,
			hierarchies[i].own_path);
		if (hierarchies[i].controllers)
			print_controllers(out, hierarchies[i].controllers);
		else
			buf_puts(out, *hierarchies[i].name ? hierarchies[i].name : "-");
		buf_putc(out, '\n');
	}
}

static void mode_json(const struct hull_cgroup_host *host,
	const struct hull_cgroup_hierarchy *hierarchies, size_t n, struct buf *out)
{
	struct json_writer w = JSON_WRITER_INIT(out, 2);

	json_begin_object(&w);
	json_key(&w, "mode");
	json_string(&w, hull_cgroup_mode_name(hull_cgroup_host_mode(host)));
	json_key(&w, "systemd");
	json_boolean(&w, hull_cgroup_host_has_systemd(host));
	json_key(&w, "hierarchies");
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&w);
		json_key(&w, "version");
		json_u64(&w, hierarchies[i].version);
		json_key(&w, "name");
		json_string(&w, hierarchies[i].name);
		json_key(&w, "mountPoint");
		json_string(&w, hierarchies[i].mount_point);
		json_key(&w, "ownPath");
		json_string(&w, hierarchies[i].own_path);
		json_key(&w, "controllers");
		json_begin_array(&w);
		for (unsigned int c = 0; c < HULL_CGROUP_CONTROLLER_MAX; c++)
			if (hierarchies[i].controllers & HULL_CGROUP_BIT(c))
				json_string(&w, hull_cgroup_controller_name(
							(enum hull_cgroup_controller)c));
		json_end_array(&w);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(out, '\n');
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct mode_options *o = data;
	_cleanup_(host_closep) struct hull_cgroup_host *host = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct hull_cgroup_hierarchy *hierarchies;
	int r = hull_cgroup_host_open(&host, err);

	if (r < 0)
		return r;
	size_t n = hull_cgroup_host_hierarchies(host, &hierarchies);
	if (o->json) {
		mode_json(host, hierarchies, n, &out);
	} else {
		buf_printf(&out, "%s%s\n", hull_cgroup_mode_name(hull_cgroup_host_mode(host)),
			hull_cgroup_host_has_systemd(host) ? ", systemd" : "");
		mode_table(hierarchies, n, &text);
		if (n)
			table_format(&out, buf_str(&text), text.len, 0, TABLE_PADDING);
	}
	if (buf_error(&out) < 0 || buf_error(&text) < 0)
		return error_no_memory(err);
	fputs(buf_str(&out), stdout);
	return 0;
}

const struct cli_command hull_cgroup_mode_command = {
	.name = "mode",
	.arguments = "[OPTIONS]",
	.summary = "Show which cgroup hierarchies this machine has",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct mode_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};

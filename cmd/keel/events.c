/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"
#include "runtime/event.h"

struct events_options {
	struct hull_opt_i64 interval;
	bool stats;
};

static const struct cli_option options[] = {
	{"interval", 0, CLI_DURATION, offsetof(struct events_options, interval), "duration",
		"Time between two statistics", NULL, 0, "5s"},
	{"stats", 0, CLI_FLAG, offsetof(struct events_options, stats), NULL,
		"Print the statistics once and end", NULL, 0},
};

/* Each document is one line, and complete when the reader gets it. */
static int put_line(const char *json, void *data)
{
	return puts(json) < 0 || fflush(stdout) != 0 ? 1 : 0;
}

static int print_stats(const struct container_record *c, const char *closid, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = container_stats_json(&c->ref, closid, &text, err);

	if (r == 0)
		puts(buf_str(&text));
	return r;
}

static int events(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct events_options *o = data;
	_cleanup_container_record_ struct container_record c;
	enum container_status status;
	struct oci_spec *spec;
	int64_t ms = o->interval.value / 1000000;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0 && (ms <= 0 || ms > INT32_MAX))
		r = error_set(err, HULL_ERROR_INVALID, "duration interval must be greater than 0");
	if (r == 0)
		r = container_record_status(&c, &status, err);
	if (r == 0 && status == CONTAINER_STOPPED)
		r = error_set(
			err, HULL_ERROR_CONFLICT, "container with id %s is not running", argv[0]);
	if (r == 0)
		r = container_record_spec(&c, &spec, err);
	if (r < 0)
		return r;
	const struct oci_intel_rdt *rdt = spec->linux ? spec->linux->intel_rdt : NULL;
	const char *closid = !rdt ? NULL : str_empty(rdt->clos_id) ? argv[0] : rdt->clos_id;
	if (o->stats)
		return print_stats(&c, closid, err);
	return container_events(&c.ref, closid, (int)ms, put_line, NULL, err);
}

const struct cli_command keel_events_command = {
	.name = "events",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Print statistics of a container, and when its memory limit is hit",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct events_options),
	.min_args = 1,
	.max_args = 1,
	.run = events,
};

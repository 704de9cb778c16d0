/* SPDX-License-Identifier: Apache-2.0 */
#include "network_commands.h"

#include "cli/format.h"
#include "engine/inspect_network.h"

struct inspect_options {
	char *format;
	bool verbose;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct inspect_options, format), "string",
		"Format output using a custom template, or 'json'"},
	{"verbose", 'v', CLI_FLAG, offsetof(struct inspect_options, verbose), NULL,
		"Verbose output for diagnostics", NULL, CLI_IGNORED},
};

static int inspect_one(
	struct engine *engine, const char *name, struct buf *out, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_writer w = JSON_WRITER_INIT(out, 0);
	struct network_host *host;
	struct network *network;
	int r = engine_networks(engine, &host, err);

	if (r == 0)
		r = network_find(host, &arena, name, &network, err);
	return r < 0 ? r : inspect_network(engine, network, &w, err);
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct inspect_options *o = data;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct json_writer array = JSON_WRITER_INIT(&all, 0);
	int failed = 0;
	int r = hull_engine_open(context, &engine, err);

	if (r < 0)
		return r;
	json_begin_array(&array);
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		_cleanup_buf_ struct buf one = BUF_INIT;

		r = inspect_one(engine, argv[i], &one, &why);
		if (r == 0 && !str_empty(o->format))
			r = format_document(buf_str(&one), one.len, o->format, stdout, &why);
		if (r == 0) {
			json_raw(&array, buf_str(&one));
			continue;
		}
		if (failed)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		failed = r;
		error_move(err, &why);
	}
	json_end_array(&array);
	if (str_empty(o->format)) {
		r = format_document(buf_str(&all), all.len, NULL, stdout, failed ? NULL : err);
		if (r < 0)
			return r;
	}
	return failed;
}

const struct cli_command hull_network_inspect_command = {
	.name = "inspect",
	.arguments = "[OPTIONS] NETWORK [NETWORK...]",
	.summary = "Display detailed information on one or more networks",
	.argument_values = "@network",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

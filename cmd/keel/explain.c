/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` would do, step by step: in words, as system calls, and as the shell commands that a
 * person could type. With --trace it is done, and the time of each step is shown.
 */
#include "launch.h"

struct explain_options {
	struct launch_options launch; /* first: the rows of launch.h count from here */
	char *format;
};

static const struct cli_option options[] = {
	LAUNCH_OPTION_ROWS{"trace", 0, CLI_FLAG, offsetof(struct launch_options, trace), NULL,
		"Run the container and show how long each step took", NULL, 0},
	{"format", 0, CLI_STRING, offsetof(struct explain_options, format), "format",
		"Output: text, short or json", "text short json", 0},
};

static int parse_format(const char *name, enum plan_format *ret, struct hull_error *err)
{
	static const char *const names[] = {"text", "short", "json"};

	*ret = PLAN_FORMAT_TEXT;
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++) {
		if (str_eq(name, names[i])) {
			*ret = (enum plan_format)i;
			return 0;
		}
	}
	return name ? error_set(err, HULL_ERROR_INVALID, "unknown format \"%s\"", name) : 0;
}

/* Runs the container to its end; its exit status is not ours here. */
static int trace(struct launch *l, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c = {.root_fd = -1, .dir_fd = -1};

	foreground_prepare(true);
	int r = launch_perform(l, err);
	if (r < 0)
		return r;
	r = foreground_wait(&l->creation.process, -1, err);
	if (r >= 0)
		r = keel_container_open(&c, l->globals, l->id, err);
	return r < 0 ? r : keel_container_remove(&c, err);
}

static int explain(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct explain_options *o = data;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_launch_ struct launch l = LAUNCH_INIT;
	enum plan_format format;

	l.globals = context->globals;
	l.options = &o->launch;
	l.id = argc ? argv[0] : "explained";
	int r = parse_format(o->format, &format, err);
	if (r == 0)
		r = launch_prepare(&l, false, !o->launch.trace, err);
	if (r == 0 && o->launch.trace)
		r = trace(&l, err);
	if (r < 0)
		return r;
	plan_print(l.creation.plan, format, &text);
	fputs(buf_str(&text), stdout);
	return 0;
}

const struct cli_command keel_explain_command = {
	.name = "explain",
	.arguments = "[OPTIONS] [CONTAINER]",
	.summary = "Show every step of running a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct explain_options),
	.max_args = 1,
	.run = explain,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_progress.h"
#include "system_commands.h"

#include "cli/size.h"
#include "cli/terminal.h"
#include "engine/check.h"
#include "image/check.h"

struct check_options {
	bool repair;
	bool quiet;
};

static const struct cli_option options[] = {
	{"quiet", 'q', CLI_FLAG, offsetof(struct check_options, quiet), NULL, "Print problems only",
		NULL},
	{"repair", 0, CLI_FLAG, offsetof(struct check_options, repair), NULL,
		"Repair what can be repaired, and remove images that cannot be saved", NULL},
};

static void on_problem(void *data, const char *text)
{
	struct image_display *display = data;
	const struct image_progress progress = image_display_progress(display);
	const struct image_progress_event event = {.status = text};

	/* A line among those that are repainted in place has to go through them. */
	if (progress.event)
		progress.event(progress.data, &event);
	else
		puts(text);
}

static void print_result(const struct image_check_result *result, const struct check_options *o)
{
	char freed[SIZE_TEXT_SIZE];

	strv_foreach (name, result->removed_names)
		printf("removed image %s: pull or load it again\n", *name);
	if (o->quiet)
		return;
	printf("Checked %zu images, %zu layers, %zu documents: ", result->images, result->layers,
		result->documents);
	if (result->problems == 0)
		puts("no problems");
	else
		printf("%zu problem%s, %zu repaired\n", result->problems,
			result->problems == 1 ? "" : "s", result->repaired);
	size_format_decimal((uint64_t)result->freed_bytes, 4, freed);
	if (result->freed_bytes > 0)
		printf("Freed %s that nothing needed\n", freed);
}

static int check(struct engine *engine, struct image_store *images, const struct check_options *o,
	struct image_check_result *result, struct hull_error *err)
{
	_cleanup_image_display_ struct image_display *display = NULL;
	int r = image_display_new(&display, stdout, o->quiet || !terminal_is(STDOUT_FILENO), err);

	if (r < 0)
		return r;
	const struct image_check_options check_options = {
		.repair = o->repair,
		.progress = image_display_progress(display),
		.problem = on_problem,
		.problem_data = display,
		.canceled = &hull_interrupted,
	};
	struct container_check containers = {
		.repair = o->repair, .problem = on_problem, .problem_data = display};
	if (o->repair)
		container_collect_garbage(engine);
	r = containers_check(engine, &containers, err);
	if (r == 0)
		r = image_store_check(images, &check_options, result, err);
	result->problems += containers.problems;
	result->repaired += containers.repaired;
	return r;
}

/* 1 if something is wrong, though it may be right by now. */
static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct check_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_check_result result = {0};
	struct image_store *images = NULL;
	int r = hull_use_libraries(context->globals, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	r = check(engine, images, o, &result, err);
	if (r == 0)
		print_result(&result, o);
	image_check_result_done(&result);
	return r < 0 ? r : result.problems > 0;
}

const struct cli_command hull_system_check_command = {
	.name = "check",
	.arguments = "[OPTIONS]",
	.summary = "Verify everything that is stored, and repair it if asked to",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct check_options),
	.run = run,
};

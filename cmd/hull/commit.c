/* SPDX-License-Identifier: Apache-2.0 */
#include "container_commands.h"
#include "hull.h"
#include "image_progress.h"

#include "cli/terminal.h"
#include "engine/export.h"

struct commit_cli {
	char *author;
	char **changes;
	char *message;
	bool pause;
	bool no_pause;
	bool quiet;
};

static const struct cli_option options[] = {
	{"author", 'a', CLI_STRING, offsetof(struct commit_cli, author), "string",
		"Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")", NULL},
	{"change", 'c', CLI_STRV, offsetof(struct commit_cli, changes), "list",
		"Apply a Dockerfile instruction to the created image", NULL},
	{"message", 'm', CLI_STRING, offsetof(struct commit_cli, message), "string",
		"Commit message", NULL},
	{"no-pause", 0, CLI_FLAG, offsetof(struct commit_cli, no_pause), NULL,
		"Let the container run on meanwhile", NULL},
	{"pause", 'p', CLI_FLAG, offsetof(struct commit_cli, pause), NULL,
		"Pause the container during the commit", NULL, 0, "true"},
	{"quiet", 'q', CLI_FLAG, offsetof(struct commit_cli, quiet), NULL, "Show no progress",
		NULL},
};

static void on_progress(void *data, uint64_t bytes)
{
	const struct image_progress *progress = data;
	const struct image_progress_event event = {
		.id = "changes", .status = "Committing", .current = (int64_t)bytes};

	progress->event(progress->data, &event);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct commit_cli *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	char text[DIGEST_TEXT_SIZE];
	struct digest id;
	int r = hull_use_libraries(context->globals, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = container_load(engine, argv[0], &c, err);
	if (r == 0)
		r = image_display_new(
			&display, stderr, o->quiet || !terminal_is(STDERR_FILENO), err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_progress progress = image_display_progress(display);
	const struct commit_options commit_options = {
		.reference = argc > 1 ? argv[1] : NULL,
		.author = o->author,
		.message = o->message,
		.changes = o->changes,
		.pause = o->pause && !o->no_pause,
		.layer =
			{
				.progress = progress.event ? on_progress : NULL,
				.progress_data = &progress,
				.canceled = &hull_interrupted,
			},
	};
	r = container_commit(engine, c, &commit_options, &id, err);
	image_display_free(TAKE_PTR(display));
	if (r == 0)
		puts(digest_format(&id, text));
	return r;
}

const struct cli_command hull_commit_command = {
	.name = "commit",
	.arguments = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	.summary = "Create a new image from a container's changes",
	.argument_values = "@container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct commit_cli),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};

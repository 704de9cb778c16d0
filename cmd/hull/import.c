/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"

#include "base/str.h"
#include "cli/terminal.h"
#include "image/image.h"

#include <fcntl.h>

struct import_options {
	char **changes;
	char *message;
	char *platform;
};

static const struct cli_option options[] = {
	{"change", 'c', CLI_STRV, offsetof(struct import_options, changes), "list",
		"Apply a Dockerfile instruction to the created image", NULL},
	{"message", 'm', CLI_STRING, offsetof(struct import_options, message), "string",
		"Set the comment of the image's history", NULL},
	{"platform", 0, CLI_STRING, offsetof(struct import_options, platform), "string",
		"The image is for this platform: os/arch[/variant]", NULL},
};

static bool is_url(const char *source)
{
	return str_after(source, "http://") || str_after(source, "https://");
}

static int open_source(const char *source, struct hull_error *err)
{
	if (str_eq(source, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, errno, "%s", source) : fd;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	struct import_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	_cleanup_close_ int fd = is_url(argv[0]) ? -1 : open_source(argv[0], err);
	struct image_store *images = NULL;
	struct digest id;
	char text[DIGEST_TEXT_SIZE];

	if (fd < 0 && !is_url(argv[0]))
		return err->kind ? fd : error_errno(err, errno, "stdin");
	int r = hull_use_libraries(context->globals, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	/* Of a file or a pipe nobody knows how long it takes. */
	if (r == 0)
		r = image_display_new(
			&display, stderr, fd >= 0 || !terminal_is(STDERR_FILENO), err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_import_options import_options = {
		.reference = argc > 1 ? argv[1] : NULL,
		.message = o->message,
		.source = argv[0],
		.changes = o->changes,
		.platform = o->platform,
		.progress = image_display_progress(display),
		.canceled = &hull_interrupted,
	};
	r = image_import(images, fd, &import_options, &id, err);
	image_display_free(TAKE_PTR(display));
	if (r == 0)
		puts(digest_format(&id, text));
	return r;
}

const struct cli_command hull_import_command = {
	.name = "import",
	.arguments = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
	.summary = "Create an image of one layer from the tar of a root file system",
	.argument_values = "@file",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct import_options),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};

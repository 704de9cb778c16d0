/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"

#include "base/str.h"
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

static int open_source(const char *source, struct hull_error *err)
{
	if (str_eq(source, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (str_after(source, "http://") || str_after(source, "https://"))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s: cannot import from a URL; download it and use - or a file", source);
	int fd = open(source, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, errno, "%s", source) : fd;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	struct import_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_close_ int fd = open_source(argv[0], err);
	struct image_store *images = NULL;
	struct digest id;
	char text[DIGEST_TEXT_SIZE];

	if (fd < 0)
		return err->kind ? fd : error_errno(err, errno, "stdin");
	int r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_import_options import_options = {
		.reference = argc > 1 ? argv[1] : NULL,
		.message = o->message,
		.source = argv[0],
		.changes = o->changes,
		.platform = o->platform,
		.canceled = &hull_interrupted,
	};
	r = image_import(images, fd, &import_options, &id, err);
	if (r == 0)
		puts(digest_format(&id, text));
	return r;
}

const struct cli_command hull_import_command = {
	.name = "import",
	.arguments = "[OPTIONS] file|- [REPOSITORY[:TAG]]",
	.summary = "Create an image of one layer from the tar of a root file system",
	.argument_values = "@file",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct import_options),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};

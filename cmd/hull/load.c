/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"

#include "base/str.h"
#include "cli/terminal.h"
#include "image/image.h"

#include <fcntl.h>

struct load_options {
	char *input;
	bool quiet;
	char *platform;
};

static const struct cli_option options[] = {
	{"input", 'i', CLI_STRING, offsetof(struct load_options, input), "string",
		"Read from an archive, or a directory with an OCI layout, instead of the standard input",
		"@file"},
	{"platform", 0, CLI_STRING, offsetof(struct load_options, platform), "string",
		"Load this platform's image: os/arch[/variant]", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct load_options, quiet), NULL, "Show no progress",
		NULL},
};

static int open_input(const char *input, struct hull_error *err)
{
	int fd;

	if (input) {
		fd = open(input, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? error_errno(err, errno, "%s", input) : fd;
	}
	if (terminal_is(STDIN_FILENO))
		return error_set(
			err, HULL_ERROR_INVALID, "requested load from stdin, but stdin is empty");
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? error_errno(err, errno, "stdin") : fd;
}

static void print_loaded(const struct image_loaded *loaded, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[DIGEST_TEXT_SIZE];

		strv_foreach (name, loaded[i].names)
			printf("Loaded image: %s\n", *name);
		if (!loaded[i].names)
			printf("Loaded image ID: %s\n", digest_format(&loaded[i].id, text));
	}
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	struct load_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	_cleanup_close_ int fd = open_input(o->input, err);
	struct image_store *images = NULL;
	struct image_loaded *loaded = NULL;
	size_t n = 0;

	if (fd < 0)
		return fd;
	int r = hull_use_libraries(context->globals, err);
	if (r == 0)
		r = hull_engine_open(context, &engine, err);
	if (r == 0)
		r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_display_new(
			&display, stdout, o->quiet || !terminal_is(STDOUT_FILENO), err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	struct image_load_options load_options = {
		.platform = o->platform,
		.progress = image_display_progress(display),
		.canceled = &hull_interrupted,
	};
	r = image_load(images, fd, o->input ? o->input : "stdin", &load_options, &loaded, &n, err);
	image_display_free(TAKE_PTR(display));
	if (r == 0)
		print_loaded(loaded, n);
	image_loaded_free(loaded, n);
	return r;
}

const struct cli_command hull_load_command = {
	.name = "load",
	.arguments = "[OPTIONS]",
	.summary = "Load images from an archive, an OCI layout or the standard input",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct load_options),
	.run = run,
};

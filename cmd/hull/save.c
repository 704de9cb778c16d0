/* SPDX-License-Identifier: Apache-2.0 */
#include "hull.h"
#include "image_commands.h"
#include "image_progress.h"
#include "output_file.h"

#include "base/fd.h"
#include "cli/terminal.h"
#include "image/image.h"

#include <sys/stat.h>

struct save_options {
	char *output;
	char *format;
	char *platform;
	char *compression;
	struct hull_opt_i64 level;
	bool quiet;
};

static const struct cli_option options[] = {
	{"compression", 0, CLI_STRING, offsetof(struct save_options, compression), "string",
		"How the layers are packed: none, gzip or zstd", "none gzip zstd", 0, "none"},
	{"compression-level", 0, CLI_I64, offsetof(struct save_options, level), "number",
		"Level of the compression (default: gzip 6, zstd 3)", NULL},
	{"format", 0, CLI_STRING, offsetof(struct save_options, format), "string",
		"docker-archive, oci-archive or oci-dir", "docker-archive oci-archive oci-dir", 0,
		"docker-archive"},
	{"output", 'o', CLI_STRING, offsetof(struct save_options, output), "string",
		"Write to a file (or directory, for oci-dir) instead of the standard output",
		"@file"},
	{"platform", 0, CLI_STRING, offsetof(struct save_options, platform), "string",
		"Save only an image for this platform: os/arch[/variant]", NULL},
	{"quiet", 'q', CLI_FLAG, offsetof(struct save_options, quiet), NULL, "Show no progress",
		NULL},
};

static int parse_format(const char *text, enum image_archive_format *ret, struct hull_error *err)
{
	static const char *const names[] = {
		[IMAGE_DOCKER_ARCHIVE] = "docker-archive",
		[IMAGE_OCI_ARCHIVE] = "oci-archive",
		[IMAGE_OCI_DIRECTORY] = "oci-dir",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_eq(text, names[i])) {
			*ret = (enum image_archive_format)i;
			return 0;
		}
	}
	return error_set(err, HULL_ERROR_INVALID,
		"--format \"%s\": want docker-archive, oci-archive or oci-dir", text);
}

static int save(struct cli_context *context, const struct save_options *o, char **names, int fd,
	struct image_save_options *save_options, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_image_display_ struct image_display *display = NULL;
	struct image_store *images = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	/* The archive may be on the standard output. */
	if (r == 0)
		r = image_display_new(
			&display, stderr, o->quiet || !terminal_is(STDERR_FILENO), err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	save_options->progress = image_display_progress(display);
	save_options->canceled = &hull_interrupted;
	return image_save(images, names, fd, save_options, err);
}

/* A directory that is made here goes again if nothing comes of it. */
static int save_directory(struct cli_context *context, const struct save_options *o, char **names,
	struct image_save_options *save_options, struct hull_error *err)
{
	if (!o->output)
		return error_set(
			err, HULL_ERROR_INVALID, "--format oci-dir needs --output DIRECTORY");
	bool made = mkdir(o->output, 0755) == 0;
	_cleanup_close_ int fd = open(o->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "%s", o->output);
	_cleanup_closedir_ DIR *dir = opendir(o->output);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			return error_set(err, HULL_ERROR_EXISTS, "%s: the directory is not empty",
				o->output);
	int r = save(context, o, names, fd, save_options, err);
	if (r < 0 && made)
		dir_remove_tree_at(AT_FDCWD, o->output);
	return r;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct save_options *o = options_p;
	_cleanup_output_file_ struct output_file out = OUTPUT_FILE_INIT;
	_cleanup_strv_ char **names = NULL;
	struct image_save_options save_options = {
		.platform = o->platform,
		.level = o->level.set ? (int)o->level.value : COMPRESS_LEVEL_DEFAULT,
	};
	int r = hull_use_libraries(context->globals, err);

	if (r == 0)
		r = parse_format(o->format, &save_options.format, err);
	if (r == 0)
		r = compress_form_parse(o->compression, &save_options.compression, err);
	for (int i = 0; r == 0 && i < argc; i++)
		r = strv_append(&names, argv[i]) < 0 ? error_no_memory(err) : 0;
	if (r < 0)
		return r;
	if (save_options.format == IMAGE_OCI_DIRECTORY)
		return save_directory(context, o, names, &save_options, err);
	r = output_file_open(&out, o->output, err);
	if (r == 0)
		r = save(context, o, names, out.fd, &save_options, err);
	return r < 0 ? r : output_file_commit(&out, err);
}

const struct cli_command hull_save_command = {
	.name = "save",
	.arguments = "[OPTIONS] IMAGE [IMAGE...]",
	.summary =
		"Save one or more images to an archive (streamed to the standard output by default)",
	.argument_values = "@image",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct save_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* image mount and unmount. */
#include "hull.h"
#include "image_commands.h"

#include "cli/format.h"
#include "engine/image_mount.h"

struct mount_options {
	char *format;
};

struct unmount_options {
	bool all, force;
};

static const struct cli_option mount_rows[] = {
	{"format", 0, CLI_STRING, offsetof(struct mount_options, format), "string",
		"Format the list: 'table', 'table TEMPLATE', 'json' or a Go template", NULL},
};

static const struct cli_option unmount_rows[] = {
	{"all", 'a', CLI_FLAG, offsetof(struct unmount_options, all), NULL,
		"Unmount everything that image mount has mounted", NULL},
	{"force", 'f', CLI_FLAG, offsetof(struct unmount_options, force), NULL,
		"Unmount even if something is open below", NULL},
};

static int print_mount(
	struct format_list *list, const struct image_mount *mount, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_begin_object(&w);
	json_key(&w, "ID");
	json_string_n(&w, strchr(mount->id, ':') + 1, 12);
	json_key(&w, "Path");
	json_string(&w, mount->path);
	json_end_object(&w);
	return buf_error(&text) < 0 ? error_no_memory(err)
				    : format_row(list, buf_str(&text), text.len, err);
}

static int list_mounts(struct engine *engine, const char *format, struct hull_error *err)
{
	static const struct format_column columns[] = {{"ID", "IMAGE ID"}, {"Path", "PATH"}};
	static const struct format_spec spec = {
		.columns = columns,
		.n_columns = ARRAY_SIZE(columns),
		.table = "{{.ID}}\t{{.Path}}",
	};
	_cleanup_format_ struct format_list *list = NULL;
	struct image_mount *mounts = NULL;
	size_t n = 0;
	int r = format_begin(&list, &spec, format, false, stdout, err);

	if (r == 0)
		r = image_mount_list(engine, &mounts, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = print_mount(list, &mounts[i], err);
	image_mount_list_free(mounts, n);
	return r < 0 ? r : format_end(list, err);
}

static int mount_one(
	struct engine *engine, const char *name, const char *dir, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_close_ int hold = -1;
	_cleanup_free_ char *path = NULL;
	struct image_store *images;
	int r = engine_images(engine, &images, err);

	if (r == 0)
		r = image_hold(images, &hold, err);
	if (r == 0)
		r = image_resolve(images, name, &image, NULL, err);
	if (r == 0)
		r = image_mount(engine, image, dir, &path, err);
	if (r == 0)
		puts(path);
	return r;
}

static int run_mount(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct mount_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	int r = hull_engine_open(context, &engine, err);

	if (r < 0)
		return r;
	return argc == 0 ? list_mounts(engine, o->format, err)
			 : mount_one(engine, argv[0], argc > 1 ? argv[1] : NULL, err);
}

/* A path where something is mounted, or an image, of which all mounts go. */
static int unmount_named(struct engine *engine, const struct image_mount *mounts, size_t n,
	const char *name, bool force, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_free_ char *path = realpath(name, NULL);
	struct image_store *images;
	size_t found = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && path && i < n; i++)
		if (str_eq(mounts[i].path, path) && ++found)
			r = image_unmount(engine, &mounts[i], force, err);
	if (found)
		return r;
	r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_resolve(images, name, &image, NULL, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_eq(mounts[i].id, image->id_text) && ++found)
			r = image_unmount(engine, &mounts[i], force, err);
	if (r == 0 && !found)
		return error_set(err, HULL_ERROR_NOT_FOUND, "%s is not mounted", name);
	return r;
}

static int run_unmount(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct unmount_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	struct image_mount *mounts = NULL;
	size_t n = 0;
	int r = hull_engine_open(context, &engine, err);

	if (r == 0 && argc == 0 && !o->all)
		return error_set(
			err, HULL_ERROR_INVALID, "an image, a directory or --all is needed");
	if (r == 0)
		r = image_mount_list(engine, &mounts, &n, err);
	for (size_t i = 0; r == 0 && o->all && i < n; i++)
		r = image_unmount(engine, &mounts[i], o->force, err);
	for (int i = 0; r == 0 && !o->all && i < argc; i++) {
		r = unmount_named(engine, mounts, n, argv[i], o->force, err);
		if (r == 0)
			puts(argv[i]);
	}
	image_mount_list_free(mounts, n);
	return r;
}

const struct cli_command hull_image_mount_command = {
	.name = "mount",
	.arguments = "[OPTIONS] [IMAGE [DIRECTORY]]",
	.summary = "Mount an image's files read-only and print where, or list what is mounted",
	.argument_values = "@image",
	CLI_OPTIONS(mount_rows),
	.options_size = sizeof(struct mount_options),
	.max_args = 2,
	.run = run_mount,
};

const struct cli_command hull_image_unmount_command = {
	.name = "unmount",
	.aliases = (const char *const[]){"umount", NULL},
	.arguments = "[OPTIONS] IMAGE|DIRECTORY [IMAGE|DIRECTORY...]",
	.summary = "Unmount what image mount has mounted",
	.argument_values = "@image",
	CLI_OPTIONS(unmount_rows),
	.options_size = sizeof(struct unmount_options),
	.max_args = -1,
	.run = run_unmount,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of a running container, from a document like the configuration's "mounts". */
#include "keel.h"
#include "base/fd.h"

#define DOCUMENT_MAX ((size_t)1 << 20)

static int change(
	struct cli_context *context, char *const *argv, bool remove, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *file = str_eq(argv[1], "-") ? "stdin" : argv[1];
	void *mounts = NULL;
	size_t n = 0;
	struct oci_spec *spec;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r < 0)
		return r;
	r = str_eq(argv[1], "-") ? fd_read_to_buf(STDIN_FILENO, &text, DOCUMENT_MAX)
				 : file_read_at(AT_FDCWD, file, &text, DOCUMENT_MAX);
	if (r < 0)
		return error_errno(err, r, "%s", file);
	r = json_parse_array(
		&c.arena, &oci_mount_table, &mounts, &n, buf_str(&text), text.len, NULL, file, err);
	if (r == 0)
		r = container_record_spec(&c, &spec, err);
	return r < 0 ? r : container_record_change_mounts(&c, spec, mounts, n, remove, err);
}

static int add(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	return change(context, argv, false, err);
}

static int remove_mounts(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	return change(context, argv, true, err);
}

const struct cli_command keel_mounts_add_command = {
	.name = "add",
	.arguments = "CONTAINER FILE",
	.summary = "Mount in a running container",
	.argument_values = "@file",
	.min_args = 2,
	.max_args = 2,
	.run = add,
};

const struct cli_command keel_mounts_remove_command = {
	.name = "remove",
	.arguments = "CONTAINER FILE",
	.summary = "Unmount in a running container",
	.argument_values = "@file",
	.min_args = 2,
	.max_args = 2,
	.run = remove_mounts,
};

static const struct cli_command *const commands[] = {
	&keel_mounts_add_command, &keel_mounts_remove_command, NULL};

const struct cli_command keel_mounts_command = {
	.name = "mounts",
	.arguments = "add|remove CONTAINER FILE",
	.summary = "Change the mounts of a running container",
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.subcommands = commands,
};

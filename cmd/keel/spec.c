/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"
#include "base/fd.h"

struct spec_options {
	char *bundle;
	char *file;
	bool rootless;
};

static const struct cli_option options[] = {
	{"bundle", 'b', CLI_STRING, offsetof(struct spec_options, bundle), "directory",
		"Where to write it; the current directory if not given", "@file", 0},
	{"file", 'f', CLI_STRING, offsetof(struct spec_options, file), "file",
		"Name of the file; config.json if not given", "@file", 0},
	{"rootless", 0, CLI_FLAG, offsetof(struct spec_options, rootless), NULL,
		"For a container without privileges", NULL, 0},
};

static int spec(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct spec_options *o = data;
	const char *name = o->file ? o->file : "config.json";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 4);
	struct oci_spec *document = oci_spec_new_default(&arena, o->rootless);

	if (!document)
		return error_no_memory(err);
	json_struct(&w, &oci_spec_table, document);
	buf_putc(&text, '\n');
	if (buf_error(&text))
		return error_no_memory(err);
	_cleanup_close_ int dir =
		open(str_empty(o->bundle) ? "." : o->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, errno, "%s", o->bundle);
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, HULL_ERROR_EXISTS, "file %s exists. Remove it first", name);
	if (fd < 0)
		return error_errno(err, errno, "%s", name);
	int r = fd_write_all(fd, text.data, text.len);
	return r < 0 ? error_errno(err, r, "%s", name) : 0;
}

const struct cli_command keel_spec_command = {
	.name = "spec",
	.arguments = "[OPTIONS]",
	.summary = "Write a config.json to begin with",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct spec_options),
	.max_args = 0,
	.run = spec,
};

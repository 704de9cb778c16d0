/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/export.h"

#include "engine/view.h"
#include "layer/pack.h"

#include <fcntl.h>
#include <unistd.h>

int container_export(struct engine *engine, const struct container *c, int fd,
	const struct export_options *options, struct hull_error *err)
{
	_cleanup_close_ int root = -1;
	_cleanup_tar_file_ struct tar_file file = {.fd = -1};
	const struct pack_options pack = {
		.lower_fd = -1,
		.progress = options->progress,
		.progress_arg = options->progress_data,
		.canceled = options->canceled,
	};
	int r = view_root(engine, c, &root, err);

	if (r < 0)
		return r;
	/* A detached mount is a place to open its root from, not a directory to read. */
	_cleanup_close_ int dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, errno, "root file system of container %s", c->name);
	r = tar_file_init(&file, fd, err);
	if (r < 0)
		return r;
	const struct tar_sink sink = tar_file_sink(&file);
	r = pack_tree(dir, &pack, &sink, NULL, err);
	if (r == 0)
		r = tar_write_end(&sink, err);
	return r < 0 ? r : tar_file_flush(&file, err);
}

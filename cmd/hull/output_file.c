/* SPDX-License-Identifier: Apache-2.0 */
#include "output_file.h"

#include "base/fd.h"
#include "base/str.h"
#include "cli/terminal.h"

#include <sys/stat.h>

static int open_stdout(struct output_file *file, struct hull_error *err)
{
	if (terminal_is(STDOUT_FILENO))
		return error_set(err, HULL_ERROR_INVALID,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return file->fd < 0 ? error_errno(err, errno, "stdout") : 0;
}

int output_file_open(struct output_file *file, const char *path, struct hull_error *err)
{
	struct stat st;

	if (!path)
		return open_stdout(file, err);
	file->path = path;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		file->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return file->fd < 0 ? error_errno(err, errno, "%s", path) : 0;
	}
	file->temporary = str_printf("%s.XXXXXX", path);
	if (!file->temporary)
		return error_no_memory(err);
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		int r = error_errno(err, errno, "%s", path);
		free(TAKE_PTR(file->temporary));
		return r;
	}
	return 0;
}

int output_file_commit(struct output_file *file, struct hull_error *err)
{
	if (!file->temporary)
		return 0;
	/* mkostemp() makes files for the owner alone; whoever may read what one makes may read this. */
	if (fchmod(file->fd, 0644) < 0 || rename(file->temporary, file->path) < 0)
		return error_errno(err, errno, "%s", file->path);
	free(TAKE_PTR(file->temporary));
	return 0;
}

void output_file_done(struct output_file *file)
{
	if (file->temporary)
		unlink(file->temporary);
	free(TAKE_PTR(file->temporary));
	cleanup_closep(&file->fd);
}

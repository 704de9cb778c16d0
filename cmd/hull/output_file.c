/* SPDX-License-Identifier: Apache-2.0 */
#include "output_file.h"

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <sys/stat.h>

#define TRIES 16
#define MODE  0600 /* an image or a container may hold secrets */

static int open_stdout(struct output_file *file, struct hull_error *err)
{
	if (terminal_is(STDOUT_FILENO))
		return error_set(err, HULL_ERROR_INVALID,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return file->fd < 0 ? error_errno(err, errno, "stdout") : 0;
}

/* Whoever is killed leaves nothing behind. Not every file system can. */
static int open_nameless(struct output_file *file)
{
	const char *base = path_base(file->path);
	_cleanup_free_ char *directory =
		base == file->path ? strdup(".") : strndup(file->path, (size_t)(base - file->path));

	if (!directory)
		return -ENOMEM;
	file->fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE);
	file->nameless = file->fd >= 0;
	return file->nameless ? 0 : -errno;
}

static int open_temporary(struct output_file *file, struct hull_error *err)
{
	file->temporary = str_printf("%s.XXXXXX", file->path);
	if (!file->temporary)
		return error_no_memory(err);
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		int r = error_errno(err, errno, "%s", file->path);
		free(TAKE_PTR(file->temporary));
		return r;
	}
	return 0; /* mkostemp() makes files for the owner alone, too */
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
	return open_nameless(file) == 0 ? 0 : open_temporary(file, err);
}

/* The descriptor's file appears under a new name next to path. */
static int link_temporary(struct output_file *file)
{
	char fd_path[32];

	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", file->fd);
	for (unsigned int i = 0; i < TRIES; i++) {
		char *name = str_printf("%s.%d-%u", file->path, getpid(), i);

		if (!name)
			return -ENOMEM;
		if (linkat(AT_FDCWD, fd_path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			file->temporary = name;
			return 0;
		}
		free(name);
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int output_file_commit(struct output_file *file, struct hull_error *err)
{
	int r = file->nameless ? link_temporary(file) : 0;

	if (r < 0)
		return error_errno(err, r, "%s", file->path);
	if (!file->temporary)
		return 0;
	if (rename(file->temporary, file->path) < 0)
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

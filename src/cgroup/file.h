/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a group. The plain functions return -errno; place_* make the error with file and value. */
#pragma once

#include "cgroup/group.h"

#include <fcntl.h>

/* Every control file but the process lists is far below this. */
#define CGROUP_FILE_MAX 65536

/* An fd of PLACE/file, or -errno. */
int place_open(const struct group_place *place, const char *file, int flags);

/* One open, one write, one close. 0 or -errno. */
int place_put(const struct group_place *place, const char *file, const char *value);

/* One open, read, close into text[size], cut of trailing newlines; the length or -errno. Not for
 * lists of processes, which the kernel gives piecewise. */
ssize_t place_get(const struct group_place *place, const char *file, char *text, size_t size);

/* As place_put() with an error that names the file and the value. */
int place_write(const struct group_place *place, const char *file, const char *value,
	struct hull_error *err);

/* The error for a failed access to a file with a value (NULL = none), told apart from a group that is gone. */
int place_error(const struct group_place *place, const char *file, const char *value, int errnum,
	struct hull_error *err);

/* A number; "max" is UINT64_MAX. 0 or -errno. */
int place_get_u64(const struct group_place *place, const char *file, uint64_t *ret);

/* The number after KEY and a space at the start of a line of a flat keyed file; false if absent. */
bool keyed_u64(const char *text, const char *key, uint64_t *ret);

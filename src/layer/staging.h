/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private directories below ROOT/ingest in which something is made ready. Each is locked by who
 * works in it, for as long as its fd is open; a directory that can be locked is dead and removed.
 */
#pragma once

#include "base/error.h"

#define STAGING_NAME_SIZE 17

struct staging {
	int ingest_fd; /* borrowed: ROOT/ingest */
	int fd;	       /* the directory, locked; -1 if there is none */
	char name[STAGING_NAME_SIZE];
};

#define STAGING_INIT       \
	{                  \
		-1, -1, "" \
	}

/* Makes an empty private directory. */
int staging_new(struct staging *staging, int ingest_fd, struct hull_error *err);

/* Removes the directory with all that is in it; nothing if it was published. */
void staging_done(struct staging *staging);

/*
 * Renames the directory to to_dirfd/to_name, which must not exist or be an empty directory. 0, or
 * 1 if something is there already: then the directory is still staged. to_dirfd is not synced.
 */
int staging_publish(
	struct staging *staging, int to_dirfd, const char *to_name, struct hull_error *err);

/* Removes directories of processes that are gone. */
int staging_clean(int ingest_fd, struct hull_error *err);

/* Closes the directory without removing it: another process holds it and will. */
void staging_abandon(struct staging *staging);

/* Moves dirfd/name to a staging directory's "removed" and removes it. A missing one is success. */
int staging_remove_tree(int ingest_fd, int dirfd, const char *name, struct hull_error *err);

#define _cleanup_staging_ _cleanup_(staging_done)

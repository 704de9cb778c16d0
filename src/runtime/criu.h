/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu as a child that serves one request (`criu swrk`): its arguments, files and end are ours, it says
 * what it is about to do, and on restore gives us the container's first process as our own child.
 */
#pragma once

#include "runtime/criu_message.h"

#define CRIU_KEEP_FDS_MAX 16
#define CRIU_DIRS	  2

struct criu {
	const char *program; /* "criu" or a path */
	/*
	 * A directory that is to be a mount point, in a mount namespace of criu's own; NULL = not
	 * needed. Directories that it gets (dir_fds) are then opened again by their paths in there.
	 */
	const char *root;
	const char *dirs[CRIU_DIRS];
	int dir_fds[CRIU_DIRS];
	bool own_stdio; /* criu gets our stdin, stdout and stderr, for a restored process */
	int keep_fds[CRIU_KEEP_FDS_MAX]; /* fds that it inherits under the same numbers */
	size_t n_keep_fds;
	pid_t pid;
	int sock;
	bool answered; /* it ends by itself */
};

/* What criu tells on its way; fd (-1 = none) is the callee's. 0, or negative to have criu give up. */
typedef int criu_notify_fn(
	const struct criu_answer *answer, int fd, void *data, struct hull_error *err);

/* Starts it, and sees that it is not too old. HULL_ERROR_UNSUPPORTED if there is no such program. */
int criu_start(struct criu *criu, struct hull_error *err);

/* Sends the request and serves its notifications until the answer. log is named in the error. */
int criu_request(struct criu *criu, enum criu_type type, const struct buf *opts, const char *log,
	criu_notify_fn *notify, void *data, struct criu_answer *ret, struct hull_error *err);

/* Ends it. */
void criu_end(struct criu *criu);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A further process in a running container. It is a child of the caller, which carries its stdio;
 * no monitor is involved.
 */
#pragma once

#include "engine/container.h"
#include "runtime/plan.h"

struct exec_options {
	char *const *args;
	char *const *env;	 /* NAME=VALUE, on top of the container's; NULL = none */
	const char *user;	 /* NULL = the container's */
	const char *working_dir; /* NULL = the container's */
	bool tty, interactive, privileged;
	unsigned short rows, columns; /* of the caller's terminal; 0 = unknown */
	bool detach;		      /* stdio is /dev/null */
	plan_warning_fn *warn;
	void *userdata;
};

struct exec_session {
	struct runtime_process process; /* console_fd: the terminal's master */
	int stdin_fd;			/* writing end, -1 if not interactive or with a terminal */
	int stdout_fd;			/* reading ends, -1 with a terminal or detached */
	int stderr_fd;
};

void exec_session_done(struct exec_session *session);
#define _cleanup_exec_session_ _cleanup_(exec_session_done)

#define EXEC_SESSION_INIT                        \
	{                                        \
		RUNTIME_PROCESS_INIT, -1, -1, -1 \
	}

/*
 * Runs options->args in a container. HULL_ERROR_CONFLICT if the container does not run (any more) or
 * is paused; if it runs and the command cannot, for whatever reason (its file, the user, the working
 * directory ...), HULL_ERROR_NOT_EXECUTABLE or HULL_ERROR_NO_COMMAND.
 */
int exec_start(struct engine *engine, const struct container *c, const struct exec_options *options,
	struct exec_session *ret, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's stdin, stdout and stderr on one side, a container's on the other: through its monitor
 * (run, start -a, attach), or directly (exec). Terminals are made raw, sizes and signals passed on,
 * detach keys watched for.
 */
#pragma once

#include "engine/container.h"
#include "engine/exec.h"
#include "engine/monitor.h"

#define STREAMS_DETACH_KEYS "ctrl-p,ctrl-q"

struct streams_options {
	bool input;		       /* read stdin and pass it on */
	bool tty;		       /* the container has a terminal */
	bool hide_stdout, hide_stderr; /* take it and throw it away (attach to the others only) */
	const char *detach_keys;       /* "ctrl-p,ctrl-q"; NULL = that, "" = none */
	/* Passes a signal on; NULL = signals have their usual effect. */
	void (*signal)(void *data, int signal);
	void *data;
	int *lost; /* gets the -errno of output that the user's side did not take; 0 before */
};

enum streams_result {
	STREAMS_ENDED,	  /* the container ended; *end says how */
	STREAMS_DETACHED, /* the user let go */
	STREAMS_LOST,	  /* the monitor went without a word */
};

/*
 * Blocks the signals that will be passed on, so that none is lost between the start of a container
 * and streams_attach(). Whoever forks in between sets its own mask.
 */
void streams_block_signals(void);

/* Carries bytes until one of the results. Negative with err filled on failure. */
int streams_attach(const struct streams_options *options, int sock, struct monitor_exit *end,
	struct hull_error *err);

/* The same for an exec; *ret_code gets the exit code of the process. */
int streams_exec(const struct streams_options *options, struct exec_session *session, int *ret_code,
	struct hull_error *err);

/*
 * The exit status for one of the container and what *lost got: says that output was lost, and lets
 * no script take that for success.
 */
int streams_status(int code, int lost);

/* "the input device is not a TTY" if a terminal was asked for and stdin is none. */
int streams_check_terminal(bool tty, bool input, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* Being with a container until it ends or the user lets go: run, start -a, attach. */
#pragma once

#include "engine/container.h"

struct foreground_options {
	bool input;
	bool hide_stdout, hide_stderr; /* the user attached to the other streams only */
	bool sig_proxy;
	const char *detach_keys;
	bool owner; /* the socket is the owner's: the end is settled here */
};

/* Returns the exit status for the command: the container's, or 0 if the user detached. */
int foreground_attach(struct engine *engine, struct container *c,
	const struct foreground_options *options, int sock, struct hull_error *err);

/*
 * The same with a container that runs already: takes part in what it prints from here on, and in
 * its input. The end is settled by others.
 */
int foreground_join(struct engine *engine, struct container *c,
	const struct foreground_options *options, struct hull_error *err);

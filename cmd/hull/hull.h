/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of the hull binary share: the global options and the engine behind them. */
#pragma once

#include "cli/option.h"
#include "engine/engine.h"

#include <hull/option.h>

struct hull_globals {
	char *root;
	char *run_root;
	char *layer_store;
	struct hull_opt_u64 max_layer_ratio; /* 0 = any */
	char *config;			     /* directory of config.json (registry logins) */
	char **insecure_registries;
	bool debug;
	char **words; /* argv as it was: parsing reorders it; words[0] is our file's path */
};

/*
 * For commands that put a process of ours into a container, first of all: from here on this program
 * runs from a file that cannot be written through /proc/<pid>/exe (CVE-2019-5736). May execute the
 * program anew, and then does not return.
 */
int hull_seal(struct cli_context *context, struct hull_error *err);

/*
 * For commands that move images, look for names of the host's users or need shared libraries for
 * some other reason, first of all: a static hull executes hull-transfer, which is hull linked
 * dynamically, with the same words, and does not return.
 */
int hull_use_libraries(const struct hull_globals *globals, struct hull_error *err);

/* Prints "hull: warning: TEXT": for what is done less well than asked. data is not used. */
void hull_warn(void *data, const char *text);

/* The engine that the global options name. */
int hull_engine_open(struct cli_context *context, struct engine **ret, struct hull_error *err);

/* Set by SIGINT and SIGTERM once hull_catch_interrupt() was called: long operations look at it. */
extern volatile int hull_interrupted;
void hull_catch_interrupt(void);

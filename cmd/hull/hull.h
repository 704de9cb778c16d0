/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of the hull binary share: the global options and the engine behind them. */
#pragma once

#include "cli/option.h"
#include "engine/engine.h"

struct hull_globals {
	char *root;
	char *run_root;
	char *layer_store;
	char *config; /* directory of config.json (registry logins) */
	bool debug;
};

/* The engine that the global options name. */
int hull_engine_open(struct cli_context *context, struct engine **ret, struct hull_error *err);

/* Set by SIGINT and SIGTERM once hull_catch_interrupt() was called: long operations look at it. */
extern volatile int hull_interrupted;
void hull_catch_interrupt(void);

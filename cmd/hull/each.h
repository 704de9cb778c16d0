/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that do one thing to each of several names: a failure does not stop the rest. */
#pragma once

#include "engine/container.h"
#include "hull.h"

/* 0: done, and the name is to be printed as it was typed; 1: done. */
typedef int each_name_fn(
	struct engine *engine, const char *name, void *data, struct hull_error *err);
typedef int each_container_fn(
	struct engine *engine, struct container *c, void *data, struct hull_error *err);

/*
 * Calls fn for each of argv. Errors are printed as they come; the last is left in err, and the
 * result is then negative.
 */
int each_name(struct cli_context *context, int argc, char **argv, each_name_fn *fn, void *data,
	struct hull_error *err);

/* The same for the containers of those names. */
int each_container(struct cli_context *context, int argc, char **argv, each_container_fn *fn,
	void *data, struct hull_error *err);

/* What -f makes of a failure: what is not there need not be removed. That is told, and becomes 1. */
int each_forgive_missing(int r, struct hull_error *err);

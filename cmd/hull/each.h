/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that do one thing to each of several containers: a failure does not stop the rest. */
#pragma once

#include "engine/container.h"
#include "hull.h"

typedef int each_container_fn(
	struct engine *engine, struct container *c, void *data, struct hull_error *err);

/*
 * Calls fn for each container named in argv and prints the name as typed when that succeeded
 * (unless quiet). Errors are printed as they come; the last is left in err, and the result is then
 * negative.
 */
int each_container(struct cli_context *context, int argc, char **argv, bool quiet,
	each_container_fn *fn, void *data, struct hull_error *err);

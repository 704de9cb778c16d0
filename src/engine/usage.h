/* SPDX-License-Identifier: Apache-2.0 */
/* What containers take on the disk. */
#pragma once

#include "engine/container.h"

/* Sizes of the files that the container has changed or made. */
int container_size(
	struct engine *engine, const struct container *c, int64_t *ret, struct hull_error *err);

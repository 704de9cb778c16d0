/* SPDX-License-Identifier: Apache-2.0 */
/* The health of the containers' records. */
#pragma once

#include "engine/container.h"

struct container_check {
	bool repair;
	void (*problem)(void *data, const char *text);
	void *problem_data;
	size_t problems, repaired; /* results */
};

/*
 * Looks whether each container has its files. One that has lost them can only be removed, which is
 * what repair does. A problem is no failure of this function.
 */
int containers_check(struct engine *engine, struct container_check *check, struct hull_error *err);

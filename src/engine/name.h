/* SPDX-License-Identifier: Apache-2.0 */
/* Random ids and names. */
#pragma once

#include "engine/container.h"

/* 64 random hex digits; 0 or -errno. */
int name_random_id(char id[CONTAINER_ID_LENGTH + 1]);

/* "steady_harbour": a name for a container that was given none; attempt > 0 appends a digit. Heap. */
char *name_random(unsigned int attempt);

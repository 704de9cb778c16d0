/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes of a container frozen: because a person wants it, which its row tells, or for a
 * while because a command needs the files to stand still, which its row does not tell. Who changes
 * whether a container is frozen has its pause lock.
 */
#pragma once

#include "engine/container.h"
#include "engine/process.h"

/* Freezes and thaws for a person. HULL_ERROR_CONFLICT if that is done already. */
int container_set_paused(
	struct engine *engine, struct container *c, bool paused, struct hull_error *err);

struct pause {
	int lock_fd, monitor_fd;
	struct container_process process;
};

#define PAUSE_INIT                              \
	{                                       \
		.lock_fd = -1, .monitor_fd = -1 \
	}

/*
 * Freezes a container until pause_end(), or until the caller is gone, however it ends: the monitor
 * thaws it then. A container that does not run or is paused stays as it is. Waits for others who do
 * the same. HULL_ERROR_CANCELED if a signal came meanwhile.
 */
int pause_begin(struct engine *engine, const struct container *c, struct pause *ret,
	struct hull_error *err);
void pause_end(struct pause *pause);

#define _cleanup_pause_ _cleanup_(pause_end)

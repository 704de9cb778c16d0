/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the monitor of a running container (see monitor.h for the messages). */
#pragma once

#include "engine/container.h"
#include "engine/monitor.h"

/*
 * Connects; `output`: take part in the output from here on, else only hear of the end.
 * HULL_ERROR_CONFLICT if the container does not run (any more).
 */
int attach_connect(struct engine *engine, const struct container *c, bool output, int *ret_socket,
	struct hull_error *err);

/* Sends one message; 0, or -errno (-EAGAIN if the socket is full and flags has MSG_DONTWAIT). */
int attach_send(int sock, enum monitor_message type, const void *payload, size_t n, int flags);

/*
 * The owner's part at the end: claims it, settles the container and tells the monitor. If the
 * monitor was faster, waits until it has settled.
 */
int attach_settle(struct engine *engine, struct container *c, int sock,
	const struct monitor_exit *end, struct hull_error *err);

/*
 * Waits for the end of a container that may be running, and for its settling; the exit code goes
 * to *ret_code. A container that was removed meanwhile is no error if its end was seen.
 */
int attach_wait(struct engine *engine, const struct container *c, int64_t *ret_code,
	struct hull_error *err);

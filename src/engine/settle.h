/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a container: what is left of its processes is killed, its cgroup removed, its record
 * brought up to date (or removed, for --rm), its mounts let go. Whoever settles holds the
 * container's lock: the hull in the foreground, through its monitor; the monitor itself, as `hull
 * __settle`; or, when both were killed, whichever command looks next. Every step may be repeated, so
 * that dying in the middle only means that the next one starts again.
 */
#pragma once

#include "engine/container.h"
#include "engine/monitor.h"

/* The lock is held, c is as the database has it. end = NULL: taken from the exit record. */
int settle(struct engine *engine, struct container *c, const struct monitor_exit *end,
	struct hull_error *err);

/*
 * If *c is said to run but nobody holds its lock, settles it. *c becomes NULL if that removed it.
 */
int settle_if_abandoned(struct engine *engine, struct container **c, struct hull_error *err);

/* Records that a start failed, with the error's text and exit code; removes it if it is --rm. */
int settle_failed_start(struct engine *engine, struct container *c, const struct hull_error *why,
	struct hull_error *err);

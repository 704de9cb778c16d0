/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of several transfers at once, as Docker shows a pull. On a terminal each has a line
 * with a bar, the sizes and the speed, repainted in place at most ten times a second; elsewhere a
 * plain line is printed when what a transfer does changes; quiet prints nothing.
 *
 * All functions may be called from any thread, and accept a NULL progress (as quiet).
 */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

enum progress_mode {
	PROGRESS_AUTO, /* lines in place if out is a terminal that can do it, else plain */
	PROGRESS_PLAIN,
	PROGRESS_QUIET,
};

struct progress;

/* Writes to `out` (not owned). *ret stays NULL for PROGRESS_QUIET. */
int progress_new(struct progress **ret, FILE *out, enum progress_mode mode, struct hull_error *err);

/* Paints the last state and frees. */
void progress_free(struct progress *progress);

/* Adds a line for a transfer named id ("4aac5f5d3a5e"); its handle, -1 if there is no room. */
int progress_add(struct progress *progress, const char *id);

/*
 * What a transfer does now and how far it is: "Downloading", 1000, 5000. total 0 = not known; an
 * action without numbers ("Waiting", "Pull complete") has done and total 0. action is copied.
 */
void progress_update(
	struct progress *progress, int line, const char *action, uint64_t done, uint64_t total);

/* A line of its own above the transfers ("latest: Pulling from library/busybox"). */
void progress_message(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

DEFINE_CLEANUP(struct progress *, progress_freep, progress_free)
#define _cleanup_progress_ _cleanup_(progress_freep)

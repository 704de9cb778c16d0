/* SPDX-License-Identifier: Apache-2.0 */
/* What `events` tells: the statistics of a container's cgroup as the JSON document that runc's
 * callers read, and that its memory limit was hit. */
#pragma once

#include "runtime/container.h"

/*
 * Appends {"type":"stats","id":ID,"data":{...}} without a newline. closid names the container's
 * resctrl group, NULL if it has none.
 */
int container_stats_json(const struct container_ref *ref, const char *closid, struct buf *out,
	struct hull_error *err);

/*
 * Calls put for one such document per interval_ms, and for {"type":"oom","id":ID} when the kernel
 * has killed something for the memory limit, until the container has ended. put returns 0 to go on.
 */
int container_events(const struct container_ref *ref, const char *closid, int interval_ms,
	int (*put)(const char *json, void *data), void *data, struct hull_error *err);

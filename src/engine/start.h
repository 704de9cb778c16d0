/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a container: the parent resolves everything and compiles the plan; a fork of it performs
 * the plan, so that it is the parent of the container's first process, reports, and becomes
 * hull-monitor.
 */
#pragma once

#include "engine/container.h"
#include "runtime/plan.h"

struct start_options {
	bool owner; /* the caller stays and is the monitor's owner (see monitor.h) */
	unsigned short rows, columns; /* of the caller's terminal; 0 = unknown */
	const char *trace;     /* append the performed plan with times to this file; NULL = no */
	plan_warning_fn *warn; /* called in the process that performs the plan */
	void *userdata;
};

/*
 * Starts a container, whose row already says "running". `lock` is its lock, held by the caller; the
 * monitor gets a copy of it. On failure processes, mounts and cgroups are gone; the record is the
 * caller's to put right (settle_failed_start()). *ret_owner: the owner's socket, or -1.
 */
int start_container(struct engine *engine, const struct container *c,
	const struct start_options *options, int lock, int *ret_owner, struct hull_error *err);

/* Compiles the plan without starting anything, for `explain`; the container need not be recorded. */
int start_explain(struct engine *engine, const struct container *c, enum plan_format format,
	struct buf *out, struct hull_error *err);

/*
 * The whole of `start`: lock, row, start, and on failure the record put right. `insert`: the row is
 * new and made here.
 */
int start_and_record(struct engine *engine, struct container *c, bool insert,
	const struct start_options *options, int *ret_owner, struct hull_error *err);

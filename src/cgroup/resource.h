/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources in two steps: first the struct is turned into a list of writes, by a table with one row
 * per field; then the writes are performed. The first step touches nothing (but may have to read a
 * value that the new one depends on) and is tested without a kernel.
 */
#pragma once

#include "base/arena.h"
#include "cgroup/group.h"

enum {
	WRITE_OPTIONAL = 1 << 0, /* a kernel or group without the file needs no limit there */
};

/* Writes that restrict each other (memory and memory+swap; quota, period and burst) belong to one set,
 * and are tried in turn until the kernel has taken all of them. */
enum write_set {
	WRITE_SET_NONE,
	WRITE_SET_MEMORY,
	WRITE_SET_BANDWIDTH,
	WRITE_SET_WEIGHT,
	WRITE_SET_REALTIME,
};

struct resource_write {
	enum hull_cgroup_controller controller; /* MAX: of the v2 place, whatever it is */
	const char *file, *value;
	const char *other_file, *other_value; /* written instead where `file` does not exist */
	enum write_set set;
	unsigned int flags;
};

struct resource_plan {
	struct arena arena;
	struct resource_write *writes;
	size_t n, size;
};

#define RESOURCE_PLAN_INIT             \
	{                              \
		ARENA_INIT, NULL, 0, 0 \
	}

void resource_plan_done(struct resource_plan *plan);

/* Adds one write, value printed by format. 0 or an error. */
struct resource_write *resource_plan_add(struct resource_plan *plan,
	enum hull_cgroup_controller controller, const char *file, struct hull_error *err,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The version of the hierarchy that has a controller for this group, 0 if none has. */
unsigned int resource_version(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller);

/* The error for a field that the version cannot do. */
int resource_unsupported(unsigned int version, const char *field, struct hull_error *err);

/* All but devices, in the order in which they are to be written. */
int resources_plan(const struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct resource_plan *plan, struct hull_error *err);

/* Parts of it. */
int plan_block_io(const struct hull_cgroup *cgroup, const struct hull_cgroup_block_io *io,
	struct resource_plan *plan, struct hull_error *err);
int check_block_io(const struct hull_cgroup_block_io *io, struct hull_error *err);

/* A flag of this folder beside HULL_CGROUP_APPLY_*: the group was made just now, so nothing that was
 * set before has to be asked for. */
#define APPLY_FRESH (1U << 31)

int resources_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as the state directory has it: what keel's commands and libhull-runtime do with one
 * that they know by its id alone.
 */
#pragma once

#include "runtime/state.h"

struct container_record {
	struct arena arena;
	int root_fd, dir_fd;
	char *root; /* the state root's path */
	struct runtime_state *state;
	struct container_ref ref;
};

#define CONTAINER_RECORD_INIT               \
	{                                   \
		.root_fd = -1, .dir_fd = -1 \
	}

/* HULL_ERROR_NOT_FOUND if there is none, also when there is no root yet. root_fd is open after a
 * failure too if the root could be opened. */
int container_record_open(
	struct container_record *record, const char *root, const char *id, struct hull_error *err);
void container_record_done(struct container_record *record);

/* Its spec as it was at create. */
int container_record_spec(
	struct container_record *record, struct oci_spec **ret, struct hull_error *err);

/* Created, running, paused or stopped. */
int container_record_status(
	const struct container_record *record, enum container_status *ret, struct hull_error *err);

/* The document that `state` prints and hooks read; its strings belong to the record. */
void container_record_oci_state(
	const struct container_record *record, enum container_status status, struct oci_state *ret);

/* Starts what waits; then the poststart hooks, whose failure ends the container (specification
 * 1.3, runtime.md, life cycle). */
int container_record_start(struct container_record *record, struct hull_error *err);

/* HULL_ERROR_CONFLICT unless it is stopped or was only created, whose process runs none of the
 * user's code. */
int container_record_check_deletable(const struct container_record *record, struct hull_error *err);

/*
 * What a creation that was killed has left of a container without a record, whose process has ended
 * with it: the cgroup, if it is empty, and the directory.
 */
int container_record_clear(
	int root_fd, const char *id, enum hull_cgroup_manager manager, struct hull_error *err);

/* Removes everything of a container: processes, cgroup, state; then runs the poststop hooks, whose
 * failures are no errors: they go to tell, which may be NULL. */
int container_record_remove(struct container_record *record, plan_warning_fn *tell, void *userdata,
	struct hull_error *err);

/* HULL_ERROR_CONFLICT if no process can be started in it now. */
int container_record_check_exec(
	const struct container_record *record, bool ignore_paused, struct hull_error *err);

/* A further process; spec is the container's. The rest of options is the caller's, but for the
 * cache of filters. */
int container_record_exec(const struct container_record *record, const struct oci_spec *spec,
	const struct oci_process *process, const struct plan_exec_options *options,
	struct runtime_process *ret, struct hull_error *err);

/* Mounts that a running container gets, or loses by their destinations; spec is its own. All or none.
 * Nothing of it is recorded: a checkpoint knows the mounts of the configuration alone. */
int container_record_change_mounts(const struct container_record *record,
	const struct oci_spec *spec, const struct oci_mount *mounts, size_t n, bool remove,
	struct hull_error *err);

#define _cleanup_container_record_ _cleanup_(container_record_done)

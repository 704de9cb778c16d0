/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that has been created: what can be done to it, given only its processes and its
 * cgroup. Nothing here reads or writes a state file (state.h does), so that an engine with its own
 * records uses the same functions.
 */
#pragma once

#include "runtime/plan.h"

enum container_status {
	CONTAINER_CREATING = 0,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED,
};

extern const char *const container_status_names[]; /* "creating", ...; NULL-terminated */

/* How a container is found again. */
struct container_ref {
	const char *id;
	pid_t pid;
	uint64_t start_time;	/* runtime_process.start_time, 0 = do not compare */
	const char *cgroup;	/* NULL = none */
	char *const *resctrl;	/* runtime_process.resctrl */
	bool own_pid_namespace; /* its first process takes the others along */
};

/*
 * A pidfd of the container's first process, -ESRCH (and no error text) if it has ended. Safe
 * against reuse of the pid.
 */
int container_open_pidfd(const struct container_ref *ref, struct hull_error *err);

/* The status as the kernel knows it; started tells created from running. */
int container_status(const struct container_ref *ref, bool started, enum container_status *ret,
	struct hull_error *err);

/*
 * Starts what plan_perform() left waiting on the listening socket at socket_path: returns when its
 * execve() has succeeded, or with the error that the process reported. HULL_ERROR_CONFLICT if it
 * does not wait any more.
 */
int container_start(const char *socket_path, struct hull_error *err);

/* Sends a signal to the first process, or to all processes of the container's cgroup. */
int container_kill(const struct container_ref *ref, int signal, bool all, struct hull_error *err);

int container_pause(const struct container_ref *ref, struct hull_error *err);
int container_resume(const struct container_ref *ref, struct hull_error *err);

/*
 * For whoever is to resume it without knowing of cgroups: writing *ret_text, a constant, to *ret_fd
 * does so.
 */
int container_open_thaw(const struct container_ref *ref, int *ret_fd, const char **ret_text,
	struct hull_error *err);

/* Kills whatever is left, waits (at most timeout_ms) and removes the cgroup. */
int container_destroy(const struct container_ref *ref, int timeout_ms, struct hull_error *err);

/* Process ids in the container's cgroup and below; without a cgroup of its own, in its pid namespace.
 * Heap array. */
int container_pids(
	const struct container_ref *ref, pid_t **ret, size_t *ret_count, struct hull_error *err);

int container_update(const struct container_ref *ref, const struct hull_cgroup_resources *resources,
	struct hull_error *err);

enum hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
};

/*
 * Runs the hooks of that kind in the caller's namespaces, in order, with the state document on
 * stdin. Stops at the first failure except for poststop, where the rest still run and the first
 * error is returned at the end.
 */
int hooks_run(const struct oci_spec *spec, enum hook_kind kind, const struct oci_state *state,
	struct hull_error *err);

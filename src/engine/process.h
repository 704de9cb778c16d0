/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes behind a running container. Its monitor writes the file "process" into the run
 * directory as soon as the container runs: "PID START-TIME CGROUP", where CGROUP is what the
 * runtime needs to find it again.
 */
#pragma once

#include "engine/container.h"
#include "oci/runtime_spec.h"
#include "runtime/container.h"

#define PROCESS_FILE "process"
#define CONFIG_FILE  "config.json"

struct container_process {
	struct arena arena;
	struct container_ref ref; /* strings in the arena */
};

void container_process_done(struct container_process *p);
#define _cleanup_container_process_ _cleanup_(container_process_done)

/* HULL_ERROR_NOT_FOUND if the container has not got as far as having a process. */
int container_process_load(const struct engine *engine, const struct container *c,
	struct container_process *ret, struct hull_error *err);

/*
 * As container_process_load() for a container whose row says that it runs: if it is just being
 * started, waits until it has. HULL_ERROR_CONFLICT if it has ended meanwhile.
 */
int container_process_await(struct engine *engine, const struct container *c,
	struct container_process *ret, struct hull_error *err);

/* Writes the file; called by the monitor-to-be. */
int container_process_save(
	int run_dir_fd, const struct runtime_process *process, struct hull_error *err);

/* Path of the container's cgroup as its spec names it; heap string, NULL if memory is out. */
char *container_cgroup_path(const struct container *c);

/* The spec that the running container was started with. */
int container_spec_load(const struct engine *engine, const struct container *c, struct arena *arena,
	struct oci_spec **ret, struct hull_error *err);

/* "Container X is not running" (HULL_ERROR_CONFLICT) unless it is. */
int container_check_running(const struct container *c, struct hull_error *err);

/* Sends a signal to the first process. */
int container_signal(
	struct engine *engine, const struct container *c, int signal, struct hull_error *err);

/*
 * Ends the container: its stop signal, after timeout_s seconds (-1 = for ever) SIGKILL; returns when
 * the end has been settled. A container that does not run is success.
 */
int container_stop(struct engine *engine, const struct container *c, int signal, int64_t timeout_s,
	struct hull_error *err);

/* Seconds that stop waits, and the signal it sends, by the container's configuration. */
int64_t container_stop_timeout(const struct container *c);
int container_stop_signal(const struct container *c);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers as records: a row in the database, a directory <root>/containers/<id> for what stays
 * (upper, work, log) and one <run_root>/containers/<id> for what lives with the processes.
 *
 * Life: created -> running -> exited -> running ... -> removed. The lock file in the run directory
 * is held by whoever starts the container and from then on by its monitor, until the end
 * has been settled. A row that says "running" while the lock is free tells that the monitor died;
 * container_load() and container_list() then settle it before they return (see settle.h).
 */
#pragma once

#include "base/arena.h"
#include "engine/config.h"
#include "engine/engine.h"

#include <stdint.h>

#define CONTAINER_ID_LENGTH    64
#define CONTAINER_SHORT_LENGTH 12

struct container {
	struct arena arena; /* owns all strings */
	char *id;
	char *name;
	char *image_id;
	char *image_name; /* as the user typed it */
	struct container_config *config;
	char **layers;			    /* diff ids, lowest first */
	int64_t created, started, finished; /* ns, 0 = never */
	char *state; /* "created", "running", "paused", "exited", "dead", "removing" */
	int64_t exit_code;
	bool oom_killed;
	char *error; /* why it could not start, "" if it could */
	int64_t run;
};

void container_free(struct container *c);
DEFINE_CLEANUP(struct container *, container_freep, container_free)
#define _cleanup_container_ _cleanup_(container_freep)

/* A new record, not yet in the database: ids, name (generated if NULL) and times filled in. */
int container_new(const char *name, struct container **ret, struct hull_error *err);

/*
 * Puts a new container into the database in state c->state, with its directories. The name must be
 * free: HULL_ERROR_EXISTS names who has it.
 */
int container_insert(struct engine *engine, struct container *c, struct hull_error *err);

/* Finds by name, id or unique prefix of an id. HULL_ERROR_NOT_FOUND "No such container: X". */
int container_load(
	struct engine *engine, const char *text, struct container **ret, struct hull_error *err);

/* As container_load() for an exact id, without settling anything. */
int container_load_id(
	struct engine *engine, const char *id, struct container **ret, struct hull_error *err);

/* All containers, newest first. */
int container_list(struct engine *engine, bool all, struct container ***ret, size_t *ret_count,
	struct hull_error *err);
void container_list_free(struct container **list, size_t count);

/* Row updates. */
int container_set_running(struct engine *engine, struct container *c, struct hull_error *err);
int container_set_ended(struct engine *engine, struct container *c, struct hull_error *err);
/* Of a run that goes on: "running" or "paused". HULL_ERROR_CONFLICT if it has ended. */
int container_set_state(
	struct engine *engine, struct container *c, const char *state, struct hull_error *err);
int container_rename(
	struct engine *engine, struct container *c, const char *name, struct hull_error *err);

/* Deletes the row, then the directories. The caller holds the lock or knows that nobody can. */
int container_delete(struct engine *engine, const struct container *c, struct hull_error *err);

/*
 * Removes directories that have no row: of commands that were killed between the two. A directory
 * whose lock is held is in the making.
 */
void container_collect_garbage(struct engine *engine);

/* Directories of a container, heap strings; NULL if memory is out. */
char *container_dir(const struct engine *engine, const char *id);
char *container_run_dir(const struct engine *engine, const char *id);
char *container_log_path(const struct engine *engine, const char *id);

/*
 * Removes the run directory, in one step for everybody else: with its first file gone somebody may
 * take the lock anew and fill the directory for the next run. The lock is held.
 */
void container_remove_run_dir(const struct engine *engine, const char *id);

/*
 * The lock. container_lock() makes the run directory and takes it: 1 = taken, 0 = somebody else has
 * it (only with wait false). container_is_locked() looks without taking.
 */
int container_lock(const struct engine *engine, const char *id, bool wait, int *ret_fd,
	struct hull_error *err);
bool container_is_locked(const struct engine *engine, const char *id);

/*
 * Takes the lock of a recorded container in order to start or remove it: 1 = taken, and c->run is
 * up to date; 0 = somebody runs it. Waits for those who hold the lock for a moment only (who settle
 * an end, or wait for it). HULL_ERROR_NOT_FOUND if it has been removed since c was loaded.
 */
int container_lock_idle(
	struct engine *engine, struct container *c, int *ret_fd, struct hull_error *err);

/* What the row says now: 1 and the fields filled in, 0 = it is gone. */
int container_look(struct engine *engine, const char *id, int64_t *ret_run, bool *ret_running,
	struct hull_error *err);

/*
 * Waits until run c->run of the container has ended and been settled, however soon the next one
 * starts.
 */
int container_wait_settled(
	struct engine *engine, const struct container *c, struct hull_error *err);

/* True if the text may name a container: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool container_name_is_valid(const char *name);

/* True if the row says that there is a process (running or paused). */
bool container_is_running(const struct container *c);

/* Images that containers use: for image removal. */
int container_find_image_user(struct engine *engine, const char *image_id, char **ret_user,
	bool *ret_running, struct hull_error *err);

/* True if a running container (or one being started) uses the layer. */
bool container_layer_in_use(struct engine *engine, const char *diff_id);

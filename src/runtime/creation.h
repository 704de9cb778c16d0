/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a bundle to a container with a record: what `keel create` and `keel run` and libhull-runtime
 * have in common. The steps are the caller's to take one by one, since commands have things of
 * their own to do in between:
 *
 *	load or parse, [reserve,] compile, [perform, save or undo]
 *
 * creation_done() ends it at any point; until creation_save() nothing of it stays. A creation that
 * is killed leaves what container_record_open() finds if the container may have executed anything,
 * and otherwise what container_record_clear() takes away.
 */
#pragma once

#include "runtime/state.h"

enum creation_rootless {
	CREATION_ROOTLESS_AUTO, /* if this process is not the initial user namespace's root */
	CREATION_ROOTLESS_TRUE,
	CREATION_ROOTLESS_FALSE,
};

struct creation {
	struct arena arena;
	char *bundle; /* absolute */
	struct buf config;
	struct oci_spec *spec;
	char *id, *root;
	int root_fd, dir_fd, cache_fd, start_socket;
	bool reserved; /* the id is ours, and to be given back on failure */
	bool recorded; /* its state is written */
	bool rootless;
	struct plan *plan;
	struct runtime_process process;
};

#define CREATION_INIT                                                            \
	{                                                                        \
		.config = BUF_INIT, .root_fd = -1, .dir_fd = -1, .cache_fd = -1, \
		.start_socket = -1, .process = RUNTIME_PROCESS_INIT              \
	}

void creation_done(struct creation *c);

/* Reads config, or BUNDLE/config.json if that is NULL. bundle: NULL or "" is the working directory. */
int creation_load(
	struct creation *c, const char *bundle, const char *config, struct hull_error *err);

/* The same with a document in memory, which is copied. */
int creation_parse(struct creation *c, const char *bundle, const char *text, size_t length,
	struct hull_error *err);

/* Takes the id in the state root, which is made if it is missing, and with wait_for_start makes the
 * socket that the container will wait on. */
int creation_reserve(struct creation *c, const char *root, const char *id, bool wait_for_start,
	struct hull_error *err);

/*
 * Compiles the plan. Of options what the caller may choose is taken: id (unless reserved), stdio,
 * preserve_fds, cgroup_manager, no_pivot, no_new_keyring, trace, warn; the rest is known here.
 * Without privileges a spec without a user namespace gets one (id_map_add_default()).
 */
int creation_compile(struct creation *c, const struct plan_options *options,
	enum creation_rootless rootless, struct hull_error *err);

int creation_perform(struct creation *c, struct hull_error *err);

/* Keeps the performed container: from then on it is its record's. */
int creation_save(struct creation *c, struct hull_error *err);

/* Ends a performed container that could not be saved or published. */
void creation_undo(struct creation *c);

/* For a container that was not to wait for start. */
int creation_poststart(struct creation *c, struct hull_error *err);

#define _cleanup_creation_ _cleanup_(creation_done)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind the handles of include/hull/runtime.h. The library adds nothing to what keel
 * does: its objects hold records and creations, and its functions pass on.
 */
#pragma once

#include "runtime/creation.h"
#include "runtime/record.h"
#include <hull/runtime.h>

struct hull_runtime {
	char *root;
	enum hull_cgroup_manager cgroup_manager;
	enum creation_rootless rootless;
	bool unsealed;
	hull_runtime_warning_fn *warn;
	void *userdata;
};

/* The text, not the parsed document: each container gets a document of its own, which no other
 * thread reads. */
struct hull_bundle {
	char *path;
	struct buf config;
};

struct hull_plan {
	struct creation creation;
};

struct hull_process {
	struct runtime_process process;
	bool ended;
	int status; /* as waitpid(2) tells it, -1 = unknown */
};

struct hull_container {
	const struct hull_runtime *runtime;
	struct container_record record;
	struct hull_process process; /* pidfd is -1 if it had ended */
};

#define HULL_PROCESS_INIT                                     \
	{                                                     \
		.process = RUNTIME_PROCESS_INIT, .status = -1 \
	}

/*
 * 0 if no process of the container could write to the calling program's file: see "The calling
 * program's own file" in the public header.
 */
int library_check_sealed(
	const struct hull_runtime *runtime, const struct oci_spec *spec, struct hull_error *err);

/* A creation with the bundle's document. */
int library_begin(
	struct creation *creation, const struct hull_bundle *bundle, struct hull_error *err);

/* Compiles it with what the caller chose. id may be NULL if it is reserved. */
int library_compile(struct creation *creation, const struct hull_runtime *runtime, const char *id,
	const struct hull_container_options *options, struct hull_error *err);

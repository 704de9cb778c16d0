/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a container's configuration to the OCI runtime spec that is performed: Docker's defaults as
 * tables, then what the user asked for on top.
 */
#pragma once

#include "engine/container.h"
#include "engine/identity.h"
#include "oci/runtime_spec.h"

struct spec_inputs {
	const struct container *container;
	const struct identity *identity; /* looked up in the container's own passwd and group */
	const char *program;		 /* path of hull, near which hull-init is */
	const char *run_dir;		 /* where hosts, hostname and resolv.conf are */
	const char *network_path;	 /* the network namespace to join; NULL = by the mode */
};

int spec_build(const struct spec_inputs *inputs, struct arena *arena, struct oci_spec **ret,
	struct hull_error *err);

/*
 * The process of an exec: the container's own with what the user overrides. user, working_dir and
 * env may be NULL.
 */
struct spec_exec {
	char *const *args;
	char *const *env;
	const char *working_dir;
	bool tty, privileged;
	unsigned short rows, columns; /* of the terminal; 0 = unknown */
	const struct identity *identity;
	const char *user; /* as typed, NULL = the container's */
};

/* A process with a terminal finds it with that size from the first moment on, unless rows are 0. */
int spec_set_terminal_size(struct oci_process *process, unsigned short rows, unsigned short columns,
	struct arena *arena, struct hull_error *err);

int spec_build_exec(const struct oci_spec *spec, const struct container_config *config,
	const struct spec_exec *exec, struct arena *arena, struct oci_process **ret,
	struct hull_error *err);

/* What a container may not see, and may not write, of the kernel's file systems. NULL = nothing. */
char *const *spec_masked_paths(const struct container_config *config);
char *const *spec_readonly_paths(const struct container_config *config);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the caller and the child have in common (an anonymous shared mapping): what is too
 * large or too late for the copy that the clone makes. The child only reads what a message has
 * announced.
 */
#pragma once

#include "runtime/op.h"

#include <linux/filter.h>
#include <stdint.h>

#define SHARED_FILTER_MAX 4096 /* BPF_MAXINSNS */
#define SHARED_PATHS_MAX  16384

struct shared {
	/* The directories of the container's cgroup: "NAME\0PATH\0" each, ended by an empty name.
	 * NAME is the hierarchy's ("memory", "name=systemd"). */
	char cgroup_paths[SHARED_PATHS_MAX];
	struct message failure; /* of the child, as it reports it; type 0 = none */
	uint32_t filter_flags;	/* SECCOMP_FILTER_FLAG_* */
	uint32_t filter_length;
	struct sock_filter filter[SHARED_FILTER_MAX];
	int64_t times[]; /* begin and end of each operation, when traced */
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values of limits, policies and flags: for performing, checking and `features`. */
#pragma once

#include <stddef.h>

#define LIMIT_CPUS_MAX	8192
#define LIMIT_NODES_MAX 1024

/* A list with all of them: a process may run wherever its cgroup lets it. */
#define LIMIT_ALL_CPUS "0-8191"

struct limit_name {
	const char *name;
	int value;
};

/* Each ended by a NULL name. */
extern const struct limit_name limit_rlimits[], limit_scheduler_policies[], limit_scheduler_flags[],
	limit_io_classes[], limit_memory_modes[], limit_memory_flags[], limit_personalities[];

/* The value, or -EINVAL. */
int limit_parse(const struct limit_name *names, const char *name);

/* "0-3,7" as bits; 0, -EINVAL or -ERANGE. Allocates nothing. */
int limit_parse_list(const char *list, unsigned long *set, size_t bits);

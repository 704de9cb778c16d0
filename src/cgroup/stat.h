/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of the statistics files; each takes the text, so that any kernel's can be tested. */
#pragma once

#include "cgroup/group.h"

void stat_parse_cpu(const char *text, unsigned int version, struct hull_cgroup_cpu_stats *cpu);
void stat_parse_cpuacct(const char *text, struct hull_cgroup_cpu_stats *cpu);
void stat_parse_memory(
	const char *text, unsigned int version, struct hull_cgroup_memory_stats *memory);
void stat_parse_memory_events(const char *text, struct hull_cgroup_memory_stats *memory);
void stat_parse_pressure(const char *text, struct hull_cgroup_pressure *pressure);

/* These add to lists of stats; 0 or -ENOMEM. */
int stat_parse_io_v2(const char *text, struct hull_cgroup_stats *stats);
int stat_parse_io_v1(const char *text, bool operations, struct hull_cgroup_stats *stats);
int stat_parse_rdma(const char *text, bool limits, struct hull_cgroup_stats *stats);

/* "hugepages-2048kB" (of /sys/kernel/mm/hugepages) to "2MB"; false if it is no such name. */
bool stat_page_size(const char *name, char size[16]);

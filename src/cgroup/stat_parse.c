/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics as text. Files with a number per key are read by tables; keys that a kernel does not
 * print leave zero, keys that we do not know are passed over.
 */
#include "cgroup/stat.h"

#include "base/str.h"

#include <stdio.h>

struct key {
	const char *name;
	size_t offset; /* of a uint64_t */
	uint64_t unit; /* factor to the unit of the struct */
};

#define NS_PER_US 1000

/* The lines "NAME NUMBER" of a text into base. */
static void parse_keys(const char *text, const struct key *keys, size_t n_keys, void *base)
{
	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		size_t n = strcspn(line, " \n");

		for (size_t i = 0; i < n_keys; i++) {
			if (strlen(keys[i].name) != n || memcmp(keys[i].name, line, n) != 0)
				continue;
			uint64_t value = strtoull(line + n, NULL, 10) * keys[i].unit;
			*(uint64_t *)((char *)base + keys[i].offset) = value;
			break;
		}
		line = *end ? end + 1 : end;
	}
}

/* ---- CPU ---- */

#define CPU(member) offsetof(struct hull_cgroup_cpu_stats, member)

static const struct key cpu_v1[] = {
	{"nr_periods", CPU(periods), 1},
	{"nr_throttled", CPU(throttled_periods), 1},
	{"throttled_time", CPU(throttled_ns), 1},
	{"nr_bursts", CPU(bursts), 1},
	{"burst_time", CPU(burst_ns), 1},
};

static const struct key cpu_v2[] = {
	{"usage_usec", CPU(usage_ns), NS_PER_US},
	{"user_usec", CPU(user_ns), NS_PER_US},
	{"system_usec", CPU(system_ns), NS_PER_US},
	{"nr_periods", CPU(periods), 1},
	{"nr_throttled", CPU(throttled_periods), 1},
	{"throttled_usec", CPU(throttled_ns), NS_PER_US},
	{"nr_bursts", CPU(bursts), 1},
	{"burst_usec", CPU(burst_ns), NS_PER_US},
};

void stat_parse_cpu(const char *text, unsigned int version, struct hull_cgroup_cpu_stats *cpu)
{
	if (version == 1)
		parse_keys(text, cpu_v1, ARRAY_SIZE(cpu_v1), cpu);
	else
		parse_keys(text, cpu_v2, ARRAY_SIZE(cpu_v2), cpu);
	cpu->present = true;
}

/* cpuacct.usage_all: a heading, then "CPU USER SYSTEM" in nanoseconds. */
void stat_parse_cpuacct(const char *text, struct hull_cgroup_cpu_stats *cpu)
{
	cpu->user_ns = cpu->system_ns = 0;
	for (const char *line = strchr(text, '\n'); line; line = strchr(line, '\n')) {
		char *end;

		line++;
		strtoull(line, &end, 10);
		if (end == line)
			continue;
		cpu->user_ns += strtoull(end, &end, 10);
		cpu->system_ns += strtoull(end, &end, 10);
	}
	cpu->usage_ns = cpu->user_ns + cpu->system_ns;
	cpu->present = true;
}

/* ---- Memory ---- */

#define MEMORY(member) offsetof(struct hull_cgroup_memory_stats, member)

/* The sums over the group and all below it, which is what v2 prints too. */
static const struct key memory_v1[] = {
	{"total_rss", MEMORY(anon), 1},
	{"total_cache", MEMORY(file), 1},
	{"total_shmem", MEMORY(shmem), 1},
	{"total_mapped_file", MEMORY(mapped), 1},
	{"total_dirty", MEMORY(dirty), 1},
	{"total_writeback", MEMORY(writeback), 1},
	{"total_active_anon", MEMORY(active_anon), 1},
	{"total_inactive_anon", MEMORY(inactive_anon), 1},
	{"total_active_file", MEMORY(active_file), 1},
	{"total_inactive_file", MEMORY(inactive_file), 1},
	{"total_unevictable", MEMORY(unevictable), 1},
	{"total_pgfault", MEMORY(faults), 1},
	{"total_pgmajfault", MEMORY(major_faults), 1},
};

static const struct key memory_v2[] = {
	{"anon", MEMORY(anon), 1},
	{"file", MEMORY(file), 1},
	{"shmem", MEMORY(shmem), 1},
	{"file_mapped", MEMORY(mapped), 1},
	{"file_dirty", MEMORY(dirty), 1},
	{"file_writeback", MEMORY(writeback), 1},
	{"slab", MEMORY(slab), 1},
	{"kernel", MEMORY(kernel), 1},
	{"sock", MEMORY(kernel_tcp), 1},
	{"active_anon", MEMORY(active_anon), 1},
	{"inactive_anon", MEMORY(inactive_anon), 1},
	{"active_file", MEMORY(active_file), 1},
	{"inactive_file", MEMORY(inactive_file), 1},
	{"unevictable", MEMORY(unevictable), 1},
	{"pgfault", MEMORY(faults), 1},
	{"pgmajfault", MEMORY(major_faults), 1},
};

/* memory.events of v2; memory.oom_control of v1 has oom_kill too. */
static const struct key memory_events[] = {
	{"low", MEMORY(events.low), 1},
	{"high", MEMORY(events.high), 1},
	{"max", MEMORY(events.max), 1},
	{"oom", MEMORY(events.oom), 1},
	{"oom_kill", MEMORY(events.oom_kill), 1},
	{"oom_group_kill", MEMORY(events.oom_group_kill), 1},
};

void stat_parse_memory(
	const char *text, unsigned int version, struct hull_cgroup_memory_stats *memory)
{
	if (version == 1)
		parse_keys(text, memory_v1, ARRAY_SIZE(memory_v1), memory);
	else
		parse_keys(text, memory_v2, ARRAY_SIZE(memory_v2), memory);
}

void stat_parse_memory_events(const char *text, struct hull_cgroup_memory_stats *memory)
{
	parse_keys(text, memory_events, ARRAY_SIZE(memory_events), memory);
}

/* ---- Pressure ---- */

/* "12.34" without the locale's help. */
static double parse_percent(const char *text)
{
	char *end;
	unsigned long whole = strtoul(text, &end, 10), hundredths = 0;

	if (*end == '.' && end[1] >= '0' && end[1] <= '9' && end[2] >= '0' && end[2] <= '9')
		hundredths = (unsigned long)(end[1] - '0') * 10 + (unsigned long)(end[2] - '0');
	return (double)whole + (double)hundredths / 100;
}

/* The value after KEY= in a line, NULL if it is not there. */
static const char *find_value(const char *line, const char *key)
{
	const char *end = line + strcspn(line, "\n");
	const char *at = memmem(line, (size_t)(end - line), key, strlen(key));

	return at ? at + strlen(key) : NULL;
}

void stat_parse_pressure(const char *text, struct hull_cgroup_pressure *pressure)
{
	for (const char *line = text; *line;) {
		struct hull_cgroup_pressure_line *to = str_after(line, "some ")	  ? &pressure->some
						       : str_after(line, "full ") ? &pressure->full
										  : NULL;
		const char *avg10 = find_value(line, "avg10="), *avg60 = find_value(line, "avg60="),
			   *avg300 = find_value(line, "avg300="),
			   *total = find_value(line, "total=");

		if (to && avg10 && avg60 && avg300 && total) {
			to->avg10 = parse_percent(avg10);
			to->avg60 = parse_percent(avg60);
			to->avg300 = parse_percent(avg300);
			to->total_us = strtoull(total, NULL, 10);
			pressure->present = true;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

/* ---- Lists ---- */

/* Room for one more zeroed item in a list that is kept from reading to reading. */
static void *list_grow(void **list, size_t *n, size_t *size, size_t item)
{
	if (*n == *size) {
		size_t bigger = *size ? 2 * *size : 8;
		void *moved = reallocarray(*list, bigger, item);

		if (!moved)
			return NULL;
		*list = moved;
		*size = bigger;
	}
	void *at = (char *)*list + *n * item;
	memset(at, 0, item);
	(*n)++;
	return at;
}

static struct hull_cgroup_io_stats *io_device(
	struct hull_cgroup_stats *stats, uint32_t major, uint32_t minor)
{
	for (size_t i = 0; i < stats->n_io; i++)
		if (stats->io[i].major == major && stats->io[i].minor == minor)
			return &stats->io[i];
	struct hull_cgroup_io_stats *io =
		list_grow((void **)&stats->io, &stats->n_io, &stats->io_size, sizeof(*stats->io));
	if (io) {
		io->major = major;
		io->minor = minor;
	}
	return io;
}

/* "MAJ:MIN " at the start of a line; what follows, NULL if it is not there. */
static const char *parse_device(const char *line, uint32_t *major, uint32_t *minor)
{
	char *end;

	*major = (uint32_t)strtoul(line, &end, 10);
	if (end == line || *end != ':')
		return NULL;
	const char *second = end + 1;
	*minor = (uint32_t)strtoul(second, &end, 10);
	return end == second || *end != ' ' ? NULL : end + 1;
}

static uint64_t number_after(const char *line, const char *key)
{
	const char *value = find_value(line, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
int stat_parse_io_v2(const char *text, struct hull_cgroup_stats *stats)
{
	for (const char *line = text; *line;) {
		uint32_t major, minor;
		const char *rest = parse_device(line, &major, &minor);

		if (rest) {
			struct hull_cgroup_io_stats *io = io_device(stats, major, minor);
			if (!io)
				return -ENOMEM;
			io->read_bytes = number_after(rest, "rbytes=");
			io->write_bytes = number_after(rest, "wbytes=");
			io->read_ops = number_after(rest, "rios=");
			io->write_ops = number_after(rest, "wios=");
			io->discard_bytes = number_after(rest, "dbytes=");
			io->discard_ops = number_after(rest, "dios=");
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

/* "8:0 Read 4096" */
int stat_parse_io_v1(const char *text, bool operations, struct hull_cgroup_stats *stats)
{
	static const struct {
		const char *name;
		size_t bytes, ops;
	} kinds[] = {
#define IO(member) offsetof(struct hull_cgroup_io_stats, member)
		{"Read ", IO(read_bytes), IO(read_ops)},
		{"Write ", IO(write_bytes), IO(write_ops)},
		{"Discard ", IO(discard_bytes), IO(discard_ops)},
#undef IO
	};

	for (const char *line = text; *line;) {
		uint32_t major, minor;
		const char *rest = parse_device(line, &major, &minor);

		for (size_t i = 0; rest && i < ARRAY_SIZE(kinds); i++) {
			const char *number = str_after(rest, kinds[i].name);
			if (!number)
				continue;
			struct hull_cgroup_io_stats *io = io_device(stats, major, minor);
			if (!io)
				return -ENOMEM;
			size_t offset = operations ? kinds[i].ops : kinds[i].bytes;
			*(uint64_t *)((char *)io + offset) = strtoull(number, NULL, 10);
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

static struct hull_cgroup_rdma_stats *rdma_device(
	struct hull_cgroup_stats *stats, const char *name, size_t n)
{
	struct hull_cgroup_rdma_stats *rdma;

	for (size_t i = 0; i < stats->n_rdma; i++) {
		rdma = &stats->rdma[i];
		if (strlen(rdma->device) == n && memcmp(rdma->device, name, n) == 0)
			return rdma;
	}
	rdma = list_grow(
		(void **)&stats->rdma, &stats->n_rdma, &stats->rdma_size, sizeof(*stats->rdma));
	if (rdma)
		memcpy(rdma->device, name, n);
	return rdma;
}

static uint64_t number_or_max(const char *line, const char *key)
{
	const char *value = find_value(line, key);

	if (!value)
		return 0;
	return str_after(value, "max") ? HULL_CGROUP_NO_LIMIT : strtoull(value, NULL, 10);
}

/* "mlx5_0 hca_handle=2 hca_object=max" */
int stat_parse_rdma(const char *text, bool limits, struct hull_cgroup_stats *stats)
{
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, " \n");

		if (n > 0 && line[n] == ' ' && n < sizeof(stats->rdma->device)) {
			struct hull_cgroup_rdma_stats *rdma = rdma_device(stats, line, n);
			if (!rdma)
				return -ENOMEM;
			*(limits ? &rdma->hca_handles_limit : &rdma->hca_handles) =
				number_or_max(line + n, "hca_handle=");
			*(limits ? &rdma->hca_objects_limit : &rdma->hca_objects) =
				number_or_max(line + n, "hca_object=");
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

bool stat_page_size(const char *name, char size[16])
{
	static const char units[] = "KMG";
	const char *number = str_after(name, "hugepages-");
	char *end;
	size_t unit = 0;

	if (!number)
		return false;
	unsigned long kib = strtoul(number, &end, 10);
	if (end == number || kib == 0 || !str_eq(end, "kB"))
		return false;
	while (kib % 1024 == 0 && units[unit + 1]) {
		kib /= 1024;
		unit++;
	}
	snprintf(size, 16, "%lu%cB", kib, units[unit]);
	return true;
}

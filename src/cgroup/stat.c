/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading statistics: one open, read and close per file, on the stack; only lists of devices grow,
 * once. A file that is missing (an older kernel, a controller that is not there) leaves zeros. That
 * the group itself is gone is found out only when nothing at all could be read.
 */
#include "cgroup/stat.h"
#include "cgroup/file.h"

#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/syscall.h>

/* v1 prints "no limit" as the largest number of whole pages. */
#define V1_NO_LIMIT (UINT64_C(1) << 62)

struct reading {
	const struct hull_cgroup *cgroup;
	struct hull_cgroup_stats *stats;
	size_t files; /* that could be read */
	char text[CGROUP_FILE_MAX];
};

static bool read_text(struct reading *r, const struct group_place *place, const char *file)
{
	ssize_t n = place_get(place, file, r->text, sizeof(r->text));

	if (n < 0)
		return false;
	r->files++;
	return true;
}

static uint64_t read_number(struct reading *r, const struct group_place *place, const char *file)
{
	if (!read_text(r, place, file))
		return 0;
	return str_eq(r->text, "max") ? HULL_CGROUP_NO_LIMIT : strtoull(r->text, NULL, 10);
}

/* As above for a limit: a missing file is no limit. */
static uint64_t read_limit(struct reading *r, const struct group_place *place, const char *file)
{
	if (!read_text(r, place, file) || str_eq(r->text, "max"))
		return HULL_CGROUP_NO_LIMIT;
	uint64_t limit = strtoull(r->text, NULL, 10);
	return place->hierarchy->version == 1 && limit >= V1_NO_LIMIT ? HULL_CGROUP_NO_LIMIT
								      : limit;
}

/* Pressure is v2's, also where the controller is v1's. */
static void read_pressure(
	struct reading *r, const char *file, struct hull_cgroup_pressure *pressure)
{
	const struct group_place *v2 = group_place_v2(r->cgroup);

	if (v2 && read_text(r, v2, file))
		stat_parse_pressure(r->text, pressure);
}

static void read_cpu(struct reading *r)
{
	struct hull_cgroup_cpu_stats *cpu = &r->stats->cpu;
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_CPU);
	const struct group_place *acct = group_place_of(r->cgroup, HULL_CGROUP_CPUACCT);

	/* v2 tells the time used in every group, whether cpu is enabled for it or not. */
	if (!place)
		place = group_place_v2(r->cgroup);
	if (place && read_text(r, place, "cpu.stat"))
		stat_parse_cpu(r->text, place->hierarchy->version, cpu);
	if (acct && acct->hierarchy->version == 1) {
		if (read_text(r, acct, "cpuacct.usage_all")) {
			stat_parse_cpuacct(r->text, cpu);
			/* The split is counted in timer ticks, the sum is not: up to a third apart. */
			cpu->usage_ns = read_number(r, acct, "cpuacct.usage");
		}
	} else if (acct && place && place->hierarchy->version == 1 &&
		   read_text(r, acct, "cpu.stat")) {
		stat_parse_cpu(r->text, 2, cpu);
	}
	if (cpu->present)
		read_pressure(r, "cpu.pressure", &cpu->pressure);
}

static void read_memory_v1(struct reading *r, const struct group_place *place)
{
	struct hull_cgroup_memory_stats *memory = &r->stats->memory;

	memory->usage = read_number(r, place, "memory.usage_in_bytes");
	memory->peak = read_number(r, place, "memory.max_usage_in_bytes");
	memory->limit = read_limit(r, place, "memory.limit_in_bytes");
	memory->failcnt = read_number(r, place, "memory.failcnt");
	memory->events.max = memory->failcnt;
	memory->kernel = read_number(r, place, "memory.kmem.usage_in_bytes");
	memory->kernel_tcp = read_number(r, place, "memory.kmem.tcp.usage_in_bytes");
	/* v1 counts memory and swap together. */
	uint64_t both = read_number(r, place, "memory.memsw.usage_in_bytes");
	memory->swap_usage = both > memory->usage ? both - memory->usage : 0;
	uint64_t limit = read_limit(r, place, "memory.memsw.limit_in_bytes");
	memory->swap_limit = limit == HULL_CGROUP_NO_LIMIT ||
					     memory->limit == HULL_CGROUP_NO_LIMIT ||
					     limit < memory->limit
				     ? limit
				     : limit - memory->limit;
	if (read_text(r, place, "memory.oom_control"))
		stat_parse_memory_events(r->text, memory);
}

static void read_memory_v2(struct reading *r, const struct group_place *place)
{
	struct hull_cgroup_memory_stats *memory = &r->stats->memory;

	memory->usage = read_number(r, place, "memory.current");
	memory->peak = read_number(r, place, "memory.peak"); /* Linux 5.19 */
	memory->limit = read_limit(r, place, "memory.max");
	memory->swap_usage = read_number(r, place, "memory.swap.current");
	memory->swap_limit = read_limit(r, place, "memory.swap.max");
	if (read_text(r, place, "memory.events")) {
		stat_parse_memory_events(r->text, memory);
		memory->failcnt = memory->events.max;
	}
}

static void read_memory(struct reading *r)
{
	struct hull_cgroup_memory_stats *memory = &r->stats->memory;
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_MEMORY);

	if (!place || !read_text(r, place, "memory.stat"))
		return;
	memory->present = true;
	stat_parse_memory(r->text, place->hierarchy->version, memory);
	if (place->hierarchy->version == 1)
		read_memory_v1(r, place);
	else
		read_memory_v2(r, place);
	memory->working_set =
		memory->usage > memory->inactive_file ? memory->usage - memory->inactive_file : 0;
	read_pressure(r, "memory.pressure", &memory->pressure);
}

static void read_pids(struct reading *r)
{
	struct hull_cgroup_pids_stats *pids = &r->stats->pids;
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_PIDS);

	if (!place || !read_text(r, place, "pids.current"))
		return;
	pids->present = true;
	pids->current = strtoull(r->text, NULL, 10);
	pids->limit = read_limit(r, place, "pids.max");
	pids->peak = read_number(r, place, "pids.peak"); /* Linux 6.11 */
	if (read_text(r, place, "pids.events"))
		keyed_u64(r->text, "max", &pids->events_max);
}

static int read_io(struct reading *r)
{
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_IO);
	int e = 0;

	if (!place)
		return 0;
	if (place->hierarchy->version == 2) {
		if (read_text(r, place, "io.stat"))
			e = stat_parse_io_v2(r->text, r->stats);
	} else {
		if (read_text(r, place, "blkio.throttle.io_service_bytes_recursive"))
			e = stat_parse_io_v1(r->text, false, r->stats);
		if (e == 0 && read_text(r, place, "blkio.throttle.io_serviced_recursive"))
			e = stat_parse_io_v1(r->text, true, r->stats);
	}
	read_pressure(r, "io.pressure", &r->stats->io_pressure);
	return e;
}

static int read_hugetlb_size(struct reading *r, const struct group_place *place, const char *size)
{
	struct hull_cgroup_stats *stats = r->stats;
	bool v2 = place->hierarchy->version == 2;
	char file[64];

	if (stats->n_hugetlb == stats->hugetlb_size) {
		size_t bigger = stats->hugetlb_size ? 2 * stats->hugetlb_size : 4;
		void *moved = reallocarray(stats->hugetlb, bigger, sizeof(*stats->hugetlb));

		if (!moved)
			return -ENOMEM;
		stats->hugetlb = moved;
		stats->hugetlb_size = bigger;
	}
	struct hull_cgroup_hugetlb_stats *h = &stats->hugetlb[stats->n_hugetlb++];
	*h = (struct hull_cgroup_hugetlb_stats){0};
	memcpy(h->page_size, size, sizeof(h->page_size));
	snprintf(file, sizeof(file), "hugetlb.%s.%s", size, v2 ? "current" : "usage_in_bytes");
	h->usage = read_number(r, place, file);
	snprintf(file, sizeof(file), "hugetlb.%s.%s", size, v2 ? "max" : "limit_in_bytes");
	h->limit = read_limit(r, place, file);
	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", size, v2 ? "current" : "usage_in_bytes");
	h->rsvd_usage = read_number(r, place, file);
	snprintf(file, sizeof(file), "hugetlb.%s.%s", size, v2 ? "events" : "failcnt");
	if (read_text(r, place, file) && (!v2 || !keyed_u64(r->text, "max", &h->failcnt)))
		h->failcnt = strtoull(r->text, NULL, 10);
	if (!v2) {
		snprintf(file, sizeof(file), "hugetlb.%s.max_usage_in_bytes", size);
		h->peak = read_number(r, place, file);
	}
	return 0;
}

/* The kernel's record of getdents64(2): read by hand, since opendir(3) allocates. */
struct kernel_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

static int read_hugetlb(struct reading *r)
{
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_HUGETLB);
	_Alignas(8) char entries[4096];

	if (!place)
		return 0;
	_cleanup_close_ int fd =
		open("/sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	for (;;) {
		long n = syscall(SYS_getdents64, fd, entries, sizeof(entries));
		if (n <= 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct kernel_dirent *entry = (const void *)(entries + at);
			char size[16] = "";

			if (stat_page_size(entry->name, size)) {
				int e = read_hugetlb_size(r, place, size);
				if (e < 0)
					return e;
			}
			at += entry->length;
		}
	}
}

static int read_rdma(struct reading *r)
{
	const struct group_place *place = group_place_of(r->cgroup, HULL_CGROUP_RDMA);
	int e = 0;

	if (!place)
		return 0;
	if (read_text(r, place, "rdma.current"))
		e = stat_parse_rdma(r->text, false, r->stats);
	if (e == 0 && read_text(r, place, "rdma.max"))
		e = stat_parse_rdma(r->text, true, r->stats);
	return e;
}

/* Empties the struct but keeps the memory of its lists. */
static void stats_reset(struct hull_cgroup_stats *stats)
{
	*stats = (struct hull_cgroup_stats){
		.io = stats->io,
		.io_size = stats->io_size,
		.hugetlb = stats->hugetlb,
		.hugetlb_size = stats->hugetlb_size,
		.rdma = stats->rdma,
		.rdma_size = stats->rdma_size,
	};
}

int hull_cgroup_stat(const struct hull_cgroup *cgroup, uint32_t controllers,
	struct hull_cgroup_stats *stats, struct hull_error *err)
{
	struct reading r;
	int e = 0;

	r.cgroup = cgroup;
	r.stats = stats;
	r.files = 0;
	stats_reset(stats);
	if (!controllers)
		controllers = HULL_CGROUP_ALL;
	if (controllers & (HULL_CGROUP_BIT(HULL_CGROUP_CPU) | HULL_CGROUP_BIT(HULL_CGROUP_CPUACCT)))
		read_cpu(&r);
	if (controllers & HULL_CGROUP_BIT(HULL_CGROUP_MEMORY))
		read_memory(&r);
	if (controllers & HULL_CGROUP_BIT(HULL_CGROUP_PIDS))
		read_pids(&r);
	if (controllers & HULL_CGROUP_BIT(HULL_CGROUP_IO))
		e = read_io(&r);
	if (e == 0 && (controllers & HULL_CGROUP_BIT(HULL_CGROUP_HUGETLB)))
		e = read_hugetlb(&r);
	if (e == 0 && (controllers & HULL_CGROUP_BIT(HULL_CGROUP_RDMA)))
		e = read_rdma(&r);
	if (e < 0)
		return error_no_memory(err);

	if (r.files == 0 && cgroup->n_places) {
		_cleanup_close_ int dir = place_open(&cgroup->places[0], "", O_PATH | O_DIRECTORY);
		if (dir < 0)
			return error_errno(err, dir, "%s", cgroup->places[0].full_path);
	}
	stats->controllers = (stats->cpu.present ? HULL_CGROUP_BIT(HULL_CGROUP_CPU) : 0) |
			     (stats->memory.present ? HULL_CGROUP_BIT(HULL_CGROUP_MEMORY) : 0) |
			     (stats->pids.present ? HULL_CGROUP_BIT(HULL_CGROUP_PIDS) : 0) |
			     (stats->n_io ? HULL_CGROUP_BIT(HULL_CGROUP_IO) : 0) |
			     (stats->n_hugetlb ? HULL_CGROUP_BIT(HULL_CGROUP_HUGETLB) : 0) |
			     (stats->n_rdma ? HULL_CGROUP_BIT(HULL_CGROUP_RDMA) : 0);
	return 0;
}

void hull_cgroup_stats_done(struct hull_cgroup_stats *stats)
{
	free(stats->io);
	free(stats->hugetlb);
	free(stats->rdma);
	*stats = (struct hull_cgroup_stats)HULL_CGROUP_STATS_INIT;
}

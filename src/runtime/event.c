/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics and events of a container. The names of the members are runc's, whose callers decode
 * them into fixed structs: a member may be missing, but never have another type. Where v1 and v2
 * count differently the document follows v1, as runc's does: "swap" is memory and swap together.
 */
#include "runtime/event.h"
#include "runtime/cgroup_place.h"
#include "runtime/resctrl.h"
#include "base/clock.h"
#include "base/str.h"

#include <inttypes.h>
#include <poll.h>

/* What callers take zero for when it is missing. */
static void put_nonzero(struct json_writer *w, const char *key, uint64_t value)
{
	if (value)
		json_member_u64(w, key, value);
}

static void put_pressure_line(
	struct json_writer *w, const char *key, const struct hull_cgroup_pressure_line *line)
{
	json_key(w, key);
	json_begin_object(w);
	json_key(w, "avg10");
	json_double(w, line->avg10);
	json_key(w, "avg60");
	json_double(w, line->avg60);
	json_key(w, "avg300");
	json_double(w, line->avg300);
	json_member_u64(w, "total", line->total_us);
	json_end_object(w);
}

static void put_pressure(struct json_writer *w, const struct hull_cgroup_pressure *p)
{
	if (!p->present)
		return;
	json_key(w, "psi");
	json_begin_object(w);
	put_pressure_line(w, "some", &p->some);
	put_pressure_line(w, "full", &p->full);
	json_end_object(w);
}

/* ---- cpu ---- */

struct cpu_times {
	uint64_t user, system;
};

/* "cpu user system", then a line per processor; v1 alone has it. */
static size_t read_cpu_times(
	const struct hull_cgroup *cgroup, struct arena *arena, struct cpu_times **ret)
{
	_cleanup_free_ char *text = NULL;
	unsigned int cpu;
	size_t n = 0;

	if (hull_cgroup_read(cgroup, "cpuacct.usage_all", &text, NULL) < 0)
		return 0;
	_cleanup_strv_ char **lines = strv_split(text, "\n");
	struct cpu_times *times = arena_array(arena, strv_length(lines) + 1, sizeof(*times));
	strv_foreach (line, lines) {
		if (times && sscanf(*line, "%u %" SCNu64 " %" SCNu64, &cpu, &times[n].user,
				     &times[n].system) == 3)
			n++;
	}
	*ret = times;
	return n;
}

static void put_cpu_list(struct json_writer *w, const char *key, const struct cpu_times *times,
	size_t n, bool system)
{
	if (n == 0)
		return;
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		json_u64(w, system ? times[i].system : times[i].user);
	json_end_array(w);
}

/* The time used per processor is counted exactly, unlike its parts, which are timer ticks. */
static void put_cpu_totals(struct json_writer *w, const struct hull_cgroup *cgroup)
{
	_cleanup_free_ char *text = NULL;

	if (hull_cgroup_read(cgroup, "cpuacct.usage_percpu", &text, NULL) < 0)
		return;
	_cleanup_strv_ char **numbers = strv_split(text, " \n");
	json_key(w, "percpu");
	json_begin_array(w);
	strv_foreach (number, numbers)
		json_u64(w, strtoull(*number, NULL, 10));
	json_end_array(w);
}

static void put_cpu(struct json_writer *w, const struct hull_cgroup *cgroup,
	const struct hull_cgroup_cpu_stats *cpu, struct arena *arena)
{
	struct cpu_times *times = NULL;
	size_t n = read_cpu_times(cgroup, arena, &times);

	json_key(w, "cpu");
	json_begin_object(w);
	json_key(w, "usage");
	json_begin_object(w);
	put_nonzero(w, "total", cpu->usage_ns);
	put_cpu_totals(w, cgroup);
	put_cpu_list(w, "percpu_kernel", times, n, true);
	put_cpu_list(w, "percpu_user", times, n, false);
	json_member_u64(w, "kernel", cpu->system_ns);
	json_member_u64(w, "user", cpu->user_ns);
	json_end_object(w);
	json_key(w, "throttling");
	json_begin_object(w);
	put_nonzero(w, "periods", cpu->periods);
	put_nonzero(w, "throttledPeriods", cpu->throttled_periods);
	put_nonzero(w, "throttledTime", cpu->throttled_ns);
	json_end_object(w);
	if (cpu->bursts || cpu->burst_ns) {
		json_key(w, "burst");
		json_begin_object(w);
		put_nonzero(w, "burstsPeriods", cpu->bursts);
		put_nonzero(w, "burstTime", cpu->burst_ns);
		json_end_object(w);
	}
	put_pressure(w, &cpu->pressure);
	json_end_object(w);
}

/* "0-2,5" as [0,1,2,5]. */
static void put_cpuset_list(
	struct json_writer *w, const struct hull_cgroup *cgroup, const char *file, const char *key)
{
	_cleanup_free_ char *text = NULL;

	if (hull_cgroup_read(cgroup, file, &text, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	_cleanup_strv_ char **ranges = strv_split(text, ",");
	if (strv_length(ranges) == 0)
		return;
	json_key(w, key);
	json_begin_array(w);
	strv_foreach (range, ranges) {
		unsigned int first, last;
		int n = sscanf(*range, "%u-%u", &first, &last);
		for (unsigned int i = first; n > 0 && i <= (n == 2 ? last : first); i++)
			json_u64(w, i);
	}
	json_end_array(w);
}

static void put_cpuset(struct json_writer *w, const struct hull_cgroup *cgroup)
{
	static const struct {
		const char *key, *file;
	} flags[] = {
		{"cpu_exclusive", "cpuset.cpu_exclusive"},
		{"mem_hardwall", "cpuset.mem_hardwall"},
		{"mem_exclusive", "cpuset.mem_exclusive"},
		{"memory_migrate", "cpuset.memory_migrate"},
		{"memory_spread_page", "cpuset.memory_spread_page"},
		{"memory_spread_slab", "cpuset.memory_spread_slab"},
		{"memory_pressure", "cpuset.memory_pressure"},
		{"sched_load_balance", "cpuset.sched_load_balance"},
		{"sched_relax_domain_level", "cpuset.sched_relax_domain_level"},
	};

	json_key(w, "cpuset");
	json_begin_object(w);
	put_cpuset_list(w, cgroup, "cpuset.cpus", "cpus");
	put_cpuset_list(w, cgroup, "cpuset.mems", "mems");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		_cleanup_free_ char *text = NULL;
		bool there = hull_cgroup_read(cgroup, flags[i].file, &text, NULL) == 0;
		json_key(w, flags[i].key);
		json_i64(w, there ? strtoll(text, NULL, 10) : 0);
	}
	json_end_object(w);
}

/* ---- memory ---- */

struct memory_entry {
	uint64_t limit, usage, peak, failcnt;
};

static void put_memory_entry(
	struct json_writer *w, const char *key, const struct memory_entry *entry)
{
	json_key(w, key);
	json_begin_object(w);
	json_member_u64(w, "limit", entry->limit);
	put_nonzero(w, "usage", entry->usage);
	put_nonzero(w, "max", entry->peak);
	json_member_u64(w, "failcnt", entry->failcnt);
	json_end_object(w);
}

/* memory.stat as it is. */
static void put_memory_raw(struct json_writer *w, const struct hull_cgroup *cgroup)
{
	_cleanup_free_ char *text = NULL;

	if (hull_cgroup_read(cgroup, "memory.stat", &text, NULL) < 0)
		return;
	_cleanup_strv_ char **lines = strv_split(text, "\n");
	json_key(w, "raw");
	json_begin_object(w);
	strv_foreach (line, lines) {
		char *space = strchr(*line, ' ');
		uint64_t value;
		if (!space || str_to_u64(space + 1, &value) < 0)
			continue;
		*space = '\0';
		json_member_u64(w, *line, value);
	}
	json_end_object(w);
}

static uint64_t add_limits(uint64_t a, uint64_t b)
{
	return a == HULL_CGROUP_NO_LIMIT || b == HULL_CGROUP_NO_LIMIT ? HULL_CGROUP_NO_LIMIT
								      : a + b;
}

static void put_memory(struct json_writer *w, const struct hull_cgroup *cgroup,
	const struct hull_cgroup_memory_stats *m)
{
	json_key(w, "memory");
	json_begin_object(w);
	put_nonzero(w, "cache", m->file);
	put_memory_entry(
		w, "usage", &(struct memory_entry){m->limit, m->usage, m->peak, m->failcnt});
	put_memory_entry(w, "swap",
		&(struct memory_entry){
			add_limits(m->limit, m->swap_limit), m->usage + m->swap_usage, 0, 0});
	put_memory_entry(
		w, "kernel", &(struct memory_entry){HULL_CGROUP_NO_LIMIT, m->kernel, 0, 0});
	put_memory_entry(
		w, "kernelTCP", &(struct memory_entry){HULL_CGROUP_NO_LIMIT, m->kernel_tcp, 0, 0});
	put_memory_raw(w, cgroup);
	put_pressure(w, &m->pressure);
	json_key(w, "event_count");
	json_begin_object(w);
	put_nonzero(w, "low", m->events.low);
	put_nonzero(w, "high", m->events.high);
	put_nonzero(w, "max", m->events.max);
	put_nonzero(w, "oom", m->events.oom);
	put_nonzero(w, "oom_kill", m->events.oom_kill);
	put_nonzero(w, "oom_group_kill", m->events.oom_group_kill);
	json_end_object(w);
	json_end_object(w);
}

/* ---- the rest of the cgroup ---- */

static void put_pids(struct json_writer *w, const struct hull_cgroup_pids_stats *pids)
{
	json_key(w, "pids");
	json_begin_object(w);
	put_nonzero(w, "current", pids->current);
	put_nonzero(w, "limit", pids->limit == HULL_CGROUP_NO_LIMIT ? 0 : pids->limit);
	json_end_object(w);
}

static void put_io_entry(struct json_writer *w, const struct hull_cgroup_io_stats *io,
	const char *operation, uint64_t value)
{
	json_begin_object(w);
	put_nonzero(w, "major", io->major);
	put_nonzero(w, "minor", io->minor);
	json_key(w, "op");
	json_string(w, operation);
	put_nonzero(w, "value", value);
	json_end_object(w);
}

static void put_io_list(
	struct json_writer *w, const struct hull_cgroup_stats *stats, const char *key, bool bytes)
{
	if (stats->n_io == 0)
		return;
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < stats->n_io; i++) {
		const struct hull_cgroup_io_stats *io = &stats->io[i];
		put_io_entry(w, io, "Read", bytes ? io->read_bytes : io->read_ops);
		put_io_entry(w, io, "Write", bytes ? io->write_bytes : io->write_ops);
		put_io_entry(w, io, "Discard", bytes ? io->discard_bytes : io->discard_ops);
	}
	json_end_array(w);
}

static void put_io(struct json_writer *w, const struct hull_cgroup_stats *stats)
{
	json_key(w, "blkio");
	json_begin_object(w);
	put_io_list(w, stats, "ioServiceBytesRecursive", true);
	put_io_list(w, stats, "ioServicedRecursive", false);
	put_pressure(w, &stats->io_pressure);
	json_end_object(w);
}

static void put_hugetlb(struct json_writer *w, const struct hull_cgroup_stats *stats)
{
	json_key(w, "hugetlb");
	json_begin_object(w);
	for (size_t i = 0; i < stats->n_hugetlb; i++) {
		const struct hull_cgroup_hugetlb_stats *h = &stats->hugetlb[i];
		json_key(w, h->page_size);
		json_begin_object(w);
		put_nonzero(w, "usage", h->usage);
		put_nonzero(w, "max", h->peak);
		json_member_u64(w, "failcnt", h->failcnt);
		json_end_object(w);
	}
	json_end_object(w);
}

static void put_rdma_list(
	struct json_writer *w, const char *key, const struct hull_cgroup_stats *stats, bool limits)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < stats->n_rdma; i++) {
		const struct hull_cgroup_rdma_stats *r = &stats->rdma[i];
		json_begin_object(w);
		json_key(w, "device");
		json_string(w, r->device);
		json_member_u64(w, "hcaHandles", limits ? r->hca_handles_limit : r->hca_handles);
		json_member_u64(w, "hcaObjects", limits ? r->hca_objects_limit : r->hca_objects);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_rdma(struct json_writer *w, const struct hull_cgroup_stats *stats)
{
	if (stats->n_rdma == 0)
		return;
	json_key(w, "rdma");
	json_begin_object(w);
	put_rdma_list(w, "current", stats, false);
	put_rdma_list(w, "limit", stats, true);
	json_end_object(w);
}

/* An empty object where there is no class: callers look for the member. */
static void put_rdt(struct json_writer *w, const char *closid)
{
	_cleanup_free_ char *root = NULL;

	json_key(w, "intel_rdt");
	json_begin_object(w);
	if (closid && resctrl_find(&root, NULL) == 0)
		resctrl_stats(w, root, closid);
	json_end_object(w);
}

/* ---- documents ---- */

static int stats_json(const struct hull_cgroup *cgroup, const char *id, const char *closid,
	struct hull_cgroup_stats *stats, struct buf *out, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct json_writer w = JSON_WRITER_INIT(out, 0);
	int r = hull_cgroup_stat(cgroup, 0, stats, err);

	if (r < 0)
		return r;
	json_begin_object(&w);
	json_key(&w, "type");
	json_string(&w, "stats");
	json_key(&w, "id");
	json_string(&w, id);
	json_key(&w, "data");
	json_begin_object(&w);
	put_cpu(&w, cgroup, &stats->cpu, &arena);
	put_cpuset(&w, cgroup);
	put_memory(&w, cgroup, &stats->memory);
	put_pids(&w, &stats->pids);
	put_io(&w, stats);
	put_hugetlb(&w, stats);
	put_rdma(&w, stats);
	put_rdt(&w, closid);
	json_key(&w, "network_interfaces");
	json_null(&w);
	json_end_object(&w);
	json_end_object(&w);
	return buf_error(out) ? error_no_memory(err) : 0;
}

static int open_cgroup(const struct container_ref *ref, struct hull_cgroup_host **ret_host,
	struct hull_cgroup **ret, struct hull_error *err)
{
	if (str_empty(ref->cgroup))
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "the container has no cgroup of its own");
	return cgroup_places_open(ref->cgroup, ret_host, ret, err);
}

int container_stats_json(const struct container_ref *ref, const char *closid, struct buf *out,
	struct hull_error *err)
{
	_cleanup_(hull_cgroup_stats_done) struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;
	int r = open_cgroup(ref, &host, &cgroup, err);

	return r < 0 ? r : stats_json(cgroup, ref->id, closid, &stats, out, err);
}

/* ---- the stream ---- */

DEFINE_CLEANUP(struct hull_cgroup_watch *, watch_closep, hull_cgroup_watch_close)

struct stream {
	const struct container_ref *ref;
	const char *closid;
	const struct hull_cgroup *cgroup;
	struct hull_cgroup_watch *watch;
	struct hull_cgroup_stats stats;
	int (*put)(const char *json, void *data);
	void *data;
};

static int put_stats(struct stream *s, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = stats_json(s->cgroup, s->ref->id, s->closid, &s->stats, &text, err);

	return r < 0 ? r : s->put(buf_str(&text), s->data);
}

/* One document per time that the limit was hit; 1 when the cgroup is gone. */
static int put_oom(struct stream *s, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct hull_cgroup_event event;
	int r = hull_cgroup_watch_read(s->watch, &event, err);

	if (r <= 0)
		return r;
	if (event.gone)
		return 1;
	json_begin_object(&w);
	json_key(&w, "type");
	json_string(&w, "oom");
	json_key(&w, "id");
	json_string(&w, s->ref->id);
	json_end_object(&w);
	return buf_error(&text) ? error_no_memory(err) : s->put(buf_str(&text), s->data);
}

static int stream_run(struct stream *s, int pidfd, int interval_ms, struct hull_error *err)
{
	int64_t next = clock_monotonic_ns() + interval_ms * NS_PER_MS;

	for (;;) {
		short events = 0;
		int watch_fd = s->watch ? hull_cgroup_watch_fd(s->watch, &events) : -1;
		struct pollfd fds[2] = {
			{.fd = pidfd, .events = POLLIN}, {.fd = watch_fd, .events = events}};
		int64_t left = next - clock_monotonic_ns();
		int n = poll(fds, 2, left > 0 ? (int)(left / NS_PER_MS) + 1 : 0);
		int r = 0;
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "poll");
		/* What happened last is told before the end is. */
		if (n > 0 && fds[1].revents)
			r = put_oom(s, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (n > 0 && fds[0].revents)
			return 0;
		if (clock_monotonic_ns() < next)
			continue;
		next += interval_ms * NS_PER_MS;
		r = put_stats(s, err);
		/* The group may go before the process's end is told. */
		if (r < 0 && err && err->kind == HULL_ERROR_NOT_FOUND) {
			hull_error_done(err);
			return 0;
		}
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

int container_events(const struct container_ref *ref, const char *closid, int interval_ms,
	int (*put)(const char *json, void *data), void *data, struct hull_error *err)
{
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;
	_cleanup_(watch_closep) struct hull_cgroup_watch *watch = NULL;
	_cleanup_close_ int pidfd = container_open_pidfd(ref, err);

	if (pidfd == -ESRCH)
		return error_set(
			err, HULL_ERROR_CONFLICT, "container with id %s is not running", ref->id);
	if (pidfd < 0)
		return pidfd;
	int r = open_cgroup(ref, &host, &cgroup, err);
	if (r < 0)
		return r;
	/* A group without the memory controller has statistics all the same. */
	if (hull_cgroup_controllers(cgroup) & HULL_CGROUP_BIT(HULL_CGROUP_MEMORY))
		r = hull_cgroup_watch_open(cgroup, HULL_CGROUP_EVENT_OOM, NULL, &watch, err);
	if (r < 0)
		return r;
	struct stream s = {.ref = ref,
		.closid = closid,
		.cgroup = cgroup,
		.watch = watch,
		.put = put,
		.data = data};
	r = stream_run(&s, pidfd, interval_ms, err);
	hull_cgroup_stats_done(&s.stats);
	return r;
}

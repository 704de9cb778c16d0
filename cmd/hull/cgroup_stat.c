/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/size.h"
#include "cli/table.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

struct stat_options {
	bool json;
	char *watch;
};

static const struct cli_option options[] = {
	{"json", 0, CLI_FLAG, offsetof(struct stat_options, json), NULL,
		"Print JSON, one object per line when watching"},
	{"watch", 'w', CLI_OPTIONAL_STRING, offsetof(struct stat_options, watch), "interval",
		"Print again at each interval (1s), with what was used meanwhile"},
};

/* ---- JSON ---- */

static void json_number(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, key);
	if (value == HULL_CGROUP_NO_LIMIT)
		json_string(w, "max");
	else
		json_u64(w, value);
}

static void json_pressure_line(
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
	json_number(w, "totalUs", line->total_us);
	json_end_object(w);
}

static void json_pressure(struct json_writer *w, const struct hull_cgroup_pressure *pressure)
{
	if (!pressure->present)
		return;
	json_key(w, "pressure");
	json_begin_object(w);
	json_pressure_line(w, "some", &pressure->some);
	json_pressure_line(w, "full", &pressure->full);
	json_end_object(w);
}

static void json_cpu(struct json_writer *w, const struct hull_cgroup_cpu_stats *cpu)
{
	json_key(w, "cpu");
	json_begin_object(w);
	json_number(w, "usageNs", cpu->usage_ns);
	json_number(w, "userNs", cpu->user_ns);
	json_number(w, "systemNs", cpu->system_ns);
	json_number(w, "periods", cpu->periods);
	json_number(w, "throttledPeriods", cpu->throttled_periods);
	json_number(w, "throttledNs", cpu->throttled_ns);
	json_pressure(w, &cpu->pressure);
	json_end_object(w);
}

static void json_memory(struct json_writer *w, const struct hull_cgroup_memory_stats *memory)
{
	json_key(w, "memory");
	json_begin_object(w);
	json_number(w, "usage", memory->usage);
	json_number(w, "workingSet", memory->working_set);
	json_number(w, "peak", memory->peak);
	json_number(w, "limit", memory->limit);
	json_number(w, "swapUsage", memory->swap_usage);
	json_number(w, "swapLimit", memory->swap_limit);
	json_number(w, "anon", memory->anon);
	json_number(w, "file", memory->file);
	json_number(w, "kernel", memory->kernel);
	json_number(w, "faults", memory->faults);
	json_number(w, "majorFaults", memory->major_faults);
	json_number(w, "limitHits", memory->failcnt);
	json_number(w, "oom", memory->events.oom);
	json_number(w, "oomKills", memory->events.oom_kill);
	json_pressure(w, &memory->pressure);
	json_end_object(w);
}

static void json_lists(struct json_writer *w, const struct hull_cgroup_stats *s)
{
	json_key(w, "io");
	json_begin_array(w);
	for (size_t i = 0; i < s->n_io; i++) {
		const struct hull_cgroup_io_stats *io = &s->io[i];

		json_begin_object(w);
		json_number(w, "major", io->major);
		json_number(w, "minor", io->minor);
		json_number(w, "readBytes", io->read_bytes);
		json_number(w, "writeBytes", io->write_bytes);
		json_number(w, "readOps", io->read_ops);
		json_number(w, "writeOps", io->write_ops);
		json_end_object(w);
	}
	json_end_array(w);
	if (s->n_hugetlb) {
		json_key(w, "hugetlb");
		json_begin_object(w);
		for (size_t i = 0; i < s->n_hugetlb; i++) {
			json_key(w, s->hugetlb[i].page_size);
			json_begin_object(w);
			json_number(w, "usage", s->hugetlb[i].usage);
			json_number(w, "limit", s->hugetlb[i].limit);
			json_number(w, "failcnt", s->hugetlb[i].failcnt);
			json_end_object(w);
		}
		json_end_object(w);
	}
	if (s->n_rdma) {
		json_key(w, "rdma");
		json_begin_object(w);
		for (size_t i = 0; i < s->n_rdma; i++) {
			json_key(w, s->rdma[i].device);
			json_begin_object(w);
			json_number(w, "hcaHandles", s->rdma[i].hca_handles);
			json_number(w, "hcaObjects", s->rdma[i].hca_objects);
			json_end_object(w);
		}
		json_end_object(w);
	}
}

static void print_json(const struct hull_cgroup_stats *s, unsigned int indent, struct buf *out)
{
	struct json_writer w = JSON_WRITER_INIT(out, indent);

	json_begin_object(&w);
	if (s->cpu.present)
		json_cpu(&w, &s->cpu);
	if (s->memory.present)
		json_memory(&w, &s->memory);
	if (s->pids.present) {
		json_key(&w, "pids");
		json_begin_object(&w);
		json_number(&w, "current", s->pids.current);
		json_number(&w, "peak", s->pids.peak);
		json_number(&w, "limit", s->pids.limit);
		json_number(&w, "refused", s->pids.events_max);
		json_end_object(&w);
	}
	json_lists(&w, s);
	json_end_object(&w);
	buf_putc(out, '\n');
}

/* ---- Table ---- */

static void put_size(struct buf *out, uint64_t bytes)
{
	char text[SIZE_TEXT_SIZE] = "max";

	if (bytes != HULL_CGROUP_NO_LIMIT)
		size_format_binary(bytes, text);
	buf_puts(out, text);
}

static void put_seconds(struct buf *out, uint64_t ns)
{
	uint64_t ms = ns / NS_PER_MS;

	buf_printf(out, "%" PRIu64 ".%03" PRIu64 "s", ms / 1000, ms % 1000);
}

static void put_pressure(struct buf *out, const struct hull_cgroup_pressure *pressure)
{
	if (pressure->present)
		buf_printf(out, "\tpressure\t%.2f%% some, %.2f%% full in 10s\n",
			pressure->some.avg10, pressure->full.avg10);
}

static void put_cpu(struct buf *out, const struct hull_cgroup_cpu_stats *cpu, double percent)
{
	buf_puts(out, "cpu\tused\t");
	/* v1 counts in a hierarchy of its own, which the group need not be in. */
	if (cpu->usage_ns) {
		put_seconds(out, cpu->usage_ns);
		buf_puts(out, " (user ");
		put_seconds(out, cpu->user_ns);
		buf_puts(out, ", system ");
		put_seconds(out, cpu->system_ns);
		buf_puts(out, ")\n");
	} else {
		buf_puts(out, "-\n");
	}
	if (percent >= 0)
		buf_printf(out, "\tnow\t%.1f%% of one CPU\n", percent);
	if (cpu->periods) {
		buf_printf(out, "\tthrottled\t%" PRIu64 " of %" PRIu64 " periods, ",
			cpu->throttled_periods, cpu->periods);
		put_seconds(out, cpu->throttled_ns);
		buf_putc(out, '\n');
	}
	put_pressure(out, &cpu->pressure);
}

static void put_memory(struct buf *out, const struct hull_cgroup_memory_stats *memory)
{
	buf_puts(out, "memory\tused\t");
	put_size(out, memory->usage);
	buf_puts(out, " of ");
	put_size(out, memory->limit);
	buf_puts(out, "\n\tworking set\t");
	put_size(out, memory->working_set);
	buf_puts(out, " (anon ");
	put_size(out, memory->anon);
	buf_puts(out, ", file ");
	put_size(out, memory->file);
	buf_puts(out, ")\n");
	if (memory->peak) {
		buf_puts(out, "\tpeak\t");
		put_size(out, memory->peak);
		buf_putc(out, '\n');
	}
	buf_puts(out, "\tswap\t");
	put_size(out, memory->swap_usage);
	buf_puts(out, " of ");
	put_size(out, memory->swap_limit);
	buf_printf(out, "\n\tlimit hit\t%" PRIu64 " times, %" PRIu64 " killed\n", memory->failcnt,
		memory->events.oom_kill);
	put_pressure(out, &memory->pressure);
}

static void put_pids(struct buf *out, const struct hull_cgroup_pids_stats *pids)
{
	buf_printf(out, "pids\tnow\t%" PRIu64 " of ", pids->current);
	if (pids->limit == HULL_CGROUP_NO_LIMIT)
		buf_puts(out, "max\n");
	else
		buf_printf(out, "%" PRIu64 "\n", pids->limit);
	if (pids->events_max)
		buf_printf(out, "\trefused\t%" PRIu64 " times\n", pids->events_max);
}

static void print_table(const struct hull_cgroup_stats *s, double percent, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (s->cpu.present)
		put_cpu(&text, &s->cpu, percent);
	if (s->memory.present)
		put_memory(&text, &s->memory);
	if (s->pids.present)
		put_pids(&text, &s->pids);
	for (size_t i = 0; i < s->n_io; i++) {
		buf_printf(&text, "io\t%" PRIu32 ":%" PRIu32 "\tread ", s->io[i].major,
			s->io[i].minor);
		put_size(&text, s->io[i].read_bytes);
		buf_printf(&text, " in %" PRIu64 ", written ", s->io[i].read_ops);
		put_size(&text, s->io[i].write_bytes);
		buf_printf(&text, " in %" PRIu64 "\n", s->io[i].write_ops);
	}
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		buf_printf(&text, "hugetlb\t%s\t", s->hugetlb[i].page_size);
		put_size(&text, s->hugetlb[i].usage);
		buf_puts(&text, " of ");
		put_size(&text, s->hugetlb[i].limit);
		buf_putc(&text, '\n');
	}
	table_format(out, buf_str(&text), text.len, 0, 2);
}

/* ---- The command ---- */

struct sample {
	int64_t when_ns;
	uint64_t cpu_ns;
};

static int print_once(const struct hull_cgroup *group, const struct stat_options *o,
	struct hull_cgroup_stats *stats, struct sample *last, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	double percent = -1;

	int r = hull_cgroup_stat(group, 0, stats, err);
	if (r < 0)
		return r;
	struct sample now = {clock_monotonic_ns(), stats->cpu.usage_ns};
	if (last->when_ns && now.when_ns > last->when_ns)
		percent = 100.0 * (double)(now.cpu_ns - last->cpu_ns) /
			  (double)(now.when_ns - last->when_ns);
	*last = now;
	if (o->json)
		print_json(stats, o->watch ? 0 : 2, &out);
	else
		print_table(stats, percent, &out);
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	if (fputs(buf_str(&out), stdout) < 0 || fflush(stdout) < 0)
		return error_errno(err, errno, "standard output");
	return 0;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct stat_options *o = data;
	_cleanup_(group_ref_done) struct group_ref ref = {0};
	_cleanup_(hull_cgroup_stats_done) struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	struct sample last = {0};
	int64_t interval = NS_PER_SECOND;

	if (!str_empty(o->watch) && (str_to_duration(o->watch, &interval) < 0 || interval <= 0))
		return error_set(err, HULL_ERROR_INVALID, "--watch=%s: not a duration", o->watch);
	int r = group_ref_open(&ref, argv[0], err);
	if (r == 0)
		r = print_once(ref.group, o, &stats, &last, err);
	while (r == 0 && o->watch) {
		struct timespec pause = {interval / NS_PER_SECOND, interval % NS_PER_SECOND};

		nanosleep(&pause, NULL);
		if (!o->json)
			putchar('\n');
		r = print_once(ref.group, o, &stats, &last, err);
		/* The end of the group is the end of the watch. */
		if (r == -ENOENT) {
			hull_error_done(err);
			return 0;
		}
	}
	return r;
}

const struct cli_command hull_cgroup_stat_command = {
	.name = "stat",
	.arguments = "[OPTIONS] GROUP",
	.summary = "Show what a control group uses",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct stat_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

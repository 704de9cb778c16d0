/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include "base/clock.h"
#include "base/str.h"
#include "json/json.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#define WATCHES_MAX 5

struct events_options {
	struct hull_opt_u64 threshold; /* bytes */
	struct hull_opt_i64 stall, window, timeout;
	char *level;
	bool json;
	int count;
};

static const struct cli_option options[] = {
	{"json", 0, CLI_FLAG, offsetof(struct events_options, json), NULL,
		"Print one JSON object per event"},
	{"threshold", 0, CLI_SIZE, offsetof(struct events_options, threshold), "bytes",
		"Tell when memory use crosses this many bytes (v1), or memory.high is hit (v2)"},
	{"pressure-level", 0, CLI_STRING, offsetof(struct events_options, level), "level",
		"Tell of memory pressure: low, medium or critical (v1)", "low medium critical"},
	{"stall", 0, CLI_DURATION, offsetof(struct events_options, stall), "duration",
		"Tell when processes stalled on memory for this long (v2)"},
	{"window", 0, CLI_DURATION, offsetof(struct events_options, window), "duration",
		"The span in which --stall is counted", NULL, 0, "1s"},
	{"count", 'n', CLI_INT, offsetof(struct events_options, count), "number",
		"End after this many events"},
	{"timeout", 't', CLI_DURATION, offsetof(struct events_options, timeout), "duration",
		"End after this time"},
};

static const char *const names[] = {
	[HULL_CGROUP_EVENT_OOM] = "oom",
	[HULL_CGROUP_EVENT_THRESHOLD] = "threshold",
	[HULL_CGROUP_EVENT_PRESSURE] = "pressure",
	[HULL_CGROUP_EVENT_POPULATED] = "populated",
	[HULL_CGROUP_EVENT_FROZEN] = "frozen",
};

struct watches {
	struct hull_cgroup_watch *list[WATCHES_MAX];
	struct pollfd fds[WATCHES_MAX];
	nfds_t n;
};

static void watches_done(struct watches *w)
{
	for (nfds_t i = 0; i < w->n; i++)
		hull_cgroup_watch_close(w->list[i]);
}

/* What cannot be watched on this machine is left out, unless it was asked for by name. */
static int watch_add(struct watches *w, const struct hull_cgroup *group,
	enum hull_cgroup_event_kind kind, const struct hull_cgroup_event_options *o, bool wanted,
	struct hull_error *err)
{
	int r = hull_cgroup_watch_open(group, kind, o, &w->list[w->n], err);

	if (r < 0 && !wanted) {
		hull_error_done(err);
		return 0;
	}
	if (r < 0)
		return r;
	w->fds[w->n].fd = hull_cgroup_watch_fd(w->list[w->n], &w->fds[w->n].events);
	w->n++;
	return 0;
}

static int watches_open(struct watches *w, const struct hull_cgroup *group,
	const struct events_options *o, struct hull_error *err)
{
	struct hull_cgroup_event_options threshold = {.value = o->threshold.value};
	struct hull_cgroup_event_options level = {.level = o->level};
	struct hull_cgroup_event_options stall = {.value = (uint64_t)o->stall.value / 1000,
		.window = (uint64_t)o->window.value / 1000};

	int r = watch_add(w, group, HULL_CGROUP_EVENT_OOM, NULL, false, err);
	if (r == 0)
		r = watch_add(w, group, HULL_CGROUP_EVENT_POPULATED, NULL, false, err);
	if (r == 0 && o->threshold.set)
		r = watch_add(w, group, HULL_CGROUP_EVENT_THRESHOLD, &threshold, true, err);
	if (r == 0 && o->level)
		r = watch_add(w, group, HULL_CGROUP_EVENT_PRESSURE, &level, true, err);
	else if (r == 0 && o->stall.set)
		r = watch_add(w, group, HULL_CGROUP_EVENT_PRESSURE, &stall, true, err);
	if (r == 0 && w->n == 0)
		return error_set(
			err, HULL_ERROR_UNSUPPORTED, "nothing of the group can be watched");
	return r;
}

static int print_event(const struct hull_cgroup_event *event, bool json, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	char when[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(clock_realtime_ns(), when);
	if (json) {
		json_begin_object(&w);
		json_key(&w, "time");
		json_string(&w, when);
		json_key(&w, "event");
		json_string(&w, event->gone ? "removed" : names[event->kind]);
		if (event->kind == HULL_CGROUP_EVENT_POPULATED) {
			json_key(&w, "populated");
			json_boolean(&w, event->populated);
			json_key(&w, "frozen");
			json_boolean(&w, event->frozen);
		} else {
			json_key(&w, "count");
			json_u64(&w, event->count);
		}
		json_end_object(&w);
		buf_putc(&out, '\n');
	} else if (event->gone) {
		buf_printf(&out, "%s removed\n", when);
	} else if (event->kind == HULL_CGROUP_EVENT_POPULATED) {
		buf_printf(&out, "%s %s%s\n", when, event->populated ? "populated" : "empty",
			event->frozen ? ", frozen" : "");
	} else if (event->kind == HULL_CGROUP_EVENT_OOM) {
		buf_printf(&out, "%s oom: %" PRIu64 " killed\n", when, event->count);
	} else {
		buf_printf(&out, "%s %s: %" PRIu64 "\n", when, names[event->kind], event->count);
	}
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	if (fputs(buf_str(&out), stdout) < 0 || fflush(stdout) < 0)
		return error_errno(err, errno, "standard output");
	return 0;
}

/* 1 to go on, 0 to end. */
static int handle(
	struct watches *w, const struct events_options *o, int *printed, struct hull_error *err)
{
	bool gone = false;

	for (nfds_t i = 0; i < w->n; i++) {
		struct hull_cgroup_event event;

		if (!w->fds[i].revents)
			continue;
		int r = hull_cgroup_watch_read(w->list[i], &event, err);
		if (r < 0)
			return r;
		if (r == 0 || (event.gone && gone))
			continue;
		gone = gone || event.gone;
		r = print_event(&event, o->json, err);
		if (r < 0)
			return r;
		if (++*printed == o->count)
			return 0;
	}
	return gone ? 0 : 1;
}

static int left_ms(int64_t end_ns)
{
	if (end_ns < 0)
		return -1;
	int64_t left = end_ns - clock_monotonic_ns();
	return left <= 0 ? 0 : left / NS_PER_MS >= INT_MAX ? INT_MAX : (int)(left / NS_PER_MS) + 1;
}

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct events_options *o = data;
	_cleanup_(group_ref_done) struct group_ref ref = {0};
	_cleanup_(watches_done) struct watches w = {0};
	int64_t end_ns = o->timeout.set ? clock_monotonic_ns() + o->timeout.value : -1;
	int printed = 0;

	int r = group_ref_open(&ref, argv[0], err);
	if (r == 0)
		r = watches_open(&w, ref.group, o, err);
	if (r < 0)
		return r;
	for (;;) {
		int left = left_ms(end_ns);
		if (left == 0)
			return 0;
		int n = poll(w.fds, w.n, left);
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "poll");
		if (n <= 0)
			continue;
		r = handle(&w, o, &printed, err);
		if (r <= 0)
			return r;
	}
}

const struct cli_command hull_cgroup_events_command = {
	.name = "events",
	.arguments = "[OPTIONS] GROUP",
	.summary = "Show events of a control group as they happen",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct events_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

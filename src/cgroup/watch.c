/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as fds.
 *
 * v1: an eventfd registered in cgroup.event_control, with the file it is about. v2: the events files
 * (memory.events, cgroup.events) wake poll with POLLPRI when they have changed since they were last
 * read through that fd; a PSI trigger is an fd of memory.pressure that a threshold was written to.
 * v1 has no event for "empty", so there that is v2's too, which a hybrid machine has.
 *
 * Removing a group wakes v1's eventfds and PSI triggers, but nobody who polls a file of it. So a
 * watch of an events file also listens, through inotify, for deletions in the directory above; an
 * epoll instance makes one fd of the two.
 */
#include "cgroup/file.h"
#include "cgroup/task.h"

#include "base/str.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

struct hull_cgroup_watch {
	enum hull_cgroup_event_kind kind;
	int fd; /* to be polled: eventfd, epoll instance or trigger */
	short events;
	int about;	    /* v1: the file that the eventfd is about, -1 otherwise */
	int file;	    /* v2: the events file, -1 otherwise */
	int removals;	    /* v2: inotify, -1 otherwise */
	uint64_t crossings; /* eventfd and trigger: so far */
	struct hull_cgroup_event last;
};

void hull_cgroup_watch_close(struct hull_cgroup_watch *watch)
{
	if (!watch)
		return;
	cleanup_closep(&watch->fd);
	cleanup_closep(&watch->about);
	cleanup_closep(&watch->file);
	cleanup_closep(&watch->removals);
	free(watch);
}

DEFINE_CLEANUP(struct hull_cgroup_watch *, watch_freep, hull_cgroup_watch_close)

/* v1: "EVENT_FD FILE_FD [ARGUMENT]" into cgroup.event_control. */
static int watch_v1(struct hull_cgroup_watch *watch, const struct group_place *place,
	const char *file, const char *argument, struct hull_error *err)
{
	char text[128];

	watch->about = place_open(place, file, O_RDONLY);
	if (watch->about < 0)
		return place_error(place, file, NULL, watch->about, err);
	watch->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->fd < 0)
		return error_errno(err, errno, "eventfd");
	watch->events = POLLIN;
	snprintf(text, sizeof(text), "%d %d%s%s", watch->fd, watch->about, *argument ? " " : "",
		argument);
	int r = place_put(place, "cgroup.event_control", text);
	if (r < 0)
		return place_error(place, file, *argument ? argument : NULL, r, err);
	return 0;
}

/* The state now, from an events file: also arms its fd for the next change. */
static int read_events(struct hull_cgroup_watch *watch, struct hull_cgroup_event *event)
{
	char text[512];
	uint64_t number = 0;
	ssize_t n = pread(watch->file, text, sizeof(text) - 1, 0);

	*event = (struct hull_cgroup_event){.kind = watch->kind};
	if (n < 0 && (errno == ENODEV || errno == ENOENT)) {
		event->gone = true;
		return 0;
	}
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (watch->kind == HULL_CGROUP_EVENT_OOM) {
		keyed_u64(text, "oom", &event->oom);
		keyed_u64(text, "oom_kill", &event->count);
	} else if (watch->kind == HULL_CGROUP_EVENT_THRESHOLD) {
		keyed_u64(text, "high", &event->count);
	}
	if (keyed_u64(text, "populated", &number))
		event->populated = number != 0;
	number = 0;
	if (keyed_u64(text, "frozen", &number))
		event->frozen = number != 0;
	return 0;
}

/* An inotify fd for deletions beside the group; -1 where the user has too many, as before. */
static int open_removals(const struct group_place *place)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_free_ char *parent = strdup(place->full_path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (fd < 0 || !slash)
		return -1;
	*slash = '\0';
	if (inotify_add_watch(fd, parent, IN_DELETE | IN_ONLYDIR) < 0)
		return -1;
	return TAKE_FD(fd);
}

/* What they say does not matter: the events file tells whether it is the group that is gone. */
static void drain_removals(int fd)
{
	char text[4096];

	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
}

static int watch_events_file(struct hull_cgroup_watch *watch, const struct group_place *place,
	const char *file, struct hull_error *err)
{
	struct epoll_event events = {.events = EPOLLPRI}, removals = {.events = EPOLLIN};

	watch->file = place_open(place, file, O_RDONLY);
	if (watch->file < 0)
		return place_error(place, file, NULL, watch->file, err);
	watch->removals = open_removals(place);
	watch->fd = epoll_create1(EPOLL_CLOEXEC);
	watch->events = POLLIN;
	if (watch->fd < 0 || epoll_ctl(watch->fd, EPOLL_CTL_ADD, watch->file, &events) < 0 ||
		(watch->removals >= 0 &&
			epoll_ctl(watch->fd, EPOLL_CTL_ADD, watch->removals, &removals) < 0))
		return error_errno(err, errno, "epoll");
	int r = read_events(watch, &watch->last);
	return r < 0 ? place_error(place, file, NULL, r, err) : 0;
}

static int watch_pressure(struct hull_cgroup_watch *watch, const struct group_place *place,
	const struct hull_cgroup_event_options *options, struct hull_error *err)
{
	char text[96];

	watch->fd = place_open(place, "memory.pressure", O_RDWR | O_NONBLOCK);
	if (watch->fd < 0)
		return place_error(place, "memory.pressure", NULL, watch->fd, err);
	watch->events = POLLPRI;
	/* The kernel wants the NUL as well. */
	int n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64,
		options->full ? "full" : "some", options->value, options->window);
	if (write(watch->fd, text, (size_t)n + 1) < 0)
		return place_error(place, "memory.pressure", text, errno, err);
	return 0;
}

static int watch_memory(struct hull_cgroup_watch *watch, const struct hull_cgroup *cgroup,
	const struct hull_cgroup_event_options *options, struct hull_error *err)
{
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_MEMORY);
	char number[32];

	/* PSI does not need the controller; a hybrid machine with memory on v1 has its own file. */
	if (watch->kind == HULL_CGROUP_EVENT_PRESSURE && options->window) {
		const struct group_place *v2 = group_place_v2(cgroup);
		if (v2)
			return watch_pressure(watch, v2, options, err);
	}
	if (!place)
		return error_errno(err, EOPNOTSUPP, "the cgroup has no memory controller");
	if (place->hierarchy->version == 2) {
		if (watch->kind == HULL_CGROUP_EVENT_PRESSURE)
			return error_set(err, HULL_ERROR_INVALID,
				"memory.pressure: a trigger needs a window");
		return watch_events_file(watch, place, "memory.events", err);
	}
	snprintf(number, sizeof(number), "%" PRIu64, options->value);
	switch (watch->kind) {
	case HULL_CGROUP_EVENT_OOM:
		return watch_v1(watch, place, "memory.oom_control", "", err);
	case HULL_CGROUP_EVENT_THRESHOLD:
		return watch_v1(watch, place, "memory.usage_in_bytes", number, err);
	default:
		return watch_v1(watch, place, "memory.pressure_level",
			options->level ? options->level : "medium", err);
	}
}

int hull_cgroup_watch_open(const struct hull_cgroup *cgroup, enum hull_cgroup_event_kind kind,
	const struct hull_cgroup_event_options *options, struct hull_cgroup_watch **ret,
	struct hull_error *err)
{
	static const struct hull_cgroup_event_options none = {0};
	_cleanup_(watch_freep) struct hull_cgroup_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return error_no_memory(err);
	watch->kind = kind;
	watch->fd = watch->about = watch->file = watch->removals = -1;
	if (kind == HULL_CGROUP_EVENT_POPULATED || kind == HULL_CGROUP_EVENT_FROZEN) {
		const struct group_place *v2 = group_place_v2(cgroup);

		r = v2 ? watch_events_file(watch, v2, "cgroup.events", err)
		       : error_errno(
				 err, EOPNOTSUPP, "cgroup.events: the cgroup is not in a v2 tree");
	} else {
		r = watch_memory(watch, cgroup, options ? options : &none, err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(watch);
	return 0;
}

int hull_cgroup_watch_fd(const struct hull_cgroup_watch *watch, short *ret_events)
{
	*ret_events = watch->events;
	return watch->fd;
}

/* v1: the eventfd tells that something happened, the file what the state is. */
static int read_v1(
	struct hull_cgroup_watch *watch, struct hull_cgroup_event *ret, struct hull_error *err)
{
	uint64_t times;
	char text[256];

	if (read(watch->fd, &times, sizeof(times)) < 0)
		return errno == EAGAIN ? 0 : error_errno(err, errno, "eventfd");
	watch->crossings += times;
	struct hull_cgroup_event event = {.kind = watch->kind, .count = watch->crossings};
	ssize_t n = pread(watch->about, text, sizeof(text) - 1, 0);
	/* Removing a group wakes its eventfds too. A file that cannot be read (memory.pressure_level)
	 * still tells whether it is there. */
	if (n < 0 && (errno == ENODEV || errno == ENOENT)) {
		event.gone = true;
	} else if (n >= 0 && watch->kind == HULL_CGROUP_EVENT_OOM) {
		text[n] = '\0';
		event.oom = watch->crossings;
		keyed_u64(text, "oom_kill", &event.count);
	}
	*ret = event;
	return 1;
}

/*
 * A trigger forgets that it has fired as soon as poll has told so, and cannot be asked again: whoever
 * calls this was told.
 */
static int read_trigger(struct hull_cgroup_watch *watch, struct hull_cgroup_event *ret)
{
	char text[256];
	bool gone = pread(watch->fd, text, sizeof(text), 0) < 0 && errno == ENODEV;

	*ret = (struct hull_cgroup_event){
		.kind = watch->kind, .count = watch->crossings += !gone, .gone = gone};
	return 1;
}

int hull_cgroup_watch_read(
	struct hull_cgroup_watch *watch, struct hull_cgroup_event *ret, struct hull_error *err)
{
	struct hull_cgroup_event event;

	if (watch->about >= 0)
		return read_v1(watch, ret, err);
	if (watch->kind == HULL_CGROUP_EVENT_PRESSURE)
		return read_trigger(watch, ret);
	drain_removals(watch->removals);
	int r = read_events(watch, &event);
	if (r < 0)
		return error_errno(err, r, "events");
	const struct hull_cgroup_event *last = &watch->last;
	if (event.count == last->count && event.oom == last->oom && event.gone == last->gone &&
		event.populated == last->populated && event.frozen == last->frozen)
		return 0;
	*ret = watch->last = event;
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settle.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/network.h"
#include "engine/process.h"
#include "engine/rootfs.h"

#include <signal.h>

#define DESTROY_TIMEOUT_MS 10000

static int read_exit_record(const struct engine *engine, const char *id, struct monitor_exit *ret)
{
	_cleanup_free_ char *dir = container_run_dir(engine, id), *line = NULL;
	_cleanup_free_ char *path = dir ? str_printf("%s/" MONITOR_EXIT_RECORD, dir) : NULL;
	long long finished;
	int code;

	if (!path)
		return -ENOMEM;
	int r = file_read_line_at(AT_FDCWD, path, &line);
	if (r < 0)
		return r;
	if (sscanf(line, "%d %lld", &code, &finished) != 2)
		return -EINVAL;
	*ret = (struct monitor_exit){.exit_code = code, .finished = finished};
	return 0;
}

/* The container's cgroup, looked up by its name. */
static int open_cgroup(
	const struct container *c, struct hull_cgroup_host **ret_host, struct hull_cgroup **ret)
{
	_cleanup_free_ char *path = container_cgroup_path(c);

	if (!path)
		return -ENOMEM;
	int r = hull_cgroup_host_open(ret_host, NULL);
	return r < 0 ? r : hull_cgroup_load(*ret_host, path, 0, ret, NULL);
}

/* True if the kernel's out-of-memory killer was at work in the container's cgroup. */
static bool was_oom_killed(const struct container *c)
{
	struct hull_cgroup_host *host = NULL;
	struct hull_cgroup *cgroup = NULL;
	struct hull_cgroup_stats stats = HULL_CGROUP_STATS_INIT;
	bool killed = false;

	if (open_cgroup(c, &host, &cgroup) == 0 &&
		hull_cgroup_stat(cgroup, HULL_CGROUP_BIT(HULL_CGROUP_MEMORY), &stats, NULL) == 0)
		killed = stats.memory.events.oom_kill > 0;
	hull_cgroup_stats_done(&stats);
	hull_cgroup_free(cgroup);
	hull_cgroup_host_close(host);
	return killed;
}

/* The monitor-to-be may have died between making the cgroup and saying so: its name is known. */
static void destroy_unrecorded(const struct container *c)
{
	struct hull_cgroup_host *host = NULL;
	struct hull_cgroup *cgroup = NULL;

	if (open_cgroup(c, &host, &cgroup) == 0)
		hull_cgroup_delete(cgroup, HULL_CGROUP_DELETE_RECURSIVE | HULL_CGROUP_DELETE_KILL,
			DESTROY_TIMEOUT_MS, NULL);
	hull_cgroup_free(cgroup);
	hull_cgroup_host_close(host);
}

/* Kills and removes what the record of processes names. */
static int destroy_processes(struct engine *engine, struct container *c,
	const struct monitor_exit *end, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

	int r = container_process_load(engine, c, &p, &why);
	if (r < 0 && why.kind == HULL_ERROR_NOT_FOUND) {
		destroy_unrecorded(c);
		return 0;
	}
	if (r < 0) {
		error_move(err, &why);
		return r;
	}
	if (end->exit_code == 128 + SIGKILL)
		c->oom_killed = was_oom_killed(c);
	return container_destroy(&p.ref, DESTROY_TIMEOUT_MS, err);
}

/*
 * What cannot be given back (the packet filter is gone, the privilege is missing) must not keep a
 * container from ending: its records are gone with it, and the next look at its networks makes the
 * kernel agree with the records.
 */
static void release_networks(struct engine *engine, const struct container *c)
{
	container_network_stop(engine, c, NULL);
}

int settle(struct engine *engine, struct container *c, const struct monitor_exit *end,
	struct hull_error *err)
{
	struct monitor_exit record = {.exit_code = 128 + SIGKILL};
	_cleanup_close_ int lock = -1;

	if (!end) {
		if (read_exit_record(engine, c->id, &record) < 0) {
			record.finished = clock_realtime_ns();
			c->error = arena_strdup(&c->arena, "its monitor was killed");
		}
		end = &record;
	}
	int r = destroy_processes(engine, c, end, err);
	if (r < 0)
		return error_wrap(err, r, "container %s", c->name);
	/* Who connects it meanwhile comes before and is undone here, or later and finds it ended. */
	r = container_network_lock(engine, c, &lock, err);
	if (r < 0)
		return r;
	release_networks(engine, c);
	c->state = arena_strdup(&c->arena, "exited");
	c->exit_code = end->exit_code;
	c->finished = end->finished;
	if (c->config->auto_remove) {
		r = container_delete(engine, c, err);
	} else {
		r = container_set_ended(engine, c, err);
		if (r == 0)
			container_remove_run_dir(engine, c->id);
	}
	if (r == 0)
		rootfs_release(engine);
	return r;
}

int settle_if_abandoned(struct engine *engine, struct container **c, struct hull_error *err)
{
	_cleanup_close_ int lock = -1;

	if (!container_is_running(*c) || container_is_locked(engine, (*c)->id))
		return 0;
	int r = container_lock(engine, (*c)->id, false, &lock, err);
	if (r <= 0)
		return r;
	/* Before we had the lock somebody else may have settled it: look again. */
	_cleanup_free_ char *id = strdup((*c)->id);
	if (!id)
		return error_no_memory(err);
	container_free(*c);
	*c = NULL;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	r = container_load_id(engine, id, c, &why);
	if (r < 0 && why.kind == HULL_ERROR_NOT_FOUND) {
		container_remove_run_dir(engine, id); /* made again by taking the lock */
		return 0;
	}
	if (r < 0) {
		error_move(err, &why);
		return r;
	}
	if (!container_is_running(*c)) {
		container_remove_run_dir(engine, id);
		return 0;
	}
	r = settle(engine, *c, NULL, err);
	if (r == 0 && (*c)->config->auto_remove) {
		container_free(*c);
		*c = NULL;
	}
	return r;
}

int settle_failed_start(struct engine *engine, struct container *c, const struct hull_error *why,
	struct hull_error *err)
{
	const struct monitor_exit none = {0};

	/* A start that was killed instead of failing has undone nothing. */
	int r = destroy_processes(engine, c, &none, err);
	if (r < 0)
		return r;
	release_networks(engine, c);
	if (c->config->auto_remove) {
		r = container_delete(engine, c, err);
		if (r == 0)
			rootfs_release(engine);
		return r;
	}
	c->state = arena_strdup(&c->arena, c->run > 1 ? "exited" : "created");
	c->error = arena_strdup(&c->arena, hull_error_message(why));
	c->exit_code = error_kind_exit_code(why->kind);
	if (c->exit_code == 125)
		c->exit_code = 128; /* as Docker records it */
	c->finished = c->run > 1 ? clock_realtime_ns() : 0;
	if (c->run <= 1)
		c->started = 0;
	if (!c->error)
		return error_no_memory(err);
	r = container_set_ended(engine, c, err);
	if (r == 0) {
		container_remove_run_dir(engine, c->id);
		rootfs_release(engine);
	}
	return r;
}

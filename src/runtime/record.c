/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/record.h"
#include "runtime/op.h"
#include "runtime/cgroup_place.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/mount_api.h"
#include "sys/process.h"

#include <fcntl.h>
#include <unistd.h>

#define DESTROY_TIMEOUT_MS 10000
#define CLEAR_TIMEOUT_MS   2000
#define START_SOCKET	   "start.sock"

void container_record_done(struct container_record *record)
{
	cleanup_closep(&record->root_fd);
	cleanup_closep(&record->dir_fd);
	free(record->root);
	arena_done(&record->arena);
}

int container_record_open(
	struct container_record *record, const char *root, const char *id, struct hull_error *err)
{
	*record = (struct container_record)CONTAINER_RECORD_INIT;
	record->root = strdup(root);
	if (!record->root)
		return error_no_memory(err);
	int r = container_id_check(id, err);
	if (r < 0)
		return r;
	r = state_root_open(root, false, &record->root_fd, err);
	if (r == -ENOENT) {
		hull_error_done(err);
		return error_set(err, HULL_ERROR_NOT_FOUND, "container \"%s\" does not exist", id);
	}
	if (r == 0)
		r = state_load(
			&record->arena, record->root_fd, id, &record->state, &record->dir_fd, err);
	if (r == 0)
		state_ref(record->state, &record->ref);
	return r;
}

int container_record_spec(
	struct container_record *record, struct oci_spec **ret, struct hull_error *err)
{
	int r = oci_spec_load_at(&record->arena, record->dir_fd, "config.json", ret, err);

	return r < 0 ? error_wrap(err, r, "%s", record->state->id) : 0;
}

/* The socket is there until somebody has started the container. */
int container_record_status(
	const struct container_record *record, enum container_status *ret, struct hull_error *err)
{
	bool started = faccessat(record->dir_fd, START_SOCKET, F_OK, 0) < 0;

	return container_status(&record->ref, started, ret, err);
}

void container_record_oci_state(
	const struct container_record *record, enum container_status status, struct oci_state *ret)
{
	const struct runtime_state *s = record->state;

	*ret = (struct oci_state){.oci_version = s->oci_version,
		.id = s->id,
		.status = (char *)container_status_names[status],
		.pid = status == CONTAINER_STOPPED ? 0 : s->pid,
		.bundle = s->bundle,
		.annotations = s->annotations,
		.n_annotations = s->n_annotations};
}

static int run_poststart(struct container_record *record, struct hull_error *err)
{
	struct oci_spec *spec;
	struct oci_state state;

	if (!record->state->has_poststart)
		return 0;
	int r = container_record_spec(record, &spec, err);
	if (r < 0)
		return r;
	container_record_oci_state(record, CONTAINER_RUNNING, &state);
	r = hooks_run(spec, HOOK_POSTSTART, &state, err);
	if (r < 0)
		container_kill(&record->ref, SIGKILL, true, NULL);
	return r;
}

int container_record_start(struct container_record *record, struct hull_error *err)
{
	_cleanup_free_ char *path =
		str_printf("%s/%s/" START_SOCKET, record->root, record->state->id);

	if (!path)
		return error_no_memory(err);
	int r = container_start(path, err);
	if (r < 0)
		return r;
	unlinkat(record->dir_fd, START_SOCKET, 0);
	return run_poststart(record, err);
}

int container_record_check_deletable(const struct container_record *record, struct hull_error *err)
{
	enum container_status status;
	int r = container_record_status(record, &status, err);

	if (r < 0 || status == CONTAINER_STOPPED || status == CONTAINER_CREATED)
		return r;
	return error_set(err, HULL_ERROR_CONFLICT,
		"cannot delete container %s that is not stopped: %s", record->state->id,
		container_status_names[status]);
}

int container_record_remove(struct container_record *record, plan_warning_fn *tell, void *userdata,
	struct hull_error *err)
{
	struct oci_state state;
	struct oci_spec *spec = NULL;
	int r = container_destroy(&record->ref, DESTROY_TIMEOUT_MS, err);

	if (r < 0)
		return r;
	/* A container whose spec cannot be read any more is removed all the same. */
	if (record->state->has_poststop && container_record_spec(record, &spec, NULL) == 0) {
		_cleanup_error_ struct hull_error failed = HULL_ERROR_INIT;
		container_record_oci_state(record, CONTAINER_STOPPED, &state);
		if (hooks_run(spec, HOOK_POSTSTOP, &state, &failed) < 0 && tell)
			tell(userdata, hull_error_message(&failed));
	}
	return state_remove(record->root_fd, record->state->id, err);
}

/* The cgroup is where the plan would have it. Nothing is killed: it might have been another's. */
static void clear_cgroup(int dir_fd, const char *id)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_cgroup_host_ struct hull_cgroup_host *host = NULL;
	_cleanup_cgroup_ struct hull_cgroup *cgroup = NULL;
	struct plan_options o = PLAN_OPTIONS_INIT;
	struct oci_spec *spec;

	o.id = id;
	o.bundle = "/";
	o.cgroup_parent_default = "";
	if (oci_spec_load_at(&arena, dir_fd, "config.json", &spec, NULL) < 0 ||
		plan_compile(spec, &o, &plan, NULL) < 0 || hull_cgroup_host_open(&host, NULL) < 0 ||
		hull_cgroup_load(host, plan->cgroup_path, 0, &cgroup, NULL) < 0)
		return;
	if (hull_cgroup_wait_empty(cgroup, CLEAR_TIMEOUT_MS, NULL) == 0)
		hull_cgroup_delete(cgroup, 0, CLEAR_TIMEOUT_MS, NULL);
}

int container_record_clear(
	int root_fd, const char *id, enum hull_cgroup_manager manager, struct hull_error *err)
{
	_cleanup_close_ int dir_fd =
		openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* systemd removes a scope without processes itself. */
	if (dir_fd >= 0 && manager == HULL_CGROUP_MANAGER_CGROUPFS)
		clear_cgroup(dir_fd, id);
	return state_remove(root_fd, id, err);
}

int container_record_check_exec(
	const struct container_record *record, bool ignore_paused, struct hull_error *err)
{
	enum container_status status;
	int r = container_record_status(record, &status, err);

	if (r < 0)
		return r;
	if (status == CONTAINER_STOPPED)
		return error_set(
			err, HULL_ERROR_CONFLICT, "cannot exec a container that has stopped");
	if (status == CONTAINER_PAUSED && !ignore_paused)
		return error_set(err, HULL_ERROR_CONFLICT,
			"cannot exec in a paused container (use --ignore-paused to override)");
	return 0;
}

static int open_target(const struct container_record *record, const struct oci_spec *spec,
	struct plan_target *ret, struct hull_error *err)
{
	int pidfd = container_open_pidfd(&record->ref, err);

	if (pidfd == -ESRCH)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	*ret = (struct plan_target){.id = record->state->id,
		.pid = record->state->pid,
		.pidfd = pidfd,
		.spec = spec,
		.bundle = record->state->bundle,
		.cgroup = record->state->cgroup};
	return pidfd < 0 ? pidfd : 0;
}

int container_record_exec(const struct container_record *record, const struct oci_spec *spec,
	const struct oci_process *process, const struct plan_exec_options *options,
	struct runtime_process *ret, struct hull_error *err)
{
	struct plan_exec_options exec = *options;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_close_ int cache_fd = -1;
	struct plan_target target;
	int r = open_target(record, spec, &target, err);

	if (r < 0)
		return r;
	_cleanup_close_ int pidfd = target.pidfd;
	if (spec->linux && spec->linux->seccomp)
		cache_fd =
			openat(record->root_fd, SECCOMP_CACHE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	exec.seccomp_cache_fd = cache_fd;
	r = plan_compile_exec(process, &target, &exec, &plan, err);
	return r < 0 ? r : plan_perform(plan, ret, err);
}

int container_record_change_mounts(const struct container_record *record,
	const struct oci_spec *spec, const struct oci_mount *mounts, size_t n, bool remove,
	struct hull_error *err)
{
	_cleanup_(runtime_process_done) struct runtime_process child = RUNTIME_PROCESS_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	struct plan_target target;
	int status, r = open_target(record, spec, &target, err);

	if (r < 0)
		return r;
	_cleanup_close_ int pidfd = target.pidfd;
	r = plan_compile_mounts(mounts, n, remove, &target, !mount_permitted(), &plan, err);
	if (r == 0)
		r = plan_perform(plan, &child, err);
	/* It has done its work. */
	if (r == 0 && process_wait(child.pid, &status) < 0)
		process_kill_child(child.pid, child.pidfd);
	return r;
}

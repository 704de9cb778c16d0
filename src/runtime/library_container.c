/* SPDX-License-Identifier: Apache-2.0 */
/* libhull-runtime: containers, from create to delete. */
#include "runtime/library.h"
#include "base/str.h"

#include <assert.h>
#include <signal.h>

static_assert((int)HULL_CONTAINER_CREATING == (int)CONTAINER_CREATING &&
		      (int)HULL_CONTAINER_CREATED == (int)CONTAINER_CREATED &&
		      (int)HULL_CONTAINER_RUNNING == (int)CONTAINER_RUNNING &&
		      (int)HULL_CONTAINER_PAUSED == (int)CONTAINER_PAUSED &&
		      (int)HULL_CONTAINER_STOPPED == (int)CONTAINER_STOPPED,
	"the public names of states have the values of ours");

/* ---- making ---- */

static struct hull_container *container_new(const struct hull_runtime *runtime)
{
	struct hull_container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	container->runtime = runtime;
	container->record = (struct container_record)CONTAINER_RECORD_INIT;
	container->process = (struct hull_process)HULL_PROCESS_INIT;
	return container;
}

DEFINE_CLEANUP(struct hull_container *, container_freep, hull_container_free)
#define _cleanup_container_ _cleanup_(container_freep)

/* Performed and recorded, or nothing is left. */
static int perform(struct creation *c, bool wait_for_start, struct hull_error *err)
{
	int r = creation_perform(c, err);

	if (r < 0)
		return r;
	r = creation_save(c, err);
	if (r == 0 && !wait_for_start)
		r = creation_poststart(c, err);
	if (r < 0)
		creation_undo(c);
	return r;
}

static int make(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, bool wait_for_start,
	struct hull_container **ret, struct hull_error *err)
{
	_cleanup_creation_ struct creation c = CREATION_INIT;
	_cleanup_container_ struct hull_container *container = container_new(runtime);

	if (!container)
		return error_no_memory(err);
	int r = container_id_check(id, err);
	if (r == 0)
		r = library_begin(&c, bundle, err);
	if (r == 0)
		r = creation_reserve(&c, runtime->root, id, wait_for_start, err);
	if (r == 0)
		r = library_compile(&c, runtime, NULL, options, err);
	/* Only now it is known whether the container has a user namespace. */
	if (r == 0)
		r = library_check_sealed(runtime, c.spec, err);
	if (r == 0)
		r = perform(&c, wait_for_start, err);
	if (r < 0)
		return r;
	r = container_record_open(&container->record, runtime->root, id, err);
	if (r < 0) {
		creation_undo(&c);
		return r;
	}
	container->process.process = c.process;
	c.process = (struct runtime_process)RUNTIME_PROCESS_INIT;
	*ret = TAKE_PTR(container);
	return 0;
}

int hull_container_create(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_container **ret,
	struct hull_error *err)
{
	return make(runtime, bundle, id, options, true, ret, err);
}

int hull_container_run(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_container **ret,
	struct hull_error *err)
{
	return make(runtime, bundle, id, options, false, ret, err);
}

/* ---- finding ---- */

int hull_container_load(const struct hull_runtime *runtime, const char *id,
	struct hull_container **ret, struct hull_error *err)
{
	_cleanup_container_ struct hull_container *container = container_new(runtime);

	if (!container)
		return error_no_memory(err);
	int r = container_record_open(&container->record, runtime->root, id, err);
	if (r < 0)
		return r;
	int pidfd = container_open_pidfd(&container->record.ref, err);
	if (pidfd < 0 && pidfd != -ESRCH)
		return pidfd;
	container->process.process.pid = container->record.ref.pid;
	container->process.process.pidfd = pidfd < 0 ? -1 : pidfd;
	*ret = TAKE_PTR(container);
	return 0;
}

void hull_container_free(struct hull_container *container)
{
	if (!container)
		return;
	container_record_done(&container->record);
	runtime_process_done(&container->process.process);
	free(container);
}

/* One block: the pointers, then the texts. */
static char **pack_strv(char *const *v, size_t n)
{
	size_t size = (n + 1) * sizeof(char *);

	strv_foreach (s, v)
		size += strlen(*s) + 1;
	char **packed = malloc(size);
	if (!packed)
		return NULL;
	char *text = (char *)(packed + n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(v[i]) + 1;
		packed[i] = memcpy(text, v[i], length);
		text += length;
	}
	packed[n] = NULL;
	return packed;
}

int hull_container_list(
	const struct hull_runtime *runtime, char ***ret, size_t *ret_count, struct hull_error *err)
{
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	_cleanup_close_ int root_fd = -1;
	_cleanup_strv_ char **ids = NULL;
	int r = state_root_open(runtime->root, false, &root_fd, &own);

	if (r == 0)
		r = state_list(root_fd, &ids, &own);
	/* Nobody has made a container yet. */
	if (r < 0 && own.kind != HULL_ERROR_NOT_FOUND) {
		error_move(err, &own);
		return r;
	}
	size_t n = strv_length(ids);
	*ret = pack_strv(ids, n);
	if (!*ret)
		return error_no_memory(err);
	if (ret_count)
		*ret_count = n;
	return 0;
}

const char *hull_container_id(const struct hull_container *container)
{
	return container->record.state->id;
}

const char *hull_container_bundle(const struct hull_container *container)
{
	return container->record.state->bundle;
}

const char *hull_container_rootfs(const struct hull_container *container)
{
	return container->record.state->rootfs;
}

const char *hull_container_created(const struct hull_container *container)
{
	return container->record.state->created;
}

const char *hull_container_owner(const struct hull_container *container)
{
	return container->record.state->owner;
}

const char *hull_container_annotation(const struct hull_container *container, const char *name)
{
	const struct runtime_state *s = container->record.state;

	for (size_t i = 0; i < s->n_annotations; i++) {
		if (str_eq(s->annotations[i].key, name))
			return s->annotations[i].value;
	}
	return NULL;
}

struct hull_process *hull_container_process(struct hull_container *container)
{
	return container->process.process.pidfd >= 0 ? &container->process : NULL;
}

/* ---- operations ---- */

int hull_container_status(const struct hull_container *container, enum hull_container_status *ret,
	struct hull_error *err)
{
	enum container_status status;
	int r = container_record_status(&container->record, &status, err);

	if (r == 0)
		*ret = (enum hull_container_status)status;
	return r;
}

const char *hull_container_status_name(enum hull_container_status status)
{
	if ((unsigned int)status > HULL_CONTAINER_STOPPED)
		return "unknown";
	return container_status_names[status];
}

int hull_container_state(const struct hull_container *container, char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 2);
	enum container_status status;
	struct oci_state state;
	int r = container_record_status(&container->record, &status, err);

	if (r < 0)
		return r;
	container_record_oci_state(&container->record, status, &state);
	json_struct(&w, &oci_state_table, &state);
	buf_putc(&text, '\n');
	*ret = buf_take(&text);
	return *ret ? 0 : error_no_memory(err);
}

int hull_container_start(struct hull_container *container, struct hull_error *err)
{
	return container_record_start(&container->record, err);
}

static int check_status(
	const struct hull_container *container, unsigned int allowed, struct hull_error *err)
{
	enum container_status status;
	int r = container_record_status(&container->record, &status, err);

	if (r < 0 || (allowed & (1U << status)))
		return r;
	if (status == CONTAINER_STOPPED)
		return error_set(err, HULL_ERROR_CONFLICT, "container not running");
	return error_set(err, HULL_ERROR_CONFLICT, "container %s is %s",
		container->record.state->id, container_status_names[status]);
}

#define ALIVE (1U << CONTAINER_CREATED | 1U << CONTAINER_RUNNING | 1U << CONTAINER_PAUSED)

int hull_container_kill(
	const struct hull_container *container, int signal, bool all, struct hull_error *err)
{
	if (signal < 1 || signal > SIGRTMAX)
		return error_set(err, HULL_ERROR_INVALID, "signal %d: no such signal", signal);
	int r = all ? 0 : check_status(container, ALIVE, err);
	return r < 0 ? r : container_kill(&container->record.ref, signal, all, err);
}

int hull_container_pause(const struct hull_container *container, struct hull_error *err)
{
	int r = check_status(container, 1U << CONTAINER_CREATED | 1U << CONTAINER_RUNNING, err);

	return r < 0 ? r : container_pause(&container->record.ref, err);
}

int hull_container_resume(const struct hull_container *container, struct hull_error *err)
{
	int r = check_status(container, ALIVE, err);

	return r < 0 ? r : container_resume(&container->record.ref, err);
}

int hull_container_update(const struct hull_container *container,
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	int r = check_status(container, ALIVE, err);

	if (r == 0)
		r = hull_cgroup_resources_check(resources, err);
	return r < 0 ? r : container_update(&container->record.ref, resources, err);
}

int hull_container_pids(const struct hull_container *container, pid_t **ret, size_t *ret_count,
	struct hull_error *err)
{
	return container_pids(&container->record.ref, ret, ret_count, err);
}

int hull_container_delete(struct hull_container *container, bool force, struct hull_error *err)
{
	const struct hull_runtime *runtime = container->runtime;
	int r = force ? 0 : container_record_check_deletable(&container->record, err);

	return r < 0 ? r
		     : container_record_remove(
			       &container->record, runtime->warn, runtime->userdata, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/exec.h"
#include "base/str.h"
#include "engine/identity.h"
#include "engine/process.h"
#include "engine/spec.h"

#include <fcntl.h>
#include <sys/stat.h>

void exec_session_done(struct exec_session *session)
{
	runtime_process_done(&session->process);
	cleanup_closep(&session->stdin_fd);
	cleanup_closep(&session->stdout_fd);
	cleanup_closep(&session->stderr_fd);
}

/* The user is looked up in the container's files as they are now. */
static int resolve_user(const struct container_ref *ref, const struct container_config *config,
	const struct exec_options *options, struct arena *arena, struct identity *ret,
	struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("/proc/%d/root", ref->pid);

	if (!path)
		return error_no_memory(err);
	_cleanup_close_ int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, errno, "root of container %s", ref->id);
	return identity_resolve(arena, root, options->user, config->group_add, ret, err);
}

static int make_pipe(const struct oci_process *process, bool input, int *ret_theirs, int *ret_ours,
	struct hull_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	*ret_theirs = ends[input ? 0 : 1];
	*ret_ours = ends[input ? 1 : 0];
	if (process->user.uid && fchown(*ret_theirs, process->user.uid, process->user.gid) < 0)
		return error_errno(err, errno, "pipe of uid %u", process->user.uid);
	return 0;
}

static int open_null(int *ret, int flags, struct hull_error *err)
{
	*ret = open("/dev/null", flags | O_CLOEXEC);
	return *ret < 0 ? error_errno(err, errno, "/dev/null") : 0;
}

static int open_stdio(const struct exec_options *options, const struct oci_process *process,
	int theirs[3], struct exec_session *session, struct hull_error *err)
{
	int r;

	if (process->terminal)
		return 0;
	r = options->interactive && !options->detach
		    ? make_pipe(process, true, &theirs[0], &session->stdin_fd, err)
		    : open_null(&theirs[0], O_RDONLY, err);
	if (r == 0)
		r = options->detach
			    ? open_null(&theirs[1], O_WRONLY, err)
			    : make_pipe(process, false, &theirs[1], &session->stdout_fd, err);
	if (r == 0)
		r = options->detach
			    ? open_null(&theirs[2], O_WRONLY, err)
			    : make_pipe(process, false, &theirs[2], &session->stderr_fd, err);
	return r;
}

static int perform(struct engine *engine, const struct container_ref *ref,
	const struct oci_spec *spec, const struct oci_process *process,
	const struct exec_options *options, const int theirs[3], struct exec_session *session,
	struct hull_error *err)
{
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_close_ int pidfd = container_open_pidfd(ref, err);
	struct plan_exec_options plan_options = PLAN_EXEC_OPTIONS_INIT;

	if (pidfd == -ESRCH)
		return error_set(err, HULL_ERROR_CONFLICT, "Container %s is not running", ref->id);
	if (pidfd < 0)
		return pidfd;
	const struct plan_target target = {
		.id = ref->id,
		.pid = ref->pid,
		.pidfd = pidfd,
		.spec = spec,
		.cgroup = ref->cgroup,
	};

	memcpy(plan_options.stdio, theirs, sizeof(plan_options.stdio));
	plan_options.seccomp_cache_fd = engine_seccomp_cache(engine);
	plan_options.warn = options->warn;
	plan_options.userdata = options->userdata;
	int r = plan_compile_exec(process, &target, &plan_options, &plan, err);
	return r < 0 ? r : plan_perform(plan, &session->process, err);
}

/* In a container that runs, what keeps a command from running has a status of its own. */
static void set_not_executable(struct hull_error *err)
{
	if (err && err->kind != HULL_ERROR_NO_COMMAND && err->kind != HULL_ERROR_CONFLICT)
		err->kind = HULL_ERROR_NOT_EXECUTABLE;
}

int exec_start(struct engine *engine, const struct container *c, const struct exec_options *options,
	struct exec_session *ret, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct spec_exec exec = {.args = options->args,
		.env = options->env,
		.working_dir = options->working_dir,
		.tty = options->tty && !options->detach,
		.rows = options->rows,
		.columns = options->columns,
		.privileged = options->privileged,
		.user = options->user};
	struct identity identity;
	struct oci_spec *spec;
	struct oci_process *process;
	int theirs[3] = {-1, -1, -1};

	if (str_eq(c->state, "paused"))
		return error_set(err, HULL_ERROR_CONFLICT,
			"Container %s is paused, unpause the container before exec", c->name);
	int r = container_check_running(c, err);
	if (r == 0)
		r = container_process_await(engine, c, &p, err);
	if (r == 0)
		r = container_spec_load(engine, c, &arena, &spec, err);
	if (r < 0)
		return r;
	if (options->user) {
		r = resolve_user(&p.ref, c->config, options, &arena, &identity, err);
		exec.identity = &identity;
	}
	if (r == 0)
		r = spec_build_exec(spec, c->config, &exec, &arena, &process, err);
	if (r == 0)
		r = open_stdio(options, process, theirs, ret, err);
	if (r == 0)
		r = perform(engine, &p.ref, spec, process, options, theirs, ret, err);
	if (r < 0)
		set_not_executable(err);
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
		cleanup_closep(&theirs[i]);
	return r;
}

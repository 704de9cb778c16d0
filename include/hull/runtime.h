/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhull-runtime: OCI containers from C, by the runtime specification (config.json as in config.md
 * and config-linux.md, the life cycle as in runtime.md). It is the library that keel is made of: a
 * container made here is seen by `keel list`, and the other way round, as long as both use the same
 * state directory.
 *
 * Objects. A `struct hull_runtime` is a state directory and a few settings. A `struct hull_bundle`
 * is a configuration that has been read. Both never change after they were made, so all threads
 * may share them. A `struct hull_container` is one container: its record in the state directory,
 * loaded once. A `struct hull_process` is one process in a container. Neither is tied to what it
 * stands for: freeing it leaves the container and the process as they are. Different threads may
 * use different containers and processes at the same time, not the same one. The runtime and the
 * bundle must outlive what was made from them. There is no global state.
 *
 * Processes. What hull_container_create(), hull_container_run() and hull_container_exec() make is a
 * child of the calling process, and has to be waited for by hull_process_wait() or by waitpid(2) as
 * any child. While one of these (or a function that runs hooks) is at work, no other part of the
 * program may reap children that it does not know: waitpid(-1) elsewhere would take a hook's status.
 *
 * The calling program's own file. Until its execve() a container's process is a copy of the caller,
 * so that what it executes may be "/proc/self/exe": the caller's file, which a process with root's
 * rights could then overwrite once nobody executes it any more (CVE-2019-5736). Therefore create,
 * run and exec refuse (HULL_ERROR_DENIED) unless nobody could write: the file is on a read-only
 * mount or immutable, or hull_program_seal() was called, or the container's root is somebody who
 * may not write to it. See hull_runtime_options.unsealed.
 *
 * Functions that can fail return 0 (or what is said at them) and a negative value with *err filled.
 * Errors of a step of the plan name the step, as `keel explain` does: "mount proc on /proc: ...".
 * Times are in milliseconds; a timeout of -1 waits for ever, 0 does not wait. Texts returned in a
 * `char **` are the caller's, to be released with free(3).
 */
#pragma once

#include <hull/cgroup.h>
#include <hull/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* ---- The calling program ------------------------------------------------------------------ */

/*
 * Executes the calling program again from a read-only view of its file (or a sealed copy in
 * memory), so that no container can write to it; then the call does not return. 0 if it is protected
 * already. To be called first in main(), before threads, open files and output. argv and envp are
 * main()'s; NULL takes them from /proc/self/cmdline and the environment.
 */
int hull_program_seal(char *const argv[], char *const envp[], struct hull_error *err);

/* ---- The runtime -------------------------------------------------------------------------- */

struct hull_runtime;

enum hull_rootless {
	HULL_ROOTLESS_AUTO,  /* if the caller is not root, or root of a user namespace only */
	HULL_ROOTLESS_TRUE,  /* cgroups that nothing was asked of may be missing */
	HULL_ROOTLESS_FALSE, /* every missing permission is an error */
};

/* Something done less well than asked ("set RLIMIT_NOFILE: no permission to raise ..."). Called in
 * the calling thread before the function returns; text has no newline. */
typedef void hull_runtime_warning_fn(void *userdata, const char *text);

struct hull_runtime_options {
	/* The state directory; made when it is first needed. NULL = keel's: /run/keel for root, and
	 * for others $XDG_RUNTIME_DIR/keel or a directory of their own in /tmp. */
	const char *root;
	enum hull_cgroup_manager cgroup_manager;
	enum hull_rootless rootless;
	bool unsealed;		       /* the caller answers for the protection of its file */
	hull_runtime_warning_fn *warn; /* NULL = warnings are dropped */
	void *userdata;
};

/* options may be NULL: all defaults. Opens nothing yet. */
int hull_runtime_open(const struct hull_runtime_options *options, struct hull_runtime **ret,
	struct hull_error *err);
void hull_runtime_close(struct hull_runtime *runtime);

/* The state directory. Valid as long as the runtime. */
const char *hull_runtime_root(const struct hull_runtime *runtime);

/* What this runtime can do: the JSON document of features.md. */
int hull_runtime_features(char **ret, struct hull_error *err);

/* ---- Bundles: bundle.md ------------------------------------------------------------------- */

struct hull_bundle;

/* Reads DIRECTORY/config.json, or the file `config` if it is not NULL (relative to the working
 * directory). directory may be relative; NULL is the working directory. The document is checked:
 * HULL_ERROR_INVALID names the field. */
int hull_bundle_load(const char *directory, const char *config, struct hull_bundle **ret,
	struct hull_error *err);

/* The same with a document in memory. */
int hull_bundle_parse(const char *directory, const char *json, size_t length,
	struct hull_bundle **ret, struct hull_error *err);
void hull_bundle_free(struct hull_bundle *bundle);

/* The absolute path of the directory. Valid as long as the bundle. */
const char *hull_bundle_path(const struct hull_bundle *bundle);

/* ---- Making containers -------------------------------------------------------------------- */

struct hull_container;
struct hull_process;

struct hull_container_options {
	int stdio[3];	  /* for stdin, stdout, stderr; -1 = the caller's. Stay open. Unused with
			     process.terminal */
	int preserve_fds; /* number of the caller's fds from 3 on that the container inherits */
	bool no_pivot;	  /* for hosts that run from an initramfs; weaker */
	bool no_new_keyring;
};

#define HULL_CONTAINER_OPTIONS_INIT           \
	{                                     \
		{-1, -1, -1}, 0, false, false \
	}

enum hull_plan_format {
	HULL_PLAN_TEXT,	 /* steps in words, with system calls and shell commands */
	HULL_PLAN_SHORT, /* one line per step */
	HULL_PLAN_JSON,
};

struct hull_plan;

/* Compiles what hull_container_run() would do. Needs no privilege and changes nothing: a container
 * of that id may exist. options may be NULL everywhere. */
int hull_plan_new(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_plan **ret,
	struct hull_error *err);
void hull_plan_free(struct hull_plan *plan);

/* The plan as a text that ends in a newline. */
int hull_plan_print(const struct hull_plan *plan, enum hull_plan_format format, char **ret,
	struct hull_error *err);

/*
 * The "create" operation (runtime.md, life cycle, steps 1 to 5): everything is done except for
 * startContainer hooks, the seccomp filter and the execution of the command. An id consists of
 * letters, digits and "_+-."; HULL_ERROR_EXISTS if it is taken. On failure nothing is left behind.
 */
int hull_container_create(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_container **ret,
	struct hull_error *err);

/* "create" and "start" in one step. HULL_ERROR_NO_COMMAND and HULL_ERROR_NOT_EXECUTABLE tell that
 * the command could not be executed. */
int hull_container_run(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_container **ret,
	struct hull_error *err);

/* ---- Finding containers ------------------------------------------------------------------- */

/* HULL_ERROR_NOT_FOUND if there is none of that id. */
int hull_container_load(const struct hull_runtime *runtime, const char *id,
	struct hull_container **ret, struct hull_error *err);
void hull_container_free(struct hull_container *container);

/* The ids below the state directory, sorted, NULL-terminated; one free(3) releases all. */
int hull_container_list(
	const struct hull_runtime *runtime, char ***ret, size_t *ret_count, struct hull_error *err);

/* What was recorded at creation. Valid as long as the container. */
const char *hull_container_id(const struct hull_container *container);
const char *hull_container_bundle(const struct hull_container *container);
const char *hull_container_rootfs(const struct hull_container *container);
const char *hull_container_created(const struct hull_container *container); /* RFC 3339 */
const char *hull_container_owner(const struct hull_container *container);   /* "root", or a uid */

/* The value of an annotation of config.json, NULL if there is none of that name. */
const char *hull_container_annotation(const struct hull_container *container, const char *name);

/* ---- A container's life: runtime.md, operations ------------------------------------------- */

enum hull_container_status {
	HULL_CONTAINER_CREATING,
	HULL_CONTAINER_CREATED,
	HULL_CONTAINER_RUNNING,
	HULL_CONTAINER_PAUSED,
	HULL_CONTAINER_STOPPED,
};

/* As the kernel knows it now. */
int hull_container_status(const struct hull_container *container, enum hull_container_status *ret,
	struct hull_error *err);

/* "creating", ...; never NULL. */
const char *hull_container_status_name(enum hull_container_status status);

/* The "state" operation: the state document as JSON. */
int hull_container_state(
	const struct hull_container *container, char **ret, struct hull_error *err);

/* The "start" operation. HULL_ERROR_CONFLICT if the container is not in the state "created". A
 * poststart hook that fails makes it fail, and kills the container. */
int hull_container_start(struct hull_container *container, struct hull_error *err);

/* The "kill" operation: a signal to the first process, or to all processes. HULL_ERROR_CONFLICT if
 * the container is not running. */
int hull_container_kill(
	const struct hull_container *container, int signal, bool all, struct hull_error *err);

/* HULL_ERROR_UNSUPPORTED if the container has no cgroup of its own (rootless). */
int hull_container_pause(const struct hull_container *container, struct hull_error *err);
int hull_container_resume(const struct hull_container *container, struct hull_error *err);

/*
 * Sets what is set in resources (linux.resources of config-linux.md) and leaves the rest.
 * HULL_ERROR_CONFLICT if the container has stopped.
 */
int hull_container_update(const struct hull_container *container,
	const struct hull_cgroup_resources *resources, struct hull_error *err);

/* Process ids in the container's cgroup and below, as the caller sees them; free(3). */
int hull_container_pids(const struct hull_container *container, pid_t **ret, size_t *ret_count,
	struct hull_error *err);

/*
 * The "delete" operation: cgroup, record, then poststop hooks, whose failures are warnings. Unless
 * the container is stopped or was never started: HULL_ERROR_CONFLICT, or with force its processes
 * are killed first. The object is still to be freed. Processes that are the caller's children are
 * still to be waited for.
 */
int hull_container_delete(struct hull_container *container, bool force, struct hull_error *err);

/* ---- Processes ---------------------------------------------------------------------------- */

struct hull_exec_options {
	int stdio[3];
	int preserve_fds;
	const char *cgroup; /* below the container's; NULL = the container's */
	bool ignore_paused; /* a process in a paused container begins when it is resumed */
};

#define HULL_EXEC_OPTIONS_INIT               \
	{                                    \
		{-1, -1, -1}, 0, NULL, false \
	}

/*
 * A further process in a running container. With args (NULL-terminated) it is like the container's
 * first process but for the command and without a terminal; with json it is a process document
 * (config.md, "process"). Exactly one of the two is given. options may be NULL.
 */
int hull_container_exec(const struct hull_container *container, const char *const *args,
	const char *json, const struct hull_exec_options *options, struct hull_process **ret,
	struct hull_error *err);

/* The container's first process; valid as long as the container. NULL if it had ended when the
 * container was loaded. */
struct hull_process *hull_container_process(struct hull_container *container);

pid_t hull_process_pid(const struct hull_process *process);

/* Readable (poll(2)) when the process has ended. Owned by the process. */
int hull_process_pidfd(const struct hull_process *process);

/* The master of the terminal, which is the caller's from then on; -1 if there is none (without
 * process.terminal, for a loaded container, or the second time). */
int hull_process_take_console(struct hull_process *process);

int hull_process_kill(const struct hull_process *process, int signal, struct hull_error *err);

/*
 * Waits until the process has ended, and reaps it if it is the caller's child. *ret_status (may be
 * NULL) is what waitpid(2) gives, or -1 if nobody can tell: for a process that is not the caller's
 * child before Linux 6.15. HULL_ERROR_TIMEOUT. May be called again.
 */
int hull_process_wait(
	struct hull_process *process, int timeout_ms, int *ret_status, struct hull_error *err);

/* For those from hull_container_exec() only. */
void hull_process_free(struct hull_process *process);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that run outside of a plan: poststart and poststop. */
#include "runtime/container.h"
#include "runtime/perform.h"
#include "base/fd.h"

#include <sys/mman.h>
#include <sys/wait.h>

static const struct {
	const char *name;
	size_t offset;
	bool run_all; /* a failure does not stop the others */
} kinds[] = {
	[HOOK_PRESTART] = {"prestart", offsetof(struct oci_hooks, prestart), false},
	[HOOK_CREATE_RUNTIME] = {"createRuntime", offsetof(struct oci_hooks, create_runtime),
		false},
	[HOOK_CREATE_CONTAINER] = {"createContainer", offsetof(struct oci_hooks, create_container),
		false},
	[HOOK_START_CONTAINER] = {"startContainer", offsetof(struct oci_hooks, start_container),
		false},
	[HOOK_POSTSTART] = {"poststart", offsetof(struct oci_hooks, poststart), false},
	[HOOK_POSTSTOP] = {"poststop", offsetof(struct oci_hooks, poststop), true},
};

static int state_file(const struct oci_state *state, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_struct(&w, &oci_state_table, state);
	if (buf_error(&text))
		return error_no_memory(err);
	_cleanup_close_ int fd = memfd_create("state", MFD_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "hook state");
	int r = fd_write_all(fd, text.data, text.len);
	return r < 0 ? error_errno(err, r, "hook state") : TAKE_FD(fd);
}

int hook_error(const char *kind, size_t i, const struct oci_hook *hook, int r,
	const struct hook_result *result, struct hull_error *err)
{
	if (result->timed_out)
		return error_set(err, HULL_ERROR_TIMEOUT,
			"error running %s hook #%zu: %s: timed out", kind, i, hook->path);
	if (r != -ECANCELED)
		return error_errno(err, r, "error running %s hook #%zu: %s", kind, i, hook->path);
	bool killed = WIFSIGNALED(result->status);
	return error_set(err, HULL_ERROR_IO, "error running %s hook #%zu: %s: %s %d%s%s", kind, i,
		hook->path, killed ? "killed by signal" : "exit status",
		killed ? WTERMSIG(result->status) : WEXITSTATUS(result->status),
		result->output[0] ? ", output: " : "", result->output);
}

int hooks_run(const struct oci_spec *spec, enum hook_kind kind, const struct oci_state *state,
	struct hull_error *err)
{
	if (!spec->hooks)
		return 0;
	const struct oci_hook_list *list =
		(const struct oci_hook_list *)(const void *)((const char *)spec->hooks +
							     kinds[kind].offset);
	if (list->count == 0)
		return 0;
	_cleanup_close_ int fd = state_file(state, err);
	if (fd < 0)
		return fd;
	int first = 0;
	for (size_t i = 0; i < list->count; i++) {
		struct hook_result result;
		int r = hook_exec(&list->items[i], fd, &result);
		if (r == 0)
			continue;
		if (first == 0)
			first = hook_error(kinds[kind].name, i, &list->items[i], r, &result, err);
		if (!kinds[kind].run_all)
			return first;
	}
	return first;
}

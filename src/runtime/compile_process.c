/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process in a finished container to its execve(): the same for a container's first process
 * and for an exec. The order is dictated by privileges: limits, priorities and labels first, then
 * the user, then what only shrinks. The seccomp filter is last: with no_new_privs behind the
 * capabilities, without it just before them, since loading it needs CAP_SYS_ADMIN then.
 */
#include "runtime/op.h"
#include "base/str.h"
#include "sys/capability.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#define UNKNOWN_MAX 64 /* names of capabilities that are worth a warning */

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

int compile_add(struct plan *plan, enum op_kind kind, const char *path, const void *data,
	struct hull_error *err)
{
	struct op *op = plan_add(plan, kind, true, err);

	if (!op)
		return -ENOMEM;
	op->path = path;
	op->data = data;
	return 0;
}

/*
 * Last of what might need many files or much memory. Limits cannot be raised from inside a user
 * namespace: there the caller sets them, while the child waits.
 */
static int compile_rlimits(struct plan *plan, struct hull_error *err)
{
	const struct oci_process *p = plan->process;
	bool child = !oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER);
	int r = 0;

	if (p->n_rlimits == 0)
		return 0;
	if (!child)
		r = compile_send(plan, true, MESSAGE_PLACED, err);
	if (r == 0 && !child)
		r = compile_receive(plan, false, MESSAGE_PLACED, err);
	for (size_t i = 0; r == 0 && i < p->n_rlimits; i++) {
		struct op *op = plan_add(plan, OP_RLIMIT, child, err);
		if (!op)
			return -ENOMEM;
		op->rlimit = &p->rlimits[i];
	}
	if (r == 0 && !child)
		r = compile_send(plan, false, MESSAGE_LIMITS, err);
	if (r == 0 && !child)
		r = compile_receive(plan, true, MESSAGE_LIMITS, err);
	return r;
}

static bool has_selinux(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && (uint32_t)fs.f_type == SELINUX_MAGIC;
}

static int compile_labels(struct plan *plan, struct hull_error *err)
{
	const struct oci_process *p = plan->process;
	int r = 0;

	if (!str_empty(p->apparmor_profile)) {
		const char *text = arena_printf(&plan->arena, "exec %s", p->apparmor_profile);
		if (!text)
			return error_no_memory(err);
		r = compile_add(plan, OP_LABEL, "self/attr/apparmor/exec", NULL, err);
		if (r == 0)
			plan->ops[plan->n_ops - 1].source = text;
	}
	if (r == 0 && !str_empty(p->selinux_label) && !has_selinux())
		r = error_set(err, HULL_ERROR_UNSUPPORTED,
			"process.selinuxLabel: selinux label is specified in config, but selinux is "
			"disabled or not supported");
	if (r == 0 && !str_empty(p->selinux_label)) {
		r = compile_add(plan, OP_LABEL, "self/attr/exec", NULL, err);
		if (r == 0)
			plan->ops[plan->n_ops - 1].source = p->selinux_label;
	}
	return r;
}

/* Collects the names that are no capability's, each once. */
static int parse_set(char *const *names, int cap_last, uint64_t *ret, char ***unknown)
{
	*ret = 0;
	strv_foreach (name, names) {
		int n = capability_parse(*name);
		if (n >= 0 && n <= cap_last)
			*ret |= UINT64_C(1) << n;
		if (n < 0 && strv_length(*unknown) < UNKNOWN_MAX &&
			!strv_contains(*unknown, *name) && strv_append(unknown, *name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void warn_unknown(const struct plan *plan, char *const *names)
{
	strv_foreach (name, names) {
		_cleanup_free_ char *text =
			str_printf("ignoring unknown or unavailable capabilities: [%s]", *name);
		if (text && plan->options.warn)
			plan->options.warn(plan->options.userdata, text);
	}
}

static int parse_sets(struct plan *plan, struct op_capability_sets *sets, struct hull_error *err)
{
	const struct oci_capabilities *c = plan->process->capabilities;

	_cleanup_strv_ char **unknown = NULL;

	*sets = (struct op_capability_sets){0};
	if (!c)
		return 0;
	const struct {
		char *const *names;
		uint64_t *set;
	} rows[] = {{c->bounding, &sets->bounding}, {c->effective, &sets->effective},
		{c->permitted, &sets->permitted}, {c->inheritable, &sets->inheritable},
		{c->ambient, &sets->ambient}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (parse_set(rows[i].names, plan->cap_last, rows[i].set, &unknown) < 0)
			return error_no_memory(err);
	warn_unknown(plan, unknown);
	return 0;
}

static int compile_user(struct plan *plan, struct hull_error *err)
{
	const struct oci_user *u = &plan->process->user;
	struct op_user *user = arena_new(&plan->arena, struct op_user);

	if (!user)
		return error_no_memory(err);
	*user = (struct op_user){.uid = u->uid,
		.gid = u->gid,
		.groups = u->additional_gids,
		.n_groups = u->n_additional_gids,
		.keep_capabilities = true};
	/* Groups of the caller's may be the only key to a directory that it shares. */
	bool keep = oci_spec_annotation(plan->spec, OCI_ANNOTATION_KEEP_GROUPS);
	int r = keep ? 0 : compile_add(plan, OP_GROUPS, NULL, user, err);
	if (r == 0)
		r = compile_add(plan, OP_UMASK, NULL, NULL, err);
	if (r == 0)
		plan->ops[plan->n_ops - 1].flags = u->umask.set ? u->umask.value : 0022;
	/* The directory may be open to root alone, or (on a network file system) to the user alone. */
	if (r == 0)
		r = compile_add(plan, OP_CHDIR, plan->process->cwd, NULL, err);
	if (r == 0)
		plan->ops[plan->n_ops - 1].flags = 1;
	if (r == 0)
		r = compile_add(plan, OP_USER, NULL, user, err);
	return r;
}

/* All places where the command may be. */
static int command_candidates(
	struct plan *plan, const char *name, char ***ret, struct hull_error *err)
{
	*ret = NULL;
	if (strchr(name, '/')) {
		return arena_strv_append(&plan->arena, ret, name) < 0 ? error_no_memory(err) : 0;
	}
	const char *path = env_get(plan->process->env, "PATH");
	_cleanup_strv_ char **dirs = strv_split(path ? path : PATH_DEFAULT, ":");
	if (!dirs && !str_empty(path))
		return error_no_memory(err);
	strv_foreach (dir, dirs) {
		char *full = arena_printf(&plan->arena, "%s/%s", *dir, name);
		if (!full || arena_strv_append(&plan->arena, ret, full) < 0)
			return error_no_memory(err);
	}
	return 0;
}

static int compile_exec(struct plan *plan, struct op_exec **ret, struct hull_error *err)
{
	const struct oci_process *p = plan->process;
	struct op_exec *exec = arena_new(&plan->arena, struct op_exec);
	char **candidates;

	if (!exec)
		return error_no_memory(err);
	int r = command_candidates(plan, p->args[0], &candidates, err);
	if (r < 0)
		return r;
	static char *const nothing[] = {NULL};
	*exec = (struct op_exec){.candidates = candidates ? candidates : nothing,
		.args = p->args,
		.env = p->env ? p->env : nothing,
		.name = p->args[0],
		.preserve_fds = plan->options.preserve_fds};
	*ret = exec;
	return 0;
}

/* For whoever starts a created container. */
static int compile_start(struct plan *plan, struct hull_error *err)
{
	if (plan->options.start_socket < 0)
		return 0;
	int r = compile_send(plan, true, MESSAGE_CREATED, err);
	if (r == 0)
		r = compile_receive(plan, false, MESSAGE_CREATED, err);
	return r == 0 ? compile_add(plan, OP_WAIT_START, NULL, NULL, err) : r;
}

static int compile_start_hooks(struct plan *plan, struct hull_error *err)
{
	const struct oci_hooks *hooks = plan->exec ? NULL : plan->spec->hooks;

	if (!hooks || hooks->start_container.count == 0)
		return 0;
	return compile_add(plan, OP_CHILD_HOOKS, "startContainer", &hooks->start_container, err);
}

static int compile_capabilities(struct plan *plan, const struct op_capability_sets *sets,
	bool keep_admin, struct hull_error *err)
{
	int r = compile_add(plan, OP_CAPABILITIES, NULL, sets, err);

	if (r == 0)
		plan->ops[plan->n_ops - 1].flags = keep_admin;
	return r;
}

/*
 * The filter comes as late as can be, behind start and the hooks and all that is to be said: it is
 * meant for the command, and may forbid any call but execve() and, without no_new_privs, those that
 * give up the capability to load it. Only one that notifies comes before start: its agent's
 * connection is the business of whoever creates.
 */
static int compile_privileges(struct plan *plan, const struct op_capability_sets *sets,
	const struct op_exec *exec, struct hull_error *err)
{
	bool nnp = plan->process->no_new_privileges, filter = plan->seccomp;
	enum message_type ready = filter ? MESSAGE_FILTER : MESSAGE_RECORDED;
	bool wait = filter || plan->options.placed;
	bool early = plan->listener_path && plan->options.start_socket >= 0;
	/* CAP_SYS_ADMIN stays until the filter is loaded. */
	int r = compile_capabilities(plan, sets, filter && !nnp, err);

	if (r == 0)
		r = compile_add(plan, OP_CHDIR, plan->process->cwd, NULL, err);
	if (r == 0 && nnp)
		r = compile_add(plan, OP_NO_NEW_PRIVILEGES, NULL, NULL, err);
	if (r == 0)
		r = compile_add(plan, OP_FIND_COMMAND, exec->name, exec, err);
	if (r == 0 && wait)
		r = compile_send(plan, false, ready, err);
	if (r == 0 && wait)
		r = compile_receive(plan, true, ready, err);
	if (r == 0 && early)
		r = compile_filter_load(plan, err);
	if (r == 0)
		r = compile_start(plan, err);
	if (r == 0)
		r = compile_start_hooks(plan, err);
	if (r == 0)
		r = compile_send(plan, true, MESSAGE_EXECUTING, err);
	if (r == 0 && filter && !early)
		r = compile_filter_load(plan, err);
	if (r == 0 && filter && !nnp)
		r = compile_capabilities(plan, sets, false, err);
	return r;
}

/* See struct op: what `start` may have to tell must be in words before the child is born. */
static int describe_started(struct plan *plan, struct hull_error *err)
{
	bool started = false;

	for (size_t i = 0; i < plan->n_ops; i++) {
		struct op *op = &plan->ops[i];
		_cleanup_buf_ struct buf text = BUF_INIT;
		started |= op->kind == OP_WAIT_START;
		if (!started)
			continue;
		plan_describe(plan, op, &text);
		op->words = buf_error(&text) ? NULL : arena_strdup(&plan->arena, buf_str(&text));
		if (!op->words)
			return error_no_memory(err);
	}
	return 0;
}

int compile_process(struct plan *plan, struct hull_error *err)
{
	struct op_capability_sets *sets = arena_new(&plan->arena, struct op_capability_sets);
	struct op_exec *exec;

	if (!sets)
		return error_no_memory(err);
	plan->cap_last = capability_last();
	int r = parse_sets(plan, sets, err);
	if (r == 0)
		r = compile_exec(plan, &exec, err);
	if (r == 0)
		r = compile_add(plan, OP_STDIO, NULL, NULL, err);
	if (r == 0)
		r = compile_limits(plan, err);
	if (r == 0)
		r = compile_labels(plan, err);
	if (r == 0)
		r = compile_add(plan, OP_CLOSE_FDS, NULL, exec, err);
	if (r == 0)
		r = compile_rlimits(plan, err);
	if (r == 0)
		r = compile_add(plan, OP_BOUNDING, NULL, sets, err);
	if (r == 0)
		r = compile_user(plan, err);
	if (r == 0)
		r = compile_privileges(plan, sets, exec, err);
	if (r == 0)
		r = compile_add(plan, OP_EXEC, exec->name, exec, err);
	if (r == 0 && plan->options.start_socket < 0)
		r = compile_receive(plan, false, MESSAGE_EXECUTING, err);
	return r == 0 ? describe_started(plan, err) : r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that a running container gets or loses. Everything of the host is opened before, outside;
 * a child then goes into the container's user and mount namespaces, and into no other, so that in a
 * pid namespace of its own nobody inside sees it, and finds the targets in a tree that the
 * container's processes may be changing. All the mounts are attached or none is.
 *
 * Bind mounts and tmpfs alone: proc, sysfs, mqueue and cgroups are masked, made read-only or bound to
 * namespaces by the configuration as a whole, and what other file systems take for their source
 * would be looked up inside, where a name may stand for any device.
 */
#include "runtime/op.h"
#include "base/path.h"
#include "base/str.h"

#include <sched.h>

static int check_added(const struct plan *plan, size_t i, struct hull_error *err)
{
	const struct oci_mount *m = &plan->spec->mounts[i];
	const struct mount_flags *f = &plan->mount_flags[i];

	if (f->remount)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"mounts[%zu].options: no remount in a running container", i);
	if (compile_mount_is_bind(m, f))
		return 0;
	if (!str_eq(m->type, "tmpfs"))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"mounts[%zu].type: a running container can be given bind mounts and tmpfs, "
			"not \"%.100s\"",
			i, m->type ? m->type : "");
	if (f->classic || compile_mount_is_classic(f))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"mounts[%zu].options: an option that only mount(2) takes", i);
	return 0;
}

/* Into the user namespace first if the binds are still to be opened there. */
static int compile_enter(struct plan *plan, bool open_binds, struct hull_error *err)
{
	bool user = oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER);
	bool born_inside = user && geteuid() != 0;
	int r = user && !born_inside ? compile_join(plan, CLONE_NEWUSER, err) : 0;

	if (r == 0 && user && !plan_add(plan, OP_BECOME_ROOT, true, err))
		r = -ENOMEM;
	if (r == 0 && open_binds) {
		struct op *op = plan_add(plan, OP_UNSHARE, true, err);
		if (!op)
			return -ENOMEM;
		op->flags = CLONE_NEWNS;
		r = compile_binds_open(plan, true, err);
	}
	if (r == 0)
		r = compile_join(plan, CLONE_NEWNS, err);
	if (r < 0)
		return r;
	struct op *op = plan_add(plan, OP_ENTER_ROOT, true, err);
	if (!op)
		return -ENOMEM;
	op->slot = SLOT_ROOT;
	return 0;
}

/* What has been attached is kept, to be detached again if a later one fails. */
static int compile_added(struct plan *plan, struct hull_error *err)
{
	int r = compile_mounts(plan, err);

	for (size_t i = 0; r == 0 && i < plan->n_ops; i++) {
		if (plan->ops[i].kind == OP_MOUNT)
			plan->ops[i].slot = plan_slot(plan);
	}
	return r;
}

static bool has_path(char *const *paths, const char *path)
{
	strv_foreach (p, paths) {
		_cleanup_free_ char *clean = path_clean(*p);
		if (!clean || str_eq(clean, path))
			return true;
	}
	return false;
}

/*
 * What may not be taken away: masks and read-only paths, which the configuration closes for good, and
 * what is in /proc, but for the files that may be replaced there.
 */
static int check_removed(const struct plan *plan, const char *destination, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;

	if (str_eq(destination, "/"))
		return error_set(err, HULL_ERROR_INVALID, "the root cannot be unmounted");
	if (has_path(l->masked_paths, destination) || has_path(l->readonly_paths, destination))
		return error_set(err, HULL_ERROR_INVALID,
			"%s cannot be unmounted because the configuration masks it or makes it "
			"read-only",
			destination);
	if (str_after(destination, "/proc/") && !compile_proc_replaceable(destination))
		return error_set(err, HULL_ERROR_INVALID,
			"%s cannot be unmounted because it is inside /proc", destination);
	return 0;
}

/* All are found before any is unmounted, and what was mounted last goes first. */
static int compile_removed(struct plan *plan, struct hull_error *err)
{
	size_t n = plan->spec->n_mounts, first = plan->n_ops;

	for (size_t i = 0; i < n; i++) {
		char *destination = compile_mount_destination(plan, &plan->spec->mounts[i]);
		if (!destination)
			return error_no_memory(err);
		int r = check_removed(plan, destination, err);
		if (r < 0)
			return r;
		struct op *op = plan_add(plan, OP_FIND_MOUNT, true, err);
		if (!op)
			return -ENOMEM;
		op->path = destination;
		op->slot = plan_slot(plan);
	}
	for (size_t i = n; i-- > 0;) {
		struct op *op = plan_add(plan, OP_UNMOUNT, true, err);
		if (!op)
			return -ENOMEM;
		op->path = plan->ops[first + i].path;
		op->slot = plan->ops[first + i].slot;
	}
	return 0;
}

static int compile(struct plan *plan, bool remove, struct hull_error *err)
{
	bool unprivileged = plan->options.unprivileged;
	bool user = oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER);
	int r = remove ? 0 : compile_mount_options(plan, err);

	for (size_t i = 0; r == 0 && !remove && i < plan->spec->n_mounts; i++)
		r = check_added(plan, i, err);
	if (r == 0 && !remove && !unprivileged)
		r = compile_binds_open(plan, false, err);
	if (r == 0)
		r = compile_clone_inside(plan, user ? CLONE_NEWUSER : 0, err);
	if (r == 0 && !plan_add(plan, OP_SESSION, true, err))
		r = -ENOMEM;
	if (r == 0)
		r = compile_enter(plan, !remove && unprivileged, err);
	if (r == 0)
		r = remove ? compile_removed(plan, err) : compile_added(plan, err);
	if (r == 0)
		r = compile_send(plan, true, MESSAGE_MOUNTED, err);
	return r == 0 ? compile_receive(plan, false, MESSAGE_MOUNTED, err) : r;
}

/* The container's own specification, but for its mounts. */
static int plan_init(struct plan *plan, const struct oci_mount *mounts, size_t n,
	const struct plan_target *target, bool unprivileged, struct hull_error *err)
{
	struct oci_spec *spec = arena_memdup(&plan->arena, target->spec, sizeof(*target->spec));

	if (!spec)
		return error_no_memory(err);
	spec->mounts = (struct oci_mount *)mounts;
	spec->n_mounts = n;
	plan->exec = true;
	plan->spec = spec;
	plan->options = (struct plan_options)PLAN_OPTIONS_INIT;
	plan->options.unprivileged = unprivileged;
	plan->n_slots = 1;
	plan->target_pidfd = target->pidfd;
	plan->target_pid = target->pid;
	plan->bundle = target->bundle;
	plan->id = arena_strdup(&plan->arena, target->id);
	return plan->id ? 0 : error_no_memory(err);
}

int plan_compile_mounts(const struct oci_mount *mounts, size_t n, bool remove,
	const struct plan_target *target, bool unprivileged, struct plan **ret,
	struct hull_error *err)
{
	int r = oci_mounts_check(mounts, n, err);

	if (r < 0)
		return r;
	_cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return error_no_memory(err);
	r = plan_init(plan, mounts, n, target, unprivileged, err);
	if (r == 0)
		r = compile(plan, remove, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

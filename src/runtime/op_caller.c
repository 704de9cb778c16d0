/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's operations, except cgroups (op_cgroup.c), the clone (op_clone.c) and the filter
 * (op_filter.c). Where the caller may not mount, the child opens the root and the bind sources.
 */
#include "runtime/perform.h"
#include "runtime/id_map.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/link.h"
#include "sys/mount_api.h"
#include "sys/process.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void keep_fd(struct performance *p, const struct op *op, int fd)
{
	p->slots[op->slot].fd = fd;
}

int perform_open_root(struct performance *p, const struct op *op)
{
	int fd = mount_open_tree(AT_FDCWD, op->path, OPEN_TREE_CLONE | AT_RECURSIVE);

	if (fd < 0)
		return fd;
	keep_fd(p, op, fd);
	return op_step(p, mount_set_attributes(fd, 0, 0, MS_SLAVE, 1), "mount_setattr");
}

int perform_open_namespace(struct performance *p, const struct op *op)
{
	/* What is no namespace is refused when it is joined; a FIFO would keep us from getting there. */
	int fd = open(op->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	keep_fd(p, op, fd);
	return 0;
}

int bind_set_attributes(struct performance *p, const struct op_bind *b, int fd)
{
	int r = 0;

	if (b->idmap_slot >= 0)
		r = op_step(p, mount_set_idmap(fd, p->slots[b->idmap_slot].fd, b->idmap_recursive),
			"idmap");
	if (r == 0 && b->propagation)
		r = op_step(p,
			mount_set_attributes(fd, 0, 0, b->propagation, b->propagation_recursive),
			"propagation");
	if (r == 0 && (b->set_recursive | b->clear_recursive))
		r = op_step(p, mount_set_attributes(fd, b->set_recursive, b->clear_recursive, 0, 1),
			"recursive options");
	if (r == 0 && (b->set | b->clear))
		r = op_step(p, mount_set_attributes(fd, b->set, b->clear, 0, 0), "options");
	return r;
}

int perform_open_bind(struct performance *p, const struct op *op)
{
	const struct op_bind *b = op->bind;
	struct stat st;

	if (b->copy_symlink && lstat(b->source, &st) == 0 && S_ISLNK(st.st_mode)) {
		p->slots[op->slot].symlink = true;
		keep_fd(p, op, open(b->source, O_PATH | O_NOFOLLOW | O_CLOEXEC));
		return p->slots[op->slot].fd < 0 ? -errno : 0;
	}
	int fd = mount_open_tree(AT_FDCWD, b->source,
		OPEN_TREE_CLONE | (b->recursive ? AT_RECURSIVE : 0) |
			(b->nofollow_source ? AT_SYMLINK_NOFOLLOW : 0));

	if (fd < 0)
		return fd;
	keep_fd(p, op, fd);
	if (fstat(fd, &st) < 0)
		return -errno;
	p->slots[op->slot].directory = S_ISDIR(st.st_mode);
	return bind_set_attributes(p, b, fd);
}

/* ---- id maps ---- */

int perform_write_id_maps(struct performance *p, const struct op *op)
{
	return id_map_write(p, op->id_map, p->pid);
}

/* Ends with its maker. */
static _Noreturn void hold_namespace(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (getppid() == parent)
		syscall(SYS_pause);
	syscall(SYS_exit_group, 1);
	__builtin_unreachable();
}

/* A user namespace that exists for its mappings alone: its process ends as soon as it is open. */
int perform_make_id_map(struct performance *p, const struct op *op)
{
	char path[64];
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD};
	pid_t own = getpid(), pid = process_clone(&args);

	if (pid == 0)
		hold_namespace(own);
	if (pid < 0)
		return op_step(p, (int)pid, "clone");
	int r = id_map_write(p, op->id_map, pid);
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = op_step(p, -errno, "open %s", path);
		else
			keep_fd(p, op, fd);
	}
	process_kill_child(pid, pidfd);
	close(pidfd);
	return r;
}

/* ---- around the child ---- */

/* Lowering needs CAP_SYS_RESOURCE: where it is missing that is a wish, as priorities are. */
int perform_oom_score(struct performance *p, const struct op *op)
{
	char path[64], text[16];
	int n = snprintf(text, sizeof(text), "%lld", (long long)op->number);

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", p->pid);
	int r = p->pid > 0 ? file_write_at(AT_FDCWD, path, text, (size_t)n)
			   : birth_lend_oom_score(p, text, (size_t)n);
	if (r != -EACCES && r != -EPERM)
		return r;
	snprintf(p->detail, sizeof(p->detail), "no permission to lower it");
	return 0;
}

int perform_move_link(struct performance *p, const struct op *op)
{
	return op_step(p, link_move(op->source, op->path, p->pid), "%s", op->source);
}

int perform_run_hooks(struct performance *p, const struct op *op)
{
	_cleanup_close_ int state = hook_state_fd(p->plan, p->pid);

	p->hooks_begun = true;
	if (state < 0)
		return state;
	for (size_t i = 0; i < op->hooks->count; i++) {
		struct hook_result result;
		int r = hook_exec(&op->hooks->items[i], state, &result);
		if (r < 0)
			return hook_error(op->path, i, &op->hooks->items[i], r, &result, p->err);
	}
	return 0;
}

int perform_record(struct performance *p, const struct op *op)
{
	const struct plan_options *o = &p->plan->options;
	struct runtime_process process = {.pid = p->pid,
		.pidfd = p->pidfd,
		.console_fd = -1,
		.cgroup = p->cgroup_text,
		.resctrl = p->resctrl.made};

	process_start_time(p->pid, &process.start_time);
	return o->placed(o->placed_data, &process, p->err);
}

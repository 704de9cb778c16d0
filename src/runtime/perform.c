/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Performing a plan, the caller's side. What a performance holds is released in one place however
 * it ends; what it has made outside (the child, the cgroup) is undone there too if it failed.
 */
#include "runtime/perform.h"
#include "runtime/shared.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/process.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CLEANUP_TIMEOUT_MS 10000

static size_t shared_size(const struct plan *plan)
{
	return sizeof(struct shared) +
	       (plan->options.trace ? 2 * plan->n_ops * sizeof(int64_t) : 0);
}

static int performance_init(struct performance *p, struct plan *plan, struct hull_error *err)
{
	int pair[2];

	*p = (struct performance){.plan = plan,
		.sock = -1,
		.child_sock = -1,
		.pid = -1,
		.pidfd = -1,
		.err = err,
		.console_fd = -1,
		.listener_fd = -1,
		.cgroup_dir_fd = -1,
		.dumpable_before = -1};
	p->shared = mmap(
		NULL, shared_size(plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->shared == MAP_FAILED) {
		p->shared = NULL;
		return error_errno(err, errno, "shared memory");
	}
	p->slots = arena_array(&plan->arena, plan->n_slots, sizeof(struct slot));
	if (!p->slots)
		return error_no_memory(err);
	for (size_t i = 0; i < plan->n_slots; i++)
		p->slots[i].fd = -1;
	if (plan->options.rootfs_fd >= 0)
		p->slots[SLOT_ROOT] = (struct slot){plan->options.rootfs_fd, true, true};
	if (plan->target_pidfd >= 0)
		p->slots[SLOT_ROOT] = (struct slot){plan->target_pidfd, true, false};
	if (plan->options.trace && !plan->times) {
		plan->times = calloc(2 * plan->n_ops, sizeof(int64_t));
		if (!plan->times)
			return error_no_memory(err);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, errno, "socketpair");
	p->sock = pair[0];
	p->child_sock = pair[1];
	return 0;
}

static void performance_done(struct performance *p)
{
	birth_end(p);
	for (size_t i = 0; p->slots && i < p->plan->n_slots; i++) {
		if (!p->slots[i].borrowed)
			cleanup_closep(&p->slots[i].fd);
	}
	while (p->n_cgroup_fds > 0)
		cleanup_closep(&p->cgroup_fds[--p->n_cgroup_fds]);
	cleanup_closep(&p->sock);
	cleanup_closep(&p->child_sock);
	cleanup_closep(&p->cgroup_dir_fd);
	cleanup_closep(&p->console_fd);
	cleanup_closep(&p->listener_fd);
	cleanup_closep(&p->pidfd);
	hull_cgroup_free(p->cgroup);
	hull_cgroup_host_close(p->cgroup_host);
	free(p->cgroup_text);
	resctrl_done(&p->resctrl);
	if (p->shared)
		munmap(p->shared, shared_size(p->plan));
}

/* What the child noted in the shared memory, for plan_print(). */
static void keep_times(struct performance *p)
{
	struct plan *plan = p->plan;

	for (size_t i = 0; plan->times && i < plan->n_ops; i++) {
		if (!plan->ops[i].child)
			continue;
		plan->times[2 * i] = p->shared->times[2 * i];
		plan->times[2 * i + 1] = p->shared->times[2 * i + 1];
	}
}

static void run_poststop(struct performance *p)
{
	const struct oci_hooks *h = p->plan->spec->hooks;
	_cleanup_close_ int state = -1;

	if (!p->hooks_begun || !h || h->poststop.count == 0)
		return;
	state = hook_state_fd(p->plan, 0);
	for (size_t i = 0; state >= 0 && i < h->poststop.count; i++) {
		struct hook_result result;
		hook_exec(&h->poststop.items[i], state, &result);
	}
}

/* Failure: the error is there already, so nothing here may touch it. */
static void undo(struct performance *p)
{
	if (p->pid > 0)
		process_kill_child(p->pid, p->pidfd);
	undo_network(p);
	resctrl_remove(p->resctrl.made);
	if (p->cgroup_made)
		hull_cgroup_delete(p->cgroup,
			HULL_CGROUP_DELETE_RECURSIVE | HULL_CGROUP_DELETE_KILL, CLEANUP_TIMEOUT_MS,
			NULL);
	run_poststop(p);
}

/* "mount proc on /proc: fsopen: Operation not permitted" */
static int op_error(const struct plan *plan, const struct op *op, int errnum, int kind,
	const char *detail, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	plan_describe(plan, op, &text);
	if (detail[0])
		buf_printf(&text, ": %s", detail);
	if (buf_error(&text))
		return error_no_memory(err);
	if (errnum == 0)
		return error_set(err, kind ? (enum hull_error_kind)kind : HULL_ERROR_IO, "%s",
			buf_str(&text));
	return error_errno_kind(err, (enum hull_error_kind)kind, errnum, "%s", buf_str(&text));
}

int plan_message_error(const struct plan *plan, const struct message *m, struct hull_error *err)
{
	if (m->op < 0 || (size_t)m->op >= plan->n_ops)
		return error_set(err, HULL_ERROR_INTERNAL, "message about an unknown operation");
	return op_error(plan, &plan->ops[m->op], m->errnum, m->kind, m->text, err);
}

void plan_warn_message(const struct plan *plan, const struct message *m)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (!plan->options.warn || m->op < 0 || (size_t)m->op >= plan->n_ops)
		return;
	op_error(plan, &plan->ops[m->op], 0, HULL_ERROR_DENIED, m->text, &err);
	plan->options.warn(plan->options.userdata, hull_error_message(&err));
}

/* An operation may succeed and yet have something to say. */
static void warn_detail(struct performance *p, const struct op *op)
{
	struct message m = {.op = (int32_t)p->current};

	memcpy(m.text, p->detail, sizeof(m.text));
	plan_warn_message(p->plan, &m);
	p->detail[0] = '\0';
}

static int perform_op(struct performance *p, size_t i)
{
	struct plan *plan = p->plan;
	const struct op *op = &plan->ops[i];

	p->current = i;
	if (plan->times)
		plan->times[2 * i] = clock_monotonic_ns();
	int r = op_class(op->kind)->perform(p, op);
	if (plan->times)
		plan->times[2 * i + 1] = clock_monotonic_ns();
	if (r >= 0) {
		if (p->detail[0])
			warn_detail(p, op);
		return 0;
	}
	if (p->err && p->err->kind != HULL_ERROR_NONE)
		return r;
	return op_error(plan, op, r > OP_FAILED ? -r : 0, p->kind, p->detail, p->err);
}

/*
 * When the child has failed, whatever the caller does with it next fails too ("Broken pipe"): the
 * child's own error, if it has sent one, is the cause.
 */
static int prefer_child_error(struct performance *p, int r)
{
	struct pollfd ready = {.fd = p->sock, .events = POLLIN};

	while (p->pid > 0 && poll(&ready, 1, 0) > 0) {
		struct message m;
		if (message_receive(p->sock, &m, NULL, NULL) <= 0)
			break;
		m.text[sizeof(m.text) - 1] = '\0';
		if (m.type == MESSAGE_ERROR)
			return plan_message_error(p->plan, &m, p->err);
	}
	return r;
}

int plan_perform(struct plan *plan, struct runtime_process *ret, struct hull_error *err)
{
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	_cleanup_(performance_done) struct performance p = {.plan = plan};
	int r = performance_init(&p, plan, &own);

	for (size_t i = 0; r == 0 && i < plan->n_ops; i++) {
		if (!plan->ops[i].child)
			r = perform_op(&p, i);
	}
	if (p.shared)
		keep_times(&p);
	if (r < 0) {
		r = prefer_child_error(&p, r);
		undo(&p);
		error_move(err, &own);
		return r;
	}
	*ret = (struct runtime_process){.pid = p.pid,
		.pidfd = TAKE_FD(p.pidfd),
		.console_fd = TAKE_FD(p.console_fd),
		.cgroup = TAKE_PTR(p.cgroup_text),
		.resctrl = TAKE_PTR(p.resctrl.made)};
	process_start_time(p.pid, &ret->start_time);
	return 0;
}

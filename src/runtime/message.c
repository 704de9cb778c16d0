/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the caller and the child, and the child's way through the plan. */
#include "runtime/perform.h"
#include "runtime/shared.h"
#include "base/clock.h"
#include "base/fd.h"
#include "sys/process.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int message_send(int sock, const struct message *m, const int *fds, size_t n_fds)
{
	return fd_send(sock, m, sizeof(*m), fds, n_fds);
}

int message_receive(int sock, struct message *m, int *fds, size_t *n_fds)
{
	ssize_t n = fd_receive(sock, m, sizeof(*m), fds, n_fds);

	if (n == 0 || n == -ECONNRESET)
		return 0;
	if (n < 0)
		return (int)n;
	return n == sizeof(*m) ? (int)n : -EBADMSG;
}

int op_step(struct performance *p, int r, const char *format, ...)
{
	va_list ap;

	if (r >= 0)
		return r;
	va_start(ap, format);
	vsnprintf(p->detail, sizeof(p->detail), format, ap);
	va_end(ap);
	return r;
}

/* Tells the caller (or, once waiting for start, whoever started) what failed. */
static void child_report(struct performance *p, enum message_type type, int r)
{
	struct message m = {.type = type,
		.op = (int32_t)p->current,
		.errnum = r > OP_FAILED ? -r : 0,
		.kind = p->kind};

	memcpy(m.text, p->detail, sizeof(m.text));
	/* Where the seccomp filter is in the way of the socket. */
	if (type == MESSAGE_ERROR)
		p->shared->failure = m;
	/* Whoever starts a created container has no plan to look the operation up in. */
	if (p->start_fd >= 0) {
		const char *words = p->plan->ops[p->current].words;
		m.op = -1;
		snprintf(m.text, sizeof(m.text), "%s%s%.300s", words ? words : "start",
			p->detail[0] ? ": " : "", p->detail);
	}
	message_send(p->start_fd >= 0 ? p->start_fd : p->sock, &m, NULL, 0);
}

void child_warn(struct performance *p, int r)
{
	child_report(p, MESSAGE_WARNING, r);
	p->detail[0] = '\0';
}

static int send_child(struct performance *p, const struct op *op)
{
	struct message m = {.type = (uint32_t)op->number, .op = (int32_t)p->current};
	bool console = m.type == MESSAGE_CONSOLE;

	int r = message_send(
		p->start_fd >= 0 ? p->start_fd : p->sock, &m, &p->master_fd, console ? 1 : 0);
	if (r == 0 && console)
		cleanup_closep(&p->master_fd);
	return r;
}

/* A caller that is gone ends the child without a word: there is nobody to tell. */
static int receive_child(struct performance *p, const struct op *op)
{
	struct message m;
	size_t n_fds = ARRAY_SIZE(p->cgroup_fds);
	int r = message_receive(p->sock, &m, p->cgroup_fds, &n_fds);

	if (r <= 0)
		return r < 0 ? r : -ECONNRESET;
	if (m.type != (uint32_t)op->number)
		return -EBADMSG;
	if (m.type == MESSAGE_CGROUP) {
		p->n_cgroup_fds = n_fds;
		p->pid = m.pid;
	}
	return 0;
}

_Noreturn void child_main(struct performance *p)
{
	struct plan *plan = p->plan;
	bool traced = plan->times != NULL;

	process_reset_signals();
	p->start_fd = p->pts_fd = p->master_fd = p->mask_dir_fd = -1;
	p->own_proc_fd = -1;
	p->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct op *op = &plan->ops[i];
		if (!op->child)
			continue;
		p->current = i;
		if (traced)
			p->shared->times[2 * i] = clock_monotonic_ns();
		int r = op->kind == OP_SEND	 ? send_child(p, op)
			: op->kind == OP_RECEIVE ? receive_child(p, op)
						 : op_class(op->kind)->perform(p, op);
		if (traced)
			p->shared->times[2 * i + 1] = clock_monotonic_ns();
		if (r < 0) {
			/* Before the caller knows, which ends us. */
			if (plan->exec)
				undo_mounts(p);
			child_report(p, MESSAGE_ERROR, r);
			break;
		}
	}
	syscall(SYS_exit_group, 127);
	__builtin_unreachable();
}

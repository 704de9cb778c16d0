/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter: compiled by the caller, loaded by the child, and its listener handed to an
 * agent.
 *
 * A child whose filter notifies can do nothing any more that might be notified before the agent has
 * the listener: it would wait for an agent that waits for it, and which calls are notified is the
 * profile's choice. So a thread of the child, cloned before and without the filter, which applies to
 * the thread that loads it alone, takes the listener to the caller and waits for the agent to have
 * it. The loading thread meanwhile makes no system call at all: it looks at a word in memory.
 */
#include "runtime/perform.h"
#include "runtime/filter.h"
#include "runtime/shared.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/unix_socket.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER /* Linux 5.0 */
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif

#define THREAD_STACK	 ((size_t)16 << 10)
#define AGENT_TIMEOUT_MS 10000
#define THREAD_PAUSE_NS	 20000

/* ---- the caller's ---- */

/* For those who ask for it: a profile may name calls that are newer than libseccomp. */
static int refuse_unknown(void *userdata, const char *name, struct hull_error *err)
{
	return error_set(
		err, HULL_ERROR_INVALID, "linux.seccomp: unknown system call \"%.100s\"", name);
}

static int tell_unknown(void *userdata, const char *name, struct hull_error *err)
{
	const struct plan_options *o = userdata;
	_cleanup_free_ char *text = str_printf("unknown seccomp syscall \"%s\" ignored", name);

	if (text)
		o->warn(o->userdata, text);
	return 0;
}

int perform_compile_filter(struct performance *p, const struct op *op)
{
	const struct plan *plan = p->plan;
	struct filter filter = {.code = p->shared->filter, .max = SHARED_FILTER_MAX};
	bool strict = op->flags;
	int r = 0;

	if (strict) {
		filter.unknown = refuse_unknown;
	} else if (plan->options.debug && plan->options.warn) {
		filter.unknown = tell_unknown;
		filter.userdata = (void *)&plan->options;
	}
	if (plan->filter_code) {
		memcpy(filter.code, plan->filter_code, plan->filter_size);
		filter.length = (uint32_t)(plan->filter_size / sizeof(*filter.code));
	} else {
		/* The cache does not remember what it was that nobody knew. */
		r = filter_load(plan->seccomp, filter.unknown ? -1 : plan->options.seccomp_cache_fd,
			&filter, p->err);
	}
	p->shared->filter_length = filter.length;
	p->shared->filter_flags = filter.flags;
	return r;
}

/* The container process state of the specification. */
static void format_process_state(struct performance *p, struct buf *out)
{
	struct plan *plan = p->plan;
	struct json_writer w = JSON_WRITER_INIT(out, 0);
	_cleanup_buf_ struct buf state = BUF_INIT;

	buf_printf(&state, "%s%d%s", plan->state_before_pid,
		plan->target_pid ? plan->target_pid : p->pid, plan->state_after_pid);
	json_begin_object(&w);
	json_key(&w, "ociVersion");
	json_string(&w, OCI_VERSION);
	json_key(&w, "fds");
	json_begin_array(&w);
	json_string(&w, "seccompFd");
	json_end_array(&w);
	json_key(&w, "pid");
	json_i64(&w, p->pid);
	json_key(&w, "metadata");
	json_string(&w, plan->listener_metadata ? plan->listener_metadata : "");
	json_key(&w, "state");
	json_raw(&w, buf_str(&state));
	json_end_object(&w);
	if (buf_error(&state))
		out->error = state.error;
}

int perform_send_listener(struct performance *p, const struct op *op)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	format_process_state(p, &text);
	if (buf_error(&text))
		return buf_error(&text);
	_cleanup_close_ int sock = unix_connect(op->path, SOCK_STREAM, AGENT_TIMEOUT_MS);
	if (sock < 0)
		return op_step(p, sock, "failed to connect with seccomp agent");
	int r = fd_send(sock, text.data, text.len, &p->listener_fd, 1);
	cleanup_closep(&p->listener_fd);
	return op_step(p, r, "failed to send to seccomp agent");
}

/* ---- the child's ---- */

struct listener_thread {
	struct performance *p;
	int result;  /* 0 = not loaded yet, -errno, or the listener's fd and 1 */
	int failure; /* of handing it over: -errno */
	int id;	     /* not 0 as long as the thread uses its stack */
};

/*
 * The thread has no thread-local storage of its own. It needs none: errno is the other thread's, which
 * makes no system call once it has a listener.
 */
static int hand_over(void *data)
{
	struct listener_thread *t = data;
	static const struct timespec pause = {0, THREAD_PAUSE_NS};
	struct message m = {.type = MESSAGE_LISTENER, .op = (int32_t)t->p->current};
	int result;

	while ((result = __atomic_load_n(&t->result, __ATOMIC_ACQUIRE)) == 0)
		syscall(SYS_nanosleep, &pause, NULL);
	if (result > 0) {
		int fd = result - 1;
		t->failure = message_send(t->p->sock, &m, &fd, 1);
		if (t->failure == 0 && message_receive(t->p->sock, &m, NULL, NULL) <= 0)
			t->failure = -ECONNRESET;
		close(fd);
	}
	syscall(SYS_exit, 0);
	__builtin_unreachable();
}

static int load_with_listener(struct performance *p, struct sock_fprog *program)
{
	char stack[THREAD_STACK] __attribute__((aligned(16)));
	struct listener_thread t = {.p = p, .id = 1};
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;

	if (clone(hand_over, stack + sizeof(stack), flags, &t, NULL, NULL, &t.id) < 0)
		return op_step(p, -errno, "clone");
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		p->shared->filter_flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
	int result = r < 0 ? -errno : (int)r + 1;
	__atomic_store_n(&t.result, result, __ATOMIC_RELEASE);
	while (__atomic_load_n(&t.id, __ATOMIC_ACQUIRE))
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (result < 0)
		return op_step(p, result, "seccomp notify unsupported");
	return op_step(p, t.failure, "hand over the listener");
}

/* With flags set, the filter notifies. */
int perform_filter(struct performance *p, const struct op *op)
{
	struct sock_fprog program = {
		.len = (unsigned short)p->shared->filter_length, .filter = p->shared->filter};

	if (op->flags)
		return load_with_listener(p, &program);
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->shared->filter_flags, &program);
	return r < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The birth of the child, and what it and the caller say to each other afterwards. */
#include "runtime/perform.h"
#include "runtime/shared.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define INTERMEDIATE_STACK ((size_t)256 << 10)

struct birth {
	struct performance *p;
	const struct op_clone *clone;
	struct clone_args args;
	int pidfd;
	pid_t result;	  /* pid or -errno */
	const char *step; /* that failed */
};

/* ---- what a child inherits of the whole process ---- */

/*
 * Whether a process may be looked at, and its OOM score, are inherited at birth, and may have to be
 * right from then on; so the caller has them itself for that moment. Both belong to the process, not
 * to the thread: one birth of that kind at a time.
 */
static pthread_mutex_t birth_lock = PTHREAD_MUTEX_INITIALIZER;

static void birth_begin(struct performance *p)
{
	if (!p->birth_begun)
		pthread_mutex_lock(&birth_lock);
	p->birth_begun = true;
}

/* Nobody in the namespaces that the child is born in may look at it (CVE-2016-9962). */
static int birth_hide(struct performance *p)
{
	birth_begin(p);
	p->dumpable_before = prctl(PR_GET_DUMPABLE);
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* Files of a process that cannot be looked at are root's: nobody else can set the score later. The
 * way back is open to the caller. */
int birth_lend_oom_score(struct performance *p, const char *text, size_t length)
{
	char now[16];
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	birth_begin(p);
	ssize_t n = read(fd, now, sizeof(now) - 1);
	if (n < 0)
		return -errno;
	now[n] = '\0';
	now[strcspn(now, "\n")] = '\0';
	int r = str_to_i64(now, &p->oom_score_before);
	if (r < 0)
		return r;
	if (write(fd, text, length) < 0)
		return -errno;
	p->oom_score_lent = true;
	return 0;
}

void birth_end(struct performance *p)
{
	char text[32];

	if (!p->birth_begun)
		return;
	if (p->dumpable_before > 0)
		prctl(PR_SET_DUMPABLE, p->dumpable_before, 0, 0, 0);
	int n = snprintf(text, sizeof(text), "%lld", (long long)p->oom_score_before);
	if (p->oom_score_lent)
		file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", text, (size_t)n);
	p->oom_score_lent = p->birth_begun = false;
	p->dumpable_before = -1;
	pthread_mutex_unlock(&birth_lock);
}

/* ---- the clone ---- */

static void begin_child(struct performance *p)
{
	/* With the caller's end open here, too, the caller's death would never be seen. */
	close(p->sock);
	p->sock = p->child_sock;
	child_main(p);
}

/*
 * Joins a pid namespace for the moment of the clone: the calling thread's children go there. In a
 * pid namespace of another user namespace this needs privileges over both, as root has.
 */
static void clone_into_pid_namespace(struct birth *b, int target)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	b->step = "setns to the pid namespace";
	if (own < 0 || setns(target, CLONE_NEWPID) < 0) {
		b->result = -errno;
		return;
	}
	b->step = "clone3";
	b->result = process_clone(&b->args);
	if (b->result == 0)
		begin_child(b->p);
	if (setns(own, CLONE_NEWPID) < 0 && b->result > 0) {
		/* The next child of this process would be born in the container. */
		b->step = "setns back from the pid namespace";
		process_kill_child(b->result, b->pidfd);
		b->result = -errno;
	}
}

static void clone_here(struct birth *b)
{
	int slot = b->clone->pid_namespace_slot;

	if (slot >= 0) {
		clone_into_pid_namespace(b, b->p->slots[slot].fd);
		return;
	}
	b->step = "clone3";
	b->result = process_clone(&b->args);
	if (b->result == 0)
		begin_child(b->p);
}

/*
 * The intermediate process for joining a user namespace. It shares memory and fds with the caller,
 * which waits (as after vfork), and gives birth to a sibling of its own (CLONE_PARENT), whose
 * parent is therefore the caller.
 */
static int intermediate(void *data)
{
	struct birth *b = data;
	int pid_slot = b->clone->pid_namespace_slot;

	b->step = "setns to the user namespace";
	if (setns(b->p->slots[b->clone->user_namespace_slot].fd, CLONE_NEWUSER) < 0) {
		b->result = -errno;
		return 0;
	}
	b->step = "setns to the pid namespace";
	if (pid_slot >= 0 && setns(b->p->slots[pid_slot].fd, CLONE_NEWPID) < 0) {
		b->result = -errno;
		return 0;
	}
	b->step = "clone3";
	b->args.flags |= CLONE_PARENT;
	b->args.exit_signal = 0; /* the kernel takes the intermediate's */
	b->result = process_clone(&b->args);
	if (b->result == 0)
		begin_child(b->p);
	return 0;
}

static void clone_through_intermediate(struct birth *b)
{
	int status;
	char *stack = mmap(NULL, INTERMEDIATE_STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED) {
		b->result = -errno;
		return;
	}
	pid_t pid = clone(intermediate, stack + INTERMEDIATE_STACK,
		CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, b);
	if (pid < 0)
		b->result = -errno;
	else
		process_wait(pid, &status);
	munmap(stack, INTERMEDIATE_STACK);
}

/* The v2 directory to be born in, -1 = none. */
static int cgroup_directory(struct performance *p)
{
	if (p->cgroup_dir_fd >= 0)
		return p->cgroup_dir_fd;
	return p->cgroup ? hull_cgroup_dirfd(p->cgroup, NULL) : -1;
}

static void give_birth(struct birth *b)
{
	if (b->clone->user_namespace_slot >= 0)
		clone_through_intermediate(b);
	else
		clone_here(b);
}

/* Where sandboxes hide clone3(2), see process_clone(): the child goes into its group itself. */
static int give_birth_outside(struct birth *b)
{
	struct performance *p = b->p;
	int r = p->cgroup_dir_fd >= 0 ? cgroup_open_procs(p) : 0;

	if (r < 0) {
		b->step = "open cgroup.procs";
		return r;
	}
	b->args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
	b->args.cgroup = 0;
	give_birth(b);
	return (int)b->result;
}

int perform_clone(struct performance *p, const struct op *op)
{
	struct birth b = {.p = p, .clone = op->clone, .pidfd = -1, .result = -ECHILD};
	int directory = cgroup_directory(p);

	b.args = (struct clone_args){.flags = op->clone->flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&b.pidfd,
		.exit_signal = SIGCHLD};
	if (directory >= 0) {
		b.args.flags |= CLONE_INTO_CGROUP;
		b.args.cgroup = (uint64_t)directory;
	}
	/* As an exec's child is from birth, it may be among the processes of others. */
	bool hidden = p->plan->exec || op->clone->pid_namespace_slot >= 0 ||
		      op->clone->user_namespace_slot >= 0;
	int r = hidden ? birth_hide(p) : 0;
	if (r < 0)
		return op_step(p, r, "PR_SET_DUMPABLE");
	give_birth(&b);
	if (b.result == -ENOSYS && directory >= 0) {
		directory = -1;
		b.result = give_birth_outside(&b);
	}
	if (b.result == -EBUSY && p->cgroup_dir_fd >= 0 && !p->plan->sub_cgroups &&
		cgroup_follow_first_process(p) == 0) {
		b.args.cgroup = (uint64_t)p->cgroup_dir_fd;
		give_birth(&b);
	}
	/* v2 lets nobody in whose own group and the container's have no ancestor that is theirs. As with
	 * runc the process stays outside then. */
	if (b.result == -EACCES && p->cgroup_dir_fd >= 0 && geteuid() != 0) {
		b.args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
		give_birth(&b);
		snprintf(p->detail, sizeof(p->detail),
			"no permission to move it into the container's cgroup");
	}
	birth_end(p);
	if (b.result < 0)
		return op_step(p, (int)b.result, "%s", b.step);
	p->pid = b.result;
	p->pidfd = b.pidfd;
	p->cgroup_entered |= directory >= 0;
	cleanup_closep(&p->child_sock);
	return 0;
}

/* ---- messages, the caller's side ---- */

int perform_send(struct performance *p, const struct op *op)
{
	struct message m = {.type = (uint32_t)op->number, .op = (int32_t)p->current, .pid = p->pid};
	int r = message_send(p->sock, &m, NULL, 0);

	/* A child that has failed has said why: the next receive tells. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

/* The end of the child's side without a word: how did it end? */
static int explain_silence(struct performance *p)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) == 0 &&
		info.si_code != CLD_EXITED)
		return error_set(p->err, HULL_ERROR_IO,
			"the container's first process was killed by signal %d while it was being "
			"set up%s",
			info.si_status,
			info.si_status == SIGKILL ? " (is the memory limit too low?)" : "");
	return error_set(p->err, HULL_ERROR_INTERNAL,
		"the container's first process ended while it was being set up");
}

static int take_message(struct performance *p, const struct message *m, int fd)
{
	int *keep = m->type == MESSAGE_CONSOLE	  ? &p->console_fd
		    : m->type == MESSAGE_LISTENER ? &p->listener_fd
						  : NULL;

	if (keep) {
		cleanup_closep(keep);
		*keep = fd;
		return 0;
	}
	cleanup_closep(&fd);
	if (m->type == MESSAGE_WARNING) {
		plan_warn_message(p->plan, m);
		return 0;
	}
	if (m->type == MESSAGE_ERROR)
		return plan_message_error(p->plan, m, p->err);
	return 0;
}

/*
 * The end of file after MESSAGE_EXECUTING: execve() has closed the socket. Or the child has failed
 * behind a seccomp filter that does not let it say so.
 */
static int end_of_child(struct performance *p)
{
	struct message m = p->shared->failure;

	m.text[sizeof(m.text) - 1] = '\0';
	return m.type == MESSAGE_ERROR ? plan_message_error(p->plan, &m, p->err) : 0;
}

/*
 * Reads until the message that the operation waits for. MESSAGE_EXECUTING is not the end: after it
 * come the end of file or the error.
 */
int perform_receive(struct performance *p, const struct op *op)
{
	for (;;) {
		struct message m;
		int fd = -1;
		size_t n_fds = 1;
		int r = message_receive(p->sock, &m, &fd, &n_fds);
		if (r < 0)
			return r;
		if (r == 0)
			return p->executing ? end_of_child(p) : explain_silence(p);
		m.text[sizeof(m.text) - 1] = '\0';
		r = take_message(p, &m, n_fds ? fd : -1);
		if (r < 0)
			return r;
		if (m.type == MESSAGE_EXECUTING)
			p->executing = true;
		else if (m.type == (uint32_t)op->number)
			return 0;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process with all privileges to the container's: what must not stay open is closed, the
 * user is changed, privileges shrink, and the last thing is execve().
 */
#include "runtime/perform.h"
#include "runtime/shared.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "sys/capability.h"
#include "sys/process.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* So that the user can open /dev/stdout. What cannot be given away is left. */
static void own_stdio(uid_t uid)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0 || st.st_uid == uid)
			continue;
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(MEM_MAJOR, 3))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0)
			continue;
	}
}

/* Sources that lie in the place of another target are moved out of the way first. */
static int place_stdio(const int wanted[3])
{
	int from[3];

	for (int i = 0; i < 3; i++) {
		from[i] = wanted[i];
		if (from[i] >= 0 && from[i] < 3 && from[i] != i)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (wanted[i] >= 0 && from[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] >= 0 && from[i] != i && dup2(from[i], i) < 0)
			return -errno;
		if (from[i] == i && fcntl(i, F_SETFD, 0) < 0)
			return -errno;
	}
	return 0;
}

int perform_stdio(struct performance *p, const struct op *op)
{
	int r;

	if (p->pts_fd >= 0) {
		if (ioctl(p->pts_fd, TIOCSCTTY, 0) < 0)
			return op_step(p, -errno, "make the terminal the controlling one");
		r = place_stdio((int[3]){p->pts_fd, p->pts_fd, p->pts_fd});
	} else {
		r = place_stdio(p->plan->options.stdio);
	}
	if (r == 0)
		own_stdio(p->plan->process->user.uid);
	return r;
}

/*
 * Before the working directory is entered, which the image chooses: "/proc/self/fd/7" must not be
 * a way to anything of the host's. What stays are sockets.
 */
int perform_close_fds(struct performance *p, const struct op *op)
{
	int keep[2] = {p->sock, p->plan->options.start_socket};
	unsigned int first = 3 + (unsigned int)p->plan->options.preserve_fds;

	for (;;) {
		unsigned int next = UINT_MAX;
		for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
			if (keep[i] >= 0 && (unsigned int)keep[i] >= first &&
				(unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		}
		if (next == UINT_MAX)
			break;
		if (next > first) {
			int r = process_close_range(first, next - 1);
			if (r < 0)
				return r;
		}
		first = next + 1;
	}
	p->proc_fd = p->own_proc_fd = p->mask_dir_fd = p->pts_fd = -1;
	return process_close_range(first, UINT_MAX);
}

int perform_bounding(struct performance *p, const struct op *op)
{
	return capability_bound(op->capabilities->bounding, p->plan->cap_last);
}

int perform_groups(struct performance *p, const struct op *op)
{
	int r = process_set_groups(op->user->groups, op->user->n_groups);

	/* A user namespace without setgroups(2): nothing can be dropped, and nothing is there. */
	if (r == -EPERM && op->user->n_groups == 0)
		return 0;
	if (r == -EPERM)
		return op_step(p, r, "cannot set any additional groups in a rootless container");
	return r == -EINVAL ? op_step(p, r, "a group is not in the id map") : r;
}

int perform_umask(struct performance *p, const struct op *op)
{
	umask((mode_t)op->flags);
	return 0;
}

int perform_user(struct performance *p, const struct op *op)
{
	if (op->user->keep_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return op_step(p, -errno, "keep capabilities");
	int r = process_set_gid(op->user->gid);
	if (r == -EINVAL)
		return op_step(p, r, "cannot set gid to unmapped user in user namespace");
	if (r < 0)
		return op_step(p, r, "setresgid %u", op->user->gid);
	r = process_set_uid(op->user->uid);
	if (r == -EINVAL)
		return op_step(p, r, "cannot set uid to unmapped user in user namespace");
	return op_step(p, r, "setresuid %u", op->user->uid);
}

/* A directory outside the root has no path: the kernel says "(unreachable)" then. */
static bool cwd_is_inside(void)
{
	char path[PATH_MAX];

	return syscall(SYS_getcwd, path, sizeof(path)) > 0 && path[0] == '/';
}

/* Tried as root first, and as the user if that failed (flags: this is the first time). */
int perform_chdir(struct performance *p, const struct op *op)
{
	if (p->cwd_entered)
		return 0;
	if (chdir(op->path) < 0) {
		if (op->flags && (errno == EACCES || errno == EPERM))
			return 0;
		return -errno;
	}
	p->cwd_entered = true;
	if (!cwd_is_inside())
		return op_step(p, -EPERM, "outside of the container's root");
	return 0;
}

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return 0;
	/* Sandboxes older than Linux 5.8 do not know it, and some say EPERM. The real ids are the
	 * effective ones here. */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* The command is looked for before a created container waits, so that `create` tells. */
int perform_find_command(struct performance *p, const struct op *op)
{
	int failure = 0;
	const char *failed = op->exec->name;

	for (char *const *c = op->exec->candidates; *c; c++) {
		int r = check_executable(*c);
		if (r == 0) {
			p->command = *c;
			return 0;
		}
		if (r == -ENOENT || r == -ENOTDIR) {
			if (failure == 0)
				failed = *c;
			continue;
		}
		failure = r;
		failed = *c;
	}
	if (failure < 0) {
		p->kind = HULL_ERROR_NOT_EXECUTABLE;
		return op_step(p, failure, "%s", failed);
	}
	p->kind = HULL_ERROR_NO_COMMAND;
	if (!strchr(op->exec->name, '/'))
		return op_step(p, OP_FAILED, "executable file not found in $PATH");
	return op_step(p, -ENOENT, "stat %s", failed);
}

int perform_no_new_privileges(struct performance *p, const struct op *op)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* From here on errors go to whoever starts us. */
int perform_wait_start(struct performance *p, const struct op *op)
{
	int fd;

	close(p->sock);
	do {
		fd = accept4(p->plan->options.start_socket, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	p->start_fd = fd;
	close(p->plan->options.start_socket);
	return 0;
}

static void name_capability(char *text, size_t size, int capability)
{
	const char *name = capability_name(capability);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "CAP_%d", capability);
}

/* Capabilities that this runtime lacks itself cannot be given: a container runs without them. */
static uint64_t cut_missing(struct performance *p, uint64_t wanted, uint64_t permitted)
{
	uint64_t missing = wanted & ~permitted;
	char name[32];

	if (missing) {
		name_capability(name, sizeof(name), __builtin_ctzll(missing));
		op_step(p, -EPERM, "%s and %d more not permitted to this runtime", name,
			__builtin_popcountll(missing) - 1);
		child_warn(p, -EPERM);
	}
	return wanted & permitted;
}

/* With flags set, what loading a filter needs stays for a moment. */
int perform_capabilities(struct performance *p, const struct op *op)
{
	const struct op_capability_sets *s = op->capabilities;
	const uint64_t extra = op->flags ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
	uint64_t effective, permitted, inheritable;
	int failed, r = capability_get(&effective, &permitted, &inheritable);

	if (r < 0)
		return r;
	uint64_t wanted = cut_missing(p, s->permitted, permitted);
	uint64_t keep = extra & permitted;
	r = capability_set((s->effective & wanted) | keep, wanted | keep,
		s->inheritable & (permitted | inheritable));
	if (r < 0)
		return op_step(p, r, "capset");
	if (keep)
		return 0;
	r = capability_set_ambient(s->ambient, p->plan->cap_last, &failed);
	if (r < 0 && failed >= 0) {
		char name[32];
		name_capability(name, sizeof(name), failed);
		op_step(p, r, "can't raise ambient capability %s", name);
		child_warn(p, r);
		r = 0;
	}
	return r;
}

int perform_exec(struct performance *p, const struct op *op)
{
	execve(p->command, op->exec->args, op->exec->env);
	p->kind = errno == ENOENT || errno == ENOTDIR ? HULL_ERROR_NO_COMMAND
						      : HULL_ERROR_NOT_EXECUTABLE;
	return -errno;
}

int perform_child_hooks(struct performance *p, const struct op *op)
{
	int state = hook_state_fd(p->plan, p->pid);

	if (state < 0)
		return state;
	for (size_t i = 0; i < op->hooks->count; i++) {
		struct hook_result result;
		int r = hook_exec(&op->hooks->items[i], state, &result);
		if (r < 0) {
			op_step(p, r, "error running %s hook #%zu: %s%s%s", op->path, i,
				op->hooks->items[i].path, result.output[0] ? ": " : "",
				result.output);
			close(state);
			return r;
		}
	}
	close(state);
	return 0;
}

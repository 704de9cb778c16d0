/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hook. It gets the state document as a file on stdin, exactly its own environment, and the
 * time that it was given; what it prints goes into the error if it fails. Nothing is allocated.
 */
#include "runtime/perform.h"
#include "base/clock.h"
#include "base/fd.h"
#include "sys/process.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int hook_state_fd(const struct plan *plan, pid_t pid)
{
	char digits[16];
	int n = snprintf(digits, sizeof(digits), "%d", pid);
	int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, plan->state_before_pid, strlen(plan->state_before_pid));
	if (r == 0)
		r = fd_write_all(fd, digits, (size_t)n);
	if (r == 0)
		r = fd_write_all(fd, plan->state_after_pid, strlen(plan->state_after_pid));
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static _Noreturn void hook_child(const struct oci_hook *hook, int in, int out)
{
	static char *const no_env[] = {NULL};
	char *const only_path[] = {hook->path, NULL};

	process_reset_signals();
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 &&
		process_cloexec_range(3, ~0U) == 0)
		execve(hook->path, hook->args && hook->args[0] ? hook->args : only_path,
			hook->env ? hook->env : no_env);
	/* What went wrong travels as the only output. */
	dprintf(2, "%s", error_text(errno));
	syscall(SYS_exit_group, 127);
	__builtin_unreachable();
}

/* The first bytes of the output are kept, the rest is read and dropped. False at end of file. */
static bool drain(int fd, struct hook_result *result, size_t *used)
{
	char block[512];
	ssize_t n = read(fd, block, sizeof(block));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	size_t room = sizeof(result->output) - 1 - *used;
	size_t take = (size_t)n < room ? (size_t)n : room;
	memcpy(result->output + *used, block, take);
	*used += take;
	result->output[*used] = '\0';
	return true;
}

/*
 * Until the hook has ended. Its output may stay open in something that it started, so the end of
 * the process counts, not the end of the file.
 */
static int watch(int pidfd, int out, int64_t deadline, struct hook_result *result)
{
	struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = out, .events = POLLIN}};
	size_t used = 0;

	for (;;) {
		int timeout = -1;
		if (deadline) {
			int64_t left = deadline - clock_monotonic_ns();
			if (left <= 0)
				return -ETIMEDOUT;
			timeout = left > INT32_MAX * NS_PER_MS ? INT32_MAX
							       : (int)(left / NS_PER_MS) + 1;
		}
		int n = poll(fds, 2, timeout);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (fds[1].revents && !drain(out, result, &used)) {
			fds[1].fd = -1;
			fds[1].revents = 0;
		}
		/* What it has started may write for ever. */
		if (fds[0].revents && (!fds[1].revents || used == sizeof(result->output) - 1))
			return 0;
	}
}

int hook_exec(const struct oci_hook *hook, int state_fd, struct hook_result *ret)
{
	int out[2], pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	int64_t deadline =
		hook->timeout.set ? clock_monotonic_ns() + hook->timeout.value * NS_PER_SECOND : 0;

	*ret = (struct hook_result){.status = -1};
	if (lseek(state_fd, 0, SEEK_SET) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = process_clone(&args);
	if (pid == 0)
		hook_child(hook, state_fd, out[1]);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return (int)pid;
	}
	int r = watch(pidfd, out[0], deadline, ret);
	if (r < 0) {
		ret->timed_out = r == -ETIMEDOUT;
		process_pidfd_signal(pidfd, SIGKILL);
	}
	process_wait(pid, &ret->status);
	close(pidfd);
	close(out[0]);
	if (r < 0)
		return r;
	return WIFEXITED(ret->status) && WEXITSTATUS(ret->status) == 0 ? 0 : -ECANCELED;
}

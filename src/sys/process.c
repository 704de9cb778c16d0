/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/process.h"
#include "base/fd.h"
#include "base/str.h"

#include <linux/close_range.h>
#include <strings.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static long result(long r)
{
	return r < 0 ? -errno : r;
}

int process_begin(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest number that is free: this one. Inherited, as it would have been. */
		if (open("/dev/null", O_RDWR | O_NOCTTY) < 0)
			return -errno;
	}
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

void process_reset_signals(void)
{
	/* The kernel's own layout: glibc refuses to touch the two signals that it uses. */
	static const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} standard;
	static const uint64_t none;

	for (int i = 1; i <= 64; i++) {
		if (i != SIGKILL && i != SIGSTOP)
			syscall(SYS_rt_sigaction, i, &standard, NULL, sizeof(uint64_t));
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

pid_t process_clone(const struct clone_args *args)
{
	pid_t pid = (pid_t)result(syscall(SYS_clone3, args, sizeof(*args)));

	/* Sandboxes hide it from their filters, which cannot look into its argument. What clone(2) has
	 * no place for is left to the new call. */
	if (pid != -ENOSYS || (args->flags >> 32) || (args->flags & CSIGNAL))
		return pid;
	return (pid_t)result(
		syscall(SYS_clone, args->flags | args->exit_signal, NULL, args->pidfd, NULL, NULL));
}

int process_pidfd_open(pid_t pid)
{
	int fd = (int)result(syscall(SYS_pidfd_open, pid, 0));
	char path[32];

	if (fd != -ENOSYS)
		return fd;
	/* In a sandbox without it: what the first pidfds were, and still good for signals. */
	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -ENOSYS;
}

int process_pidfd_signal(int pidfd, int signal)
{
	return (int)result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int process_pidfd_get(int pidfd, int target_fd)
{
	return (int)result(syscall(SYS_pidfd_getfd, pidfd, target_fd, 0));
}

int process_wait(pid_t pid, int *ret_status)
{
	for (;;) {
		/* __WALL: also children whose exit signal is not SIGCHLD. */
		long r = syscall(SYS_wait4, pid, ret_status, __WALL, NULL);
		if (r >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

void process_kill_child(pid_t pid, int pidfd)
{
	int status;

	if (pidfd >= 0)
		process_pidfd_signal(pidfd, SIGKILL);
	else
		kill(pid, SIGKILL);
	process_wait(pid, &status);
}

int process_close_range(unsigned int first, unsigned int last)
{
	return (int)result(syscall(SYS_close_range, first, last, 0));
}

int process_cloexec_range(unsigned int first, unsigned int last)
{
	return (int)result(syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC));
}

int process_set_uid(uid_t uid)
{
	return (int)result(syscall(SYS_setresuid, uid, uid, uid));
}

int process_set_gid(gid_t gid)
{
	return (int)result(syscall(SYS_setresgid, gid, gid, gid));
}

int process_set_groups(const gid_t *groups, size_t n)
{
	return (int)result(syscall(SYS_setgroups, n, groups));
}

/* The part of /proc/<pid>/stat after the command name, which may hold anything. */
static int read_stat(pid_t pid, char *text, size_t size, char **ret_rest)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t n = fd_read_full(fd, text, size - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	char *end = strrchr(text, ')');
	if (!end || end[1] != ' ')
		return -EBADMSG;
	*ret_rest = end + 2;
	return 0;
}

int process_state(pid_t pid, uint64_t *ret_start_time)
{
	char text[1024], *p = NULL;
	int r = read_stat(pid, text, sizeof(text), &p);

	if (r < 0)
		return r;
	int state = *p;
	/* p stands at field 3. */
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EBADMSG;
		p++;
	}
	*ret_start_time = strtoull(p, NULL, 10);
	return state;
}

int process_start_time(pid_t pid, uint64_t *ret)
{
	int r = process_state(pid, ret);

	return r < 0 ? r : 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"SIGHUP", SIGHUP},
	{"SIGINT", SIGINT},
	{"SIGQUIT", SIGQUIT},
	{"SIGILL", SIGILL},
	{"SIGTRAP", SIGTRAP},
	{"SIGABRT", SIGABRT},
	{"SIGIOT", SIGIOT},
	{"SIGBUS", SIGBUS},
	{"SIGFPE", SIGFPE},
	{"SIGKILL", SIGKILL},
	{"SIGUSR1", SIGUSR1},
	{"SIGSEGV", SIGSEGV},
	{"SIGUSR2", SIGUSR2},
	{"SIGPIPE", SIGPIPE},
	{"SIGALRM", SIGALRM},
	{"SIGTERM", SIGTERM},
#ifdef SIGSTKFLT
	{"SIGSTKFLT", SIGSTKFLT},
#endif
	{"SIGCHLD", SIGCHLD},
	{"SIGCLD", SIGCHLD},
	{"SIGCONT", SIGCONT},
	{"SIGSTOP", SIGSTOP},
	{"SIGTSTP", SIGTSTP},
	{"SIGTTIN", SIGTTIN},
	{"SIGTTOU", SIGTTOU},
	{"SIGURG", SIGURG},
	{"SIGXCPU", SIGXCPU},
	{"SIGXFSZ", SIGXFSZ},
	{"SIGVTALRM", SIGVTALRM},
	{"SIGPROF", SIGPROF},
	{"SIGWINCH", SIGWINCH},
	{"SIGIO", SIGIO},
	{"SIGPOLL", SIGIO},
	{"SIGPWR", SIGPWR},
	{"SIGSYS", SIGSYS},
};

/* The kernel's range of real-time signals; glibc's SIGRTMIN leaves out two that it uses itself. */
#define RT_MIN 34
#define RT_MAX 64

/* "RTMIN", "RTMIN+n", "RTMAX-n". */
static int parse_realtime(const char *name)
{
	const char *rest = NULL;
	uint32_t offset = 0;
	bool from_min = strncasecmp(name, "RTMIN", 5) == 0;

	if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
		return -EINVAL;
	rest = name + 5;
	if (*rest) {
		if (*rest != (from_min ? '+' : '-') || str_to_u32(rest + 1, &offset) < 0 ||
			offset > RT_MAX - RT_MIN)
			return -EINVAL;
	}
	return from_min ? RT_MIN + (int)offset : RT_MAX - (int)offset;
}

int signal_parse(const char *text)
{
	uint32_t number;

	if (str_to_u32(text, &number) == 0)
		return number <= RT_MAX ? (int)number : -EINVAL;
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (strcasecmp(signals[i].name + 3, name) == 0)
			return signals[i].number;
	}
	return parse_realtime(name);
}

const char *signal_name(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (signals[i].number == signal)
			return signals[i].name;
	}
	return NULL;
}

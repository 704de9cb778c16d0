/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/criu.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/process.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ANSWER_MAX  65536
#define VERSION_MIN 30000 /* 3.0: what runc asks for, too */

/* The status of a child that could not execute criu. */
#define STATUS_NO_EXEC 127
#define STATUS_NO_ROOT 126

static void keep_fd(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

/*
 * criu wants a mount point for the root of what it restores. In a mount namespace of its own it
 * can have one that goes away with it, whatever happens to us. But then it can mount nothing in
 * directories that were opened in ours.
 */
static int prepare_root(const struct criu *criu)
{
	const char *root = criu->root;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
		mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	if (mount(NULL, root, NULL, MS_PRIVATE, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < CRIU_DIRS; i++) {
		int fd = open(criu->dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || dup2(fd, criu->dir_fds[i]) < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

/*
 * criu opens directories through /proc/PID/fd of the process that made the socket: to have its own
 * taken it makes the socket itself, and sends us our end.
 */
static int own_socket(int sock)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	int r = fd_send(sock, "s", 1, &pair[0], 1);
	close(pair[0]);
	return r < 0 ? r : pair[1];
}

/* What may be the reason that there will be no criu. */
static int receive_socket(struct criu *criu)
{
	char byte;
	size_t n_fds = 1;
	int fd = -1;
	ssize_t n = fd_receive(criu->sock, &byte, 1, &fd, &n_fds);

	if (n <= 0 || n_fds == 0)
		return n < 0 ? (int)n : -ECONNRESET;
	cleanup_closep(&criu->sock);
	criu->sock = fd;
	return 0;
}

static _Noreturn void child(const struct criu *criu, int sock)
{
	char number[16];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!criu->own_stdio && null >= 0) {
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
	}
	if (criu->root && (prepare_root(criu) < 0 || (sock = own_socket(sock)) < 0))
		syscall(SYS_exit_group, STATUS_NO_ROOT);
	keep_fd(sock);
	for (size_t i = 0; i < criu->n_keep_fds; i++)
		keep_fd(criu->keep_fds[i]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(number, sizeof(number), "%d", sock);
	execlp(criu->program, criu->program, "swrk", number, (char *)NULL);
	syscall(SYS_exit_group, STATUS_NO_EXEC);
	__builtin_unreachable();
}

static int spawn(struct criu *criu, struct hull_error *err)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, errno, "socketpair");
	pid_t pid = process_clone(&args);
	if (pid == 0)
		child(criu, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_errno(err, pid, "clone");
	}
	criu->pid = pid;
	criu->sock = pair[0];
	return 0;
}

void criu_end(struct criu *criu)
{
	int status;

	cleanup_closep(&criu->sock);
	if (criu->pid > 0 && criu->answered)
		process_wait(criu->pid, &status);
	else if (criu->pid > 0)
		process_kill_child(criu->pid, -1);
	criu->pid = -1;
}

/*
 * The first error in criu's log, "(00.036) Error (criu/vdso.c:381): vdso: ...", without where it was
 * made: what follows it is mostly its consequences. criu itself tells it only where it got as far as
 * beginning its work. ": " before it, "" if there is none; free() it.
 */
static char *log_reason(const char *log)
{
	_cleanup_fclose_ FILE *f = fopen(log, "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		const char *error = strstr(line, ") Error (");
		const char *text = error ? strstr(error, "): ") : NULL;
		if (!text)
			continue;
		line[strcspn(line, "\n")] = '\0';
		return str_printf(": %s", text + strlen("): "));
	}
	return strdup("");
}

/* It ended without an answer: because it is not there? */
static int explain_end(struct criu *criu, const char *log, struct hull_error *err)
{
	int status = 0;

	process_wait(criu->pid, &status);
	criu->pid = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_EXEC)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"cannot execute \"%s\": is criu installed?", criu->program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_ROOT)
		return error_set(err, HULL_ERROR_IO, "%s: cannot be made a mount point for criu",
			criu->root);
	_cleanup_free_ char *reason = log_reason(log);
	if (!reason)
		return error_no_memory(err);
	if (WIFSIGNALED(status))
		return error_set(err, HULL_ERROR_IO,
			"criu was killed by signal %d%s (log file: %s)", WTERMSIG(status), reason,
			log);
	return error_set(
		err, HULL_ERROR_IO, "criu ended without an answer%s (log file: %s)", reason, log);
}

static int send_request(struct criu *criu, const struct buf *request, struct hull_error *err)
{
	if (buf_error(request))
		return error_no_memory(err);
	/* Who has ended already is heard of when reading. */
	if (send(criu->sock, request->data, request->len, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
		errno != ECONNRESET)
		return error_errno(err, errno, "send to criu");
	return 0;
}

static int receive(struct criu *criu, const char *log, struct criu_answer *ret, int *ret_fd,
	struct hull_error *err)
{
	_cleanup_free_ char *data = malloc(ANSWER_MAX);
	size_t n_fds = 1;
	int fd = -1;

	*ret_fd = -1;
	if (!data)
		return error_no_memory(err);
	ssize_t n = fd_receive(criu->sock, data, ANSWER_MAX, &fd, &n_fds);
	if (n == 0 || n == -ECONNRESET)
		return explain_end(criu, log, err);
	if (n < 0)
		return error_errno(err, (int)n, "receive from criu");
	if (n_fds)
		*ret_fd = fd;
	int r = criu_parse_answer(data, (size_t)n, ret);
	if (r < 0)
		cleanup_closep(ret_fd);
	return r < 0 ? error_set(err, HULL_ERROR_INTERNAL, "criu's answer is malformed") : 0;
}

static int failure(
	enum criu_type type, const struct criu_answer *a, const char *log, struct hull_error *err)
{
	static const char *const names[] = {
		[CRIU_DUMP] = "DUMP", [CRIU_RESTORE] = "RESTORE", [CRIU_PRE_DUMP] = "PRE_DUMP"};

	_cleanup_free_ char *reason =
		a->message[0] ? str_printf(": %s", a->message) : log_reason(log);

	if (!reason)
		return error_no_memory(err);
	return error_set(err, HULL_ERROR_IO, "criu failed: type %s errno %d%s (log file: %s)",
		names[type], a->error, reason, log);
}

int criu_request(struct criu *criu, enum criu_type type, const struct buf *opts, const char *log,
	criu_notify_fn *notify, void *data, struct criu_answer *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf request = BUF_INIT;
	int failed = 0;

	criu_format_request(&request, type, opts);
	int r = send_request(criu, &request, err);
	while (r == 0) {
		int fd = -1;
		r = receive(criu, log, ret, &fd, failed < 0 ? NULL : err);
		if (r < 0)
			break;
		if (ret->type == CRIU_NOTIFY) {
			_cleanup_buf_ struct buf reply = BUF_INIT;
			if (failed == 0)
				failed = notify(ret, fd, data, err);
			else
				cleanup_closep(&fd);
			criu_format_notified(&reply, failed == 0);
			r = send_request(criu, &reply, failed < 0 ? NULL : err);
			continue;
		}
		cleanup_closep(&fd);
		if (failed < 0)
			break;
		criu->answered = true;
		return ret->success ? 0 : failure(type, ret, log, err);
	}
	return failed < 0 ? failed : r;
}

int criu_start(struct criu *criu, struct hull_error *err)
{
	struct criu version = {.program = criu->program, .pid = -1, .sock = -1};
	_cleanup_buf_ struct buf request = BUF_INIT;
	struct criu_answer answer;
	int fd;
	int r = spawn(&version, err);

	if (r < 0)
		return r;
	criu_format_request(&request, CRIU_VERSION, NULL);
	r = send_request(&version, &request, err);
	if (r == 0)
		r = receive(&version, "none", &answer, &fd, err);
	criu_end(&version);
	if (r < 0)
		return r;
	if (answer.version < VERSION_MIN)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"criu %u.%u is too old: 3.0 or later is needed", answer.version / 10000,
			answer.version / 100 % 100);
	r = spawn(criu, err);
	if (r == 0 && criu->root && receive_socket(criu) < 0)
		r = explain_end(criu, "none", err);
	return r;
}

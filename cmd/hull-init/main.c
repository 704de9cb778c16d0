/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull-init [--] COMMAND [ARG...]: the first process of a container that was asked for --init. The
 * kernel gives the first process of a PID namespace duties that programs do not expect to have: it
 * inherits all orphans and must reap them, and a signal that it has no handler for does nothing.
 * This process does both for one command, and ends when the command does, with its status (128 + n
 * after signal n); the kernel then ends whatever else is left.
 *
 * All signals are blocked for good and taken one by one, so there are no handlers and nothing to
 * interrupt. The command runs in a process group of its own, in the foreground of the terminal if
 * there is one: what is typed there (^C) reaches it directly, and only what is sent to this process
 * is passed on.
 *
 * It runs inside of images of every kind, so it is static, opens no file and allocates nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_INIT_FAILED    125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NO_COMMAND	    127
#define EXIT_SIGNAL_BASE    128

#define TEXT(s)                                               \
	{                                                     \
		.iov_base = (void *)(s), .iov_len = strlen(s) \
	}

/* "hull-init: WHAT: why"; strerror() needs no locale. */
static void complain(const char *what, int errnum)
{
	const char *why = strerror(errnum);
	const struct iovec parts[] = {TEXT("hull-init: "), TEXT(what), TEXT(": "),
		TEXT(why ? why : "failed"), TEXT("\n")};

	/* There is nowhere else to say it. */
	ssize_t ignored = writev(STDERR_FILENO, parts, sizeof(parts) / sizeof(parts[0]));
	(void)ignored;
}

/* What the processor raises in this very process must kill it, blocked or not. */
static void block_signals(sigset_t *old)
{
	static const int own[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&set, own[i]);
	sigprocmask(SIG_SETMASK, &set, old);
}

__attribute__((noreturn)) static void execute(char **argv, const sigset_t *mask)
{
	/* Without a terminal both fail, which is fine. SIGTTOU is blocked: it would stop us. */
	setpgid(0, 0);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int errnum = errno;
	complain(argv[0], errnum);
	_exit(errnum == ENOENT || errnum == ENOTDIR ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps all that have ended. The command's exit status, -1 while it runs. */
static int reap(pid_t command)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command)
			result = exit_status(status);
	}
	return result;
}

/* Signals of one kind come as one: SIGCHLD says that at least one process has ended. */
static int supervise(pid_t command)
{
	sigset_t all;
	int result = -1;

	sigfillset(&all);
	while (result < 0) {
		int signal = sigwaitinfo(&all, NULL);
		if (signal == SIGCHLD)
			result = reap(command);
		else if (signal > 0)
			kill(command, signal);
	}
	return result;
}

int main(int argc, char **argv)
{
	sigset_t mask;

	argv += argc > 0;
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv) {
		complain("usage: hull-init [--] COMMAND [ARG...]", EINVAL);
		return EXIT_INIT_FAILED;
	}
	/* With the container's engine as first process (--pid host) orphans still come to us. */
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	/* Ignored, it would make the kernel reap in our place and lose the status. */
	signal(SIGCHLD, SIG_DFL);
	block_signals(&mask);
	pid_t command = fork();
	if (command < 0) {
		complain("fork", errno);
		return EXIT_INIT_FAILED;
	}
	if (command == 0)
		execute(argv, &mask);
	return supervise(command);
}

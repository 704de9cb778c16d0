/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and lets one system call of it fail, or kills the process that makes it, or
 * exchanges two names in the file system just before it (or, where there is nothing at the first,
 * gives it what the second is the name of):
 *
 *     inject [-p PROCESS] [-n CALL] [-e ERRNO | -k | -x NAME -y NAME] [-l] [-t SECONDS] -o REPORT
 *            COMMAND [ARG...]
 *
 * Processes are numbered in the order of their birth, the command itself is 0; calls are counted
 * within a process from 0. Each process is followed until it executes another program, but for the
 * command itself, which may execute itself again. Without -n nothing is touched, and the report
 * tells how many calls each process made ("calls PROCESS COUNT"), with -l also which ("call PROCESS
 * CALL NAME"). Calls that cannot fail in a way
 * that means anything (exit, close, munmap, brk, which has no error numbers) are neither counted nor
 * failed, but for -k; nor are those of the dynamic loader, before there is a program. The command is
 * given by its path.
 *
 * The report also says "fired NAME" if the call was reached, "timeout" if the command was ended for
 * having taken too long, and "orphan PID NAME" for each process that outlives the command: of a
 * command that failed only after some time, since what it started may be on its way out.
 * The exit status is the command's, or 128 and the number of the signal that ended it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 256
#define ORPHAN_MS     2000

struct process {
	pid_t pid;
	long calls;
	bool gone;
	bool followed;	/* until it executes another program */
	bool in_call;	/* between the stops at entry and exit */
	bool overwrite; /* the result of the call that is under way */
};

static struct {
	long process, call;
	int error;
	bool kill, list;
	const char *exchange[2];
	unsigned int seconds;
	const char *report;
} options = {.process = -1, .call = -1, .seconds = 10};

static struct process processes[PROCESSES_MAX];
static size_t n_processes;
static FILE *report;
static bool begun;     /* the command itself is running: see at_entry() */
static bool is_static; /* the command needs no dynamic loader */
static volatile sig_atomic_t alarmed;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void on_alarm(int signal)
{
	(void)signal;
	alarmed = 1;
}

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < n_processes; i++) {
		if (processes[i].pid == pid && !processes[i].gone)
			return &processes[i];
	}
	return NULL;
}

static struct process *add(pid_t pid)
{
	if (n_processes == PROCESSES_MAX) {
		errno = E2BIG;
		die("processes");
	}
	processes[n_processes] = (struct process){.pid = pid, .followed = true};
	return &processes[n_processes++];
}

/* Calls whose failure says nothing about the program. */
static bool is_exempt(long number)
{
	/* These are the C library's, which cannot do without. */
	if (number == SYS_set_tid_address || number == SYS_set_robust_list || number == SYS_rseq
#ifdef SYS_arch_prctl
		|| number == SYS_arch_prctl
#endif
	)
		return true;
	return number == SYS_exit || number == SYS_exit_group || number == SYS_close ||
	       number == SYS_munmap || number == SYS_brk || number == SYS_rt_sigreturn ||
	       number == SYS_restart_syscall;
}

#if defined(__x86_64__)
static void set_call(pid_t pid, long number)
{
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), number) < 0)
		die("set the number of a call");
}

static void set_result(pid_t pid, long value)
{
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), value) < 0)
		die("set the result of a call");
}
#elif defined(__aarch64__)
static void set_call(pid_t pid, long number)
{
	int word = (int)number;
	struct iovec iov = {&word, sizeof(word)};

	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) < 0)
		die("set the number of a call");
}

static void set_result(pid_t pid, long value)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		die("read registers");
	regs.regs[0] = (unsigned long long)value;
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		die("set the result of a call");
}
#else
#error "no ptrace support for this architecture"
#endif

static void report_call(const char *what, long number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);

	fprintf(report, "%s %s\n", what, name ? name : "unknown");
	free(name);
}

static void exchange(const char *a, const char *b)
{
	if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0 &&
		(errno != ENOENT || rename(b, a) < 0))
		fprintf(report, "not exchanged: %s\n", strerror(errno));
}

static void fire(struct process *p, long number)
{
	report_call("fired", number);
	if (options.kill) {
		kill(p->pid, SIGKILL);
		return;
	}
	if (options.exchange[0]) {
		exchange(options.exchange[0], options.exchange[1]);
		return;
	}
	set_call(p->pid, -1);
	p->overwrite = true;
}

static void at_entry(struct process *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0)
		return;
	long number = (long)info.entry.nr;
	if (p == processes && !begun) {
		/* The last that the dynamic loader does: it asks for the size of stacks. */
		begun = is_static ? number == SYS_execve : number == SYS_prlimit64;
		return;
	}
	if (is_exempt(number) && !options.kill)
		return;
	if (options.list) {
		char what[64];
		snprintf(what, sizeof(what), "call %td %ld", p - processes, p->calls);
		report_call(what, number);
	}
	if (p - processes == options.process && p->calls == options.call)
		fire(p, number);
	p->calls++;
}

static void at_syscall(struct process *p)
{
	p->in_call = !p->in_call;
	if (!p->followed)
		return;
	if (p->in_call)
		at_entry(p);
	else if (p->overwrite) {
		p->overwrite = false;
		set_result(p->pid, -options.error);
	}
}

/* A tracee has stopped: what with, and what is it to get when it goes on? */
static void at_stop(struct process *p, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;
	enum __ptrace_request how = p->followed ? PTRACE_SYSCALL : PTRACE_CONT;
	long deliver = 0;

	if (signal == (SIGTRAP | 0x80)) {
		at_syscall(p);
	} else if (event == PTRACE_EVENT_EXEC) {
		if (p == processes)
			begun = is_static;
		else
			p->followed = false;
	} else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		how = PTRACE_LISTEN; /* stopped by SIGSTOP and the like */
	} else if (event == 0) {
		deliver = signal;
	}
	ptrace(how, p->pid, 0, deliver);
}

/* One event; false if there is none (any more). */
static bool step(int flags, int *ret_main_status, bool *ret_main_ended)
{
	int status;
	pid_t pid = waitpid(-1, &status, __WALL | flags);

	if (pid <= 0)
		return pid < 0 && errno == EINTR && !alarmed;
	struct process *p = find(pid);
	if (!p)
		p = add(pid);
	if (WIFSTOPPED(status)) {
		at_stop(p, status);
		return true;
	}
	p->gone = true;
	if (p == processes) {
		*ret_main_status = status;
		*ret_main_ended = true;
	}
	return true;
}

static bool find_static(const char *path)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;
	FILE *f = fopen(path, "re");
	bool found = !f || fread(&header, sizeof(header), 1, f) != 1 ||
		     fseek(f, (long)header.e_phoff, SEEK_SET) < 0;

	for (int i = 0; !found && i < header.e_phnum; i++)
		found = fread(&part, sizeof(part), 1, f) != 1 || part.p_type == PT_INTERP;
	if (f)
		fclose(f);
	return !found;
}

static pid_t begin(char **argv)
{
	int gate[2];
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (read(gate[0], &byte, 1) != 1)
			_exit(125);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	add(pid);
	if (ptrace(PTRACE_SEIZE, pid, 0,
		    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			    PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC) < 0 ||
		ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("trace");
	if (write(gate[1], "", 1) != 1)
		die("pipe");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static size_t alive(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_processes; i++)
		n += !processes[i].gone;
	return n;
}

/* What is left gets some time to go, still being waited for. */
static void settle(void)
{
	int status;
	bool ended;
	struct timespec pause = {.tv_nsec = 5000000};

	for (int waited = 0; waited < ORPHAN_MS && alive(); waited += 5) {
		while (alive() && step(WNOHANG, &status, &ended))
			;
		nanosleep(&pause, NULL);
	}
}

static void report_orphans(void)
{
	for (size_t i = 0; i < n_processes; i++) {
		char path[64], name[64] = "?";
		if (processes[i].gone)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", processes[i].pid);
		FILE *f = fopen(path, "re");
		if (f) {
			if (fgets(name, sizeof(name), f))
				name[strcspn(name, "\n")] = '\0';
			fclose(f);
		}
		fprintf(report, "orphan %d %s\n", processes[i].pid, name);
	}
}

static void end_all(void)
{
	fputs("timeout\n", report);
	for (size_t i = 0; i < n_processes; i++) {
		if (!processes[i].gone)
			kill(processes[i].pid, SIGKILL);
	}
}

static int parse_errno(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"EPERM", EPERM}, {"ENOMEM", ENOMEM}, {"ENOSYS", ENOSYS}, {"EIO", EIO},
		{"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}, {"EINTR", EINTR}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, text) == 0)
			return names[i].number;
	}
	fprintf(stderr, "inject: unknown error %s\n", text);
	exit(125);
}

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+p:n:e:kx:y:lt:o:")) != -1) {
		switch (c) {
		case 'p':
			options.process = strtol(optarg, NULL, 10);
			break;
		case 'n':
			options.call = strtol(optarg, NULL, 10);
			break;
		case 'e':
			options.error = parse_errno(optarg);
			break;
		case 'k':
			options.kill = true;
			break;
		case 'x':
			options.exchange[0] = optarg;
			break;
		case 'y':
			options.exchange[1] = optarg;
			break;
		case 'l':
			options.list = true;
			break;
		case 't':
			options.seconds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			options.report = optarg;
			break;
		default:
			exit(125);
		}
	}
	if (optind == argc || !options.report || !options.exchange[0] != !options.exchange[1]) {
		fputs("usage: inject [-p PROCESS] [-n CALL] [-e ERRNO | -k | -x NAME -y NAME] "
		      "[-l] [-t SECONDS] -o REPORT COMMAND [ARG...]\n",
			stderr);
		exit(125);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm};
	bool ended = false;
	int status = 0;

	parse_options(argc, argv);
	report = fopen(options.report, "we");
	if (!report)
		die(options.report);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigaction(SIGALRM, &action, NULL);
	is_static = find_static(argv[optind]);
	begin(argv + optind);
	alarm(options.seconds);
	while (!ended) {
		if (step(0, &status, &ended))
			continue;
		if (!alarmed)
			break;
		alarmed = 0;
		end_all();
	}
	alarm(0);
	if (status != 0)
		settle();
	report_orphans();
	for (size_t i = 0; i < n_processes; i++) {
		if (processes[i].calls)
			fprintf(report, "calls %zu %ld\n", i, processes[i].calls);
	}
	fclose(report);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

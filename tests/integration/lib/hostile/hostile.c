/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attacker would do, for tests that the runtime withstands it. Each attack runs for a time
 * in milliseconds and prints what it has achieved; nothing it prints is the wanted result.
 *
 *     hostile peek MS          looks at every process that appears: its files, its memory, its
 *                              program; "seen COUNT" tells that there were any
 *     hostile exe MS           takes hold of the program of every process that is not this
 *                              container's own, and writes to it once the process has ended
 *     hostile fork MS          makes as many processes as it can, each of which does the same
 *     hostile cwd              is there a way out of the working directory or any open file?
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PID_MAX 4194304

static struct timespec deadline;

static void set_deadline(const char *milliseconds)
{
	long ms = strtol(milliseconds, NULL, 10);

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += ms / 1000;
	deadline.tv_nsec += ms % 1000 * 1000000;
	deadline.tv_sec += deadline.tv_nsec / 1000000000;
	deadline.tv_nsec %= 1000000000;
}

static bool in_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < deadline.tv_sec ||
	       (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
}

/* ---- other processes ---- */

static unsigned char known[PID_MAX / 8];

static bool is_known(pid_t pid)
{
	return known[pid / 8] & (1 << pid % 8);
}

static void learn(pid_t pid)
{
	known[pid / 8] |= (unsigned char)(1 << pid % 8);
}

typedef void look_fn(pid_t pid);

static void each_new_process(look_fn *look)
{
	DIR *dir = opendir("/proc");

	for (struct dirent *e; dir && (e = readdir(dir));) {
		long pid = strtol(e->d_name, NULL, 10);
		if (pid > 0 && pid < PID_MAX && pid != getpid() && !is_known((pid_t)pid) && look)
			look((pid_t)pid);
		else if (pid > 0 && pid < PID_MAX)
			learn((pid_t)pid);
	}
	if (dir)
		closedir(dir);
}

static int open_of(pid_t pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, flags | O_CLOEXEC);
}

/* The files in /bin: what they are not, is the host's. */
static struct stat programs[512];
static size_t n_programs;

static bool runs_own_program(int exe)
{
	struct stat theirs;

	if (fstat(exe, &theirs) < 0)
		return true;
	for (size_t i = 0; i < n_programs; i++) {
		if (theirs.st_dev == programs[i].st_dev && theirs.st_ino == programs[i].st_ino)
			return true;
	}
	return false;
}

static void learn_programs(void)
{
	DIR *dir = opendir("/bin");

	for (struct dirent *e; dir && (e = readdir(dir));) {
		struct stat st;
		if (n_programs < sizeof(programs) / sizeof(programs[0]) &&
			fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
			programs[n_programs++] = st;
	}
	if (dir)
		closedir(dir);
}

/* Until it executes a program of the container, a process belongs to the runtime. */
static bool is_runtime(pid_t pid, bool *ret_unreadable)
{
	int exe = open_of(pid, "exe", O_PATH);

	*ret_unreadable = exe < 0;
	if (exe < 0)
		return false;
	bool own = runs_own_program(exe);
	close(exe);
	return !own;
}

static size_t seen, caught;

static void tell(pid_t pid, const char *what)
{
	if (caught++ < 20)
		printf("caught %d: %s\n", pid, what);
}

static void try_files(pid_t pid)
{
	char path[64];

	for (int fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		int file = open(path, O_PATH | O_CLOEXEC);
		if (file < 0)
			continue;
		close(file);
		bool unreadable;
		if (is_runtime(pid, &unreadable))
			tell(pid, path);
	}
}

static void try_memory(pid_t pid)
{
	bool unreadable;
	int file = open_of(pid, "mem", O_RDWR);

	if (file >= 0 && is_runtime(pid, &unreadable))
		tell(pid, "memory");
	if (file >= 0)
		close(file);
}

static void try_trace(pid_t pid)
{
	bool unreadable;
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid &&
		WIFSTOPPED(status)) {
		if (is_runtime(pid, &unreadable))
			tell(pid, "traced");
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
}

static void peek(pid_t pid)
{
	bool unreadable;

	seen++;
	/* As long as it is there, and not one of ours. */
	for (int i = 0; i < 2000; i++) {
		if (is_runtime(pid, &unreadable)) {
			tell(pid, "program");
		} else if (!unreadable) {
			break;
		} else if (errno == ENOENT || errno == ESRCH) {
			break;
		}
		try_files(pid);
		try_memory(pid);
		try_trace(pid);
	}
	learn(pid);
}

static int held[1024];
static size_t n_held;

static void hold(pid_t pid)
{
	int exe = open_of(pid, "exe", O_PATH);

	if (exe < 0)
		return;
	learn(pid);
	seen++;
	if (runs_own_program(exe) || n_held == sizeof(held) / sizeof(held[0]))
		close(exe);
	else
		held[n_held++] = exe;
}

static void write_held(void)
{
	char path[64];

	for (size_t i = 0; i < n_held; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i]);
		int file = open(path, O_WRONLY | O_CLOEXEC);
		if (file < 0)
			continue;
		printf("caught: the program of process %zu can be written\n", i);
		close(file);
	}
}

static int watch(look_fn *look)
{
	learn_programs();
	/* The process that waits for us is no news. */
	each_new_process(NULL);
	puts("ready");
	fflush(stdout);
	while (in_time()) {
		each_new_process(look);
		if (look == hold)
			write_held();
	}
	printf("seen %zu held %zu\n", seen, n_held);
	return 0;
}

static int fork_all(void)
{
	while (in_time()) {
		if (fork() < 0)
			sched_yield();
	}
	return 0;
}

/* ---- the process's own surroundings ---- */

/* A directory that is not below the root has a way up to the host's. */
static void try_directory(const char *name)
{
	struct stat root, up;
	char path[512];

	snprintf(path, sizeof(path), "%s/../../../../../../../../../../../..", name);
	if (stat("/", &root) == 0 && stat(path, &up) == 0 &&
		(root.st_dev != up.st_dev || root.st_ino != up.st_ino))
		printf("caught: %s leads out of the root\n", name);
}

static int cwd(void)
{
	char path[64];

	try_directory(".");
	for (int fd = 3; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		printf("caught: file %d is open\n", fd);
		try_directory(path);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "cwd") == 0)
		return cwd();
	if (argc < 3) {
		fputs("usage: hostile peek MS | exe MS | fork MS | cwd\n", stderr);
		return 2;
	}
	set_deadline(argv[2]);
	if (strcmp(argv[1], "peek") == 0)
		return watch(peek);
	if (strcmp(argv[1], "exe") == 0)
		return watch(hold);
	if (strcmp(argv[1], "fork") == 0)
		return fork_all();
	return 2;
}

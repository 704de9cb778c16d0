/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by pidfd, and the calls around them that glibc 2.36 lacks or wraps with side effects
 * (its setresuid() signals threads, its fork() runs handlers). All return 0, a documented value or
 * -errno. Those marked "raw" are safe between clone and exec: they touch no libc state.
 */
#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * First in main(): what a program relies on, whatever its caller has left out. Standard files that
 * are not open become /dev/null, or the next files opened would be taken for them; an ignored
 * SIGCHLD, which takes the ends of children away, is not ignored; and a limit on the size of files
 * is an error of write(2), no signal. 0 or -errno.
 */
int process_begin(void);

/* Raw. Every signal as a new process expects it: handlers do not survive an execve, ignored signals
 * and the mask would. */
void process_reset_signals(void);

/* Raw. fork with flags; the pid in the parent, 0 in the child. */
pid_t process_clone(const struct clone_args *args);

int process_pidfd_open(pid_t pid);		 /* raw; fd or -errno */
int process_pidfd_signal(int pidfd, int signal); /* raw */
int process_pidfd_get(int pidfd, int target_fd); /* raw; fd or -errno */

/* Raw. Waits for the end of a child; *ret_status as wait(2) tells it. */
int process_wait(pid_t pid, int *ret_status);

/* SIGKILL and wait, for a child. */
void process_kill_child(pid_t pid, int pidfd);

/* Raw. Closes [first, last]; or only marks them close-on-exec. */
int process_close_range(unsigned int first, unsigned int last);
int process_cloexec_range(unsigned int first, unsigned int last);

/* Raw. Real, effective, saved and file-system ids of the one calling thread. */
int process_set_uid(uid_t uid);
int process_set_gid(gid_t gid);
int process_set_groups(const gid_t *groups, size_t n);

/* Field 22 of /proc/<pid>/stat, in clock ticks since boot. */
int process_start_time(pid_t pid, uint64_t *ret);

/* 'R', 'S', 'D', 'Z', 'T', ... from /proc/<pid>/stat, or -errno; and the start time as above. */
int process_state(pid_t pid, uint64_t *ret_start_time);

/* "KILL", "SIGKILL", "9", "RTMIN+3": the number, or -EINVAL. */
int signal_parse(const char *text);

/* "SIGKILL" for 9; NULL if it has no name. */
const char *signal_name(int signal);

/* SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT_CAPABILITIES (1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE)

int set_hostname(struct start *s)
{
	s->subject = "sethostname";
	return sethostname("floor", 5);
}

int loopback_up(struct start *s)
{
	struct ifreq request = {.ifr_name = "lo"};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	s->subject = "lo";
	request.ifr_flags = IFF_UP;
	r = ioctl(sock, SIOCSIFFLAGS, &request);
	close(sock);
	return r;
}

int keyring_join(struct start *s)
{
	s->subject = "keyctl";
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "floor") < 0 ? -1 : 0;
}

int credentials_drop(struct start *s)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{KEPT_CAPABILITIES, KEPT_CAPABILITIES, 0}};
	struct rlimit files = {1024, 1024};

	s->subject = "limits";
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	setsid();
	s->subject = "bounding set";
	for (unsigned long i = 0; i < 64; i++) {
		if (i < 32 && (KEPT_CAPABILITIES >> i & 1))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* past the kernel's last capability */
				break;
			return -1;
		}
	}
	s->subject = "ids";
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -1;
	s->subject = "capset";
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	s->subject = "no_new_privs";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__)
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#endif

/*
 * What engines deny by default, as short as it can be said: one comparison per call. A profile
 * that lists what is allowed instead, with conditions on arguments, takes a runtime more.
 */
static const unsigned denied_calls[] = {SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_adjtime,
	SYS_clock_settime, SYS_delete_module, SYS_finit_module, SYS_fsconfig, SYS_fsmount,
	SYS_fsopen, SYS_fspick, SYS_get_mempolicy, SYS_init_module, SYS_io_uring_enter,
	SYS_io_uring_register, SYS_io_uring_setup, SYS_kexec_load, SYS_keyctl, SYS_mbind, SYS_mount,
	SYS_mount_setattr, SYS_move_mount, SYS_move_pages, SYS_open_by_handle_at, SYS_open_tree,
	SYS_perf_event_open, SYS_pivot_root, SYS_quotactl, SYS_reboot, SYS_request_key,
	SYS_set_mempolicy, SYS_setns, SYS_settimeofday, SYS_swapoff, SYS_swapon, SYS_umount2,
	SYS_unshare, SYS_userfaultfd, SYS_vhangup};

#define N_DENIED (sizeof(denied_calls) / sizeof(denied_calls[0]))

int seccomp_load(struct start *s)
{
	struct sock_filter code[N_DENIED + 6];
	struct sock_fprog program = {0, code};
	unsigned short n = 0;

	s->subject = "seccomp";
	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0, N_DENIED + 2);
	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned char i = 0; i < N_DENIED; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied_calls[i],
			(unsigned char)(N_DENIED - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = n;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int fds_close(struct start *s)
{
	s->subject = "close_range";
	return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

int namespaces_join(struct start *s)
{
	int fd = (int)syscall(SYS_pidfd_open, s->enter, 0), r;

	s->subject = "pidfd";
	if (fd < 0)
		return -1;
	s->subject = "setns";
	r = setns(fd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			      CLONE_NEWCGROUP);
	close(fd);
	return r;
}

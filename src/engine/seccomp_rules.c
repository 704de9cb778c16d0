/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls a container may make. Allowed is what acts on the process itself, on files it
 * can open, and on objects that its namespaces hold. Left out, so refused, is what reaches the
 * host past the namespaces (keyrings, kexec, swap, modules, clocks, raw ports), what has no use
 * but large attack surface (io_uring, userfaultfd, AF_ALG and other rare socket families), and
 * what is obsolete. With a capability come the calls which are useless without it.
 *
 * Names that an architecture lacks are skipped when a filter is compiled, so 32-bit variants stand
 * beside the 64-bit ones.
 */
#include "engine/seccomp_rules.h"
#include "base/cleanup.h"

#include <endian.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static const char process_calls[] =
	/* life and identity */
	"alarm brk capget capset execve execveat exit exit_group fork getegid getegid32 geteuid "
	"geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid "
	"getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 pause pidfd_open "
	"pidfd_send_signal prctl process_mrelease restart_syscall seccomp setfsgid setfsgid32 "
	"setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setregid setregid32 "
	"setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setsid setuid setuid32 "
	"set_tid_address umask vfork wait4 waitid waitpid "
	/* threads */
	"futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
	"get_thread_area membarrier rseq set_robust_list set_thread_area "
	/* signals */
	"kill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
	"rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack "
	"signalfd signalfd4 sigprocmask sigreturn tgkill tkill "
	/* looking into one's own processes: since Linux 4.8 a tracer cannot get around a filter */
	"process_vm_readv process_vm_writev ptrace "
	/* scheduling and limits */
	"getcpu getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 "
	"sched_getaffinity sched_getattr sched_getparam sched_get_priority_max "
	"sched_get_priority_min sched_getscheduler sched_rr_get_interval "
	"sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
	"sched_setscheduler sched_yield setpriority setrlimit ugetrlimit "
	/* giving up rights */
	"landlock_add_rule landlock_create_ruleset landlock_restrict_self";

static const char memory_calls[] =
	"cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 "
	"mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
	"pkey_free pkey_mprotect remap_file_pages";

static const char file_calls[] =
	/* by name */
	"access chdir chmod chown chown32 creat faccessat faccessat2 fanotify_mark fchmodat "
	"fchmodat2 fchownat fstatat64 futimesat getcwd getxattr getxattrat inotify_add_watch "
	"inotify_init inotify_init1 inotify_rm_watch lchown lchown32 lgetxattr link linkat "
	"listmount listxattr listxattrat llistxattr lremovexattr lsetxattr lstat lstat64 mkdir "
	"mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink "
	"readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat "
	"stat stat64 statfs statfs64 statmount statx symlink symlinkat truncate truncate64 unlink "
	"unlinkat utime utimensat utimensat_time64 utimes "
	/* by descriptor */
	"close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fchdir "
	"fchmod fchown fchown32 fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr "
	"fsetxattr fstat fstat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 getdents getdents64 "
	"ioctl _llseek lseek pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read "
	"readahead readv sendfile sendfile64 splice sync sync_file_range syncfs tee vmsplice write "
	"writev "
	/* waiting for many, asynchronous */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
	"io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6 "
	"pselect6_time64 select";

static const char message_calls[] =
	"accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr "
	"mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
	"mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg recvmmsg_time64 recvmsg semctl "
	"semget semop semtimedop semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat "
	"shmctl shmdt shmget shutdown socketcall socketpair";

static const char system_calls[] =
	/* Setting a clock is refused by the kernel without CAP_SYS_TIME; reading it is this too. */
	"adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer getrandom gettimeofday "
	"nanosleep setitimer sysinfo time timer_create timer_delete timer_getoverrun timer_gettime "
	"timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
	"timerfd_gettime64 timerfd_settime timerfd_settime64 times uname "
	/* asked at start by C libraries, or made by the kernel itself in a traced function */
	"riscv_hwprobe uretprobe";

/*
 * Socket families past AF_X25 (9), AF_INET6 (10), AF_ROSE (11) with users: the numbers are the
 * kernel's. Not among them: AF_DECnet, econet, atmsvc, irda, wanpipe, isdn and caif, which nobody
 * has or uses; AF_ALG, a way into the kernel's crypto code; AF_VSOCK, which is not namespaced and
 * reaches the hypervisor.
 */
static const uint64_t socket_families[] = {
	13,				   /* netbeui */
	14,				   /* security */
	AF_KEY, AF_NETLINK, AF_PACKET, 18, /* ash */
	AF_RDS, 22,			   /* sna */
	AF_PPPOX, AF_LLC, AF_IB, AF_MPLS, AF_CAN, AF_TIPC, AF_BLUETOOTH, AF_IUCV, AF_RXRPC,
	AF_PHONET, AF_IEEE802154, AF_NFC, AF_KCM, AF_QIPCRTR, AF_SMC, AF_XDP,
	45, /* AF_MCTP, Linux 5.15 */
};
static const uint64_t socket_families_below[] = {12};

#define PERSONALITY_QUERY 0xffffffff

static const uint64_t personalities[] = {
	PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, PERSONALITY_QUERY};

/* Flags of clone(2) that need CAP_SYS_ADMIN, or give it in a new user namespace. */
static const uint64_t namespace_flags[] = {CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
					   CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
					   CLONE_NEWNET};

#define ALWAYS	     .capability = SECCOMP_RULE_ALWAYS, .without_capability = SECCOMP_RULE_ALWAYS
#define WITH(cap)    .capability = (cap), .without_capability = SECCOMP_RULE_ALWAYS
#define WITHOUT(cap) .capability = SECCOMP_RULE_ALWAYS, .without_capability = (cap)
#define VALUES(v)    .values = (v), .n_values = ARRAY_SIZE(v)

const struct seccomp_rule seccomp_rules[] = {
	{.names = process_calls, ALWAYS},
	{.names = memory_calls, ALWAYS},
	{.names = file_calls, ALWAYS},
	{.names = message_calls, ALWAYS},
	{.names = system_calls, ALWAYS},
	{.names = "socket", .test = SECCOMP_TEST_BELOW, VALUES(socket_families_below), ALWAYS},
	{.names = "socket", .test = SECCOMP_TEST_EQUAL, VALUES(socket_families), ALWAYS},
	{.names = "personality", .test = SECCOMP_TEST_EQUAL, VALUES(personalities), ALWAYS},

	/* particular to a processor */
	{.names = "arch_prctl", .arches = " amd64 x32 ", ALWAYS},
	{.names = "modify_ldt", .arches = " amd64 x32 x86 ", ALWAYS},
	{.names = "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls "
		  "sync_file_range2",
		.arches = " arm arm64 ",
		ALWAYS},
	{.names = "swapcontext sync_file_range2", .arches = " ppc64le ", ALWAYS},
	{.names = "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
		.arches = " s390 s390x ",
		ALWAYS},
	{.names = "riscv_flush_icache", .arches = " riscv64 ", ALWAYS},

	/*
	 * Making namespaces. clone3 passes its flags in memory, where a filter cannot look: told
	 * that the kernel does not have it, C libraries fall back to clone, whose flags are tested.
	 */
	{.names = "clone",
		.not_arches = " s390 s390x ",
		.test = SECCOMP_TEST_NO_BITS_OF,
		.argument = 0,
		VALUES(namespace_flags),
		WITHOUT(CAP_SYS_ADMIN)},
	{.names = "clone",
		.arches = " s390 s390x ",
		.test = SECCOMP_TEST_NO_BITS_OF,
		.argument = 1,
		VALUES(namespace_flags),
		WITHOUT(CAP_SYS_ADMIN)},
	{.names = "clone3", .errno_ret = ENOSYS, WITHOUT(CAP_SYS_ADMIN)},

	/* what a capability brings */
	{.names = "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
		  "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr "
		  "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
		  "sethostname setns syslog umount umount2 unshare",
		WITH(CAP_SYS_ADMIN)},
	{.names = "open_by_handle_at", WITH(CAP_DAC_READ_SEARCH)},
	{.names = "delete_module finit_module init_module", WITH(CAP_SYS_MODULE)},
	{.names = "ioperm iopl", WITH(CAP_SYS_RAWIO)},
	{.names = "chroot", WITH(CAP_SYS_CHROOT)},
	{.names = "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
		WITH(CAP_SYS_PTRACE)},
	{.names = "acct", WITH(CAP_SYS_PACCT)},
	{.names = "reboot", WITH(CAP_SYS_BOOT)},
	{.names = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node", WITH(CAP_SYS_NICE)},
	{.names = "clock_settime clock_settime64 settimeofday stime", WITH(CAP_SYS_TIME)},
	{.names = "vhangup", WITH(CAP_SYS_TTY_CONFIG)},
	{.names = "syslog", WITH(CAP_SYSLOG)},
	{.names = "perf_event_open", WITH(CAP_PERFMON)},
	{.names = "bpf", WITH(CAP_BPF)},
};

const size_t seccomp_rules_count = ARRAY_SIZE(seccomp_rules);

#define LITTLE (__BYTE_ORDER == __LITTLE_ENDIAN)

/*
 * The 32-bit names of a machine have the rows of the 64-bit ones: uname(2) tells a process that
 * runs under setarch(8) the former, and its children may leave that again.
 */
static const struct seccomp_arch arches[] = {
	{" x86_64 i386 i486 i586 i686 ", "amd64", "SCMP_ARCH_X86_64",
		"SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32"},
	{" aarch64 armv8l armv7l armv6l ", "arm64", "SCMP_ARCH_AARCH64",
		"SCMP_ARCH_AARCH64 SCMP_ARCH_ARM"},
	{" mips64 mips ", LITTLE ? "mipsel64" : "mips64",
		LITTLE ? "SCMP_ARCH_MIPSEL64" : "SCMP_ARCH_MIPS64",
		LITTLE ? "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64N32"
		       : "SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64N32"},
	{" ppc64le ", "ppc64le", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_PPC64LE"},
	{" s390x s390 ", "s390x", "SCMP_ARCH_S390X", "SCMP_ARCH_S390X SCMP_ARCH_S390"},
	{" riscv64 ", "riscv64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_RISCV64"},
	{" loongarch64 ", "loong64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_LOONGARCH64"},
};

const struct seccomp_arch *seccomp_rules_arch_native(void)
{
	static const struct seccomp_arch unknown = {"", "", "", ""};
	struct utsname u;
	char word[sizeof(u.machine) + 2];

	uname(&u); /* fails only for a bad pointer */
	snprintf(word, sizeof(word), " %s ", u.machine);
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (strstr(arches[i].machines, word))
			return &arches[i];
	}
	return &unknown;
}

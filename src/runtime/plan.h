/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan, then perform. A spec is compiled into a plan: a flat array of operations in which every
 * name is resolved and every byte allocated. A plan is then performed (the caller's part by the
 * caller, the child's part between clone3 and execve, where nothing is allocated and no lock is
 * taken) or printed. Compiling changes nothing in the system and needs no privilege.
 *
 * A plan refers to the spec it was compiled from: both must live until it has been performed.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "oci/runtime_spec.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct plan;

/*
 * Something that will be done less well than asked (a hard limit that this process may not raise).
 * Called by plan_perform() in the caller's process, in the order of events. text has no newline.
 */
typedef void plan_warning_fn(void *userdata, const char *text);

/*
 * A prepared step of the container's network: messages for netlink(7), or one kernel parameter. The
 * runtime performs it and knows nothing of what it means. Steps of the caller come after the
 * container's namespaces exist, those of the child after all of the caller's and before
 * linux.sysctl, each side's in the given order.
 */
struct plan_network_step {
	bool child;   /* by the child, in its network namespace; else by the caller, in its own */
	int protocol; /* NETLINK_ROUTE, NETLINK_NETFILTER */
	/* One or more complete messages, sent at once; each fails or succeeds with the whole. */
	const void *data;
	size_t length;
	/* Where the pid of the child is put, as the kernel's u32; 0 = nowhere. */
	size_t pid_offset;
	/* Where the number of the interface `link` is put, as it is in the namespace of who sends: an
	 * interface that an earlier step made has none before. */
	const char *link;
	const size_t *link_offsets;
	size_t n_link_offsets;
	/* What each message is about, for errors; index is nlmsg_seq, NULL-terminated; may be NULL. */
	const char *const *subjects;
	/* Of the caller's: sent, whatever comes of it, if the start fails after this step was done. */
	const void *undo;
	size_t undo_length;
	/* Instead of messages: the file below /proc/sys, "net/ipv6/conf/eth0/accept_ra", and what is
	 * written to it. Of the child's only. */
	const char *sysctl, *value;
	/* Instead of messages, of the caller's: a UDP and a listening TCP socket at this address, made in
	 * the container's network namespace; close-on-exec, the caller's from then on. */
	const struct sockaddr_in *listen;
	int *ret_udp, *ret_tcp;
	const char *words, *calls, *shell; /* as plan_print() shows them */
};

struct runtime_process;

struct plan_options {
	const char *id;	    /* the container's id; required */
	const char *bundle; /* absolute path; required unless rootfs_fd is given */
	/*
	 * A detached mount (fsmount, open_tree with OPEN_TREE_CLONE) that becomes the root, attached
	 * only inside the container's mount namespace; -1 = root.path of the spec. Not closed.
	 */
	int rootfs_fd;
	int stdio
		[3]; /* fds for stdin, stdout, stderr; -1 = inherit. Not closed. Unused with a terminal */
	int preserve_fds; /* number of fds from 3 on that the container inherits */
	/* An O_CLOEXEC listening AF_UNIX SOCK_SEQPACKET socket: the child waits in accept() for
	 * container_start(). -1 = run directly. Not closed. */
	int start_socket;

	enum hull_cgroup_manager cgroup_manager;
	const char
		*cgroup_path; /* overrides linux.cgroupsPath; NULL = that, or "/<default>/<id>" */
	const char *cgroup_parent_default; /* for specs without cgroupsPath; NULL = "/" */

	/* The container must have a network namespace of its own, new or prepared, if there are any.
	 * They must live as long as the plan. */
	const struct plan_network_step *network;
	size_t n_network;

	/* The compiled seccomp filters are kept in this directory; -1 = no cache. */
	int seccomp_cache_fd;

	bool no_pivot;
	bool no_new_keyring;
	bool no_hooks_after; /* leave poststart hooks to the caller (create) */
	bool rootless;	     /* a cgroup that nothing was asked of may be missing */
	/*
	 * This process may not mount (see mount_permitted()): the child opens the root and the bind
	 * sources, once it is root in a user namespace, and enters its cgroup before that.
	 */
	bool unprivileged;
	bool trace; /* record the time of each operation for plan_print() */
	bool debug; /* warn of what is only of interest when something is wrong */

	plan_warning_fn *warn; /* NULL = warnings are dropped */
	void *userdata;

	/*
	 * Called once the container is placed, that is, has its pid and its cgroup: for a record by
	 * which it is found even if this process dies. Nothing of the user's is executed before it has
	 * returned, and nothing at all if it returns a negative value. What it is given is not its
	 * own. NULL = no record is kept.
	 */
	int (*placed)(
		void *placed_data, const struct runtime_process *process, struct hull_error *err);
	void *placed_data;
};

#define PLAN_OPTIONS_INIT                                                                          \
	{                                                                                          \
		.rootfs_fd = -1, .stdio = {-1, -1, -1}, .start_socket = -1, .seccomp_cache_fd = -1 \
	}

/* What a performed plan leaves in the caller's hands. */
struct runtime_process {
	pid_t pid;
	int pidfd;
	int console_fd;	     /* the master of the terminal, -1 without one */
	char *cgroup;	     /* where its cgroup is: JSON that container_ref takes back; heap;
				NULL if it has none of its own */
	char **resctrl;	     /* resctrl's directories that were made for it, heap; NULL = none */
	uint64_t start_time; /* field 22 of /proc/<pid>/stat: tells a reused pid apart */
};

#define RUNTIME_PROCESS_INIT                             \
	{                                                \
		.pid = -1, .pidfd = -1, .console_fd = -1 \
	}

/* Closes the fds and frees; the process itself is not touched. */
void runtime_process_done(struct runtime_process *process);

int plan_compile(const struct oci_spec *spec, const struct plan_options *options, struct plan **ret,
	struct hull_error *err);

/* The container that an exec enters, or whose mounts are changed. */
struct plan_target {
	const char *id;
	pid_t pid;
	int pidfd; /* of its first process, see container_open_pidfd(); not closed */
	const struct oci_spec *spec; /* the container's own */
	const char *bundle;
	const char *cgroup; /* runtime_process.cgroup of its first process */
};

struct plan_exec_options {
	int stdio[3];
	int preserve_fds;
	/* "[CONTROLLERS:]PATH" below the container's cgroup, the later ones win; NULL = the cgroup
	 * itself, or its first process's if the kernel refuses that (v2, a group with children) */
	char *const *sub_cgroups;
	int seccomp_cache_fd;
	bool trace;
	bool debug;
	plan_warning_fn *warn;
	void *userdata;
};

#define PLAN_EXEC_OPTIONS_INIT                                \
	{                                                     \
		.stdio = {-1, -1, -1}, .seccomp_cache_fd = -1 \
	}

/* A further process in a running container. NULL members of process (capabilities, apparmor
 * profile, ...) mean what they say there; the caller merges the container's defaults. */
int plan_compile_exec(const struct oci_process *process, const struct plan_target *target,
	const struct plan_exec_options *options, struct plan **ret, struct hull_error *err);

/*
 * Mounts that a running container gets, or loses by their destinations: all of them or none. They
 * must live as long as the plan, which is performed when all are attached or detached; the child has
 * nothing more to do then but to be reaped. unprivileged: as in struct plan_options.
 */
int plan_compile_mounts(const struct oci_mount *mounts, size_t n, bool remove,
	const struct plan_target *target, bool unprivileged, struct plan **ret,
	struct hull_error *err);

/*
 * Performs a plan, once. Without start_socket it returns when the container's execve() has
 * succeeded; with one, when everything but startContainer hooks, the seccomp filter and execve()
 * is done. The new process is a child of the caller. On failure the message names the operation,
 * and nothing is left behind: no process, cgroup or mount. Kinds HULL_ERROR_NO_COMMAND and
 * HULL_ERROR_NOT_EXECUTABLE tell the two reasons for which execve() fails.
 *
 * The calling process must have one thread, and must not reap unknown children meanwhile.
 */
int plan_perform(struct plan *plan, struct runtime_process *ret, struct hull_error *err);

void plan_free(struct plan *plan);

DEFINE_CLEANUP(struct plan *, plan_freep, plan_free)
#define _cleanup_plan_ _cleanup_(plan_freep)

enum plan_format {
	PLAN_FORMAT_TEXT,  /* steps in words, with system calls and shell commands */
	PLAN_FORMAT_SHORT, /* one line per step: side, name, arguments */
	PLAN_FORMAT_JSON,
};

/* The plan in words; after a performed plan with `trace` set also the time each step took. */
void plan_print(const struct plan *plan, enum plan_format format, struct buf *out);

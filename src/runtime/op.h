/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations that plans consist of. One array holds the caller's and the child's operations in
 * the order of the story; each side walks the array and performs its own. Where one side has to
 * wait for the other there is a SEND on one side and a RECEIVE on the other, in the array like
 * everything else, so that a printed plan shows exactly who waits for what.
 *
 * A child's operation may use what the plan holds, fixed buffers on its stack and system calls;
 * nothing else. It fails with -errno, and may leave in performance.detail which step it was; with
 * OP_FAILED if that says all.
 */
#pragma once

#include "runtime/plan.h"
#include "runtime/mount_option.h"
#include "runtime/resctrl.h"
#include "base/arena.h"
#include <hull/cgroup.h>

#include <linux/filter.h>
#include <sys/resource.h>

#define OP_FAILED (-4096) /* no errno: those end at 4095 */

enum op_kind {
	/* the caller's, before the child exists */
	OP_OPEN_ROOT,
	OP_OPEN_BIND,
	OP_OPEN_NAMESPACE,
	OP_MAKE_ID_MAP,
	OP_CREATE_CGROUP,
	OP_OPEN_CGROUP,
	OP_CLONE,
	/* the caller's, beside the child */
	OP_WRITE_ID_MAPS,
	OP_ATTACH_CGROUP,
	OP_OOM_SCORE,
	OP_RESCTRL,
	OP_MOVE_LINK,
	OP_NETWORK, /* of either side */
	OP_RUN_HOOKS,
	OP_COMPILE_FILTER,
	OP_RECORD,
	OP_SEND_LISTENER,
	/* both sides' */
	OP_SEND,
	OP_RECEIVE,
	/* the child's */
	OP_BECOME_ROOT,
	OP_JOIN_NAMESPACE,
	OP_UNSHARE,
	OP_TIME_OFFSETS,
	OP_JOIN_CGROUP,
	OP_SESSION,
	OP_KEYRING,
	OP_LOOPBACK,
	OP_HOST_PROPAGATION,
	OP_ATTACH_ROOT,
	OP_MOUNT,
	OP_BIND,
	OP_ENTER_ROOT,
	OP_FIND_MOUNT,
	OP_UNMOUNT,
	OP_REMOUNT,
	OP_MOUNT_CGROUP_V1,
	OP_MOUNT_CGROUP_V2,
	OP_DEVICE,
	OP_SYMLINK,
	OP_TERMINAL,
	OP_CONSOLE,
	OP_SYSCTL,
	OP_CHILD_HOOKS,
	OP_MASK_PATH,
	OP_READONLY_PATH,
	OP_READONLY_MOUNT,
	OP_PIVOT,
	OP_CHROOT,
	OP_ROOT_PROPAGATION,
	OP_ROOT_READONLY,
	OP_HOSTNAME,
	OP_DOMAINNAME,
	OP_PERSONALITY,
	OP_MEMORY_POLICY,
	OP_SCHEDULER,
	OP_IO_PRIORITY,
	OP_AFFINITY,
	OP_RLIMIT, /* of either side: the child cannot raise limits from inside a user namespace */
	OP_LABEL,
	OP_CLOSE_FDS,
	OP_STDIO,
	OP_BOUNDING,
	OP_GROUPS,
	OP_UMASK,
	OP_USER,
	OP_MAKE_CWD,
	OP_CHDIR,
	OP_FIND_COMMAND,
	OP_NO_NEW_PRIVILEGES,
	OP_WAIT_START,
	OP_CAPABILITIES,
	OP_FILTER,
	OP_EXEC,
	OP_KIND_MAX,
};

/* What SEND and RECEIVE carry. */
enum message_type {
	MESSAGE_ERROR = 1,  /* child: the operation that failed, errno, text */
	MESSAGE_WARNING,    /* child: as above, and it goes on */
	MESSAGE_MAPPED,	    /* caller: id maps are written */
	MESSAGE_CGROUP,	    /* caller: fds of the cgroup's tasks files; the child's pid */
	MESSAGE_NAMESPACES, /* child: all namespaces exist */
	MESSAGE_LINKS,	    /* caller: network devices are there */
	MESSAGE_MOUNTED,    /* child: the mounts stand; at creation not yet pivoted */
	MESSAGE_HOOKS,	    /* caller: its hooks have run */
	MESSAGE_PLACED,	    /* child: everything that opens files is done */
	MESSAGE_LIMITS,	    /* caller: resource limits are set */
	MESSAGE_FILTER,	    /* caller: the filter is in the shared page; and MESSAGE_RECORDED */
	MESSAGE_RECORDED,   /* caller: the container is recorded, if anybody keeps records */
	MESSAGE_CONSOLE,    /* child: the terminal's master */
	MESSAGE_LISTENER,   /* child: the seccomp filter's listener */
	MESSAGE_AGENT,	    /* caller: the seccomp agent has it */
	MESSAGE_CREATED,    /* child: waits for start */
	MESSAGE_EXECUTING, /* child: next come the filter and execve; then end of file or an error */
	MESSAGE_TYPE_MAX,
};

struct message {
	uint32_t type; /* enum message_type */
	int32_t op;    /* index of the operation */
	int32_t errnum;
	int32_t kind; /* enum hull_error_kind, 0 = derived from errnum */
	int32_t pid;
	char text[484]; /* the step, "" = none */
};

struct op_bind {
	const char *source;
	bool recursive;
	uint64_t set, clear; /* MOUNT_ATTR_* of the top mount */
	uint64_t set_recursive, clear_recursive;
	uint64_t propagation; /* MS_*, 0 = leave */
	bool propagation_recursive;
	int idmap_slot; /* -1 = none */
	bool idmap_recursive;
	bool nofollow_source, nofollow_target;
	bool copy_symlink; /* a source that is a symlink is made again instead of mounted */
};

struct op_mount {
	const char *type;
	const char *source;
	const char *destination;
	char **data; /* "key=value" or "flag": for the file system */
	uint64_t attributes;
	uint64_t set_recursive, clear_recursive;
	uint64_t propagation;
	bool propagation_recursive;
	bool ordinary_target; /* proc and sysfs: the target must be a directory, no symlink */
	bool copy_up;
	bool nofollow_target;
	bool classic; /* an option is too long for fsconfig(2), or unknown to it: mount(2) */
	uint64_t classic_flags; /* MS_* */
	int idmap_slot;
};

struct op_id_map {
	const struct oci_id_mapping *uid, *gid;
	size_t n_uid, n_gid;
};

struct op_clone {
	uint64_t flags;
	int pid_namespace_slot;	 /* -1 = none: joined for the time of the clone */
	int user_namespace_slot; /* -1 = none: joined by an intermediate process */
};

struct op_user {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	bool keep_capabilities;
};

struct op_network {
	const struct plan_network_step *step;
	char *data; /* its messages, with room for the pid */
};

struct op_capability_sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct op_exec {
	char *const *candidates; /* full paths in the order of PATH; NULL-terminated */
	char *const *args;
	char *const *env;
	const char *name; /* as the user wrote it */
	int preserve_fds;
};

struct op {
	enum op_kind kind;
	bool child;
	int slot;	    /* the fd it makes or uses; -1 = none */
	const char *path;   /* what it acts on, inside the container unless said otherwise */
	const char *source; /* what it takes from */
	uint64_t flags;
	const char *words; /* after OP_WAIT_START: the description, for who starts has no plan */
	union {
		int64_t number;
		const struct op_bind *bind;
		const struct op_mount *mount;
		const struct op_id_map *id_map;
		const struct op_clone *clone;
		const struct op_user *user;
		const struct op_capability_sets *capabilities;
		const struct op_exec *exec;
		const struct op_network *network;
		const struct oci_device *device;
		const struct oci_rlimit *rlimit;
		const struct oci_hook_list *hooks;
		const struct oci_console_size *console_size;
		const struct oci_time_offsets *time_offsets;
		const void *data;
	};
};

/* An fd of the plan, opened while it is performed. Slots known before (rootfs_fd) are not closed. */
struct slot {
	int fd;
	bool borrowed;
	bool directory; /* OPEN_BIND and OPEN_ROOT: what the source is */
	bool symlink;	/* OPEN_BIND: a symlink to be copied */
};

#define SLOT_ROOT 0 /* the root file system's mount */

struct plan {
	struct arena arena;
	const struct oci_spec *spec;
	const struct oci_process *process;
	struct plan_options options;
	struct op *ops;
	size_t n_ops, ops_size;
	size_t n_slots;
	bool *slot_borrowed; /* of n_slots; */
	const char *id, *bundle;
	int *mount_slots;		 /* of spec->mounts: the detached bind, -1 = none */
	int *idmap_slots;		 /* of spec->mounts: the user namespace of its id map */
	struct mount_flags *mount_flags; /* of spec->mounts */
	const struct hull_cgroup_resources *resources; /* as the cgroup gets them; NULL = none */
	const char *cgroup_path;
	struct hull_cgroup_property *properties; /* of the unit that systemd makes */
	size_t n_properties;
	bool cgroup_asked;	   /* by the spec or the caller: it is no default */
	const char *target_cgroup; /* exec: where the container's cgroup is (JSON) */
	char *const *sub_cgroups;  /* exec: "[CONTROLLERS:]PATH"; the caller's */
	bool exec;	  /* of a container that is there: an exec, or a change of its mounts */
	pid_t target_pid; /* exec: the container's first process */
	int target_pidfd; /* exec: the container's first process, in SLOT_ROOT; -1 = none */
	bool terminal;
	bool new_cgroup_namespace;
	const char *state_before_pid, *state_after_pid; /* the state document for hooks */
	const char *resctrl;	   /* where it is mounted; NULL = nothing is asked of it */
	const char *seccomp;	   /* raw profile, NULL = none */
	const char *listener_path; /* the profile notifies this agent; NULL = it does not */
	const char *listener_metadata;
	const void *filter_code; /* instructions to load instead of the profile's; NULL = none */
	size_t filter_size;	 /* bytes */
	int cap_last;
	int64_t *times; /* of a performed plan: begin and end of each op, ns; NULL = not traced */
};

struct shared; /* memory that the caller and the child have in common, shared.h */

struct performance {
	struct plan *plan;
	struct slot *slots;
	int sock;	/* this side's end of the pair */
	int child_sock; /* the other end, until the clone */
	pid_t pid;	/* the child's, in the caller's pid namespace */
	int pidfd;
	struct shared *shared;
	size_t current; /* index of the operation being performed */
	char detail[sizeof(((struct message *)0)->text)];
	int kind; /* enum hull_error_kind for the failure, 0 = from errno */

	/* the caller's */
	struct hull_error *err;
	struct hull_cgroup_host *cgroup_host;
	struct hull_cgroup *cgroup;
	int cgroup_dir_fd;   /* exec on v2: for CLONE_INTO_CGROUP, -1 = none */
	bool birth_begun;    /* this thread alone may change what children inherit of the process */
	int dumpable_before; /* -1 = unchanged */
	bool oom_score_lent; /* the caller has the child's score, and gets back what it had before */
	int64_t oom_score_before;
	bool cgroup_made;    /* by us: removed on failure */
	bool cgroup_entered; /* the child is in it by other means than MESSAGE_CGROUP's fds */
	char *cgroup_text;
	struct resctrl resctrl;
	int console_fd;
	int listener_fd;
	bool executing; /* the child has said so: after it, only an error comes */
	bool hooks_begun;
	const struct op *network_begun; /* the last OP_NETWORK of the caller's; NULL = none */

	/* the child's */
	int cgroup_fds[32];
	size_t n_cgroup_fds;
	int pts_fd;	 /* the slave of the terminal */
	int proc_fd;	 /* /proc of the host, O_PATH */
	int mask_dir_fd; /* the shared empty directory, once made */
	int own_proc_fd; /* the container's /proc, once mounted */
	int master_fd;	 /* the terminal's other end, until it is handed over */
	bool cwd_entered;
	int start_fd;	     /* accepted connection of `start` */
	const char *command; /* found in PATH */
	const struct sock_fprog *filter;
};

/* ---- the class table ---- */

struct op_class {
	const char *name; /* "mount", as PLAN_FORMAT_SHORT and JSON show it */
	int (*perform)(struct performance *p, const struct op *op);
	/* Templates: in words (also what a failure is prefixed with), as system calls, and as the
	 * shell command that comes nearest; NULL = there is none. */
	const char *words, *calls, *shell;
};

const struct op_class *op_class(enum op_kind kind);

/* ---- building (compile*.c) ---- */

/* Appends an operation; NULL (and an error) if memory is out. */
struct op *plan_add(struct plan *plan, enum op_kind kind, bool child, struct hull_error *err);

/* The same for the child's, with what it acts on. */
int compile_add(struct plan *plan, enum op_kind kind, const char *path, const void *data,
	struct hull_error *err);

/* A new fd slot. */
int plan_slot(struct plan *plan);

int compile_namespaces(struct plan *plan, bool cgroup_created, struct hull_error *err);
int compile_links(struct plan *plan, struct hull_error *err);	     /* the caller's part */
int compile_links_inside(struct plan *plan, struct hull_error *err); /* the child's */
int compile_mount_options(struct plan *plan, struct hull_error *err);
int compile_root_open(struct plan *plan, bool child, struct hull_error *err);
int compile_binds_open(struct plan *plan, bool child, struct hull_error *err);
/* A child that is born in those of the target's namespaces into which it could not go later. */
int compile_clone_inside(struct plan *plan, uint64_t flags, struct hull_error *err);
/* Into those of the target's namespaces. */
int compile_join(struct plan *plan, uint64_t flags, struct hull_error *err);
int compile_cgroup_join(struct plan *plan, bool created, struct hull_error *err);
int compile_oom_score(struct plan *plan, struct hull_error *err);
int compile_mounts(struct plan *plan, struct hull_error *err);
bool compile_mount_is_bind(const struct oci_mount *m, const struct mount_flags *f);
bool compile_mount_is_classic(
	const struct mount_flags *f); /* an option is too long for fsconfig(2) */
char *compile_mount_destination(struct plan *plan, const struct oci_mount *m); /* NULL: no memory */
bool compile_proc_replaceable(const char *destination); /* a file of /proc that may be another's */
int compile_devices(struct plan *plan, struct hull_error *err);
int compile_paths(struct plan *plan, struct hull_error *err);
int compile_process(struct plan *plan, struct hull_error *err);
int compile_filter(struct plan *plan, struct hull_error *err);	    /* the caller's part */
int compile_filter_load(struct plan *plan, struct hull_error *err); /* the child's */
int compile_terminal(struct plan *plan, struct hull_error *err);
int compile_limits(struct plan *plan, struct hull_error *err);
int compile_unit_properties(struct plan *plan, struct hull_error *err);
int compile_resctrl(struct plan *plan, struct hull_error *err);
int compile_initial_affinity(struct plan *plan, struct hull_error *err); /* of an exec */
/* The state document that hooks and seccomp agents read. */
int compile_state(struct plan *plan, struct hull_error *err);
bool compile_has_new_namespace(const struct plan *plan, enum oci_namespace_type type);
int compile_send(struct plan *plan, bool child, enum message_type type, struct hull_error *err);
int compile_receive(struct plan *plan, bool child, enum message_type type, struct hull_error *err);
bool compile_cgroup_unified(void);
uint64_t compile_clone_flag(int namespace_type);

/* MS_* of a name of linux.rootfsPropagation, 0 if there is no such name. */
uint64_t root_propagation_parse(const char *name);

/* ---- performing ---- */

/* The child's whole life. Does not return. */
_Noreturn void child_main(struct performance *p);

/* What an operation is called in errors: "mount proc on /proc". */
void plan_describe(const struct plan *plan, const struct op *op, struct buf *out);

/* The error that a child has reported. */
int plan_message_error(const struct plan *plan, const struct message *m, struct hull_error *err);
void plan_warn_message(const struct plan *plan, const struct message *m);

/* Records a step for the error text and returns r. */
int op_step(struct performance *p, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int message_send(int sock, const struct message *m, const int *fds, size_t n_fds);
/* Bytes (0 at end of file) or -errno. */
int message_receive(int sock, struct message *m, int *fds, size_t *n_fds);

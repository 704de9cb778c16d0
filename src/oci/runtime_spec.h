/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime specification 1.3, Linux part: config.json, the state document and the features
 * document as structs, each with the JSON table that reads and writes it. Members are named as the
 * specification names them; an absent object is a NULL pointer, an absent number is unset or 0
 * where the specification gives 0 no meaning of its own.
 *
 * All memory of a parsed spec belongs to the arena it was parsed into. A spec may as well be filled
 * in memory: nothing here keeps hidden state.
 */
#pragma once

#include "json/json.h"
#include <hull/cgroup.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#undef linux /* gnu17 predefines it; here it is a member's name */

#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION	"1.3.0"

/* Annotations that are wishes to the runtime; all that this one fulfils, and crun's names for them. */
#define OCI_ANNOTATION_RECEIVER		    "run.oci.seccomp.receiver"
#define OCI_ANNOTATION_FAIL_UNKNOWN_SYSCALL "run.oci.seccomp_fail_unknown_syscall"
#define OCI_ANNOTATION_BPF_DATA		    "run.oci.seccomp_bpf_data"
#define OCI_ANNOTATION_KEEP_GROUPS	    "run.oci.keep_original_groups"
#define OCI_ANNOTATION_PIDFD_RECEIVER	    "run.oci.pidfd_receiver"
#define OCI_ANNOTATION_MOUNT_CONTEXT	    "run.oci.mount_context_type"
/* Followed by the name of a property of systemd's unit: runc's and crun's. */
#define OCI_ANNOTATION_SYSTEMD_PROPERTY "org.systemd.property."

struct oci_user {
	uint32_t uid;
	uint32_t gid;
	struct hull_opt_u32 umask;
	uint32_t *additional_gids;
	size_t n_additional_gids;
	char *username; /* not used on Linux, kept for rewriting */
};

struct oci_capabilities { /* names with CAP_, NULL-terminated */
	char **bounding;
	char **effective;
	char **inheritable;
	char **permitted;
	char **ambient;
};

struct oci_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft;
	uint64_t hard;
};

struct oci_console_size {
	uint32_t height;
	uint32_t width;
};

struct oci_scheduler {
	char *policy; /* "SCHED_OTHER" */
	struct hull_opt_i64 nice;
	struct hull_opt_i64 priority;
	char **flags;
	uint64_t runtime; /* ns */
	uint64_t deadline;
	uint64_t period;
};

struct oci_io_priority {
	char *class; /* "IOPRIO_CLASS_BE" */
	struct hull_opt_i64 priority;
};

struct oci_cpu_affinity {
	char *initial; /* "0-3,7" */
	char *final;
};

struct oci_process {
	bool terminal;
	struct oci_console_size *console_size;
	char *cwd;
	char **env;
	char **args;
	char *command_line; /* Windows only: refused */
	struct oci_user user;
	struct oci_capabilities *capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	char *selinux_label;
	struct hull_opt_i64 oom_score_adj;
	struct oci_scheduler *scheduler;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};

struct oci_root {
	char *path; /* relative to the bundle */
	bool readonly;
};

struct oci_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct oci_mount {
	char *destination;
	char *type;
	char *source;
	char **options;
	struct oci_id_mapping *uid_mappings;
	size_t n_uid_mappings;
	struct oci_id_mapping *gid_mappings;
	size_t n_gid_mappings;
};

struct oci_hook {
	char *path;
	char **args;		     /* with argv[0]; NULL = {path} */
	char **env;		     /* NULL = empty environment */
	struct hull_opt_i64 timeout; /* seconds, > 0 */
};

struct oci_hook_list {
	struct oci_hook *items;
	size_t count;
};

struct oci_hooks {
	struct oci_hook_list prestart;
	struct oci_hook_list create_runtime;
	struct oci_hook_list create_container;
	struct oci_hook_list start_container;
	struct oci_hook_list poststart;
	struct oci_hook_list poststop;
};

enum oci_namespace_type {
	OCI_NAMESPACE_PID,
	OCI_NAMESPACE_NETWORK,
	OCI_NAMESPACE_MOUNT,
	OCI_NAMESPACE_IPC,
	OCI_NAMESPACE_UTS,
	OCI_NAMESPACE_USER,
	OCI_NAMESPACE_CGROUP,
	OCI_NAMESPACE_TIME,
	OCI_NAMESPACE_MAX,
};

struct oci_namespace {
	int type; /* enum oci_namespace_type */
	char *path;
};

struct oci_device {
	char *path;
	char *type; /* "c", "b", "u", "p" */
	int64_t major;
	int64_t minor;
	struct hull_opt_u32 file_mode;
	struct hull_opt_u32 uid;
	struct hull_opt_u32 gid;
};

struct oci_net_device {
	char *host_name; /* the key */
	char *name;	 /* inside; NULL = as outside */
};

struct oci_time_offset {
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_time_offsets {
	struct oci_time_offset *monotonic;
	struct oci_time_offset *boottime;
};

struct oci_personality {
	char *domain; /* "LINUX", "LINUX32" */
	char **flags;
};

struct oci_memory_policy {
	char *mode; /* "MPOL_BIND" */
	char *nodes;
	char **flags;
};

struct oci_intel_rdt {
	char *clos_id;
	char **schemata;
	char *l3_cache_schema;
	char *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_linux {
	struct oci_id_mapping *uid_mappings;
	size_t n_uid_mappings;
	struct oci_id_mapping *gid_mappings;
	size_t n_gid_mappings;
	struct json_pair *sysctl;
	size_t n_sysctl;
	struct hull_cgroup_resources *resources;
	char *cgroups_path;
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_net_device *net_devices;
	size_t n_net_devices;
	/*
	 * The raw JSON of the profile, parsed by oci_seccomp_parse() only when its filter is not in
	 * the cache: the default profiles are most of a config.json.
	 */
	char *seccomp;
	char *rootfs_propagation;
	char **masked_paths;
	char **readonly_paths;
	char *mount_label;
	struct oci_time_offsets *time_offsets;
	struct oci_personality *personality;
	struct oci_memory_policy *memory_policy;
	struct oci_intel_rdt *intel_rdt;
};

struct oci_spec {
	char *oci_version;
	struct oci_process *process;
	struct oci_root *root;
	char *hostname;
	char *domainname;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hooks *hooks;
	struct json_pair *annotations;
	size_t n_annotations;
	struct oci_linux *linux;
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value;
	uint64_t value_two;
	char *op; /* "SCMP_CMP_EQ" */
};

struct oci_seccomp_syscall {
	char **names;
	char *action;
	struct hull_opt_u32 errno_ret;
	struct oci_seccomp_arg *args;
	size_t n_args;
};

struct oci_seccomp {
	char *default_action;
	struct hull_opt_u32 default_errno_ret;
	char **architectures;
	char **flags;
	char *listener_path;
	char *listener_metadata;
	struct oci_seccomp_syscall *syscalls;
	size_t n_syscalls;
};

/* The state document: what `state` prints and hooks read on stdin. */
struct oci_state {
	char *oci_version;
	char *id;
	char *status; /* "creating", "created", "running", "stopped", "paused" */
	int pid;
	char *bundle;
	struct json_pair *annotations;
	size_t n_annotations;
};

extern const struct json_table oci_spec_table;
extern const struct json_table oci_process_table;
extern const struct json_table oci_resources_table; /* struct hull_cgroup_resources */
extern const struct json_table oci_mount_table;
extern const struct json_table oci_seccomp_table;
extern const struct json_table oci_state_table;
extern const struct json_table oci_hook_table;
extern const struct json_table oci_hooks_table; /* its rows are the names of the hooks */

/*
 * The annotations above, and those that name files: what an engine must not let users set. A name
 * that ends in a dot stands for all that begin so. NULL-terminated.
 */
extern const char *const oci_unsafe_annotations[];

/* Names of enum oci_namespace_type as config.json spells them, NULL-terminated. */
extern const char *const oci_namespace_names[];

/* Reads and checks config.json (at most 16 MiB) relative to dirfd. */
int oci_spec_load_at(struct arena *arena, int dirfd, const char *path, struct oci_spec **ret,
	struct hull_error *err);

/* The same from a text. */
int oci_spec_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_spec **ret, struct hull_error *err);

/* Reads and checks a process document, as `exec --process` takes it. */
int oci_process_load_at(struct arena *arena, int dirfd, const char *path, struct oci_process **ret,
	struct hull_error *err);

/*
 * What the tables cannot say: a version of ours, absolute paths, no namespace twice, mappings only
 * with a user namespace, offsets only with a time namespace, sizes in range. Parsing does not call
 * it; the loaders above and plan_compile() do.
 */
int oci_spec_check(const struct oci_spec *spec, struct hull_error *err);
int oci_process_check(const struct oci_process *process, struct hull_error *err);
int oci_mounts_check(const struct oci_mount *mounts, size_t n, struct hull_error *err);

/* The profile in oci_linux.seccomp. */
int oci_seccomp_parse(
	struct arena *arena, const char *json, struct oci_seccomp **ret, struct hull_error *err);

/* The namespace entry of that type, NULL if the spec has none (the host's is used). */
const struct oci_namespace *oci_spec_namespace(
	const struct oci_spec *spec, enum oci_namespace_type type);

/*
 * The file below /proc/sys of a name of linux.sysctl, as sysctl(8) reads it: what comes first, a dot
 * or a slash, separates, and the other one stands for a dot within a part. 0, -EINVAL or
 * -ENAMETOOLONG.
 */
int oci_sysctl_path(const char *name, char *path, size_t size);

/* The value of an annotation, NULL if it has none. */
const char *oci_spec_annotation(const struct oci_spec *spec, const char *key);

/* A spec as `runc spec` writes it; rootless leaves out what needs privileges. NULL if memory is out. */
struct oci_spec *oci_spec_new_default(struct arena *arena, bool rootless);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhull-cgroup: create, limit, inspect and remove control groups on cgroup v1, v2 and any mix of
 * the two (see cgroups(7) and the kernel's admin-guide/cgroup-v1 and cgroup-v2), with or without
 * systemd as the one who owns the tree.
 *
 * Two objects. A `struct hull_cgroup_host` is what the machine offers: its hierarchies, found once
 * from mountinfo. It never changes after opening, so all threads may share it. A `struct
 * hull_cgroup` is one group: a place in every hierarchy that was asked for. It borrows the host,
 * which must outlive it. A group is not tied to the object: freeing the object leaves the group
 * in the kernel, hull_cgroup_delete() removes it. Different threads may use different groups, and
 * the same group for everything except free, delete and rename of its own state.
 *
 * Paths. "/a/b" starts at the root of each hierarchy (as mounted), "a/b" below the caller's own
 * group in each hierarchy. Empty components, ".", "..", control characters, components longer than
 * 255 bytes and paths longer than 4095 bytes are refused. A name that is created must also not be
 * one that the kernel would take for a control file ("cgroup.x", "memory.x" and so on).
 *
 * Functions that can fail return 0 (or what is said at them) and a negative value with *err filled.
 * Errors name the file and the value, as in "memory.max: 1T: Invalid argument". Times are in
 * milliseconds; a timeout of -1 waits for ever, 0 does not wait.
 */
#pragma once

#include <hull/error.h>
#include <hull/option.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* ---- The machine -------------------------------------------------------------------------- */

enum hull_cgroup_mode {
	HULL_CGROUP_MODE_NONE,	  /* no cgroup file system is mounted */
	HULL_CGROUP_MODE_LEGACY,  /* v1 hierarchies only */
	HULL_CGROUP_MODE_HYBRID,  /* v1 hierarchies and a v2 tree beside them */
	HULL_CGROUP_MODE_UNIFIED, /* v2 only */
};

/* What a hierarchy can control. The names are v2's where v2 has one: blkio of v1 is IO. */
enum hull_cgroup_controller {
	HULL_CGROUP_CPU,
	HULL_CGROUP_CPUACCT, /* v2: part of every group */
	HULL_CGROUP_CPUSET,
	HULL_CGROUP_MEMORY,
	HULL_CGROUP_IO,
	HULL_CGROUP_PIDS,
	HULL_CGROUP_DEVICES,	/* v2: an eBPF program, part of every group */
	HULL_CGROUP_FREEZER,	/* v2: part of every group */
	HULL_CGROUP_NET_CLS,	/* v1 only */
	HULL_CGROUP_NET_PRIO,	/* v1 only */
	HULL_CGROUP_PERF_EVENT, /* v2: part of every group */
	HULL_CGROUP_HUGETLB,
	HULL_CGROUP_RDMA,
	HULL_CGROUP_MISC,
	HULL_CGROUP_DMEM, /* v2, Linux 6.14 */
	HULL_CGROUP_CONTROLLER_MAX,
};

#define HULL_CGROUP_BIT(controller) (UINT32_C(1) << (controller))
#define HULL_CGROUP_ALL		    (HULL_CGROUP_BIT(HULL_CGROUP_CONTROLLER_MAX) - 1)

struct hull_cgroup_hierarchy {
	unsigned int version;	 /* 1 or 2 */
	const char *name;	 /* "memory", "cpu,cpuacct", "name=systemd"; "" for v2 */
	const char *mount_point; /* "/sys/fs/cgroup/memory" */
	const char *own_path; /* the caller's own group when the host was opened, "/" at the root */
	uint32_t controllers; /* HULL_CGROUP_BIT()s; v2: cgroup.controllers of the root and what
				    is part of every group, less those that a v1 hierarchy has */
	int fd;		      /* the mounted directory, O_PATH; owned by the host */
};

struct hull_cgroup_host;

/* Finds the hierarchies. One read of mountinfo and of /proc/self/cgroup. No cgroups at all is not
 * an error: the mode is then NONE, and creating a group fails. */
int hull_cgroup_host_open(struct hull_cgroup_host **ret, struct hull_error *err);
void hull_cgroup_host_close(struct hull_cgroup_host *host);

enum hull_cgroup_mode hull_cgroup_host_mode(const struct hull_cgroup_host *host);

/* All hierarchies, v1 in the order of mounting, v2 last. Valid as long as the host. */
size_t hull_cgroup_host_hierarchies(
	const struct hull_cgroup_host *host, const struct hull_cgroup_hierarchy **ret);

/* The union of what all hierarchies control. */
uint32_t hull_cgroup_host_controllers(const struct hull_cgroup_host *host);

/* True if systemd is the init of this machine, so that its tree should be left to it. */
bool hull_cgroup_host_has_systemd(const struct hull_cgroup_host *host);

/* Stable names: "unified", "io". A v1 name is understood too when parsing ("blkio"). */
const char *hull_cgroup_mode_name(enum hull_cgroup_mode mode);
const char *hull_cgroup_controller_name(enum hull_cgroup_controller controller);
int hull_cgroup_controller_parse(const char *name, enum hull_cgroup_controller *ret);

/* ---- Resources: the whole of the OCI runtime specification's linux.resources --------------- */

/*
 * Everything is optional: an absent number has .set false, an absent text is NULL, an absent list
 * has count 0; absent means "leave as it is". The struct borrows all it points to. The meaning of
 * each field is the specification's (config-linux.md); on v2 values are converted as it documents:
 * cpu shares to cpu.weight, memory+swap to swap alone, blkio weight to io.weight or
 * io.bfq.weight. -1 means "no limit" wherever a limit is signed.
 */

struct hull_cgroup_device {
	bool allow;
	char *type;		   /* "a", "b", "c"; NULL = "a" ("u" is taken as "c") */
	struct hull_opt_i64 major; /* absent or negative = any */
	struct hull_opt_i64 minor;
	char *access; /* of "rwm"; NULL or "" = all three */
};

struct hull_cgroup_memory {
	struct hull_opt_i64 limit;	 /* bytes */
	struct hull_opt_i64 reservation; /* bytes */
	struct hull_opt_i64 swap;	 /* bytes, memory and swap together */
	struct hull_opt_i64
		kernel; /* bytes; v1 only, obsolete in Linux 5.4: ignored where refused */
	struct hull_opt_i64 kernel_tcp;		  /* bytes; v1 only */
	struct hull_opt_u64 swappiness;		  /* 0..100 (200 on v1 since 5.8); v1 only */
	struct hull_opt_bool disable_oom_killer;  /* v1 only; false is accepted everywhere */
	struct hull_opt_bool use_hierarchy;	  /* v1; always on since Linux 5.11 */
	struct hull_opt_bool check_before_update; /* refuse a limit below the present usage */
};

struct hull_cgroup_cpu {
	struct hull_opt_u64 shares;	      /* 2..262144; 0 = leave */
	struct hull_opt_i64 quota;	      /* microseconds per period */
	struct hull_opt_u64 burst;	      /* microseconds */
	struct hull_opt_u64 period;	      /* microseconds */
	struct hull_opt_i64 realtime_runtime; /* microseconds; v1 only */
	struct hull_opt_u64 realtime_period;  /* microseconds; v1 only */
	char *cpus;			      /* "0-3,7" */
	char *mems;
	struct hull_opt_i64 idle; /* 1 = SCHED_IDLE for the group, Linux 5.15 */
};

struct hull_cgroup_pids {
	struct hull_opt_i64 limit; /* 0 is a limit of zero */
};

struct hull_cgroup_weight_device {
	int64_t major, minor;
	struct hull_opt_u32 weight, leaf_weight; /* 10..1000 */
};

struct hull_cgroup_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations per second; 0 = no limit */
};

struct hull_cgroup_block_io {
	struct hull_opt_u32 weight;	 /* 10..1000 */
	struct hull_opt_u32 leaf_weight; /* 10..1000; v1 with CFQ only (before Linux 5.0) */
	struct hull_cgroup_weight_device *weight_devices;
	size_t n_weight_devices;
	struct hull_cgroup_throttle_device *throttle_read_bps;
	size_t n_throttle_read_bps;
	struct hull_cgroup_throttle_device *throttle_write_bps;
	size_t n_throttle_write_bps;
	struct hull_cgroup_throttle_device *throttle_read_iops;
	size_t n_throttle_read_iops;
	struct hull_cgroup_throttle_device *throttle_write_iops;
	size_t n_throttle_write_iops;
};

struct hull_cgroup_hugepage {
	char *page_size; /* "2MB", "1GB" */
	uint64_t
		limit; /* bytes; sets the usage limit and, where it exists, the reservation limit */
};

struct hull_cgroup_priority {
	char *name; /* network interface */
	uint32_t priority;
};

struct hull_cgroup_network {
	struct hull_opt_u32 class_id;		 /* v1 net_cls only */
	struct hull_cgroup_priority *priorities; /* v1 net_prio only */
	size_t n_priorities;
};

struct hull_cgroup_rdma {
	char *device; /* "mlx5_0": the key of the map in JSON */
	struct hull_opt_u32 hca_handles, hca_objects;
};

struct hull_cgroup_setting {
	char *file; /* "memory.high": the key of the map in JSON */
	char *value;
};

struct hull_cgroup_resources {
	struct hull_cgroup_device *devices; /* in order, later rules win */
	size_t n_devices;
	struct hull_cgroup_memory memory;
	struct hull_cgroup_cpu cpu;
	struct hull_cgroup_pids pids;
	struct hull_cgroup_block_io block_io;
	struct hull_cgroup_hugepage *hugepages;
	size_t n_hugepages;
	struct hull_cgroup_network network;
	struct hull_cgroup_rdma *rdma;
	size_t n_rdma;
	struct hull_cgroup_setting *unified; /* any file of a v2 group, written as given, last */
	size_t n_unified;
};

/*
 * Checks without touching anything that every value is in range and every name well-formed, as far
 * as that does not depend on the machine.
 */
int hull_cgroup_resources_check(
	const struct hull_cgroup_resources *resources, struct hull_error *err);

/* True if nothing in it is set. */
bool hull_cgroup_resources_empty(const struct hull_cgroup_resources *resources);

/* The conversions, for those who want to show them. 0 stays 0 ("leave"). */
uint64_t hull_cgroup_shares_to_weight(uint64_t shares);	  /* 2..262144 to 1..10000 */
uint64_t hull_cgroup_weight_to_shares(uint64_t weight);	  /* the inverse, as near as it goes */
uint64_t hull_cgroup_blkio_to_io_weight(uint64_t weight); /* 10..1000 to 1..10000 */

/* ---- Groups ------------------------------------------------------------------------------- */

/* Who makes the group. */
enum hull_cgroup_manager {
	HULL_CGROUP_MANAGER_CGROUPFS, /* mkdir by ourselves */
	HULL_CGROUP_MANAGER_SYSTEMD,  /* a transient scope or slice, by asking systemd */
	HULL_CGROUP_MANAGER_DISABLED, /* nobody: the group is a no-op object, and its processes stay
					 where they are */
	HULL_CGROUP_MANAGER_SYSTEMD_USER, /* the caller's own systemd, on the user's bus */
};

enum {
	HULL_CGROUP_CREATE_NEW =
		1 << 0, /* fail with HULL_ERROR_EXISTS if it is there in any hierarchy
					    and not empty of processes */
	HULL_CGROUP_CREATE_TOLERANT = 1 << 1, /* leave out hierarchies where there is no permission
						 (rootless); fail only if none is left */
	HULL_CGROUP_CREATE_NO_INTERNAL = 1 << 2, /* v2: if the parent holds processes, and they keep
						    its controllers from being enabled, move them
						    into its child "leaf" */
};

/* systemd unit properties that are no resource: "TimeoutStopUSec" = "10s" in systemd's D-Bus
 * types: the value is GVariant-like text: 'text', true, 10, uint64 10, ['a', 'b']. */
struct hull_cgroup_property {
	char *name;
	char *value;
};

struct hull_cgroup_create_options {
	enum hull_cgroup_manager manager;
	unsigned int flags;   /* HULL_CGROUP_CREATE_* */
	uint32_t controllers; /* hierarchies to take part in, by what they control; 0 = all. Named
				 v1 hierarchies take part always; a v2 tree beside v1 only if it
				 has one of them */
	pid_t pid; /* process to start the group with; 0 = none. systemd needs one for a scope */
	const struct hull_cgroup_resources
		*resources;	 /* limits to be set before pid joins, or NULL */
	int timeout_ms;		 /* systemd: for its job; 0 = 30 s */
	const char *description; /* systemd: of the unit; NULL = the name */
	bool delegate;		 /* systemd: Delegate=yes (scopes only) */
	const struct hull_cgroup_property *properties; /* systemd: more of the unit's properties */
	size_t n_properties;
};

struct hull_cgroup;

/*
 * Makes the group (and its parents) in every hierarchy asked for and, on v2, enables the
 * controllers down the path. options may be NULL (cgroupfs, all hierarchies). What is half-made is
 * removed again on failure, and pid is where it was. An existing group is taken over.
 *
 * With the cgroupfs manager path is as said above. With systemd it is the OCI form
 * "SLICE:PREFIX:NAME" ("system.slice:hull:web" makes hull-web.scope in system.slice; an empty SLICE
 * is system.slice, or user.slice on the user's bus; a NAME that ends in ".slice" makes a slice and
 * needs no pid), or a bare "NAME.slice" or "NAME.scope".
 */
int hull_cgroup_create(const struct hull_cgroup_host *host, const char *path,
	const struct hull_cgroup_create_options *options, struct hull_cgroup **ret,
	struct hull_error *err);

/* An existing group by path, in the hierarchies of `controllers` (0 = all) that have it;
 * HULL_ERROR_NOT_FOUND if none has. */
int hull_cgroup_load(const struct hull_cgroup_host *host, const char *path, uint32_t controllers,
	struct hull_cgroup **ret, struct hull_error *err);

/* The group that a process is in (0: the caller), hierarchy by hierarchy. */
int hull_cgroup_load_pid(const struct hull_cgroup_host *host, pid_t pid, struct hull_cgroup **ret,
	struct hull_error *err);

/* A group's path in one hierarchy. Several make one object again from what hull_cgroup_place()
 * told earlier (a container's saved state), without looking anything up. unit may be NULL. */
struct hull_cgroup_place {
	const char *hierarchy; /* the hierarchy's name */
	const char *path;      /* below its root: "/hull/web" */
	const char *full_path; /* "/sys/fs/cgroup/memory/hull/web"; ignored when loading */
};
int hull_cgroup_load_places(const struct hull_cgroup_host *host,
	const struct hull_cgroup_place *places, size_t n_places, enum hull_cgroup_manager manager,
	const char *unit, struct hull_cgroup **ret, struct hull_error *err);

/* A child of the group, made in all hierarchies that the group has. name is one component. */
int hull_cgroup_create_child(const struct hull_cgroup *cgroup, const char *name,
	struct hull_cgroup **ret, struct hull_error *err);

/* Takes the creation back, for a caller whose next step failed: removes the directories that were
 * made for this object (not those that were there before), as far as nobody uses them, and stops the
 * unit if systemd made one. The object stays, to be freed. */
void hull_cgroup_undo_create(struct hull_cgroup *cgroup);

/* Frees the object, not the group. NULL is allowed. */
void hull_cgroup_free(struct hull_cgroup *cgroup);

/* Where the group is: the number of hierarchies, and each of them. Strings belong to cgroup. */
size_t hull_cgroup_n_places(const struct hull_cgroup *cgroup);
struct hull_cgroup_place hull_cgroup_place(const struct hull_cgroup *cgroup, size_t i);

/* The full path of the directory that holds a controller's files, NULL if the group has none. */
const char *hull_cgroup_controller_path(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller);

/* The unit behind a group that systemd made ("hull-web.scope"), else NULL. */
const char *hull_cgroup_unit(const struct hull_cgroup *cgroup);

enum hull_cgroup_manager hull_cgroup_manager(const struct hull_cgroup *cgroup);

/* The controllers that can be used on the group. */
uint32_t hull_cgroup_controllers(const struct hull_cgroup *cgroup);

/*
 * The group's directory in the v2 tree for clone3(2) with CLONE_INTO_CGROUP; owned by the group,
 * opened at the first call (not thread-safe for the same object). Negative with
 * HULL_ERROR_UNSUPPORTED if the group is not in a v2 tree. On a hybrid machine the v1
 * hierarchies still need hull_cgroup_add().
 */
int hull_cgroup_dirfd(struct hull_cgroup *cgroup, struct hull_error *err);

/* ---- Processes ---------------------------------------------------------------------------- */

enum {
	HULL_CGROUP_ADD_SKIP_V2 = 1 << 0, /* it was born there by CLONE_INTO_CGROUP */
	HULL_CGROUP_ADD_NEWBORN =
		1 << 1, /* the caller kills it on failure: saves the three calls that
					     would tell where to put it back */
};

/*
 * Moves a process (0: the caller) with all its threads into the group, in every hierarchy. If one
 * refuses it, the process is put back where it was in those before.
 */
int hull_cgroup_add(
	struct hull_cgroup *cgroup, pid_t pid, unsigned int flags, struct hull_error *err);

/* Moves one thread: v1 `tasks`, v2 cgroup.threads (the group must be threaded, see below). */
int hull_cgroup_add_thread(struct hull_cgroup *cgroup, pid_t tid, struct hull_error *err);

enum {
	HULL_CGROUP_RECURSIVE = 1 << 0, /* descendants too */
	HULL_CGROUP_THREADS = 1 << 1,	/* thread ids */
};

/* Process ids in ascending order, each once; *ret is malloc'ed (NULL when empty). */
int hull_cgroup_processes(const struct hull_cgroup *cgroup, unsigned int flags, pid_t **ret,
	size_t *ret_count, struct hull_error *err);

/* 1 if a process is in the group or below, 0 if not. */
int hull_cgroup_populated(const struct hull_cgroup *cgroup, struct hull_error *err);

/* Sends a signal to each process of the group and below, once. The number of processes. */
int hull_cgroup_signal(const struct hull_cgroup *cgroup, int signal, struct hull_error *err);

/*
 * Kills all processes of the group and below and waits until it is empty: cgroup.kill (Linux 5.14),
 * else freeze, SIGKILL and thaw until nothing is left.
 */
int hull_cgroup_kill(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err);

/* Stops all processes of the group and below and waits until the kernel confirms it; lets them
 * run again. When the time is up a freeze is taken back and the error is HULL_ERROR_TIMEOUT. */
int hull_cgroup_freeze(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err);
int hull_cgroup_thaw(const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err);

/* 1 if frozen, 0 if not (or not frozen completely yet). */
int hull_cgroup_frozen(const struct hull_cgroup *cgroup, struct hull_error *err);

/* Waits until no process is left in the group and below. */
int hull_cgroup_wait_empty(
	const struct hull_cgroup *cgroup, int timeout_ms, struct hull_error *err);

enum {
	HULL_CGROUP_DELETE_RECURSIVE = 1 << 0, /* children too */
	HULL_CGROUP_DELETE_KILL = 1 << 1,      /* hull_cgroup_kill() first if it is not empty */
};

/*
 * Removes the group from all hierarchies; what is gone already is fine. Waits up to the timeout for
 * dying tasks to leave; then HULL_ERROR_BUSY. A unit of systemd's is stopped and forgotten.
 */
int hull_cgroup_delete(
	struct hull_cgroup *cgroup, unsigned int flags, int timeout_ms, struct hull_error *err);

/* Calls fn for the group's direct children by name (each once, whatever number of hierarchies has
 * it), until it returns other than 0, which is returned. */
int hull_cgroup_children(const struct hull_cgroup *cgroup, int (*fn)(const char *name, void *data),
	void *data, struct hull_error *err);

/* ---- Limits and files --------------------------------------------------------------------- */

enum {
	HULL_CGROUP_APPLY_TOLERANT = 1
				     << 0, /* rootless: leave out what there is no permission or no
						controller for */
};

/*
 * Sets all that is set in resources, in the order that works whether limits rise or fall. A limit
 * whose controller the group lacks is an error that says so. Devices: v1 devices.allow and
 * devices.deny; v2 an eBPF program that replaces the one set before.
 *
 * If one is refused, those written before it get back the values that they had. Not taken back are
 * write-only files and cgroup.subtree_control of `unified`, and what systemd was told.
 */
int hull_cgroup_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct hull_error *err);

/*
 * One file of the group: "memory.max". The hierarchy is found from the part before the dot;
 * "cgroup." files are the first hierarchy's, v2 before v1.
 */
int hull_cgroup_write(const struct hull_cgroup *cgroup, const char *file, const char *value,
	struct hull_error *err);

/* The content, malloc'ed, NUL-terminated. */
int hull_cgroup_read(
	const struct hull_cgroup *cgroup, const char *file, char **ret, struct hull_error *err);

/*
 * As write and read, but a file of the other cgroup version is translated where a translation
 * exists: memory.limit_in_bytes to memory.max, cpu.cfs_quota_us to the first word of cpu.max, and
 * back.
 */
int hull_cgroup_set(
	struct hull_cgroup *cgroup, const char *file, const char *value, struct hull_error *err);
int hull_cgroup_get(
	const struct hull_cgroup *cgroup, const char *file, char **ret, struct hull_error *err);

enum hull_cgroup_type {
	HULL_CGROUP_TYPE_DOMAIN,
	HULL_CGROUP_TYPE_DOMAIN_THREADED,
	HULL_CGROUP_TYPE_DOMAIN_INVALID,
	HULL_CGROUP_TYPE_THREADED,
	HULL_CGROUP_TYPE_MAX,
};

/* cgroup.type of a v2 group. Only THREADED can be set, and not be taken back. */
int hull_cgroup_type(
	const struct hull_cgroup *cgroup, enum hull_cgroup_type *ret, struct hull_error *err);
int hull_cgroup_set_threaded(struct hull_cgroup *cgroup, struct hull_error *err);
const char *hull_cgroup_type_name(enum hull_cgroup_type type);

/* Gives the group away to a user: the directory and the files that the kernel lists for delegation
 * (/sys/kernel/cgroup/delegate), never the limits themselves. */
int hull_cgroup_delegate(struct hull_cgroup *cgroup, uid_t uid, gid_t gid, struct hull_error *err);

/* ---- Statistics --------------------------------------------------------------------------- */

struct hull_cgroup_pressure_line {
	double avg10, avg60, avg300; /* percent */
	uint64_t total_us;
};

struct hull_cgroup_pressure {
	bool present;
	struct hull_cgroup_pressure_line some, full;
};

struct hull_cgroup_cpu_stats {
	bool present;
	uint64_t usage_ns, user_ns, system_ns;
	uint64_t periods, throttled_periods, throttled_ns;
	uint64_t bursts, burst_ns;
	struct hull_cgroup_pressure pressure;
};

/* A limit of HULL_CGROUP_NO_LIMIT is "max". */
#define HULL_CGROUP_NO_LIMIT UINT64_MAX

struct hull_cgroup_memory_stats {
	bool present;
	uint64_t usage, peak, limit;	 /* bytes */
	uint64_t swap_usage, swap_limit; /* swap alone, on both versions */
	uint64_t kernel, kernel_tcp;
	uint64_t failcnt; /* v1 memory.failcnt, v2 "max" of memory.events */
	uint64_t anon, file, shmem, mapped, dirty, writeback, slab;
	uint64_t active_anon, inactive_anon, active_file, inactive_file, unevictable;
	uint64_t faults, major_faults;
	uint64_t working_set; /* usage less inactive_file: what cannot be dropped at once */
	struct {
		uint64_t low, high, max, oom, oom_kill, oom_group_kill;
	} events;
	struct hull_cgroup_pressure pressure;
};

struct hull_cgroup_pids_stats {
	bool present;
	uint64_t current, peak, limit;
	uint64_t events_max; /* forks refused */
};

struct hull_cgroup_io_stats {
	uint32_t major, minor;
	uint64_t read_bytes, write_bytes, discard_bytes;
	uint64_t read_ops, write_ops, discard_ops;
};

struct hull_cgroup_hugetlb_stats {
	char page_size[16]; /* "2MB" */
	uint64_t usage, peak, limit, failcnt;
	uint64_t rsvd_usage;
};

struct hull_cgroup_rdma_stats {
	char device[64];
	uint64_t hca_handles, hca_objects;
	uint64_t hca_handles_limit, hca_objects_limit;
};

/*
 * Starts zeroed (HULL_CGROUP_STATS_INIT) and is used again for each reading; the arrays grow when
 * needed and are kept, so a second reading allocates nothing. Ended by hull_cgroup_stats_done().
 */
struct hull_cgroup_stats {
	uint32_t controllers; /* what the last reading found */
	struct hull_cgroup_cpu_stats cpu;
	struct hull_cgroup_memory_stats memory;
	struct hull_cgroup_pids_stats pids;
	struct hull_cgroup_io_stats *io;
	size_t n_io, io_size;
	struct hull_cgroup_pressure io_pressure;
	struct hull_cgroup_hugetlb_stats *hugetlb;
	size_t n_hugetlb, hugetlb_size;
	struct hull_cgroup_rdma_stats *rdma;
	size_t n_rdma, rdma_size;
};

#define HULL_CGROUP_STATS_INIT \
	{                      \
		0              \
	}

/* Reads the statistics of `controllers` (0 = all). A file that is missing leaves zeros; a group
 * that is gone is HULL_ERROR_NOT_FOUND. */
int hull_cgroup_stat(const struct hull_cgroup *cgroup, uint32_t controllers,
	struct hull_cgroup_stats *stats, struct hull_error *err);
void hull_cgroup_stats_done(struct hull_cgroup_stats *stats);

/* ---- Events ------------------------------------------------------------------------------- */

enum hull_cgroup_event_kind {
	HULL_CGROUP_EVENT_OOM,	     /* the group hit its limit or lost a process to it */
	HULL_CGROUP_EVENT_THRESHOLD, /* memory use crossed `value` bytes (v1; v2: memory.high events) */
	HULL_CGROUP_EVENT_PRESSURE,  /* v1: memory.pressure_level `level`; v2: stall of `value`
					microseconds in `window` microseconds of memory.pressure */
	HULL_CGROUP_EVENT_POPULATED, /* the group became empty, or populated again */
	HULL_CGROUP_EVENT_FROZEN,    /* v2: the frozen state changed */
};

struct hull_cgroup_event_options {
	uint64_t value;
	uint64_t window;
	const char *level; /* "low", "medium", "critical" */
	bool full;	   /* v2 pressure: all tasks stalled, not some */
};

struct hull_cgroup_event {
	enum hull_cgroup_event_kind kind;
	uint64_t count; /* OOM: OOM kills so far; THRESHOLD: high events or crossings so far */
	uint64_t oom;	/* OOM: times the limit could not be kept */
	bool populated, frozen; /* the state now */
	bool gone;		/* the group was removed; nothing more will come */
};

struct hull_cgroup_watch;

int hull_cgroup_watch_open(const struct hull_cgroup *cgroup, enum hull_cgroup_event_kind kind,
	const struct hull_cgroup_event_options *options, struct hull_cgroup_watch **ret,
	struct hull_error *err);
void hull_cgroup_watch_close(struct hull_cgroup_watch *watch);

/* What to poll for: an fd owned by the watch, and the events to wait for (POLLIN or POLLPRI). */
int hull_cgroup_watch_fd(const struct hull_cgroup_watch *watch, short *ret_events);

/*
 * Takes what happened, after poll has told that something did; 1 if *ret was filled, 0 if it was
 * nothing that matters. Never blocks.
 */
int hull_cgroup_watch_read(
	struct hull_cgroup_watch *watch, struct hull_cgroup_event *ret, struct hull_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

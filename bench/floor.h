/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of one bare container start; see floor.c for the idea. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum feature {
	FEATURE_ALWAYS,
	FEATURE_CGROUPS,
	FEATURE_DEVICES,
	FEATURE_NET,
	FEATURE_PID,
	FEATURE_IPC,
	FEATURE_UTS,
	FEATURE_CGROUP_NS,
	FEATURE_PROC,
	FEATURE_DEV,
	FEATURE_PTS,
	FEATURE_SHM,
	FEATURE_MQUEUE,
	FEATURE_SYS,
	FEATURE_CGROUPFS,
	FEATURE_MASKED,
	FEATURE_READONLY,
	FEATURE_LOOPBACK,
	FEATURE_KEYRING,
	FEATURE_CREDENTIALS,
	FEATURE_SECCOMP,
	FEATURE_SHARED_MEMORY,
	FEATURE_MAX,
};

#define STEPS_MAX 64

/* Shared between parent and child. */
struct clocks {
	uint64_t last;
	size_t n;
	const char *names[STEPS_MAX];
	uint64_t ns[STEPS_MAX];
};

#define CGROUPS_MAX 16

/* The hierarchies of this host, and this start's directory in each. */
struct cgroups {
	bool unified; /* cgroup v2 alone */
	size_t n;
	char mounts[CGROUPS_MAX][PATH_MAX];
	char names[CGROUPS_MAX][64]; /* controllers, as mounted: "cpu,cpuacct" */
	char labels[CGROUPS_MAX][64];
	int fds[CGROUPS_MAX]; /* v1: its tasks file; v2: the directory */
	char dir[64];	      /* name of the directory, the same in all hierarchies */
};

struct start {
	uint64_t features;
	const char *root;
	const char *upper;
	pid_t enter; /* a process whose container is entered instead of making one, or 0 */
	char **args;
	char **env;
	struct cgroups *cgroups;
	struct clocks *clocks;
	const char *subject; /* what a failing step was about */
	int root_fd;
	pid_t pid;
	int status;
};

/* True if the feature and the one that it needs are switched on. */
bool start_has(const struct start *s, enum feature f);

/* The time since the last mark goes to NAME, a text that stays. */
void clocks_mark(struct clocks *c, const char *name);

struct step {
	enum feature feature;
	const char *name;
	int (*run)(struct start *s); /* 0, or -1 with errno and s->subject */
};

/* floor-cgroup.c */
int cgroups_find(struct cgroups *c);
int cgroups_make(struct start *s);
int cgroups_allow_devices(struct start *s);
int cgroups_join(struct start *s);
int cgroup_namespace_make(struct start *s);
int cgroups_remove(struct start *s);

/* Opens the cgroups of the process to enter, for cgroups_join(). */
int cgroups_open(struct start *s);
int cgroups_close(struct start *s);

/* floor-mount.c */
int root_open(struct start *s);
int root_attach(struct start *s);
int root_pivot(struct start *s);
int root_close(struct start *s);
int mount_proc(struct start *s);
int mount_dev(struct start *s);
int make_devices(struct start *s);
int mount_pts(struct start *s);
int mount_shm(struct start *s);
int mount_mqueue(struct start *s);
int mount_sys(struct start *s);
int mount_cgroups(struct start *s);
int mask_paths(struct start *s);
int protect_paths(struct start *s);

/* floor-process.c */
int set_hostname(struct start *s);
int loopback_up(struct start *s);
int keyring_join(struct start *s);
int credentials_drop(struct start *s);
int seccomp_load(struct start *s);
int fds_close(struct start *s);
int namespaces_join(struct start *s);

/* floor.c */
int container_wait(struct start *s);

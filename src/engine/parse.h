/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of the options of `run` and `create`, as typed. Results live in the arena; errors are
 * HULL_ERROR_INVALID (HULL_ERROR_UNSUPPORTED for what Docker has and we do not yet), one line that
 * names the option and the value.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "engine/config.h"
#include "json/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mount_kind {
	MOUNT_KIND_BIND,
	MOUNT_KIND_TMPFS,
};

/* One file system that the user asks for. */
struct mount_request {
	enum mount_kind kind;
	char *source;	   /* bind: absolute and clean; tmpfs: NULL */
	char *destination; /* absolute and clean, never "/" */
	bool read_only;
	bool create_source; /* bind: a missing source is made a directory (-v does, --mount does not) */
	char **options; /* for the OCI mount entry: "rbind","rprivate","ro"; tmpfs: all its options */
};

/*
 * -v SOURCE:DESTINATION[:OPTIONS]. A source that starts with "." is relative to cwd (NULL = the
 * process's own). A name as source is a named volume, which is refused as unsupported.
 */
int volume_parse(struct arena *arena, const char *text, const char *cwd, struct mount_request *ret,
	struct hull_error *err);

/* --tmpfs DESTINATION[:OPTIONS]. */
int tmpfs_parse(
	struct arena *arena, const char *text, struct mount_request *ret, struct hull_error *err);

/* --mount type=bind|tmpfs,source=...,destination=...,... */
int mount_parse(struct arena *arena, const char *text, const char *cwd, struct mount_request *ret,
	struct hull_error *err);

/*
 * The text of -v or --tmpfs that gives the request again: what container_config keeps. NULL if
 * memory is out. What only --mount can ask for has options of our own in it, which volume_parse()
 * understands: "nocreate" (a missing source is an error), "bind" (without the mounts below it),
 * "below-rw" ("ro" is not for the mounts below it).
 */
char *mount_request_format(struct arena *arena, const struct mount_request *request);

/* HULL_ERROR_INVALID "Duplicate mount point: ..." if two have the same destination. */
int mount_requests_check(
	const struct mount_request *requests, size_t count, struct hull_error *err);

/* --ulimit NAME=SOFT[:HARD]; -1 is no limit. */
int ulimit_parse(struct arena *arena, const char *text, struct container_ulimit *ret,
	struct hull_error *err);

/* "RLIMIT_NOFILE" for "nofile"; NULL if there is no such limit. */
const char *ulimit_rlimit_name(const char *name);

/* --device HOST[:CONTAINER[:PERMISSIONS]]. */
int device_parse(struct arena *arena, const char *text, struct container_device *ret,
	struct hull_error *err);

/*
 * -e NAME=VALUE, or NAME to take it over from `environment` (left out if unset there). Added to the
 * vector *env in the arena, which starts as NULL; when all are, env_settle() lets the last of each
 * name count.
 */
int env_option_parse(struct arena *arena, const char *text, char *const *environment, char ***env,
	struct hull_error *err);

/* --env-file: lines as above, # comments; no quotes, no expansion. */
int env_file_load(struct arena *arena, const char *path, char *const *environment, char ***env,
	struct hull_error *err);
int env_file_parse(struct arena *arena, const char *text, size_t len, const char *path,
	char *const *environment, char ***env, struct hull_error *err);

/* A growing list of pairs in an arena. */
struct pair_list {
	struct json_pair *items;
	size_t count;
};

/* When all are there: lets the last of each key count. */
int pair_list_settle(struct pair_list *list, struct hull_error *err);

/* --label KEY[=VALUE], added. */
int label_parse(
	struct arena *arena, const char *text, struct pair_list *labels, struct hull_error *err);

/* --label-file: one label a line, # comments. */
int label_file_load(
	struct arena *arena, const char *path, struct pair_list *labels, struct hull_error *err);

/* --sysctl NAME=VALUE, added; only what is namespaced. */
int sysctl_parse(
	struct arena *arena, const char *text, struct pair_list *sysctls, struct hull_error *err);

/* --add-host NAME:ADDRESS or NAME=ADDRESS, also [IPv6] and "host-gateway"; NAME:ADDRESS returned. */
int extra_host_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err);

/* --hostname, --domainname (NULL = not given): what the kernel takes and a line of hosts can hold. */
int host_name_check(const char *option, const char *text, struct hull_error *err);

/* --dns ADDRESS. */
int dns_check(const char *text, struct hull_error *err);

/* --dns-search, --dns-option: one word that resolv.conf can hold. `option` names it in the error. */
int dns_word_check(const char *option, const char *text, struct hull_error *err);

/*
 * --network NAME, or its long form name=NAME,alias=...,ip=...,ip6=...,mac-address=...,
 * link-local-ip=...,driver-opt=KEY=VALUE,gw-priority=N.
 */
int network_option_parse(struct arena *arena, const char *text, struct container_endpoint *ret,
	struct hull_error *err);

/* --link CONTAINER[:ALIAS]; CONTAINER:ALIAS returned. */
int link_option_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err);

/* --expose PORT[-LAST][/PROTOCOL]; with the protocol returned. */
int expose_option_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err);

/*
 * -m and --memory-reservation: at least 6 MiB (0 = no limit), the latter not above memory.
 * --memory-swap takes -1 and is checked against memory.
 */
int memory_check(int64_t bytes, struct hull_error *err);
int memory_reservation_check(int64_t bytes, int64_t memory, struct hull_error *err);
int memory_swap_parse(const char *text, int64_t memory, int64_t *ret, struct hull_error *err);

/* --cpu-period and --cpu-quota, in microseconds; 0 = not given. */
int cpu_bandwidth_check(uint64_t period_us, int64_t quota_us, struct hull_error *err);

/* --cpus 1.5: billionths of a CPU. From 0.01 (the least quota) to what this process may run on. */
int cpus_parse(const char *text, int64_t *ret_nano_cpus, struct hull_error *err);

/*
 * The list of "cpuset-cpus" or "cpuset-mems": "0-3,7". All of it must be in `available`, unless that
 * is NULL; cpuset_check_host() takes what this host has.
 */
int cpuset_check(
	const char *option, const char *text, const char *available, struct hull_error *err);
int cpuset_check_host(const char *option, const char *text, struct hull_error *err);

/* --stop-signal and kill --signal: as signal_parse() of sys/process.h, with Docker's error. */
int signal_option_parse(const char *text, int *ret, struct hull_error *err);

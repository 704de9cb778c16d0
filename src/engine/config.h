/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `create` fixes about a container, resolved against its image: kept as one JSON document in
 * the container's row, read back by start, inspect and exec. A member that is absent in the
 * document is zero; new members need no migration.
 */
#pragma once

#include "base/arena.h"
#include "json/json.h"
#include "network/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

struct container_device {
	char *host;
	char *path;
	char *permissions; /* of "rwm" */
};

struct container_ulimit {
	char *name; /* "nofile" */
	int64_t soft, hard;
};

/* --network of one network. */
struct container_endpoint {
	char *network;
	struct network_endpoint_config *config;
};

struct container_config {
	/* The process. */
	char **entrypoint;
	char **cmd;
	char **env;
	char *working_dir;
	char *user;
	char **group_add;
	bool tty;
	bool open_stdin;
	bool stdin_once; /* stdin ends with the first client */
	bool detach;	 /* run -d: nobody waits for it */
	bool init;
	char *stop_signal;
	struct hull_opt_i64 stop_timeout; /* seconds; below 0: for ever */

	/* Identity. */
	char *hostname;
	char *domainname;
	struct json_pair *labels;
	size_t n_labels;
	bool auto_remove;

	/* File systems. */
	bool read_only;
	char **binds;	/* SOURCE:DESTINATION[:OPTIONS] */
	char **tmpfs;	/* DESTINATION[:OPTIONS] */
	char **volumes; /* directories that the image says hold data */
	uint64_t shm_size;
	struct container_device *devices;
	size_t n_devices;

	/* Network. */
	char *network; /* Docker's network mode, see engine/network.h */
	/* The networks that create was asked for; from then on their records count. */
	struct container_endpoint *endpoints;
	size_t n_endpoints;
	char **ports; /* of -p, as they were typed */
	bool publish_all;
	char **exposed; /* "80/tcp", "8000-8010/udp"; the image's too */
	char **links;	/* NAME:ALIAS */
	char *mac_address;
	char **dns, **dns_search, **dns_options;
	char **extra_hosts; /* NAME:ADDRESS */

	/* Namespaces and privileges. */
	char *pid_mode, *ipc_mode, *uts_mode, *cgroupns_mode; /* "host" or "" */
	bool privileged;
	char **cap_add, **cap_drop;
	char **security_opt;
	struct json_pair *sysctls;
	size_t n_sysctls;

	/* Limits. */
	char *cgroup_parent;
	int64_t memory, memory_reservation, memory_swap; /* bytes; swap -1 = no limit */
	int64_t nano_cpus;
	uint64_t cpu_shares, cpu_period;
	int64_t cpu_quota;
	char *cpuset_cpus, *cpuset_mems;
	struct hull_opt_i64 pids_limit;
	struct hull_opt_i64 oom_score_adj;
	bool oom_kill_disable;
	struct container_ulimit *ulimits;
	size_t n_ulimits;
};

extern const struct json_table container_config_table;

/* The document, heap; NULL if memory is out. */
char *container_config_format(const struct container_config *config);

int container_config_parse(struct arena *arena, const char *text, struct container_config **ret,
	struct hull_error *err);

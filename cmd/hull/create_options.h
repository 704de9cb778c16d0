/* SPDX-License-Identifier: Apache-2.0 */
/* The options that `run` and `create` share, and what they mean for a container's configuration. */
#pragma once

#include "cli/option.h"
#include "engine/container.h"
#include "hull.h"

#include <hull/option.h>

struct create_options {
	/* run only */
	bool detach, sig_proxy;
	char *detach_keys;
	char *trace;
	/* both */
	char *name, *cidfile, *pull, *platform;
	bool quiet, rm;
	bool interactive, tty;
	char **attach;
	char *entrypoint, *workdir, *user, *hostname, *domainname;
	char **env, **env_file, **label, **label_file, **group_add;
	bool init;
	char *stop_signal;
	struct hull_opt_i64 stop_timeout;
	bool read_only;
	char **volume, **mount, **tmpfs, **device;
	struct hull_opt_u64 shm_size;
	char **network, **network_alias, **link, **link_local_ip, **publish, **expose;
	bool publish_all;
	char *ip, *ip6, *mac_address;
	char **dns, **dns_search, **dns_option, **add_host;
	char *pid, *ipc, *uts, *cgroupns;
	bool privileged;
	char **cap_add, **cap_drop, **security_opt, **sysctl, **ulimit;
	char *cgroup_parent;
	struct hull_opt_u64 memory, memory_reservation;
	char *memory_swap, *cpus;
	struct hull_opt_u64 cpu_shares, cpu_period;
	struct hull_opt_i64 cpu_quota, pids_limit, oom_score_adj;
	char *cpuset_cpus, *cpuset_mems;
	bool oom_kill_disable;
};

#define CREATE_ROW(letter, name, kind, member, metavar, help, values, ...)                  \
	{                                                                                   \
		name, letter, kind, offsetof(struct create_options, member), metavar, help, \
			values __VA_OPT__(, ) __VA_ARGS__                                   \
	}

/* An option of Docker's that is there for one value, which is what hull does anyway. */
#define CREATE_FIXED(name, kind, metavar, help, value)                           \
	{                                                                        \
		name, 0, kind, 0, metavar, help, value, CLI_IGNORED | CLI_ONE_OF \
	}

/* Rows of the option table, sorted by name. */
#define CREATE_OPTION_ROWS                                                                            \
	CREATE_ROW(0, "add-host", CLI_STRV, add_host, "list",                                         \
		"Add a custom host-to-IP mapping (host:ip)", NULL),                                   \
		CREATE_ROW('a', "attach", CLI_STRV, attach, "list",                                   \
			"Attach to STDIN, STDOUT or STDERR", "stdin stdout stderr"),                  \
		CREATE_ROW(                                                                           \
			0, "cap-add", CLI_STRV, cap_add, "list", "Add Linux capabilities", NULL),     \
		CREATE_ROW(0, "cap-drop", CLI_STRV, cap_drop, "list", "Drop Linux capabilities",      \
			NULL),                                                                        \
		CREATE_ROW(0, "cgroup-parent", CLI_STRING, cgroup_parent, "string",                   \
			"Optional parent cgroup for the container", NULL),                            \
		CREATE_ROW(0, "cgroupns", CLI_STRING, cgroupns, "string",                             \
			"Cgroup namespace to use (host|private)", "host private"),                    \
		CREATE_ROW(0, "cidfile", CLI_STRING, cidfile, "string",                               \
			"Write the container ID to the file", "@file"),                               \
		CREATE_ROW(0, "cpu-period", CLI_U64, cpu_period, "int",                               \
			"Limit CPU CFS (Completely Fair Scheduler) period", NULL),                    \
		CREATE_ROW(0, "cpu-quota", CLI_I64, cpu_quota, "int",                                 \
			"Limit CPU CFS (Completely Fair Scheduler) quota", NULL),                     \
		CREATE_ROW('c', "cpu-shares", CLI_U64, cpu_shares, "int",                             \
			"CPU shares (relative weight)", NULL),                                        \
		CREATE_ROW(0, "cpus", CLI_STRING, cpus, "decimal", "Number of CPUs", NULL),           \
		CREATE_ROW(0, "cpuset-cpus", CLI_STRING, cpuset_cpus, "string",                       \
			"CPUs in which to allow execution (0-3, 0,1)", NULL),                         \
		CREATE_ROW(0, "cpuset-mems", CLI_STRING, cpuset_mems, "string",                       \
			"MEMs in which to allow execution (0-3, 0,1)", NULL),                         \
		CREATE_ROW(0, "device", CLI_STRV, device, "list",                                     \
			"Add a host device to the container", "@file"),                               \
		CREATE_FIXED("disable-content-trust", CLI_FLAG, NULL, "Skip image verification",      \
			"true"),                                                                      \
		CREATE_ROW(0, "dns", CLI_STRV, dns, "list", "Set custom DNS servers", NULL),          \
		CREATE_ROW(                                                                           \
			0, "dns-option", CLI_STRV, dns_option, "list", "Set DNS options", NULL),      \
		CREATE_ROW(0, "dns-opt", CLI_STRV, dns_option, "list", NULL, NULL, CLI_ALIAS),        \
		CREATE_ROW(0, "dns-search", CLI_STRV, dns_search, "list",                             \
			"Set custom DNS search domains", NULL),                                       \
		CREATE_ROW(0, "domainname", CLI_STRING, domainname, "string",                         \
			"Container NIS domain name", NULL),                                           \
		CREATE_ROW(0, "entrypoint", CLI_STRING, entrypoint, "string",                         \
			"Overwrite the default ENTRYPOINT of the image", NULL),                       \
		CREATE_ROW('e', "env", CLI_STRV, env, "list", "Set environment variables", NULL),     \
		CREATE_ROW(0, "env-file", CLI_STRV, env_file, "list",                                 \
			"Read in a file of environment variables", "@file"),                          \
		CREATE_ROW(0, "expose", CLI_STRV, expose, "list",                                     \
			"Expose a port or a range of ports", NULL),                                   \
		CREATE_ROW(0, "group-add", CLI_STRV, group_add, "list",                               \
			"Add additional groups to join", NULL),                                       \
		CREATE_ROW('h', "hostname", CLI_STRING, hostname, "string", "Container host name",    \
			NULL),                                                                        \
		CREATE_ROW(0, "init", CLI_FLAG, init, NULL,                                           \
			"Run an init inside the container that forwards signals and reaps processes", \
			NULL),                                                                        \
		CREATE_ROW('i', "interactive", CLI_FLAG, interactive, NULL,                           \
			"Keep STDIN open even if not attached", NULL),                                \
		CREATE_ROW(0, "ip", CLI_STRING, ip, "ip", "IPv4 address (e.g., 172.30.100.104)",      \
			NULL),                                                                        \
		CREATE_ROW(0, "ip6", CLI_STRING, ip6, "ip", "IPv6 address (e.g., 2001:db8::33)",      \
			NULL),                                                                        \
		CREATE_ROW(0, "ipc", CLI_STRING, ipc, "string", "IPC mode to use (host|private)",     \
			"host private"),                                                              \
		CREATE_FIXED("isolation", CLI_STRING, "string",                                       \
			"Container isolation technology (default)", "default"),                       \
		CREATE_ROW('l', "label", CLI_STRV, label, "list", "Set meta data on a container",     \
			NULL),                                                                        \
		CREATE_ROW(0, "label-file", CLI_STRV, label_file, "list",                             \
			"Read in a line delimited file of labels", "@file"),                          \
		CREATE_ROW(0, "link", CLI_STRV, link, "list", "Add link to another container",        \
			"@container"),                                                                \
		CREATE_ROW(0, "link-local-ip", CLI_STRV, link_local_ip, "list",                       \
			"Container IPv4/IPv6 link-local addresses", NULL),                            \
		CREATE_FIXED("log-driver", CLI_STRING, "string",                                      \
			"Logging driver for the container (json-file)", "json-file"),                 \
		CREATE_ROW(0, "mac-address", CLI_STRING, mac_address, "string",                       \
			"Container MAC address (e.g., 92:d0:c6:0a:29:33)", NULL),                     \
		CREATE_ROW('m', "memory", CLI_SIZE, memory, "bytes", "Memory limit", NULL),           \
		CREATE_ROW(0, "memory-reservation", CLI_SIZE, memory_reservation, "bytes",            \
			"Memory soft limit", NULL),                                                   \
		CREATE_ROW(0, "memory-swap", CLI_STRING, memory_swap, "bytes",                        \
			"Swap limit equal to memory plus swap: -1 to enable unlimited swap",          \
			NULL),                                                                        \
		CREATE_ROW(0, "mount", CLI_STRV, mount, "mount",                                      \
			"Attach a filesystem mount to the container", NULL),                          \
		CREATE_ROW(0, "name", CLI_STRING, name, "string",                                     \
			"Assign a name to the container", NULL),                                      \
		CREATE_ROW(0, "network", CLI_STRV, network, "network",                                \
			"Connect a container to a network (a name, none, host, container:NAME or "    \
			"ns:PATH)",                                                                   \
			"@network"),                                                                  \
		CREATE_ROW(0, "net", CLI_STRV, network, "network", NULL, NULL, CLI_ALIAS),            \
		CREATE_ROW(0, "network-alias", CLI_STRV, network_alias, "list",                       \
			"Add network-scoped alias for the container", NULL),                          \
		CREATE_ROW(                                                                           \
			0, "net-alias", CLI_STRV, network_alias, "list", NULL, NULL, CLI_ALIAS),      \
		CREATE_FIXED("no-healthcheck", CLI_FLAG, NULL,                                        \
			"Disable any container-specified HEALTHCHECK", "true false"),                 \
		CREATE_ROW(0, "oom-kill-disable", CLI_FLAG, oom_kill_disable, NULL,                   \
			"Disable OOM Killer", NULL),                                                  \
		CREATE_ROW(0, "oom-score-adj", CLI_I64, oom_score_adj, "int",                         \
			"Tune host's OOM preferences (-1000 to 1000)", NULL),                         \
		CREATE_ROW(0, "pid", CLI_STRING, pid, "string",                                       \
			"PID namespace to use (host|private)", "host private"),                       \
		CREATE_ROW(0, "pids-limit", CLI_I64, pids_limit, "int",                               \
			"Tune container pids limit (set -1 for unlimited)", NULL),                    \
		CREATE_ROW(0, "platform", CLI_STRING, platform, "string",                             \
			"Set platform if the image is multi-platform capable", NULL),                 \
		CREATE_ROW(0, "privileged", CLI_FLAG, privileged, NULL,                               \
			"Give extended privileges to this container", NULL),                          \
		CREATE_ROW('p', "publish", CLI_STRV, publish, "list",                                 \
			"Publish a container's port(s) to the host", NULL),                           \
		CREATE_ROW('P', "publish-all", CLI_FLAG, publish_all, NULL,                           \
			"Publish all exposed ports to random ports", NULL),                           \
		CREATE_ROW(0, "pull", CLI_STRING, pull, "string",                                     \
			"Pull image before running (always|missing|never)",                           \
			"always missing never", 0, "missing"),                                        \
		CREATE_ROW('q', "quiet", CLI_FLAG, quiet, NULL, "Suppress the pull output", NULL),    \
		CREATE_ROW(0, "read-only", CLI_FLAG, read_only, NULL,                                 \
			"Mount the container's root filesystem as read only", NULL),                  \
		CREATE_FIXED("restart", CLI_STRING, "string",                                         \
			"Restart policy to apply when a container exits (no)", "no"),                 \
		CREATE_ROW(0, "rm", CLI_FLAG, rm, NULL,                                               \
			"Automatically remove the container when it exits", NULL),                    \
		CREATE_ROW(0, "security-opt", CLI_STRV, security_opt, "list", "Security Options",     \
			NULL),                                                                        \
		CREATE_ROW(0, "shm-size", CLI_SIZE, shm_size, "bytes", "Size of /dev/shm", NULL),     \
		CREATE_ROW(0, "stop-signal", CLI_STRING, stop_signal, "string",                       \
			"Signal to stop the container", NULL),                                        \
		CREATE_ROW(0, "stop-timeout", CLI_I64, stop_timeout, "int",                           \
			"Timeout (in seconds) to stop a container (-1: wait for ever)", NULL),        \
		CREATE_ROW(0, "sysctl", CLI_STRV, sysctl, "map", "Sysctl options", NULL),             \
		CREATE_ROW(0, "tmpfs", CLI_STRV, tmpfs, "list", "Mount a tmpfs directory", NULL),     \
		CREATE_ROW('t', "tty", CLI_FLAG, tty, NULL, "Allocate a pseudo-TTY", NULL),           \
		CREATE_ROW(0, "ulimit", CLI_STRV, ulimit, "ulimit", "Ulimit options", NULL),          \
		CREATE_ROW('u', "user", CLI_STRING, user, "string",                                   \
			"Username or UID (format: <name|uid>[:<group|gid>])", NULL),                  \
		CREATE_FIXED(                                                                         \
			"userns", CLI_STRING, "string", "User namespace to use (host)", "host"),      \
		CREATE_ROW(0, "uts", CLI_STRING, uts, "string", "UTS namespace to use (host)",        \
			"host"),                                                                      \
		CREATE_ROW(                                                                           \
			'v', "volume", CLI_STRV, volume, "list", "Bind mount a volume", "@file"),     \
		CREATE_ROW('w', "workdir", CLI_STRING, workdir, "string",                             \
			"Working directory inside the container", NULL)

/*
 * Makes the record of a new container from options and argv = IMAGE [COMMAND [ARG...]], pulling the
 * image if that is called for. Nothing is written yet. *ret_hold (see image_hold()) is to be closed
 * when it is: until then nothing but this fd keeps the image's layers.
 */
int create_options_apply(struct cli_context *context, struct engine *engine,
	const struct create_options *options, int argc, char **argv, struct container **ret,
	int *ret_hold, struct hull_error *err);

/* Refuses a --cidfile that is there already; writes it. */
int create_check_cidfile(const struct create_options *options, struct hull_error *err);
int create_write_cidfile(
	const struct create_options *options, const struct container *c, struct hull_error *err);

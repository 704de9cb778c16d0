/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config.h"
#include "base/str.h"

#define ROW(member, name, kind, ...) \
	JSON_FIELD(struct container_config, member, name, kind, __VA_ARGS__)
#define COUNT(member) .count_offset = offsetof(struct container_config, member)

static const struct json_field device_fields[] = {
	JSON_FIELD(struct container_device, host, "PathOnHost", JSON_STRING),
	JSON_FIELD(struct container_device, path, "PathInContainer", JSON_STRING),
	JSON_FIELD(struct container_device, permissions, "CgroupPermissions", JSON_STRING),
};
static const struct json_table device_table =
	JSON_TABLE("device", struct container_device, device_fields);

static const struct json_field ulimit_fields[] = {
	JSON_FIELD(struct container_ulimit, name, "Name", JSON_STRING),
	JSON_FIELD(struct container_ulimit, hard, "Hard", JSON_I64, .flags = JSON_EMIT),
	JSON_FIELD(struct container_ulimit, soft, "Soft", JSON_I64, .flags = JSON_EMIT),
};
static const struct json_table ulimit_table =
	JSON_TABLE("ulimit", struct container_ulimit, ulimit_fields);

static const struct json_field endpoint_fields[] = {
	JSON_FIELD(struct container_endpoint, network, "Network", JSON_STRING),
	JSON_FIELD(struct container_endpoint, config, "Endpoint", JSON_STRUCT_PTR,
		.table = &network_endpoint_config_table),
};
static const struct json_table endpoint_table =
	JSON_TABLE("network", struct container_endpoint, endpoint_fields);

static const struct json_field config_fields[] = {
	ROW(entrypoint, "Entrypoint", JSON_STRV),
	ROW(cmd, "Cmd", JSON_STRV),
	ROW(env, "Env", JSON_STRV),
	ROW(working_dir, "WorkingDir", JSON_STRING),
	ROW(user, "User", JSON_STRING),
	ROW(group_add, "GroupAdd", JSON_STRV),
	ROW(tty, "Tty", JSON_BOOL),
	ROW(open_stdin, "OpenStdin", JSON_BOOL),
	ROW(stdin_once, "StdinOnce", JSON_BOOL),
	ROW(detach, "Detach", JSON_BOOL),
	ROW(init, "Init", JSON_BOOL),
	ROW(stop_signal, "StopSignal", JSON_STRING),
	ROW(stop_timeout, "StopTimeout", JSON_OPT_I64),
	ROW(hostname, "Hostname", JSON_STRING),
	ROW(domainname, "Domainname", JSON_STRING),
	ROW(labels, "Labels", JSON_MAP, COUNT(n_labels)),
	ROW(auto_remove, "AutoRemove", JSON_BOOL),
	ROW(read_only, "ReadonlyRootfs", JSON_BOOL),
	ROW(binds, "Binds", JSON_STRV),
	ROW(tmpfs, "Tmpfs", JSON_STRV),
	ROW(shm_size, "ShmSize", JSON_U64),
	ROW(volumes, "Volumes", JSON_STRV),
	ROW(devices, "Devices", JSON_ARRAY, COUNT(n_devices), .table = &device_table),
	ROW(network, "NetworkMode", JSON_STRING),
	ROW(endpoints, "Networks", JSON_ARRAY, COUNT(n_endpoints), .table = &endpoint_table),
	ROW(ports, "PublishedPorts", JSON_STRV),
	ROW(publish_all, "PublishAllPorts", JSON_BOOL),
	ROW(exposed, "ExposedPorts", JSON_STRV),
	ROW(links, "Links", JSON_STRV),
	ROW(mac_address, "MacAddress", JSON_STRING),
	ROW(dns, "Dns", JSON_STRV),
	ROW(dns_search, "DnsSearch", JSON_STRV),
	ROW(dns_options, "DnsOptions", JSON_STRV),
	ROW(extra_hosts, "ExtraHosts", JSON_STRV),
	ROW(pid_mode, "PidMode", JSON_STRING),
	ROW(ipc_mode, "IpcMode", JSON_STRING),
	ROW(uts_mode, "UTSMode", JSON_STRING),
	ROW(cgroupns_mode, "CgroupnsMode", JSON_STRING),
	ROW(privileged, "Privileged", JSON_BOOL),
	ROW(cap_add, "CapAdd", JSON_STRV),
	ROW(cap_drop, "CapDrop", JSON_STRV),
	ROW(security_opt, "SecurityOpt", JSON_STRV),
	ROW(sysctls, "Sysctls", JSON_MAP, COUNT(n_sysctls)),
	ROW(cgroup_parent, "CgroupParent", JSON_STRING),
	ROW(memory, "Memory", JSON_I64),
	ROW(memory_reservation, "MemoryReservation", JSON_I64),
	ROW(memory_swap, "MemorySwap", JSON_I64),
	ROW(nano_cpus, "NanoCpus", JSON_I64),
	ROW(cpu_shares, "CpuShares", JSON_U64),
	ROW(cpu_period, "CpuPeriod", JSON_U64),
	ROW(cpu_quota, "CpuQuota", JSON_I64),
	ROW(cpuset_cpus, "CpusetCpus", JSON_STRING),
	ROW(cpuset_mems, "CpusetMems", JSON_STRING),
	ROW(pids_limit, "PidsLimit", JSON_OPT_I64),
	ROW(oom_score_adj, "OomScoreAdj", JSON_OPT_I64),
	ROW(oom_kill_disable, "OomKillDisable", JSON_BOOL),
	ROW(ulimits, "Ulimits", JSON_ARRAY, COUNT(n_ulimits), .table = &ulimit_table),
};
const struct json_table container_config_table =
	JSON_TABLE("container", struct container_config, config_fields);

char *container_config_format(const struct container_config *config)
{
	struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_struct(&w, &container_config_table, config);
	return buf_take(&text);
}

int container_config_parse(struct arena *arena, const char *text, struct container_config **ret,
	struct hull_error *err)
{
	struct container_config *config = arena_new(arena, struct container_config);

	if (!config)
		return error_no_memory(err);
	int r = json_parse(arena, &container_config_table, config, text, strlen(text), NULL,
		"container configuration", err);
	if (r == 0)
		*ret = config;
	return r;
}

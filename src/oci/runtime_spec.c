/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of config.json, the state document, and what finds things in them. */
#include "oci/runtime_spec.h"
#include "base/fd.h"
#include "base/str.h"

const char *const oci_namespace_names[] = {
	[OCI_NAMESPACE_PID] = "pid",
	[OCI_NAMESPACE_NETWORK] = "network",
	[OCI_NAMESPACE_MOUNT] = "mount",
	[OCI_NAMESPACE_IPC] = "ipc",
	[OCI_NAMESPACE_UTS] = "uts",
	[OCI_NAMESPACE_USER] = "user",
	[OCI_NAMESPACE_CGROUP] = "cgroup",
	[OCI_NAMESPACE_TIME] = "time",
	[OCI_NAMESPACE_MAX] = NULL,
};

const char *const oci_unsafe_annotations[] = {"bundle", OCI_ANNOTATION_SYSTEMD_PROPERTY,
	"org.criu.config", OCI_ANNOTATION_RECEIVER, OCI_ANNOTATION_FAIL_UNKNOWN_SYSCALL,
	OCI_ANNOTATION_BPF_DATA, OCI_ANNOTATION_KEEP_GROUPS, OCI_ANNOTATION_PIDFD_RECEIVER,
	OCI_ANNOTATION_MOUNT_CONTEXT, NULL};

#define F(member, name, kind, ...) JSON_FIELD(struct ROW, member, name, kind, __VA_ARGS__)
#define LIST(member, name, kind, ...) \
	F(member, name, kind, .count_offset = offsetof(struct ROW, n_##member), __VA_ARGS__)
#define OBJECT(member, name, rows)   F(member, name, JSON_STRUCT_PTR, .table = &rows)
#define EMBEDDED(member, name, rows) F(member, name, JSON_STRUCT, .table = &rows)
#define ARRAY(member, name, rows)    LIST(member, name, JSON_ARRAY, .table = &rows)

/* ---- process ---- */

#define ROW oci_user
static const struct json_field user_rows[] = {
	F(uid, "uid", JSON_U32, .flags = JSON_EMIT),
	F(gid, "gid", JSON_U32, .flags = JSON_EMIT),
	F(umask, "umask", JSON_OPT_U32),
	LIST(additional_gids, "additionalGids", JSON_U32_ARRAY),
	F(username, "username", JSON_STRING),
};
#undef ROW
static const struct json_table user_table = JSON_TABLE("user", struct oci_user, user_rows);

#define ROW oci_capabilities
static const struct json_field capabilities_rows[] = {
	F(bounding, "bounding", JSON_STRV),
	F(effective, "effective", JSON_STRV),
	F(inheritable, "inheritable", JSON_STRV),
	F(permitted, "permitted", JSON_STRV),
	F(ambient, "ambient", JSON_STRV),
};
#undef ROW
static const struct json_table capabilities_table =
	JSON_TABLE("capabilities", struct oci_capabilities, capabilities_rows);

#define ROW oci_rlimit
static const struct json_field rlimit_rows[] = {
	F(type, "type", JSON_STRING, .flags = JSON_REQUIRED),
	F(hard, "hard", JSON_U64, .flags = JSON_REQUIRED),
	F(soft, "soft", JSON_U64, .flags = JSON_REQUIRED),
};
#undef ROW
static const struct json_table rlimit_table = JSON_TABLE("rlimit", struct oci_rlimit, rlimit_rows);

#define ROW oci_console_size
static const struct json_field console_size_rows[] = {
	F(height, "height", JSON_U32, .flags = JSON_EMIT),
	F(width, "width", JSON_U32, .flags = JSON_EMIT),
};
#undef ROW
static const struct json_table console_size_table =
	JSON_TABLE("consoleSize", struct oci_console_size, console_size_rows);

#define ROW oci_scheduler
static const struct json_field scheduler_rows[] = {
	F(policy, "policy", JSON_STRING, .flags = JSON_REQUIRED),
	F(nice, "nice", JSON_OPT_I64),
	F(priority, "priority", JSON_OPT_I64),
	F(flags, "flags", JSON_STRV),
	F(runtime, "runtime", JSON_U64),
	F(deadline, "deadline", JSON_U64),
	F(period, "period", JSON_U64),
};
#undef ROW
static const struct json_table scheduler_table =
	JSON_TABLE("scheduler", struct oci_scheduler, scheduler_rows);

#define ROW oci_io_priority
static const struct json_field io_priority_rows[] = {
	F(class, "class", JSON_STRING, .flags = JSON_REQUIRED),
	F(priority, "priority", JSON_OPT_I64),
};
#undef ROW
static const struct json_table io_priority_table =
	JSON_TABLE("ioPriority", struct oci_io_priority, io_priority_rows);

#define ROW oci_cpu_affinity
static const struct json_field cpu_affinity_rows[] = {
	F(initial, "initial", JSON_STRING),
	F(final, "final", JSON_STRING),
};
#undef ROW
static const struct json_table cpu_affinity_table =
	JSON_TABLE("execCPUAffinity", struct oci_cpu_affinity, cpu_affinity_rows);

#define ROW oci_process
static const struct json_field process_rows[] = {
	F(terminal, "terminal", JSON_BOOL),
	OBJECT(console_size, "consoleSize", console_size_table),
	EMBEDDED(user, "user", user_table),
	F(args, "args", JSON_STRV),
	F(command_line, "commandLine", JSON_STRING),
	F(env, "env", JSON_STRV),
	F(cwd, "cwd", JSON_STRING, .flags = JSON_REQUIRED),
	OBJECT(capabilities, "capabilities", capabilities_table),
	ARRAY(rlimits, "rlimits", rlimit_table),
	F(no_new_privileges, "noNewPrivileges", JSON_BOOL),
	F(apparmor_profile, "apparmorProfile", JSON_STRING),
	F(oom_score_adj, "oomScoreAdj", JSON_OPT_I64),
	OBJECT(scheduler, "scheduler", scheduler_table),
	F(selinux_label, "selinuxLabel", JSON_STRING),
	OBJECT(io_priority, "ioPriority", io_priority_table),
	OBJECT(exec_cpu_affinity, "execCPUAffinity", cpu_affinity_table),
};
#undef ROW
const struct json_table oci_process_table = JSON_TABLE("process", struct oci_process, process_rows);

/* ---- root, mounts, hooks ---- */

#define ROW oci_root
static const struct json_field root_rows[] = {
	F(path, "path", JSON_STRING, .flags = JSON_REQUIRED),
	F(readonly, "readonly", JSON_BOOL),
};
#undef ROW
static const struct json_table root_table = JSON_TABLE("root", struct oci_root, root_rows);

#define ROW oci_id_mapping
static const struct json_field id_mapping_rows[] = {
	F(container_id, "containerID", JSON_U32, .flags = JSON_REQUIRED),
	F(host_id, "hostID", JSON_U32, .flags = JSON_REQUIRED),
	F(size, "size", JSON_U32, .flags = JSON_REQUIRED),
};
#undef ROW
static const struct json_table id_mapping_table =
	JSON_TABLE("id mapping", struct oci_id_mapping, id_mapping_rows);

#define ROW oci_mount
static const struct json_field mount_rows[] = {
	F(destination, "destination", JSON_STRING, .flags = JSON_REQUIRED),
	F(type, "type", JSON_STRING),
	F(source, "source", JSON_STRING),
	F(options, "options", JSON_STRV),
	ARRAY(uid_mappings, "uidMappings", id_mapping_table),
	ARRAY(gid_mappings, "gidMappings", id_mapping_table),
};
#undef ROW
const struct json_table oci_mount_table = JSON_TABLE("mount", struct oci_mount, mount_rows);

#define ROW oci_hook
static const struct json_field hook_rows[] = {
	F(path, "path", JSON_STRING, .flags = JSON_REQUIRED),
	F(args, "args", JSON_STRV),
	F(env, "env", JSON_STRV),
	F(timeout, "timeout", JSON_OPT_I64),
};
#undef ROW
const struct json_table oci_hook_table = JSON_TABLE("hook", struct oci_hook, hook_rows);

#define HOOK_LIST(member, json_name)                                                               \
	{                                                                                          \
		.name = (json_name), .kind = JSON_ARRAY,                                           \
		.offset = offsetof(struct oci_hooks, member.items),                                \
		.count_offset = offsetof(struct oci_hooks, member.count), .table = &oci_hook_table \
	}
static const struct json_field hooks_rows[] = {
	HOOK_LIST(prestart, "prestart"),
	HOOK_LIST(create_runtime, "createRuntime"),
	HOOK_LIST(create_container, "createContainer"),
	HOOK_LIST(start_container, "startContainer"),
	HOOK_LIST(poststart, "poststart"),
	HOOK_LIST(poststop, "poststop"),
};
const struct json_table oci_hooks_table = JSON_TABLE("hooks", struct oci_hooks, hooks_rows);

/* ---- linux.resources ---- */

#define ROW hull_cgroup_device
static const struct json_field device_rule_rows[] = {
	F(allow, "allow", JSON_BOOL, .flags = JSON_EMIT),
	F(type, "type", JSON_STRING),
	F(major, "major", JSON_OPT_I64),
	F(minor, "minor", JSON_OPT_I64),
	F(access, "access", JSON_STRING),
};
#undef ROW
static const struct json_table device_rule_table =
	JSON_TABLE("device rule", struct hull_cgroup_device, device_rule_rows);

#define ROW hull_cgroup_memory
static const struct json_field memory_rows[] = {
	F(limit, "limit", JSON_OPT_I64),
	F(reservation, "reservation", JSON_OPT_I64),
	F(swap, "swap", JSON_OPT_I64),
	F(kernel, "kernel", JSON_OPT_I64),
	F(kernel_tcp, "kernelTCP", JSON_OPT_I64),
	F(swappiness, "swappiness", JSON_OPT_U64),
	F(disable_oom_killer, "disableOOMKiller", JSON_OPT_BOOL),
	F(use_hierarchy, "useHierarchy", JSON_OPT_BOOL),
	F(check_before_update, "checkBeforeUpdate", JSON_OPT_BOOL),
};
#undef ROW
static const struct json_table memory_table =
	JSON_TABLE("memory", struct hull_cgroup_memory, memory_rows);

#define ROW hull_cgroup_cpu
static const struct json_field cpu_rows[] = {
	F(shares, "shares", JSON_OPT_U64),
	F(quota, "quota", JSON_OPT_I64),
	F(burst, "burst", JSON_OPT_U64),
	F(period, "period", JSON_OPT_U64),
	F(realtime_runtime, "realtimeRuntime", JSON_OPT_I64),
	F(realtime_period, "realtimePeriod", JSON_OPT_U64),
	F(cpus, "cpus", JSON_STRING),
	F(mems, "mems", JSON_STRING),
	F(idle, "idle", JSON_OPT_I64),
};
#undef ROW
static const struct json_table cpu_table = JSON_TABLE("cpu", struct hull_cgroup_cpu, cpu_rows);

#define ROW hull_cgroup_pids
static const struct json_field pids_rows[] = {
	F(limit, "limit", JSON_OPT_I64),
};
#undef ROW
static const struct json_table pids_table = JSON_TABLE("pids", struct hull_cgroup_pids, pids_rows);

#define ROW hull_cgroup_weight_device
static const struct json_field weight_device_rows[] = {
	F(major, "major", JSON_I64, .flags = JSON_EMIT),
	F(minor, "minor", JSON_I64, .flags = JSON_EMIT),
	F(weight, "weight", JSON_OPT_U32),
	F(leaf_weight, "leafWeight", JSON_OPT_U32),
};
#undef ROW
static const struct json_table weight_device_table =
	JSON_TABLE("weight device", struct hull_cgroup_weight_device, weight_device_rows);

#define ROW hull_cgroup_throttle_device
static const struct json_field throttle_device_rows[] = {
	F(major, "major", JSON_I64, .flags = JSON_EMIT),
	F(minor, "minor", JSON_I64, .flags = JSON_EMIT),
	F(rate, "rate", JSON_U64, .flags = JSON_EMIT),
};
#undef ROW
static const struct json_table throttle_device_table =
	JSON_TABLE("throttle device", struct hull_cgroup_throttle_device, throttle_device_rows);

#define ROW hull_cgroup_block_io
static const struct json_field block_io_rows[] = {
	F(weight, "weight", JSON_OPT_U32),
	F(leaf_weight, "leafWeight", JSON_OPT_U32),
	ARRAY(weight_devices, "weightDevice", weight_device_table),
	ARRAY(throttle_read_bps, "throttleReadBpsDevice", throttle_device_table),
	ARRAY(throttle_write_bps, "throttleWriteBpsDevice", throttle_device_table),
	ARRAY(throttle_read_iops, "throttleReadIOPSDevice", throttle_device_table),
	ARRAY(throttle_write_iops, "throttleWriteIOPSDevice", throttle_device_table),
};
#undef ROW
static const struct json_table block_io_table =
	JSON_TABLE("blockIO", struct hull_cgroup_block_io, block_io_rows);

#define ROW hull_cgroup_hugepage
static const struct json_field hugepage_rows[] = {
	F(page_size, "pageSize", JSON_STRING, .flags = JSON_REQUIRED),
	F(limit, "limit", JSON_U64, .flags = JSON_REQUIRED),
};
#undef ROW
static const struct json_table hugepage_table =
	JSON_TABLE("hugepage limit", struct hull_cgroup_hugepage, hugepage_rows);

#define ROW hull_cgroup_priority
static const struct json_field priority_rows[] = {
	F(name, "name", JSON_STRING, .flags = JSON_REQUIRED),
	F(priority, "priority", JSON_U32, .flags = JSON_REQUIRED),
};
#undef ROW
static const struct json_table priority_table =
	JSON_TABLE("network priority", struct hull_cgroup_priority, priority_rows);

#define ROW hull_cgroup_network
static const struct json_field network_rows[] = {
	F(class_id, "classID", JSON_OPT_U32),
	ARRAY(priorities, "priorities", priority_table),
};
#undef ROW
static const struct json_table network_table =
	JSON_TABLE("network", struct hull_cgroup_network, network_rows);

#define ROW hull_cgroup_rdma
static const struct json_field rdma_rows[] = {
	F(hca_handles, "hcaHandles", JSON_OPT_U32),
	F(hca_objects, "hcaObjects", JSON_OPT_U32),
};
#undef ROW
static const struct json_table rdma_table = JSON_TABLE("rdma", struct hull_cgroup_rdma, rdma_rows);

/* JSON_MAP reads pairs of key and value; a setting is one by another name. */
_Static_assert(
	sizeof(struct hull_cgroup_setting) == sizeof(struct json_pair) &&
		offsetof(struct hull_cgroup_setting, file) == offsetof(struct json_pair, key) &&
		offsetof(struct hull_cgroup_setting, value) == offsetof(struct json_pair, value),
	"struct hull_cgroup_setting is read as a struct json_pair");

#define ROW hull_cgroup_resources
static const struct json_field resources_rows[] = {
	ARRAY(devices, "devices", device_rule_table),
	EMBEDDED(memory, "memory", memory_table),
	EMBEDDED(cpu, "cpu", cpu_table),
	EMBEDDED(pids, "pids", pids_table),
	EMBEDDED(block_io, "blockIO", block_io_table),
	ARRAY(hugepages, "hugepageLimits", hugepage_table),
	EMBEDDED(network, "network", network_table),
	LIST(rdma, "rdma", JSON_STRUCT_MAP, .table = &rdma_table),
	LIST(unified, "unified", JSON_MAP),
};
#undef ROW
const struct json_table oci_resources_table =
	JSON_TABLE("resources", struct hull_cgroup_resources, resources_rows);

/* ---- linux ---- */

#define ROW oci_namespace
static const struct json_field namespace_rows[] = {
	F(type, "type", JSON_ENUM, .names = oci_namespace_names, .flags = JSON_REQUIRED),
	F(path, "path", JSON_STRING),
};
#undef ROW
static const struct json_table namespace_table =
	JSON_TABLE("namespace", struct oci_namespace, namespace_rows);

#define ROW oci_device
static const struct json_field device_rows[] = {
	F(path, "path", JSON_STRING, .flags = JSON_REQUIRED),
	F(type, "type", JSON_STRING, .flags = JSON_REQUIRED),
	F(major, "major", JSON_I64),
	F(minor, "minor", JSON_I64),
	F(file_mode, "fileMode", JSON_OPT_U32),
	F(uid, "uid", JSON_OPT_U32),
	F(gid, "gid", JSON_OPT_U32),
};
#undef ROW
static const struct json_table device_table = JSON_TABLE("device", struct oci_device, device_rows);

#define ROW oci_net_device
static const struct json_field net_device_rows[] = {
	F(name, "name", JSON_STRING),
};
#undef ROW
static const struct json_table net_device_table =
	JSON_TABLE("netDevice", struct oci_net_device, net_device_rows);

#define ROW oci_time_offset
static const struct json_field time_offset_rows[] = {
	F(secs, "secs", JSON_I64),
	F(nanosecs, "nanosecs", JSON_U32),
};
#undef ROW
static const struct json_table time_offset_table =
	JSON_TABLE("time offset", struct oci_time_offset, time_offset_rows);

#define ROW oci_time_offsets
static const struct json_field time_offsets_rows[] = {
	OBJECT(monotonic, "monotonic", time_offset_table),
	OBJECT(boottime, "boottime", time_offset_table),
};
#undef ROW
static const struct json_table time_offsets_table =
	JSON_TABLE("timeOffsets", struct oci_time_offsets, time_offsets_rows, .closed = true);

#define ROW oci_personality
static const struct json_field personality_rows[] = {
	F(domain, "domain", JSON_STRING, .flags = JSON_REQUIRED),
	F(flags, "flags", JSON_STRV),
};
#undef ROW
static const struct json_table personality_table =
	JSON_TABLE("personality", struct oci_personality, personality_rows);

#define ROW oci_memory_policy
static const struct json_field memory_policy_rows[] = {
	F(mode, "mode", JSON_STRING, .flags = JSON_REQUIRED),
	F(nodes, "nodes", JSON_STRING),
	F(flags, "flags", JSON_STRV),
};
#undef ROW
static const struct json_table memory_policy_table =
	JSON_TABLE("memoryPolicy", struct oci_memory_policy, memory_policy_rows);

#define ROW oci_intel_rdt
static const struct json_field intel_rdt_rows[] = {
	F(clos_id, "closID", JSON_STRING),
	F(schemata, "schemata", JSON_STRV),
	F(l3_cache_schema, "l3CacheSchema", JSON_STRING),
	F(mem_bw_schema, "memBwSchema", JSON_STRING),
	F(enable_monitoring, "enableMonitoring", JSON_BOOL),
};
#undef ROW
static const struct json_table intel_rdt_table =
	JSON_TABLE("intelRdt", struct oci_intel_rdt, intel_rdt_rows);

#define ROW oci_linux
static const struct json_field linux_rows[] = {
	ARRAY(uid_mappings, "uidMappings", id_mapping_table),
	ARRAY(gid_mappings, "gidMappings", id_mapping_table),
	LIST(sysctl, "sysctl", JSON_MAP),
	OBJECT(resources, "resources", oci_resources_table),
	F(cgroups_path, "cgroupsPath", JSON_STRING),
	ARRAY(namespaces, "namespaces", namespace_table),
	ARRAY(devices, "devices", device_table),
	LIST(net_devices, "netDevices", JSON_STRUCT_MAP, .table = &net_device_table),
	F(seccomp, "seccomp", JSON_RAW),
	F(rootfs_propagation, "rootfsPropagation", JSON_STRING),
	F(masked_paths, "maskedPaths", JSON_STRV),
	F(readonly_paths, "readonlyPaths", JSON_STRV),
	F(mount_label, "mountLabel", JSON_STRING),
	OBJECT(intel_rdt, "intelRdt", intel_rdt_table),
	OBJECT(memory_policy, "memoryPolicy", memory_policy_table),
	OBJECT(personality, "personality", personality_table),
	OBJECT(time_offsets, "timeOffsets", time_offsets_table),
};
#undef ROW
static const struct json_table linux_table = JSON_TABLE("linux", struct oci_linux, linux_rows);

#define ROW oci_spec
static const struct json_field spec_rows[] = {
	F(oci_version, "ociVersion", JSON_STRING, .flags = JSON_REQUIRED),
	OBJECT(process, "process", oci_process_table),
	OBJECT(root, "root", root_table),
	F(hostname, "hostname", JSON_STRING),
	F(domainname, "domainname", JSON_STRING),
	ARRAY(mounts, "mounts", oci_mount_table),
	OBJECT(hooks, "hooks", oci_hooks_table),
	LIST(annotations, "annotations", JSON_MAP),
	OBJECT(linux, "linux", linux_table),
};
#undef ROW
const struct json_table oci_spec_table = JSON_TABLE("config", struct oci_spec, spec_rows);

/* ---- seccomp ---- */

#define ROW oci_seccomp_arg
static const struct json_field seccomp_arg_rows[] = {
	F(index, "index", JSON_U32, .flags = JSON_REQUIRED),
	F(value, "value", JSON_U64, .flags = JSON_REQUIRED),
	F(value_two, "valueTwo", JSON_U64),
	F(op, "op", JSON_STRING, .flags = JSON_REQUIRED),
};
#undef ROW
static const struct json_table seccomp_arg_table =
	JSON_TABLE("seccomp argument", struct oci_seccomp_arg, seccomp_arg_rows);

#define ROW oci_seccomp_syscall
static const struct json_field seccomp_syscall_rows[] = {
	F(names, "names", JSON_STRV, .flags = JSON_REQUIRED),
	F(action, "action", JSON_STRING, .flags = JSON_REQUIRED),
	F(errno_ret, "errnoRet", JSON_OPT_U32),
	ARRAY(args, "args", seccomp_arg_table),
};
#undef ROW
static const struct json_table seccomp_syscall_table =
	JSON_TABLE("seccomp syscall", struct oci_seccomp_syscall, seccomp_syscall_rows);

#define ROW oci_seccomp
static const struct json_field seccomp_rows[] = {
	F(default_action, "defaultAction", JSON_STRING, .flags = JSON_REQUIRED),
	F(default_errno_ret, "defaultErrnoRet", JSON_OPT_U32),
	F(architectures, "architectures", JSON_STRV),
	F(flags, "flags", JSON_STRV),
	F(listener_path, "listenerPath", JSON_STRING),
	F(listener_metadata, "listenerMetadata", JSON_STRING),
	ARRAY(syscalls, "syscalls", seccomp_syscall_table),
};
#undef ROW
const struct json_table oci_seccomp_table = JSON_TABLE("seccomp", struct oci_seccomp, seccomp_rows);

/* ---- the state document ---- */

#define ROW oci_state
static const struct json_field state_rows[] = {
	F(oci_version, "ociVersion", JSON_STRING, .flags = JSON_EMIT),
	F(id, "id", JSON_STRING, .flags = JSON_EMIT),
	F(status, "status", JSON_STRING, .flags = JSON_EMIT),
	F(pid, "pid", JSON_INT),
	F(bundle, "bundle", JSON_STRING, .flags = JSON_EMIT),
	LIST(annotations, "annotations", JSON_MAP),
};
#undef ROW
const struct json_table oci_state_table = JSON_TABLE("state", struct oci_state, state_rows);

/* ---- loading and finding ---- */

static const struct json_limits spec_limits = {.bytes = (size_t)16 << 20, .depth = 64};

int oci_spec_parse(struct arena *arena, const char *text, size_t len, const char *what,
	struct oci_spec **ret, struct hull_error *err)
{
	struct oci_spec *spec = arena_new(arena, struct oci_spec);

	if (!spec)
		return error_no_memory(err);
	int r = json_parse(arena, &oci_spec_table, spec, text, len, &spec_limits, what, err);
	if (r < 0)
		return r;
	r = oci_spec_check(spec, err);
	if (r < 0)
		return error_wrap(err, r, "%s", what);
	*ret = spec;
	return 0;
}

int oci_spec_load_at(struct arena *arena, int dirfd, const char *path, struct oci_spec **ret,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read_at(dirfd, path, &text, spec_limits.bytes);

	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_LIMIT, "%s: longer than %zu bytes", path,
			spec_limits.bytes);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	return oci_spec_parse(arena, buf_str(&text), text.len, path, ret, err);
}

int oci_process_load_at(struct arena *arena, int dirfd, const char *path, struct oci_process **ret,
	struct hull_error *err)
{
	struct oci_process *process = arena_new(arena, struct oci_process);

	if (!process)
		return error_no_memory(err);
	int r = json_parse_file_at(
		arena, &oci_process_table, process, dirfd, path, &spec_limits, err);
	if (r < 0)
		return r;
	r = oci_process_check(process, err);
	if (r < 0)
		return error_wrap(err, r, "%s", path);
	*ret = process;
	return 0;
}

int oci_seccomp_parse(
	struct arena *arena, const char *json, struct oci_seccomp **ret, struct hull_error *err)
{
	struct oci_seccomp *seccomp = arena_new(arena, struct oci_seccomp);

	if (!seccomp)
		return error_no_memory(err);
	int r = json_parse(arena, &oci_seccomp_table, seccomp, json, strlen(json), &spec_limits,
		"linux.seccomp", err);
	if (r < 0)
		return r;
	*ret = seccomp;
	return 0;
}

const struct oci_namespace *oci_spec_namespace(
	const struct oci_spec *spec, enum oci_namespace_type type)
{
	for (size_t i = 0; spec->linux && i < spec->linux->n_namespaces; i++) {
		if (spec->linux->namespaces[i].type == (int)type)
			return &spec->linux->namespaces[i];
	}
	return NULL;
}

int oci_sysctl_path(const char *name, char *path, size_t size)
{
	char first = name[strcspn(name, "./")];

	if (str_copy(path, size, name) < 0)
		return -ENAMETOOLONG;
	for (char *p = path; first != '/' && *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	/* No empty part, and none that would lead elsewhere. */
	for (const char *part = path;; part++) {
		size_t n = strcspn(part, "/");
		if (n == 0 || (n == 1 && part[0] == '.') ||
			(n == 2 && part[0] == '.' && part[1] == '.'))
			return -EINVAL;
		part += n;
		if (!*part)
			return 0;
	}
}

const char *oci_spec_annotation(const struct oci_spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->n_annotations; i++) {
		if (str_eq(spec->annotations[i].key, key))
			return spec->annotations[i].value;
	}
	return NULL;
}

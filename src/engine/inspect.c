/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/size.h"
#include "engine/inspect_network.h"
#include "engine/process.h"
#include "engine/spec.h"
#include "engine/usage.h"
#include "image/image.h"

#include <time.h>

#define COMMAND_SHOWN 20

static void member_time(struct json_writer *w, const char *key, int64_t ns)
{
	char text[CLOCK_TEXT_SIZE] = "0001-01-01T00:00:00Z";

	if (ns)
		clock_format_rfc3339(ns, text);
	json_member_text(w, key, text);
}

/* What Docker's documents have and hull has none of: templates and programs look for it all the same. */
struct constant {
	const char *key, *json;
};

static void member_constants(struct json_writer *w, const struct constant *constants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_key(w, constants[i].key);
		json_raw(w, constants[i].json);
	}
}

static const struct constant of_container[] = {
	{"AppArmorProfile", "\"\""},
	{"ExecIDs", "null"},
	{"MountLabel", "\"\""},
	{"ProcessLabel", "\"\""},
};

static const struct constant of_host_config[] = {
	{"BlkioDeviceReadBps", "[]"},
	{"BlkioDeviceReadIOps", "[]"},
	{"BlkioDeviceWriteBps", "[]"},
	{"BlkioDeviceWriteIOps", "[]"},
	{"BlkioWeight", "0"},
	{"BlkioWeightDevice", "[]"},
	{"Cgroup", "\"\""},
	{"ConsoleSize", "[0,0]"},
	{"ContainerIDFile", "\"\""},
	{"CpuCount", "0"},
	{"CpuPercent", "0"},
	{"CpuRealtimePeriod", "0"},
	{"CpuRealtimeRuntime", "0"},
	{"DeviceCgroupRules", "null"},
	{"DeviceRequests", "null"},
	{"IOMaximumBandwidth", "0"},
	{"IOMaximumIOps", "0"},
	{"Isolation", "\"\""},
	{"LogConfig", "{\"Type\":\"json-file\",\"Config\":{}}"},
	{"MemorySwappiness", "null"},
	{"RestartPolicy", "{\"Name\":\"no\",\"MaximumRetryCount\":0}"},
	{"UsernsMode", "\"\""},
	{"VolumeDriver", "\"\""},
	{"VolumesFrom", "null"},
};

static const struct constant of_config[] = {
	{"OnBuild", "null"},
};

static void write_state(struct json_writer *w, const struct container *c, int pid)
{
	json_key(w, "State");
	json_begin_object(w);
	json_member_text(w, "Status", c->state);
	json_member_boolean(w, "Running", container_is_running(c));
	json_member_boolean(w, "Paused", str_eq(c->state, "paused"));
	json_member_boolean(w, "Restarting", false);
	json_member_boolean(w, "OOMKilled", c->oom_killed);
	json_member_boolean(w, "Dead", str_eq(c->state, "dead"));
	json_member_i64(w, "Pid", pid);
	json_member_i64(w, "ExitCode", c->exit_code);
	json_member_text(w, "Error", c->error);
	member_time(w, "StartedAt", c->started);
	member_time(w, "FinishedAt", c->finished);
	json_end_object(w);
}

static void member_devices(struct json_writer *w, const struct container_config *c)
{
	json_key(w, "Devices");
	json_begin_array(w);
	for (size_t i = 0; i < c->n_devices; i++) {
		json_begin_object(w);
		json_member_text(w, "PathOnHost", c->devices[i].host);
		json_member_text(w, "PathInContainer", c->devices[i].path);
		json_member_text(w, "CgroupPermissions", c->devices[i].permissions);
		json_end_object(w);
	}
	json_end_array(w);
}

static void member_ulimits(struct json_writer *w, const struct container_config *c)
{
	json_key(w, "Ulimits");
	json_begin_array(w);
	for (size_t i = 0; i < c->n_ulimits; i++) {
		json_begin_object(w);
		json_member_text(w, "Name", c->ulimits[i].name);
		json_member_i64(w, "Hard", c->ulimits[i].hard);
		json_member_i64(w, "Soft", c->ulimits[i].soft);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_host_config(struct json_writer *w, const struct container *container)
{
	const struct container_config *c = container->config;

	json_key(w, "HostConfig");
	json_begin_object(w);
	json_member_strings(w, "Binds", c->binds);
	json_member_text(w, "NetworkMode", c->network);
	json_key(w, "PortBindings");
	inspect_asked_ports(container, false, w);
	json_member_strings(w, "Links", c->links);
	json_member_boolean(w, "PublishAllPorts", c->publish_all);
	json_member_boolean(w, "AutoRemove", c->auto_remove);
	json_member_strings(w, "CapAdd", c->cap_add);
	json_member_strings(w, "CapDrop", c->cap_drop);
	json_member_text(
		w, "CgroupnsMode", str_empty(c->cgroupns_mode) ? "private" : c->cgroupns_mode);
	json_member_strings(w, "Dns", c->dns);
	json_member_strings(w, "DnsOptions", c->dns_options);
	json_member_strings(w, "DnsSearch", c->dns_search);
	json_member_strings(w, "ExtraHosts", c->extra_hosts);
	json_member_strings(w, "GroupAdd", c->group_add);
	json_member_text(w, "IpcMode", str_empty(c->ipc_mode) ? "private" : c->ipc_mode);
	json_member_i64(w, "OomScoreAdj", c->oom_score_adj.value);
	json_member_text(w, "PidMode", c->pid_mode);
	json_member_boolean(w, "Privileged", c->privileged);
	json_member_boolean(w, "ReadonlyRootfs", c->read_only);
	json_member_strings(w, "SecurityOpt", c->security_opt);
	json_member_text(w, "UTSMode", c->uts_mode);
	json_member_i64(w, "ShmSize", c->shm_size ? (int64_t)c->shm_size : (int64_t)64 << 20);
	json_member_text(w, "Runtime", "keel");
	json_member_i64(w, "CpuShares", (int64_t)c->cpu_shares);
	json_member_i64(w, "Memory", c->memory);
	json_member_i64(w, "NanoCpus", c->nano_cpus);
	json_member_text(w, "CgroupParent", c->cgroup_parent);
	json_member_i64(w, "CpuPeriod", (int64_t)c->cpu_period);
	json_member_i64(w, "CpuQuota", c->cpu_quota);
	json_member_text(w, "CpusetCpus", c->cpuset_cpus);
	json_member_text(w, "CpusetMems", c->cpuset_mems);
	json_member_i64(w, "MemoryReservation", c->memory_reservation);
	json_member_i64(w, "MemorySwap", c->memory_swap);
	json_member_boolean(w, "OomKillDisable", c->oom_kill_disable);
	json_key(w, "PidsLimit");
	if (c->pids_limit.set)
		json_i64(w, c->pids_limit.value);
	else
		json_null(w);
	json_member_boolean(w, "Init", c->init);
	json_member_strings(w, "Tmpfs", c->tmpfs);
	json_member_strings(w, "MaskedPaths", spec_masked_paths(c));
	json_member_strings(w, "ReadonlyPaths", spec_readonly_paths(c));
	member_devices(w, c);
	member_ulimits(w, c);
	if (c->n_sysctls)
		json_member_pairs(w, "Sysctls", c->sysctls, c->n_sysctls);
	member_constants(w, of_host_config, ARRAY_SIZE(of_host_config));
	json_end_object(w);
}

static void member_volumes(struct json_writer *w, const struct container_config *config)
{
	json_key(w, "Volumes");
	if (!config->volumes) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	strv_foreach (volume, config->volumes) {
		json_key(w, *volume);
		json_raw(w, "{}");
	}
	json_end_object(w);
}

static void write_config(struct json_writer *w, const struct container *c)
{
	const struct container_config *config = c->config;

	json_key(w, "Config");
	json_begin_object(w);
	json_member_text(w, "Hostname", config->hostname);
	json_member_text(w, "Domainname", config->domainname);
	json_member_text(w, "User", config->user);
	json_member_boolean(w, "AttachStdin", config->open_stdin && !config->detach);
	json_member_boolean(w, "AttachStdout", !config->detach);
	json_member_boolean(w, "AttachStderr", !config->detach);
	json_member_boolean(w, "Tty", config->tty);
	json_member_boolean(w, "OpenStdin", config->open_stdin);
	json_member_boolean(w, "StdinOnce", config->stdin_once);
	json_member_strings(w, "Env", config->env);
	json_member_strings(w, "Cmd", config->cmd);
	json_member_text(w, "Image", c->image_name);
	json_member_text(w, "WorkingDir", config->working_dir);
	json_member_strings(w, "Entrypoint", config->entrypoint);
	json_member_pairs(w, "Labels", config->labels, config->n_labels);
	if (config->exposed || config->ports) {
		json_key(w, "ExposedPorts");
		inspect_asked_ports(c, true, w);
	}
	if (!str_empty(config->stop_signal))
		json_member_text(w, "StopSignal", config->stop_signal);
	if (config->stop_timeout.set)
		json_member_i64(w, "StopTimeout", config->stop_timeout.value);
	member_volumes(w, config);
	member_constants(w, of_config, ARRAY_SIZE(of_config));
	json_end_object(w);
}

static void write_mounts(struct json_writer *w, const struct container_config *config)
{
	json_key(w, "Mounts");
	json_begin_array(w);
	strv_foreach (bind, config->binds) {
		_cleanup_strv_ char **parts = strv_split(*bind, ":");
		size_t n = strv_length(parts);
		if (n < 2)
			continue;
		_cleanup_strv_ char **options = strv_split(n > 2 ? parts[2] : "", ",");
		json_begin_object(w);
		json_member_text(w, "Type", "bind");
		json_member_text(w, "Source", parts[0]);
		json_member_text(w, "Destination", parts[1]);
		json_member_text(w, "Mode", n > 2 ? parts[2] : "");
		json_member_boolean(w, "RW", !strv_contains(options, "ro"));
		json_member_text(w, "Propagation", "rprivate");
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_driver(struct json_writer *w, struct engine *engine, const struct container *c)
{
	_cleanup_free_ char *dir = container_dir(engine, c->id);

	json_key(w, "GraphDriver");
	json_begin_object(w);
	json_member_text(w, "Name", "overlay");
	json_key(w, "Data");
	json_begin_object(w);
	_cleanup_free_ char *upper = dir ? str_printf("%s/upper", dir) : NULL;
	_cleanup_free_ char *work = dir ? str_printf("%s/work", dir) : NULL;
	json_member_text(w, "UpperDir", upper);
	json_member_text(w, "WorkDir", work);
	json_end_object(w);
	json_end_object(w);
}

struct sizes {
	int64_t own;  /* of the files that the container has changed or made */
	int64_t root; /* of all its files */
};

/* The image may have been removed by force: then nobody knows. */
static int sizes_load(
	struct engine *engine, const struct container *c, struct sizes *ret, struct hull_error *err)
{
	_cleanup_image_ struct image *image = NULL;
	struct image_store *images;
	int r = container_size(engine, c, &ret->own, err);

	if (r == 0)
		r = engine_images(engine, &images, err);
	ret->root = ret->own;
	if (r == 0 && image_resolve(images, c->image_id, &image, NULL, NULL) == 0)
		ret->root += image->size;
	return r;
}

int inspect_container(struct engine *engine, const struct container *c, bool size,
	struct json_writer *w, struct hull_error *err)
{
	struct sizes sizes;
	_cleanup_container_process_ struct container_process p = {0};
	_cleanup_free_ char *log = container_log_path(engine, c->id);
	_cleanup_free_ char *run_dir = container_run_dir(engine, c->id);
	_cleanup_free_ char *name = str_printf("/%s", c->name);
	int pid = 0;

	if (!log || !run_dir || !name)
		return error_no_memory(err);
	int r = size ? sizes_load(engine, c, &sizes, err) : 0;
	if (r < 0)
		return r;
	if (container_is_running(c) && container_process_load(engine, c, &p, NULL) == 0)
		pid = p.ref.pid;
	char *const *args = c->config->entrypoint ? c->config->entrypoint : c->config->cmd;
	json_begin_object(w);
	json_member_text(w, "Id", c->id);
	member_time(w, "Created", c->created);
	json_member_text(w, "Path", args ? args[0] : "");
	json_key(w, "Args");
	json_begin_array(w);
	strv_foreach (a, args + 1)
		json_string(w, *a);
	if (c->config->entrypoint)
		strv_foreach (a, c->config->cmd)
			json_string(w, *a);
	json_end_array(w);
	write_state(w, c, pid);
	json_member_text(w, "Image", c->image_id);
	static const char *const files[][2] = {{"ResolvConfPath", "resolv.conf"},
		{"HostnamePath", "hostname"}, {"HostsPath", "hosts"}};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", run_dir, files[i][1]);
		json_member_text(w, files[i][0], path);
	}
	json_member_text(w, "LogPath", log);
	json_member_text(w, "Name", name);
	json_member_i64(w, "RestartCount", 0);
	json_member_text(w, "Driver", "overlay");
	json_member_text(w, "Platform", "linux");
	member_constants(w, of_container, ARRAY_SIZE(of_container));
	write_host_config(w, c);
	write_driver(w, engine, c);
	if (size) {
		json_member_i64(w, "SizeRw", sizes.own);
		json_member_i64(w, "SizeRootFs", sizes.root);
	}
	write_mounts(w, c->config);
	write_config(w, c);
	json_key(w, "NetworkSettings");
	r = inspect_network_settings(engine, c, pid, w, err);
	json_end_object(w);
	return r;
}

char *inspect_command(const struct container *c)
{
	_cleanup_strv_ char **all = NULL;

	if (strv_extend(&all, c->config->entrypoint) < 0 || strv_extend(&all, c->config->cmd) < 0)
		return NULL;
	return strv_join(all, " ");
}

char *inspect_status(const struct container *c)
{
	int64_t now = clock_realtime_ns();
	char age[64];

	if (str_eq(c->state, "created"))
		return strdup("Created");
	bool running = container_is_running(c);
	clock_format_age(
		(now - (running ? c->started : c->finished)) / NS_PER_SECOND, age, sizeof(age));
	if (running)
		return str_printf("Up %s%s", age, str_eq(c->state, "paused") ? " (Paused)" : "");
	return str_printf("Exited (%lld) %s ago", (long long)c->exit_code, age);
}

/* The command in quotes, cut with an ellipsis as Docker does. */
static char *shown_command(const struct container *c, bool no_trunc)
{
	_cleanup_free_ char *command = inspect_command(c);

	if (!command)
		return NULL;
	if (no_trunc || strlen(command) <= COMMAND_SHOWN)
		return str_printf("\"%s\"", command);
	return str_printf("\"%.*s\xe2\x80\xa6\"", COMMAND_SHOWN - 1, command);
}

/* "2026-11-22 02:50:40 +0000 UTC" */
static void format_created(int64_t ns, char *text, size_t size)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (!strftime(text, size, "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		text[0] = '\0';
}

static int member_size(struct json_writer *w, struct engine *engine, const struct container *c,
	struct hull_error *err)
{
	char own[SIZE_TEXT_SIZE], root[SIZE_TEXT_SIZE], text[2 * SIZE_TEXT_SIZE + 16];
	struct sizes sizes;
	int r = sizes_load(engine, c, &sizes, err);

	if (r < 0)
		return r;
	size_format_decimal((uint64_t)sizes.own, 3, own);
	size_format_decimal((uint64_t)sizes.root, 3, root);
	snprintf(text, sizeof(text), "%s (virtual %s)", own, root);
	json_member_text(w, "Size", text);
	return 0;
}

int inspect_ps_row(struct engine *engine, const struct container *c, bool no_trunc, bool size,
	struct json_writer *w, struct hull_error *err)
{
	_cleanup_free_ char *status = inspect_status(c), *command = shown_command(c, no_trunc);
	_cleanup_buf_ struct buf labels = BUF_INIT, mounts = BUF_INIT, ports = BUF_INIT,
				 networks = BUF_INIT;
	char created[64], age[64];

	if (!status || !command)
		return error_no_memory(err);
	format_created(c->created, created, sizeof(created));
	clock_format_age((clock_realtime_ns() - c->created) / NS_PER_SECOND, age, sizeof(age));
	json_pairs_join(&labels, c->config->labels, c->config->n_labels);
	strv_foreach (bind, c->config->binds)
		buf_printf(
			&mounts, "%s%.*s", mounts.len ? "," : "", (int)strcspn(*bind, ":"), *bind);
	int r = inspect_ps_networks(engine, c, &networks, &ports, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *running_for = str_printf("%s ago", age);
	_cleanup_free_ char *id =
		strndup(c->id, no_trunc ? CONTAINER_ID_LENGTH : CONTAINER_SHORT_LENGTH);
	json_begin_object(w);
	json_member_text(w, "Command", command);
	json_member_text(w, "CreatedAt", created);
	json_member_text(w, "ID", id);
	json_member_text(w, "Image", c->image_name);
	json_member_text(w, "Labels", buf_str(&labels));
	json_member_text(w, "LocalVolumes", "0");
	json_member_text(w, "Mounts", buf_str(&mounts));
	json_member_text(w, "Names", c->name);
	json_member_text(w, "Networks", buf_str(&networks));
	json_member_text(w, "Ports", buf_str(&ports));
	json_member_text(w, "RunningFor", running_for);
	if (size)
		r = member_size(w, engine, c, err);
	json_member_text(w, "State", c->state);
	json_member_text(w, "Status", status);
	json_end_object(w);
	return r;
}

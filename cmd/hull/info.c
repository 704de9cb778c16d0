/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about this host and root, under the names that Docker's templates use. */
#include "hull.h"
#include "system_commands.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/format.h"
#include "cli/size.h"
#include "engine/container.h"
#include "image/image.h"
#include "layer/store.h"

#include <hull/cgroup.h>

#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

struct info_options {
	char *format;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct info_options, format), "string",
		"Format the output with a Go template, or 'json'", NULL},
};

static const char text_head[] = "Containers: {{.Containers}}\n"
				" Running: {{.ContainersRunning}}\n"
				" Paused: {{.ContainersPaused}}\n"
				" Stopped: {{.ContainersStopped}}\n"
				"Images: {{.Images}}\n"
				"Server Version: {{.ServerVersion}}\n"
				"Storage Driver: {{.Driver}}\n"
				"{{range .DriverStatus}} {{index . 0}}: {{index . 1}}\n{{end}}"
				"Logging Driver: {{.LoggingDriver}}\n"
				"Cgroup Driver: {{.CgroupDriver}}\n"
				"Cgroup Version: {{.CgroupVersion}}\n"
				"Cgroup Mode: {{.CgroupMode}}\n"
				"Runtimes: keel\n"
				"Default Runtime: {{.DefaultRuntime}}\n"
				"Security Options:\n{{range .SecurityOptions}} {{.}}\n{{end}}"
				"Kernel Version: {{.KernelVersion}}\n"
				"Operating System: {{.OperatingSystem}}\n"
				"OSType: {{.OSType}}\n"
				"Architecture: {{.Architecture}}\n"
				"CPUs: {{.NCPU}}\n"
				"Total Memory: ";

/* Here comes the total memory, in words for people: templates have numbers only. */
static const char text_tail[] = "\n"
				"Name: {{.Name}}\n"
				"Root Dir: {{.DockerRootDir}}\n"
				"Run Root: {{.RunRoot}}";

static int write_counts(struct engine *engine, struct json_writer *w, struct hull_error *err)
{
	struct container **containers = NULL;
	struct image_store *store;
	struct image **images = NULL;
	size_t n = 0, running = 0, paused = 0, n_images = 0;
	int r = container_list(engine, true, &containers, &n, err);

	for (size_t i = 0; i < n; i++) {
		paused += str_eq(containers[i]->state, "paused");
		running += str_eq(containers[i]->state, "running");
	}
	container_list_free(containers, n);
	if (r == 0)
		r = engine_images(engine, &store, err);
	if (r == 0)
		r = image_list(store, &images, &n_images, err);
	image_list_free(images, n_images);
	json_member_i64(w, "Containers", (int64_t)n);
	json_member_i64(w, "ContainersRunning", (int64_t)running);
	json_member_i64(w, "ContainersPaused", (int64_t)paused);
	json_member_i64(w, "ContainersStopped", (int64_t)(n - running - paused));
	json_member_i64(w, "Images", (int64_t)n_images);
	return r;
}

static void write_pair(struct json_writer *w, const char *name, const char *value)
{
	json_begin_array(w);
	json_string(w, name);
	json_string(w, value);
	json_end_array(w);
}

static const char *file_system_name(const char *path)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} names[] = {{0xef53, "extfs"}, {0x58465342, "xfs"}, {0x9123683e, "btrfs"},
		{0x01021994, "tmpfs"}, {0x794c7630, "overlayfs"}, {0x2fc12fc1, "zfs"}};
	struct statfs fs;

	if (statfs(path, &fs) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if ((uint32_t)fs.f_type == names[i].magic)
				return names[i].name;
	return "other";
}

static int write_storage(struct engine *engine, struct json_writer *w, struct hull_error *err)
{
	struct layer_store *layers;
	int r = engine_layers(engine, &layers, err);

	if (r < 0)
		return r;
	json_member_text(w, "Driver", layer_store_kind_name(layer_store_get_kind(layers)));
	json_key(w, "DriverStatus");
	json_begin_array(w);
	write_pair(w, "Backing Filesystem", file_system_name(engine_root(engine)));
	write_pair(w, "Layers",
		layer_store_get_kind(layers) == LAYER_STORE_EROFS
			? "tar files with EROFS metadata, mounted"
			: "unpacked directories");
	json_end_array(w);
	json_member_text(w, "DockerRootDir", engine_root(engine));
	json_member_text(w, "RunRoot", engine_run_root(engine));
	return 0;
}

DEFINE_CLEANUP(struct hull_cgroup_host *, host_closep, hull_cgroup_host_close)

static int write_cgroups(struct json_writer *w, struct hull_error *err)
{
	_cleanup_(host_closep) struct hull_cgroup_host *host = NULL;
	const struct hull_cgroup_hierarchy *h;
	bool unified = true;
	int r = hull_cgroup_host_open(&host, err);

	if (r < 0)
		return r;
	uint32_t controllers = hull_cgroup_host_controllers(host);
	for (size_t n = hull_cgroup_host_hierarchies(host, &h); n > 0; n--, h++)
		if (h->version == 1 && h->controllers)
			unified = false;
	json_member_text(
		w, "CgroupDriver", hull_cgroup_host_has_systemd(host) ? "systemd" : "cgroupfs");
	json_member_text(w, "CgroupVersion", unified ? "2" : "1");
	json_member_text(w, "CgroupMode", hull_cgroup_mode_name(hull_cgroup_host_mode(host)));
	json_member_boolean(w, "MemoryLimit", controllers & HULL_CGROUP_BIT(HULL_CGROUP_MEMORY));
	json_member_boolean(w, "PidsLimit", controllers & HULL_CGROUP_BIT(HULL_CGROUP_PIDS));
	json_member_boolean(w, "CPUShares", controllers & HULL_CGROUP_BIT(HULL_CGROUP_CPU));
	json_member_boolean(w, "CPUSet", controllers & HULL_CGROUP_BIT(HULL_CGROUP_CPUSET));
	return 0;
}

/* PRETTY_NAME of os-release(5). */
static void write_operating_system(struct json_writer *w)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *name = NULL;
	size_t n = 0;

	if (file_read_at(AT_FDCWD, "/etc/os-release", &text, 65536) == 0)
		name = strstr(buf_str(&text), "PRETTY_NAME=");
	if (name) {
		name += strlen("PRETTY_NAME=");
		name += *name == '"';
		n = strcspn(name, "\"\n");
	}
	json_key(w, "OperatingSystem");
	json_string_n(w, name ? name : "Linux", name ? n : strlen("Linux"));
}

static void write_security(struct json_writer *w)
{
	json_key(w, "SecurityOptions");
	json_begin_array(w);
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		json_string(w, "name=seccomp,profile=builtin");
	if (access("/sys/kernel/security/apparmor", F_OK) == 0)
		json_string(w, "name=apparmor");
	if (access("/sys/fs/selinux/enforce", F_OK) == 0)
		json_string(w, "name=selinux");
	json_end_array(w);
}

static void write_runtimes(struct json_writer *w)
{
	json_key(w, "Runtimes");
	json_begin_object(w);
	json_key(w, "keel");
	json_begin_object(w);
	json_member_text(w, "path", "keel");
	json_end_object(w);
	json_end_object(w);
	json_member_text(w, "DefaultRuntime", "keel");
}

static uint64_t total_memory(void)
{
	struct sysinfo memory;

	return sysinfo(&memory) < 0 ? 0 : (uint64_t)memory.totalram * memory.mem_unit;
}

static int write_host(struct json_writer *w, struct hull_error *err)
{
	struct utsname host;
	char now[CLOCK_TEXT_SIZE];

	if (uname(&host) < 0)
		return error_errno(err, errno, "facts about the host");
	clock_format_rfc3339(clock_realtime_ns(), now);
	json_member_text(w, "KernelVersion", host.release);
	write_operating_system(w);
	json_member_text(w, "OSType", "linux");
	json_member_text(w, "Architecture", host.machine);
	json_member_i64(w, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	json_member_i64(w, "MemTotal", (int64_t)total_memory());
	json_member_text(w, "Name", host.nodename);
	json_member_text(w, "SystemTime", now);
	return 0;
}

static int write_info(struct engine *engine, struct json_writer *w, struct hull_error *err)
{
	json_begin_object(w);
	int r = write_counts(engine, w, err);

	if (r == 0)
		r = write_storage(engine, w, err);
	if (r == 0)
		r = write_cgroups(w, err);
	if (r == 0)
		r = write_host(w, err);
	json_member_text(w, "LoggingDriver", "json-file");
	json_member_text(w, "ServerVersion", HULL_VERSION);
	write_runtimes(w);
	write_security(w);
	json_end_object(w);
	return r;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct info_options *o = options_p;
	_cleanup_engine_ struct engine *engine = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf form = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	char memory[SIZE_TEXT_SIZE];
	int r = hull_engine_open(context, &engine, err);

	if (r == 0)
		r = write_info(engine, &w, err);
	size_format_binary(total_memory(), memory);
	buf_printf(&form, "%s%s%s", text_head, memory, text_tail);
	if (r == 0 && (buf_error(&text) < 0 || buf_error(&form) < 0))
		r = error_no_memory(err);
	return r < 0 ? r
		     : format_document(buf_str(&text), text.len,
			       str_empty(o->format) ? buf_str(&form) : o->format, stdout, err);
}

const struct cli_command hull_info_command = {
	.name = "info",
	.arguments = "[OPTIONS]",
	.summary = "Show facts about the host and what is on it",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct info_options),
	.run = run,
};

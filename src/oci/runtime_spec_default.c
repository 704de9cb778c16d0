/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spec that `keel spec` writes, as a document: what the reader of the result sees is what
 * stands here, and building it is parsing it.
 */
#include "oci/runtime_spec.h"

#define CAPABILITIES "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"
#define PROCESS                                                                            \
	"\"process\": {\"terminal\": true, \"user\": {\"uid\": 0, \"gid\": 0},"            \
	"\"args\": [\"sh\"],"                                                              \
	"\"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"," \
	"\"TERM=xterm\"], \"cwd\": \"/\","                                                 \
	"\"capabilities\": {\"bounding\": " CAPABILITIES ", \"effective\": " CAPABILITIES  \
	", \"permitted\": " CAPABILITIES "},"                                              \
	"\"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024}],"    \
	"\"noNewPrivileges\": true},"
#define ROOT "\"root\": {\"path\": \"rootfs\", \"readonly\": true}, \"hostname\": \"keel\","
#define MOUNT(destination, type, source, options)                                              \
	"{\"destination\": \"" destination "\", \"type\": \"" type "\", \"source\": \"" source \
	"\", \"options\": [" options "]}"
#define COMMON_MOUNTS                                                                                         \
	MOUNT("/dev", "tmpfs", "tmpfs",                                                                       \
		"\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"")                                 \
	"," MOUNT("/dev/shm", "tmpfs", "shm",                                                                 \
		"\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"") "," MOUNT("/dev/mqueue", \
		"mqueue", "mqueue", "\"nosuid\", \"noexec\", \"nodev\"")
#define PATHS                                                                                  \
	"\"maskedPaths\": [\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\"," \
	"\"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\","                \
	"\"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\"],"                           \
	"\"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\","       \
	"\"/proc/sysrq-trigger\"]"

static const char rootful[] = "{\"ociVersion\": \"" OCI_VERSION "\"," PROCESS ROOT "\"mounts\": [" MOUNT(
	"/proc", "proc", "proc", "") "," COMMON_MOUNTS "," MOUNT("/dev/pts", "devpts", "devpts",
	"\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", "
	"\"gid=5\"") "," MOUNT("/sys", "sysfs", "sysfs",
	"\"nosuid\", \"noexec\", \"nodev\", \"ro\"") "," MOUNT("/sys/fs/cgroup", "cgroup", "cgroup",
	"\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"") "],"
								   "\"linux\": {\"resources\": {\"devices\": [{\"allow\": false, \"access\": \"rwm\"}]},"
								   "\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"},"
								   "{\"type\": \"uts\"}, {\"type\": \"mount\"}, {\"type\": \"cgroup\"}]," PATHS
								   "}}";

/* Without privileges: a user namespace, the host's network, no gid 5, /sys from the host. */
static const char rootless_text[] = "{\"ociVersion\": \"" OCI_VERSION "\"," PROCESS ROOT "\"mounts\": [" MOUNT(
	"/proc", "proc", "proc", "") "," COMMON_MOUNTS "," MOUNT("/dev/pts", "devpts", "devpts",
	"\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\"") "," MOUNT("/sys",
	"none", "/sys",
	"\"rbind\", \"nosuid\", \"noexec\", \"nodev\", \"ro\"") "],"
								"\"linux\": {\"uidMappings\": [], \"gidMappings\": [],"
								"\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"},"
								"{\"type\": \"mount\"}, {\"type\": \"user\"}, {\"type\": \"cgroup\"}]," PATHS
								"}}";

static struct oci_id_mapping *map_to_caller(struct arena *arena, uint32_t id)
{
	struct oci_id_mapping *m = arena_new(arena, struct oci_id_mapping);

	if (m)
		*m = (struct oci_id_mapping){.container_id = 0, .host_id = id, .size = 1};
	return m;
}

struct oci_spec *oci_spec_new_default(struct arena *arena, bool rootless)
{
	const char *text = rootless ? rootless_text : rootful;
	struct oci_spec *spec = arena_new(arena, struct oci_spec);

	if (!spec || json_parse(arena, &oci_spec_table, spec, text, strlen(text), NULL,
			     "default spec", NULL) < 0)
		return NULL;
	if (rootless) {
		spec->linux->uid_mappings = map_to_caller(arena, (uint32_t)geteuid());
		spec->linux->gid_mappings = map_to_caller(arena, (uint32_t)getegid());
		if (!spec->linux->uid_mappings || !spec->linux->gid_mappings)
			return NULL;
		spec->linux->n_uid_mappings = spec->linux->n_gid_mappings = 1;
	}
	return spec;
}

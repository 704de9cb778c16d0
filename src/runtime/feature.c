/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/feature.h"
#include "runtime/filter.h"
#include "runtime/limit.h"
#include "runtime/mount_option.h"
#include "oci/runtime_spec.h"
#include "sys/capability.h"

static void key_strings(struct json_writer *w, const char *key, const char *const *names)
{
	json_key(w, key);
	json_begin_array(w);
	for (; *names; names++)
		json_string(w, *names);
	json_end_array(w);
}

static void key_enabled(struct json_writer *w, const char *key, bool enabled)
{
	json_key(w, key);
	json_begin_object(w);
	json_member_boolean(w, "enabled", enabled);
	json_end_object(w);
}

static void key_limit_names(struct json_writer *w, const char *key, const struct limit_name *names)
{
	json_key(w, key);
	json_begin_array(w);
	for (; names->name; names++)
		json_string(w, names->name);
	json_end_array(w);
}

static void mount_option_names(struct json_writer *w)
{
	json_key(w, "mountOptions");
	json_begin_array(w);
	for (size_t i = 0; i < n_mount_options; i++)
		json_string(w, mount_options[i].name);
	json_end_array(w);
}

static void hook_names(struct json_writer *w)
{
	json_key(w, "hooks");
	json_begin_array(w);
	for (size_t i = 0; i < oci_hooks_table.n_fields; i++)
		json_string(w, oci_hooks_table.fields[i].name);
	json_end_array(w);
}

static void capability_names(struct json_writer *w)
{
	json_key(w, "capabilities");
	json_begin_array(w);
	for (int i = 0; i <= capability_last() && capability_name(i); i++)
		json_string(w, capability_name(i));
	json_end_array(w);
}

static void cgroup(struct json_writer *w)
{
	json_key(w, "cgroup");
	json_begin_object(w);
	json_member_boolean(w, "v1", true);
	json_member_boolean(w, "v2", true);
	json_member_boolean(w, "systemd", true);
	json_member_boolean(w, "systemdUser", true);
	json_member_boolean(w, "rdma", true);
	json_end_object(w);
}

static void key_filter_names(struct json_writer *w, const char *key,
	const struct filter_name *names, bool only_supported)
{
	json_key(w, key);
	json_begin_array(w);
	for (; names->name; names++) {
		if (!only_supported || filter_flag_supported(names->value))
			json_string(w, names->name);
	}
	json_end_array(w);
}

static void seccomp(struct json_writer *w)
{
	json_key(w, "seccomp");
	json_begin_object(w);
	json_member_boolean(w, "enabled", true);
	key_filter_names(w, "actions", filter_actions, false);
	key_filter_names(w, "operators", filter_operators, false);
	key_strings(w, "archs", filter_architectures);
	key_filter_names(w, "knownFlags", filter_flags, false);
	key_filter_names(w, "supportedFlags", filter_flags, true);
	json_end_object(w);
}

static void mount_extensions(struct json_writer *w)
{
	json_key(w, "mountExtensions");
	json_begin_object(w);
	key_enabled(w, "idmap", true);
	json_end_object(w);
}

static void intel_rdt(struct json_writer *w)
{
	json_key(w, "intelRdt");
	json_begin_object(w);
	json_member_boolean(w, "enabled", true);
	json_member_boolean(w, "schemata", true);
	json_member_boolean(w, "monitoring", true);
	json_end_object(w);
}

static void linux_part(struct json_writer *w)
{
	json_key(w, "linux");
	json_begin_object(w);
	key_strings(w, "namespaces", oci_namespace_names);
	capability_names(w);
	cgroup(w);
	seccomp(w);
	key_enabled(w, "apparmor", true);
	key_enabled(w, "selinux", true);
	intel_rdt(w);
	json_key(w, "memoryPolicy");
	json_begin_object(w);
	key_limit_names(w, "modes", limit_memory_modes);
	key_limit_names(w, "flags", limit_memory_flags);
	json_end_object(w);
	mount_extensions(w);
	key_enabled(w, "netDevices", true);
	json_end_object(w);
}

void runtime_features(struct json_writer *w)
{
	char version[32];

	json_begin_object(w);
	json_key(w, "ociVersionMin");
	json_string(w, OCI_VERSION_MIN);
	json_key(w, "ociVersionMax");
	json_string(w, OCI_VERSION);
	hook_names(w);
	mount_option_names(w);
	linux_part(w);
	json_key(w, "annotations");
	json_begin_object(w);
	json_key(w, "io.github.seccomp.libseccomp.version");
	filter_library_version(version, sizeof(version));
	json_string(w, version);
	json_key(w, "org.opencontainers.runc.checkpoint.enabled");
	json_string(w, "true");
	json_end_object(w);
	key_strings(w, "potentiallyUnsafeConfigAnnotations", oci_unsafe_annotations);
	json_end_object(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json must satisfy beyond its types, checked before anything is touched. */
#include "oci/runtime_spec.h"
#include "base/clock.h"
#include "base/path.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#define TERMINAL_SIZE_MAX UINT16_MAX
#define UTS_NAME_MAX	  64 /* of uname(2) */
#define NET_DEVICE_MAX	  15 /* IFNAMSIZ without the end */

#define fail(err, ...) error_set((err), HULL_ERROR_INVALID, __VA_ARGS__)

/* Any 1.x is accepted: minor versions only add fields, and unknown fields are ignored. */
static int check_version(const char *version, struct hull_error *err)
{
	const char *rest = str_after(version, "1.");

	if (!rest || !isdigit((unsigned char)*rest))
		return fail(err, "ociVersion: unsupported version \"%.100s\"", version);
	return 0;
}

static int check_args(const struct oci_process *p, struct hull_error *err)
{
	if (!p->args || !p->args[0])
		return fail(err, "process.args: must have at least one element");
	if (str_empty(p->args[0]))
		return fail(err, "process.args[0]: must not be empty");
	if (!str_empty(p->command_line))
		return fail(err, "process.commandLine: only for Windows");
	strv_foreach (e, p->env) {
		const char *eq = strchr(*e, '=');
		if (!eq || eq == *e)
			return fail(err, "process.env: not NAME=VALUE: \"%.100s\"", *e);
	}
	return 0;
}

int oci_process_check(const struct oci_process *p, struct hull_error *err)
{
	int r = check_args(p, err);

	if (r < 0)
		return r;
	if (str_empty(p->cwd) || p->cwd[0] != '/')
		return fail(err, "process.cwd: must be an absolute path");
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		if (l->soft > l->hard)
			return fail(
				err, "process.rlimits: %s: soft limit above hard limit", l->type);
		for (size_t k = 0; k < i; k++) {
			if (str_eq(l->type, p->rlimits[k].type))
				return fail(err, "process.rlimits: %s twice", l->type);
		}
	}
	if (p->oom_score_adj.set &&
		(p->oom_score_adj.value < -1000 || p->oom_score_adj.value > 1000))
		return fail(err, "process.oomScoreAdj: must be between -1000 and 1000");
	if (p->user.umask.set && p->user.umask.value > 07777)
		return fail(err, "process.user.umask: out of range");
	if (p->user.uid == UINT32_MAX || p->user.gid == UINT32_MAX)
		return fail(err, "process.user: 4294967295 is no id");
	for (size_t i = 0; i < p->user.n_additional_gids; i++) {
		if (p->user.additional_gids[i] == UINT32_MAX)
			return fail(
				err, "process.user.additionalGids[%zu]: 4294967295 is no id", i);
	}
	if (p->console_size && (p->console_size->height > TERMINAL_SIZE_MAX ||
				       p->console_size->width > TERMINAL_SIZE_MAX))
		return fail(err, "process.consoleSize: must be at most %d", TERMINAL_SIZE_MAX);
	return 0;
}

static int check_mappings(const struct oci_id_mapping *m, size_t n, const char *name, bool required,
	struct hull_error *err)
{
	if (required && n == 0)
		return fail(err, "%s: missing for a new user namespace", name);
	for (size_t i = 0; i < n; i++) {
		if (m[i].size == 0)
			return fail(err, "%s[%zu]: size must not be 0", name, i);
		if ((uint64_t)m[i].container_id + m[i].size > UINT32_MAX ||
			(uint64_t)m[i].host_id + m[i].size > UINT32_MAX)
			return fail(err, "%s[%zu]: range past the last id", name, i);
	}
	return 0;
}

static int check_offset(const struct oci_time_offset *o, const char *name, struct hull_error *err)
{
	if (o && o->nanosecs >= NS_PER_SECOND)
		return fail(err, "linux.timeOffsets.%s.nanosecs: must be below a second", name);
	return 0;
}

/* A name that there is no namespace for would be the host's. */
static int check_names(const struct oci_spec *spec, struct hull_error *err)
{
	const struct {
		const char *field, *value;
	} names[] = {{"hostname", spec->hostname}, {"domainname", spec->domainname}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_empty(names[i].value))
			continue;
		if (!oci_spec_namespace(spec, OCI_NAMESPACE_UTS))
			return fail(err, "%s: unable to set %s without a private UTS namespace",
				names[i].field, names[i].field);
		if (strlen(names[i].value) > UTS_NAME_MAX)
			return fail(err, "%s: longer than %d bytes", names[i].field, UTS_NAME_MAX);
	}
	return 0;
}

static int check_namespaces(const struct oci_spec *spec, struct hull_error *err)
{
	const struct oci_linux *l = spec->linux;
	unsigned int seen = 0;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];
		if (seen & (1U << ns->type))
			return fail(
				err, "linux.namespaces: %s twice", oci_namespace_names[ns->type]);
		seen |= 1U << ns->type;
		if (!str_empty(ns->path) && ns->path[0] != '/')
			return fail(err, "linux.namespaces: %s: path must be absolute",
				oci_namespace_names[ns->type]);
	}
	const struct oci_namespace *user = oci_spec_namespace(spec, OCI_NAMESPACE_USER);
	bool fresh = user && str_empty(user->path);
	if (!user && (l->n_uid_mappings || l->n_gid_mappings))
		return fail(err, "linux.uidMappings: need a user namespace");
	int r = check_mappings(l->uid_mappings, l->n_uid_mappings, "linux.uidMappings", fresh, err);
	if (r == 0)
		r = check_mappings(
			l->gid_mappings, l->n_gid_mappings, "linux.gidMappings", fresh, err);
	if (r < 0)
		return r;
	const struct oci_namespace *time = oci_spec_namespace(spec, OCI_NAMESPACE_TIME);
	if (l->time_offsets && (!time || !str_empty(time->path)))
		return fail(err, "linux.timeOffsets: need a new time namespace");
	if (l->time_offsets) {
		r = check_offset(l->time_offsets->monotonic, "monotonic", err);
		if (r == 0)
			r = check_offset(l->time_offsets->boottime, "boottime", err);
		if (r < 0)
			return r;
	}
	return check_names(spec, err);
}

int oci_mounts_check(const struct oci_mount *mounts, size_t n, struct hull_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct oci_mount *m = &mounts[i];
		if (str_empty(m->destination))
			return fail(err, "mounts[%zu].destination: must not be empty", i);
		if (strlen(m->destination) >= PATH_MAX)
			return fail(err, "mounts[%zu].destination: too long", i);
		if (!m->n_uid_mappings != !m->n_gid_mappings)
			return fail(
				err, "mounts[%zu]: uidMappings and gidMappings only together", i);
		int r = check_mappings(
			m->uid_mappings, m->n_uid_mappings, "mounts.uidMappings", false, err);
		if (r == 0)
			r = check_mappings(m->gid_mappings, m->n_gid_mappings, "mounts.gidMappings",
				false, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_hooks(const struct oci_hook_list *list, const char *name, struct hull_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].path[0] != '/')
			return fail(err, "hooks.%s[%zu].path: must be absolute", name, i);
		if (list->items[i].timeout.set && list->items[i].timeout.value <= 0)
			return fail(err, "hooks.%s[%zu].timeout: must be positive", name, i);
	}
	return 0;
}

static int check_all_hooks(const struct oci_hooks *h, struct hull_error *err)
{
	const struct {
		const struct oci_hook_list *list;
		const char *name;
	} lists[] = {
		{&h->prestart, "prestart"},
		{&h->create_runtime, "createRuntime"},
		{&h->create_container, "createContainer"},
		{&h->start_container, "startContainer"},
		{&h->poststart, "poststart"},
		{&h->poststop, "poststop"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int r = check_hooks(lists[i].list, lists[i].name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_devices(const struct oci_linux *l, struct hull_error *err)
{
	for (size_t i = 0; i < l->n_devices; i++) {
		const struct oci_device *d = &l->devices[i];
		if (d->path[0] != '/' || path_has_dotdot(d->path))
			return fail(err, "linux.devices[%zu].path: must be absolute", i);
		if (strlen(d->type) != 1 || !strchr("cbup", d->type[0]))
			return fail(
				err, "linux.devices[%zu].type: unknown type \"%.20s\"", i, d->type);
		if (d->type[0] != 'p' &&
			(d->major < 0 || d->minor < 0 || d->major > 4095 || d->minor > 1048575))
			return fail(err, "linux.devices[%zu]: major or minor out of range", i);
	}
	return 0;
}

/* A parameter that no namespace has would be changed for the whole machine. */
static int check_sysctl(const struct oci_spec *spec, const char *key, struct hull_error *err)
{
	static const char *const ipc[] = {"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
		"kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
		"kernel/shm_rmid_forced"};
	char path[256];
	int r = oci_sysctl_path(key, path, sizeof(path));

	if (r < 0)
		return fail(err, "linux.sysctl: bad name \"%.100s\"", key);
	bool of_ipc = str_after(path, "fs/mqueue/");
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		of_ipc |= str_eq(path, ipc[i]);
	if (of_ipc && !oci_spec_namespace(spec, OCI_NAMESPACE_IPC))
		return fail(err,
			"linux.sysctl: sysctl \"%s\" is not allowed in the hosts ipc namespace",
			key);
	bool of_net = str_after(path, "net/");
	if (of_net && !oci_spec_namespace(spec, OCI_NAMESPACE_NETWORK))
		return fail(err,
			"linux.sysctl: sysctl \"%s\" not allowed in host network namespace", key);
	bool of_uts = oci_spec_namespace(spec, OCI_NAMESPACE_UTS);
	if (of_uts && (str_eq(path, "kernel/hostname") ||
			      (str_eq(path, "kernel/domainname") && !str_empty(spec->domainname))))
		return fail(err,
			"linux.sysctl: sysctl \"%s\" is not allowed as it conflicts with the OCI "
			"\"%s\" field",
			key, path + strlen("kernel/"));
	of_uts &= str_eq(path, "kernel/domainname");
	bool of_user = str_after(path, "user/") && oci_spec_namespace(spec, OCI_NAMESPACE_USER);
	if (of_ipc || of_net || of_uts || of_user)
		return 0;
	return fail(err, "linux.sysctl: sysctl \"%s\" is not in a separate kernel namespace", key);
}

static bool is_device_name(const char *name)
{
	if (str_empty(name) || strlen(name) > NET_DEVICE_MAX || str_eq(name, ".") ||
		str_eq(name, ".."))
		return false;
	for (const char *c = name; *c; c++) {
		if (*c == '/' || *c == ':' || isspace((unsigned char)*c))
			return false;
	}
	return true;
}

static int check_net_devices(const struct oci_spec *spec, struct hull_error *err)
{
	const struct oci_linux *l = spec->linux;

	if (l->n_net_devices && !oci_spec_namespace(spec, OCI_NAMESPACE_NETWORK))
		return fail(err, "linux.netDevices: unable to move network devices without a "
				 "private NET namespace");
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct oci_net_device *d = &l->net_devices[i];
		const char *bad = !is_device_name(d->host_name)			    ? d->host_name
				  : !str_empty(d->name) && !is_device_name(d->name) ? d->name
										    : NULL;
		if (bad)
			return fail(err, "linux.netDevices: invalid network device name \"%.100s\"",
				bad);
		for (size_t k = 0; k < i; k++) {
			const struct oci_net_device *other = &l->net_devices[k];
			const char *a = str_empty(d->name) ? d->host_name : d->name;
			const char *b = str_empty(other->name) ? other->host_name : other->name;
			if (str_eq(a, b) && !strchr(a, '%'))
				return fail(err, "linux.netDevices: name \"%s\" twice", a);
		}
	}
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *rdt, struct hull_error *err)
{
	const char *id = rdt->clos_id;

	if (id && (str_eq(id, ".") || str_eq(id, "..") || strchr(id, '/')))
		return fail(err, "linux.intelRdt.closID: invalid value \"%.100s\"", id);
	return 0;
}

static int check_linux(const struct oci_spec *spec, struct hull_error *err)
{
	const struct oci_linux *l = spec->linux;
	int r = check_namespaces(spec, err);

	if (r == 0)
		r = check_devices(l, err);
	for (size_t i = 0; r == 0 && i < l->n_sysctl; i++)
		r = check_sysctl(spec, l->sysctl[i].key, err);
	if (r == 0)
		r = check_net_devices(spec, err);
	/* What is in it is checked when its filter is compiled. */
	if (r == 0 && l->seccomp && l->seccomp[0] != '{')
		r = fail(err, "linux.seccomp: expected an object");
	if (r == 0 && l->intel_rdt)
		r = check_intel_rdt(l->intel_rdt, err);
	if (r < 0)
		return r;
	strv_foreach (p, l->masked_paths) {
		if ((*p)[0] != '/')
			return fail(err, "linux.maskedPaths: not absolute: \"%.100s\"", *p);
	}
	strv_foreach (p, l->readonly_paths) {
		if ((*p)[0] != '/')
			return fail(err, "linux.readonlyPaths: not absolute: \"%.100s\"", *p);
	}
	r = l->resources ? hull_cgroup_resources_check(l->resources, err) : 0;
	return r < 0 ? error_wrap(err, r, "linux.resources") : 0;
}

int oci_spec_check(const struct oci_spec *spec, struct hull_error *err)
{
	int r = check_version(spec->oci_version ? spec->oci_version : "", err);

	if (r == 0 && !spec->root)
		r = fail(err, "root: missing");
	if (r == 0 && str_empty(spec->root->path))
		r = fail(err, "root.path: must not be empty");
	for (size_t i = 0; r == 0 && i < spec->n_annotations; i++) {
		if (str_empty(spec->annotations[i].key))
			r = fail(err, "annotations: a key must not be empty");
	}
	if (r == 0 && spec->process)
		r = oci_process_check(spec->process, err);
	if (r == 0)
		r = oci_mounts_check(spec->mounts, spec->n_mounts, err);
	if (r == 0 && spec->hooks)
		r = check_all_hooks(spec->hooks, err);
	if (r == 0 && spec->linux)
		r = check_linux(spec, err);
	return r;
}

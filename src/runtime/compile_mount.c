/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts. Bind sources are opened as detached trees by the caller, before the clone: it sees the
 * host's files whatever user namespace the container has, may give id maps, and no propagation or
 * attribute is ever visible half-set. The child only finds the target inside the root and attaches.
 * File systems of the container (proc, sysfs, mqueue, ...) belong to the child's namespaces and are
 * made by the child.
 */
#include "runtime/id_map.h"
#include "runtime/op.h"
#include "base/path.h"
#include "base/str.h"
#include "sys/mount_api.h"

#include <sys/mount.h>

#define FSCONFIG_STRING_MAX 255

bool compile_mount_is_bind(const struct oci_mount *m, const struct mount_flags *f)
{
	return f->bind || str_eq(m->type, "bind") || str_eq(m->type, "rbind");
}

char *compile_mount_destination(struct plan *plan, const struct oci_mount *m)
{
	_cleanup_free_ char *absolute = path_join("/", m->destination);
	_cleanup_free_ char *clean = absolute ? path_clean(absolute) : NULL;

	return arena_strdup(&plan->arena, clean);
}

/* What mounts get that name no propagation: see rootfsPropagation in the specification. */
static uint64_t default_propagation(const struct plan *plan)
{
	const char *p = plan->spec->linux->rootfs_propagation;

	if (str_empty(p) || str_eq(p, "slave") || str_eq(p, "rslave"))
		return MS_SLAVE;
	if (str_eq(p, "shared") || str_eq(p, "rshared"))
		return 0;
	return MS_PRIVATE;
}

static int add_id_map(struct plan *plan, const struct oci_mount *m, const struct mount_flags *f,
	int *ret_slot, struct hull_error *err)
{
	struct op_id_map *map = arena_new(&plan->arena, struct op_id_map);
	const struct oci_linux *l = plan->spec->linux;
	struct op *op = plan_add(plan, OP_MAKE_ID_MAP, false, err);

	if (!op)
		return -ENOMEM;
	if (!map)
		return error_no_memory(err);
	if (m->n_uid_mappings) {
		*map = (struct op_id_map){
			m->uid_mappings, m->gid_mappings, m->n_uid_mappings, m->n_gid_mappings};
	} else if (f->n_uid_map) {
		*map = (struct op_id_map){f->uid_map, f->gid_map, f->n_uid_map, f->n_gid_map};
	} else {
		*map = (struct op_id_map){
			l->uid_mappings, l->gid_mappings, l->n_uid_mappings, l->n_gid_mappings};
	}
	if (map->n_uid == 0)
		return error_set(err, HULL_ERROR_INVALID,
			"mount %s: idmap without mappings needs a new user namespace",
			m->destination);
	op->slot = *ret_slot = plan_slot(plan);
	op->id_map = map;
	return id_map_check(map, m->destination, err);
}

static bool is_sys(const char *source)
{
	_cleanup_free_ char *clean = path_clean(source);

	return clean && (str_eq(clean, "/sys") || str_after(clean, "/sys/fs/cgroup"));
}

static int add_bind_open(struct plan *plan, size_t i, bool child, struct hull_error *err)
{
	const struct oci_mount *m = &plan->spec->mounts[i];
	const struct mount_flags *f = &plan->mount_flags[i];
	struct op_bind *bind = arena_new(&plan->arena, struct op_bind);

	if (!bind)
		return error_no_memory(err);
	if (str_empty(m->source))
		return error_set(
			err, HULL_ERROR_INVALID, "mount %s: bind without a source", m->destination);
	*bind = (struct op_bind){.source = m->source[0] == '/' ? m->source
							       : arena_printf(&plan->arena, "%s/%s",
									 plan->bundle, m->source),
		.recursive = f->bind_recursive || str_eq(m->type, "rbind"),
		.set = f->set,
		/* "rw" is what every engine writes, also for a source that is read-only for
		 * good reason: it takes back an earlier "ro" and nothing else. */
		.clear = f->clear & ~(uint64_t)MOUNT_ATTR_RDONLY,
		.set_recursive = f->set_recursive,
		.clear_recursive = f->clear_recursive,
		.propagation = f->propagation ? f->propagation : default_propagation(plan),
		.propagation_recursive = f->propagation ? f->propagation_recursive : true,
		.idmap_slot = plan->idmap_slots[i],
		.idmap_recursive = f->idmap_recursive,
		.nofollow_source = f->nofollow_source,
		.nofollow_target = f->nofollow_target,
		.copy_symlink = f->copy_symlink};
	if (!bind->source)
		return error_no_memory(err);
	/* The cgroups below a read-only /sys are no less the host's (CVE-2023-25809). */
	if (bind->recursive && (bind->set & MOUNT_ATTR_RDONLY) && is_sys(bind->source))
		bind->set_recursive |= MOUNT_ATTR_RDONLY;
	struct op *op = plan_add(plan, OP_OPEN_BIND, child, err);
	if (!op)
		return -ENOMEM;
	op->slot = plan->mount_slots[i] = plan_slot(plan);
	op->path = bind->source;
	op->bind = bind;
	return 0;
}

/*
 * devpts gives its nodes to the group "tty", which a small id map has no place for: then they stay
 * root's, as they would where nothing is asked for.
 */
static void drop_unmapped_group(const struct plan *plan, const struct oci_mount *m, char **data)
{
	const struct oci_linux *l = plan->spec->linux;
	uint32_t gid;

	if (!str_eq(m->type, "devpts") || !compile_has_new_namespace(plan, OCI_NAMESPACE_USER))
		return;
	for (char **d = data; d && *d;) {
		const char *text = str_after(*d, "gid=");
		if (text && str_to_u32(text, &gid) == 0 &&
			!id_map_has(l->gid_mappings, l->n_gid_mappings, gid))
			memmove(d, d + 1, (strv_length(d + 1) + 1) * sizeof(*d));
		else
			d++;
	}
}

/* The options of all mounts, and the user namespaces that their id maps come from. */
int compile_mount_options(struct plan *plan, struct hull_error *err)
{
	const struct oci_spec *spec = plan->spec;
	size_t n = spec->n_mounts ? spec->n_mounts : 1;

	plan->mount_slots = arena_array(&plan->arena, n, sizeof(int));
	plan->idmap_slots = arena_array(&plan->arena, n, sizeof(int));
	plan->mount_flags = arena_array(&plan->arena, n, sizeof(struct mount_flags));
	if (!plan->mount_slots || !plan->idmap_slots || !plan->mount_flags)
		return error_no_memory(err);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		struct mount_flags *f = &plan->mount_flags[i];
		plan->mount_slots[i] = plan->idmap_slots[i] = -1;
		int r = mount_flags_parse(&plan->arena, m->options, spec->linux, f, err);
		if (r < 0)
			return error_wrap(err, r, "mounts[%zu].options", i);
		if (compile_mount_is_bind(m, f) && f->unknown)
			return error_set(err, HULL_ERROR_INVALID,
				"mounts[%zu].options: bind mounts cannot have any filesystem-specific "
				"options applied: \"%.200s\"",
				i, f->unknown);
		drop_unmapped_group(plan, m, f->data);
		if (!f->idmap && !m->n_uid_mappings)
			continue;
		r = add_id_map(plan, m, f, &plan->idmap_slots[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int compile_binds_open(struct plan *plan, bool child, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->spec->n_mounts; i++) {
		if (compile_mount_is_bind(&plan->spec->mounts[i], &plan->mount_flags[i]) &&
			!plan->mount_flags[i].remount)
			r = add_bind_open(plan, i, child, err);
	}
	return r;
}

/* The files under /proc that may be replaced; everything else there is the kernel's. */
static const char *const proc_replaceable[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
	"/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
	"/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"};

bool compile_proc_replaceable(const char *destination)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_replaceable); i++) {
		if (str_eq(destination, proc_replaceable[i]))
			return true;
	}
	return false;
}

static int check_destination(
	const char *destination, bool bind, const char *type, struct hull_error *err)
{
	const char *inside = str_after(destination, "/proc/");

	if (str_eq(destination, "/"))
		return error_set(err, HULL_ERROR_INVALID, "mount on / is not possible");
	if (str_eq(destination, "/proc") && !bind && !str_eq(type, "proc"))
		return error_set(err, HULL_ERROR_INVALID,
			"/proc cannot be mounted because it is not of type proc");
	if (!inside || (!bind && (str_eq(type, "proc") || str_eq(type, "binfmt_misc"))))
		return 0;
	if (bind && compile_proc_replaceable(destination))
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "%s cannot be mounted because it is inside /proc",
		destination);
}

bool compile_mount_is_classic(const struct mount_flags *f)
{
	strv_foreach (d, f->data) {
		const char *value = strchr(*d, '=');
		if (value && strlen(value + 1) > FSCONFIG_STRING_MAX)
			return true;
	}
	return false;
}

/*
 * SELinux's mount label goes to file systems that take labels of the mount. Which of its four
 * options is meant is the specification's "context" unless crun's annotation says so.
 */
static int add_mount_label(
	struct plan *plan, const char *type, char ***data, struct hull_error *err)
{
	static const char *const own[] = {
		"proc", "sysfs", "mqueue", "cgroup", "cgroup2", "binfmt_misc"};
	static const char *const kinds[] = {"context", "fscontext", "defcontext", "rootcontext"};
	const char *label = plan->spec->linux->mount_label;
	const char *kind = oci_spec_annotation(plan->spec, OCI_ANNOTATION_MOUNT_CONTEXT);
	bool known = !kind;

	if (str_empty(label))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (str_eq(type, own[i]))
			return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		known |= str_eq(kind, kinds[i]);
	if (!known)
		return error_set(err, HULL_ERROR_INVALID,
			"annotations: " OCI_ANNOTATION_MOUNT_CONTEXT ": unknown value \"%.100s\"",
			kind);
	char *option = arena_printf(&plan->arena, "%s=%s", kind ? kind : kinds[0], label);
	return option && arena_strv_append(&plan->arena, data, option) == 0 ? 0
									    : error_no_memory(err);
}

static enum op_kind mount_kind(const char *type)
{
	if (!str_eq(type, "cgroup") && !str_eq(type, "cgroup2"))
		return OP_MOUNT;
	return compile_cgroup_unified() ? OP_MOUNT_CGROUP_V2 : OP_MOUNT_CGROUP_V1;
}

static int add_filesystem(
	struct plan *plan, size_t i, const char *destination, struct hull_error *err)
{
	const struct oci_mount *m = &plan->spec->mounts[i];
	struct mount_flags *f = &plan->mount_flags[i];
	struct op_mount *mount = arena_new(&plan->arena, struct op_mount);

	if (!mount)
		return error_no_memory(err);
	if (str_empty(m->type))
		return error_set(err, HULL_ERROR_INVALID, "mount %s: no type", destination);
	int r = add_mount_label(plan, m->type, &f->data, err);
	if (r < 0)
		return r;
	bool own = str_eq(m->type, "proc") || str_eq(m->type, "sysfs");
	*mount = (struct op_mount){.type = m->type,
		.source = str_empty(m->source) ? m->type : m->source,
		.destination = destination,
		.data = f->data,
		.attributes = f->set,
		.set_recursive = f->set_recursive,
		.clear_recursive = f->clear_recursive,
		.propagation = f->propagation,
		.propagation_recursive = f->propagation_recursive,
		.ordinary_target = own,
		.copy_up = f->copy_up && str_eq(m->type, "tmpfs"),
		.nofollow_target = f->nofollow_target,
		.classic = f->classic || compile_mount_is_classic(f),
		.classic_flags = f->classic,
		.idmap_slot = plan->idmap_slots[i]};
	struct op *op = plan_add(plan, mount_kind(m->type), true, err);
	if (!op)
		return -ENOMEM;
	op->path = destination;
	op->mount = mount;
	return 0;
}

/*
 * A read-only tmpfs stays writable until everything below it stands (mount points and devices are
 * made in it), and becomes read-only last.
 */
static bool is_readonly_later(const struct oci_mount *m, const struct mount_flags *f)
{
	return (f->set & MOUNT_ATTR_RDONLY) && str_eq(m->type, "tmpfs");
}

/*
 * In a running container, where everything stands, the last moment is the one before it is attached:
 * afterwards others could write to it, and its path might be something else's.
 */
static void make_readonly_later(const struct plan *plan, struct mount_flags *f)
{
	f->set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	f->readonly_later = !plan->exec;
	if (plan->exec)
		f->set_recursive |= MOUNT_ATTR_RDONLY;
}

/* Other attributes for what is mounted there already. */
static int add_remount(struct plan *plan, size_t i, const char *destination, struct hull_error *err)
{
	const struct mount_flags *f = &plan->mount_flags[i];
	struct op_bind *again = arena_new(&plan->arena, struct op_bind);

	if (!again)
		return error_no_memory(err);
	if (f->data)
		return error_set(err, HULL_ERROR_INVALID,
			"mounts[%zu].options: remount changes no option of the file system: \"%.200s\"",
			i, f->data[0]);
	*again = (struct op_bind){.set = f->set,
		.clear = f->clear,
		.set_recursive = f->set_recursive,
		.clear_recursive = f->clear_recursive,
		.propagation = f->propagation,
		.propagation_recursive = f->propagation_recursive,
		.idmap_slot = -1};
	struct op *op = plan_add(plan, OP_REMOUNT, true, err);
	if (!op)
		return -ENOMEM;
	op->path = destination;
	op->bind = again;
	return 0;
}

int compile_mounts(struct plan *plan, struct hull_error *err)
{
	const struct oci_spec *spec = plan->spec;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		bool bind = compile_mount_is_bind(m, &plan->mount_flags[i]);
		bool remount = plan->mount_flags[i].remount;
		char *destination = compile_mount_destination(plan, m);
		if (!destination)
			return error_no_memory(err);
		int r = check_destination(destination, bind, m->type, err);
		if (r < 0)
			return r;
		if (remount) {
			r = add_remount(plan, i, destination, err);
			if (r < 0)
				return r;
			continue;
		}
		if (!bind) {
			if (is_readonly_later(m, &plan->mount_flags[i]))
				make_readonly_later(plan, &plan->mount_flags[i]);
			r = add_filesystem(plan, i, destination, err);
			if (r < 0)
				return r;
			continue;
		}
		struct op *op = plan_add(plan, OP_BIND, true, err);
		if (!op)
			return -ENOMEM;
		op->slot = plan->mount_slots[i];
		op->path = destination;
		op->source = m->source;
		op->flags = plan->mount_flags[i].nofollow_target;
	}
	return 0;
}

static int add_path(struct plan *plan, enum op_kind kind, const char *path, struct hull_error *err)
{
	struct op *op = plan_add(plan, kind, true, err);

	if (!op)
		return -ENOMEM;
	op->path = path;
	return 0;
}

/* Everything that takes something away from the finished tree. */
int compile_paths(struct plan *plan, struct hull_error *err)
{
	const struct oci_spec *spec = plan->spec;
	int r = 0;

	if (plan->process)
		r = add_path(plan, OP_MAKE_CWD, plan->process->cwd, err);
	for (size_t i = 0; r == 0 && i < spec->n_mounts; i++) {
		if (!plan->mount_flags[i].readonly_later)
			continue;
		char *destination = compile_mount_destination(plan, &spec->mounts[i]);
		r = destination ? add_path(plan, OP_READONLY_MOUNT, destination, err)
				: error_no_memory(err);
	}
	strv_foreach (p, spec->linux->readonly_paths) {
		if (r == 0)
			r = add_path(plan, OP_READONLY_PATH, *p, err);
	}
	strv_foreach (p, spec->linux->masked_paths) {
		if (r == 0)
			r = add_path(plan, OP_MASK_PATH, *p, err);
	}
	return r;
}

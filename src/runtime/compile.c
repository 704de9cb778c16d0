/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a spec to a plan: the order of the story. What goes into each chapter stands in the other
 * compile_*.c files.
 *
 * The child is cloned early with as little as must be there from birth (its pid and user
 * namespaces); it makes the other namespaces itself while the caller makes the cgroup, and mounts
 * while the caller compiles the seccomp filter: on two processors that is the shortest way.
 */
#include "runtime/op.h"
#include "base/path.h"
#include "base/str.h"

#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int compile_send(struct plan *plan, bool child, enum message_type type, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_SEND, child, err);

	if (!op)
		return -ENOMEM;
	op->number = type;
	return 0;
}

int compile_receive(struct plan *plan, bool child, enum message_type type, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_RECEIVE, child, err);

	if (!op)
		return -ENOMEM;
	op->number = type;
	return 0;
}

bool compile_cgroup_unified(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int compile_root_open(struct plan *plan, bool child, struct hull_error *err)
{
	const struct oci_root *root = plan->spec->root;

	if (plan->options.rootfs_fd >= 0)
		return 0;
	if (!root || str_empty(root->path))
		return error_set(err, HULL_ERROR_INVALID, "root.path: missing");
	struct op *op = plan_add(plan, OP_OPEN_ROOT, child, err);
	if (!op)
		return -ENOMEM;
	op->slot = SLOT_ROOT;
	op->path = root->path[0] == '/'
			   ? root->path
			   : arena_printf(&plan->arena, "%s/%s", plan->bundle, root->path);
	return op->path ? 0 : error_no_memory(err);
}

/*
 * Cgroup managers may need the child's pid (systemd), v2 needs the directory for clone3. Without
 * privileges the child joins as the user that it still is then.
 */
static bool cgroup_before_clone(const struct plan *plan)
{
	return (compile_cgroup_unified() || plan->options.unprivileged) &&
	       plan->options.cgroup_manager == HULL_CGROUP_MANAGER_CGROUPFS;
}

static bool has_systemd(const struct plan_options *o)
{
	return o->cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD ||
	       o->cgroup_manager == HULL_CGROUP_MANAGER_SYSTEMD_USER;
}

static int compile_cgroup_create(struct plan *plan, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_CREATE_CGROUP, false, err);

	if (!op)
		return -ENOMEM;
	op->path = plan->cgroup_path;
	return 0;
}

static int compile_cgroup_path(struct plan *plan, struct hull_error *err)
{
	const struct plan_options *o = &plan->options;
	const struct oci_linux *l = plan->spec->linux;
	const char *path = o->cgroup_path ? o->cgroup_path : l ? l->cgroups_path : NULL;
	bool systemd = has_systemd(o);

	plan->cgroup_asked = !str_empty(path);
	if (!str_empty(path)) {
		/* As runc does: a relative path starts at the root of each hierarchy too. */
		plan->cgroup_path =
			systemd || path[0] == '/' ? path : arena_printf(&plan->arena, "/%s", path);
	} else if (systemd) {
		plan->cgroup_path = arena_printf(&plan->arena, ":keel:%s", plan->id);
	} else if (o->unprivileged) {
		/* What may have been delegated to a user is where the user is. */
		plan->cgroup_path = plan->id;
	} else {
		const char *parent = o->cgroup_parent_default ? o->cgroup_parent_default : "";
		plan->cgroup_path = arena_printf(&plan->arena, "%s/%s", parent, plan->id);
	}
	if (!plan->cgroup_path)
		return error_no_memory(err);
	if (path_has_dotdot(plan->cgroup_path))
		return error_set(err, HULL_ERROR_INVALID, "linux.cgroupsPath: \"..\" in \"%s\"",
			plan->cgroup_path);
	return 0;
}

int compile_cgroup_join(struct plan *plan, bool created, struct hull_error *err)
{
	bool cgroup = plan->options.cgroup_manager != HULL_CGROUP_MANAGER_DISABLED;
	int r = cgroup && !created ? compile_cgroup_create(plan, err) : 0;

	if (r < 0)
		return r;
	if (!plan_add(plan, OP_ATTACH_CGROUP, false, err))
		return -ENOMEM;
	r = compile_receive(plan, true, MESSAGE_CGROUP, err);
	if (r < 0)
		return r;
	return cgroup && !plan_add(plan, OP_JOIN_CGROUP, true, err) ? -ENOMEM : 0;
}

/* Before the clone the child is born with it, after it the caller sets it. */
int compile_oom_score(struct plan *plan, struct hull_error *err)
{
	if (!plan->process->oom_score_adj.set)
		return 0;
	struct op *op = plan_add(plan, OP_OOM_SCORE, false, err);
	if (!op)
		return -ENOMEM;
	op->number = plan->process->oom_score_adj.value;
	return 0;
}

/* What the caller does beside the child, between the clone and the mounts. */
static int compile_beside(struct plan *plan, bool early_cgroup, struct hull_error *err)
{
	bool unprivileged = plan->options.unprivileged;
	int r = unprivileged ? 0 : compile_cgroup_join(plan, early_cgroup, err);

	if (r == 0)
		r = compile_links(plan, err);
	if (r < 0)
		return r;
	if (plan->new_cgroup_namespace) {
		struct op *op = plan_add(plan, OP_UNSHARE, true, err);
		if (!op)
			return -ENOMEM;
		op->flags = CLONE_NEWCGROUP;
	}
	r = unprivileged ? 0 : compile_oom_score(plan, err);
	if (r == 0)
		r = compile_resctrl(plan, err);
	if (r == 0)
		r = compile_filter(plan, err);
	if (r == 0 && plan->options.placed && !plan_add(plan, OP_RECORD, false, err))
		r = -ENOMEM;
	return r;
}

static int add_hooks(struct plan *plan, const struct oci_hook_list *list, const char *name,
	bool child, struct hull_error *err)
{
	if (list->count == 0)
		return 0;
	struct op *op = plan_add(plan, child ? OP_CHILD_HOOKS : OP_RUN_HOOKS, child, err);
	if (!op)
		return -ENOMEM;
	op->hooks = list;
	op->path = name;
	return 0;
}

/* The caller's hooks run when the file system stands and before it becomes the root. */
static int compile_hooks(struct plan *plan, struct hull_error *err)
{
	const struct oci_hooks *h = plan->spec->hooks;
	int r = 0;

	if (h && (h->prestart.count || h->create_runtime.count)) {
		r = compile_send(plan, true, MESSAGE_MOUNTED, err);
		if (r == 0)
			r = compile_receive(plan, false, MESSAGE_MOUNTED, err);
		if (r == 0)
			r = add_hooks(plan, &h->prestart, "prestart", false, err);
		if (r == 0)
			r = add_hooks(plan, &h->create_runtime, "createRuntime", false, err);
		if (r == 0)
			r = compile_send(plan, false, MESSAGE_HOOKS, err);
		if (r == 0)
			r = compile_receive(plan, true, MESSAGE_HOOKS, err);
	}
	if (r == 0 && h)
		r = add_hooks(plan, &h->create_container, "createContainer", true, err);
	return r;
}

static int compile_root_attach(struct plan *plan, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_HOST_PROPAGATION, true, err);

	if (!op)
		return -ENOMEM;
	op = plan_add(plan, OP_ATTACH_ROOT, true, err);
	if (!op)
		return -ENOMEM;
	op->slot = SLOT_ROOT;
	const struct oci_root *root = plan->spec->root;
	/* A detached root has no place of its own outside: it goes on top of "/". */
	op->path = plan->options.rootfs_fd >= 0 ? "/" : root->path[0] == '/' ? root->path : NULL;
	if (!op->path)
		op->path = arena_printf(&plan->arena, "%s/%s", plan->bundle, root->path);
	return op->path ? 0 : error_no_memory(err);
}

static int compile_root_switch(struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;
	struct op *op = plan_add(plan, plan->options.no_pivot ? OP_CHROOT : OP_PIVOT, true, err);

	if (!op)
		return -ENOMEM;
	op->slot = SLOT_ROOT;
	if (l && !str_empty(l->rootfs_propagation)) {
		op = plan_add(plan, OP_ROOT_PROPAGATION, true, err);
		if (!op)
			return -ENOMEM;
		op->path = l->rootfs_propagation;
	}
	if (plan->spec->root && plan->spec->root->readonly) {
		op = plan_add(plan, OP_ROOT_READONLY, true, err);
		if (!op)
			return -ENOMEM;
		op->slot = SLOT_ROOT;
	}
	return 0;
}

static int compile_names(struct plan *plan, struct hull_error *err)
{
	struct op *op;

	if (!str_empty(plan->spec->hostname)) {
		op = plan_add(plan, OP_HOSTNAME, true, err);
		if (!op)
			return -ENOMEM;
		op->path = plan->spec->hostname;
	}
	if (!str_empty(plan->spec->domainname)) {
		op = plan_add(plan, OP_DOMAINNAME, true, err);
		if (!op)
			return -ENOMEM;
		op->path = plan->spec->domainname;
	}
	return 0;
}

/* A network namespace to be joined may be our own. */
static bool is_host_network(const struct oci_spec *spec)
{
	const struct oci_namespace *ns = oci_spec_namespace(spec, OCI_NAMESPACE_NETWORK);
	struct stat own, other;

	return ns && !str_empty(ns->path) && stat("/proc/self/ns/net", &own) == 0 &&
	       stat(ns->path, &other) == 0 && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

static int compile_sysctl(struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;
	bool net_is_host = l && l->n_sysctl && is_host_network(plan->spec);

	for (size_t i = 0; l && i < l->n_sysctl; i++) {
		struct op *op = plan_add(plan, OP_SYSCTL, true, err);
		if (!op)
			return -ENOMEM;
		char file[256];
		int r = oci_sysctl_path(l->sysctl[i].key, file, sizeof(file));
		if (r < 0)
			return error_errno(err, r, "linux.sysctl: %s", l->sysctl[i].key);
		if (str_after(file, "net/") && net_is_host)
			return error_set(err, HULL_ERROR_INVALID,
				"linux.sysctl: sysctl \"%s\" not allowed in host network namespace",
				l->sysctl[i].key);
		op->path = arena_printf(&plan->arena, "sys/%s", file);
		if (!op->path)
			return error_no_memory(err);
		op->source = l->sysctl[i].value;
	}
	return 0;
}

/*
 * What every container may use, and making nodes of any device (using them is another thing);
 * comes after the spec's own rules, which usually begin by denying everything.
 */
static const struct hull_cgroup_device device_rules[] = {
#define RULE(type_, major_, minor_, access_)                                                \
	{                                                                                   \
		.allow = true, .type = (char *)(type_), .major = {(major_) >= 0, (major_)}, \
		.minor = {(minor_) >= 0, (minor_)}, .access = (char *)(access_)             \
	}
	RULE("c", -1, -1, "m"),
	RULE("b", -1, -1, "m"),
	RULE("c", 1, 3, "rwm"),
	RULE("c", 1, 5, "rwm"),
	RULE("c", 1, 7, "rwm"),
	RULE("c", 1, 8, "rwm"),
	RULE("c", 1, 9, "rwm"),
	RULE("c", 5, 0, "rwm"),
	RULE("c", 5, 2, "rwm"),
	RULE("c", 136, -1, "rwm"),
#undef RULE
};

static int compile_resources(struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;

	if (!l || !l->resources)
		return 0;
	struct hull_cgroup_resources *r =
		arena_memdup(&plan->arena, l->resources, sizeof(*l->resources));
	if (!r)
		return error_no_memory(err);
	plan->resources = r;
	if (r->n_devices == 0)
		return 0;
	size_t n = r->n_devices + ARRAY_SIZE(device_rules);
	struct hull_cgroup_device *rules = arena_array(&plan->arena, n, sizeof(*rules));
	if (!rules)
		return error_no_memory(err);
	memcpy(rules, r->devices, r->n_devices * sizeof(*rules));
	memcpy(rules + r->n_devices, device_rules, sizeof(device_rules));
	r->devices = rules;
	r->n_devices = n;
	return 0;
}

typedef int compile_part(struct plan *plan, struct hull_error *err);

static int compile_key_label(struct plan *plan, const char *label, struct hull_error *err)
{
	if (str_empty(plan->process->selinux_label))
		return 0;
	int r = compile_add(plan, OP_LABEL, "self/attr/keycreate", NULL, err);
	if (r == 0)
		plan->ops[plan->n_ops - 1].source = label;
	return r;
}

/* The session keyring, with the label of the process that will use it; nothing else gets that. */
static int compile_keyring(struct plan *plan, struct hull_error *err)
{
	const char *name = arena_printf(&plan->arena, "_ses.%s", plan->id);

	if (!name)
		return error_no_memory(err);
	int r = compile_key_label(plan, plan->process->selinux_label, err);
	if (r == 0)
		r = compile_add(plan, OP_KEYRING, name, NULL, err);
	return r == 0 ? compile_key_label(plan, "", err) : r;
}

/* The session of the container: without a terminal of its own it must not keep the caller's. */
static int compile_session(struct plan *plan, struct hull_error *err)
{
	if (!plan_add(plan, OP_SESSION, true, err))
		return -ENOMEM;
	int r = plan->options.no_new_keyring ? 0 : compile_keyring(plan, err);
	if (r < 0)
		return r;
	if (compile_has_new_namespace(plan, OCI_NAMESPACE_NETWORK) &&
		!plan_add(plan, OP_LOOPBACK, true, err))
		return -ENOMEM;
	return 0;
}

static int check_supported(const struct plan *plan, struct hull_error *err)
{
	const struct oci_linux *l = plan->spec->linux;

	if (!l)
		return error_set(err, HULL_ERROR_INVALID, "linux: missing");
	if (plan->options.unprivileged && !oci_spec_namespace(plan->spec, OCI_NAMESPACE_USER))
		return error_set(
			err, HULL_ERROR_INVALID, "rootless container requires user namespaces");
	if (l->n_net_devices && plan->options.unprivileged)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"linux.netDevices: network devices are not supported for rootless containers");
	if (!str_empty(l->rootfs_propagation) && root_propagation_parse(l->rootfs_propagation) == 0)
		return error_set(err, HULL_ERROR_INVALID,
			"linux.rootfsPropagation: unknown value \"%.100s\"", l->rootfs_propagation);
	return 0;
}

static int compile_container(struct plan *plan, struct hull_error *err)
{
	static compile_part *const inside[] = {compile_session, compile_root_attach, compile_mounts,
		compile_devices, compile_terminal, compile_links_inside, compile_sysctl,
		compile_hooks, compile_paths, compile_root_switch, compile_names, compile_process};
	bool early = cgroup_before_clone(plan);
	int r = check_supported(plan, err);

	if (r == 0 && !plan->options.unprivileged)
		r = compile_root_open(plan, false, err);
	if (r == 0 && early)
		r = compile_cgroup_create(plan, err);
	if (r == 0)
		r = compile_namespaces(plan, early, err);
	if (r == 0)
		r = compile_beside(plan, early, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(inside); i++)
		r = inside[i](plan, err);
	return r;
}

/*
 * The state document that hooks read, cut in two at the pid, which nobody knows before the clone.
 */
int compile_state(struct plan *plan, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct oci_state state = {.oci_version = (char *)OCI_VERSION,
		.id = (char *)plan->id,
		.status = (char *)(plan->exec ? "running" : "creating"),
		.pid = INT32_MAX,
		.bundle = (char *)(plan->bundle ? plan->bundle : ""),
		.annotations = plan->spec->annotations,
		.n_annotations = plan->spec->n_annotations};

	json_struct(&w, &oci_state_table, &state);
	if (buf_error(&text))
		return error_no_memory(err);
	static const char mark[] = "\"pid\":2147483647";
	const char *at = strstr(buf_str(&text), mark);
	if (!at)
		return error_set(err, HULL_ERROR_INTERNAL, "state document without a pid");
	at += strlen("\"pid\":");
	plan->state_before_pid =
		arena_strndup(&plan->arena, buf_str(&text), (size_t)(at - buf_str(&text)));
	plan->state_after_pid = arena_strdup(&plan->arena, at + strlen("2147483647"));
	if (!plan->state_before_pid || !plan->state_after_pid)
		return error_no_memory(err);
	return 0;
}

static int plan_init(struct plan *plan, const struct oci_spec *spec,
	const struct plan_options *options, struct hull_error *err)
{
	plan->spec = spec;
	plan->process = spec->process;
	plan->options = *options;
	plan->id = arena_strdup(&plan->arena, options->id);
	plan->bundle = arena_strdup(&plan->arena, options->bundle);
	if (!plan->id || (options->bundle && !plan->bundle))
		return error_no_memory(err);
	plan->n_slots = 1;
	plan->target_pidfd = -1;
	plan->terminal = spec->process && spec->process->terminal;
	plan->seccomp = spec->linux ? spec->linux->seccomp : NULL;
	if (!spec->process)
		return error_set(err, HULL_ERROR_INVALID, "process: missing");
	return 0;
}

int plan_compile(const struct oci_spec *spec, const struct plan_options *options, struct plan **ret,
	struct hull_error *err)
{
	if (str_empty(options->id))
		return error_set(err, HULL_ERROR_INVALID, "container id must not be empty");
	int r = oci_spec_check(spec, err);
	if (r < 0)
		return r;
	_cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return error_no_memory(err);
	r = plan_init(plan, spec, options, err);
	if (r == 0)
		r = compile_cgroup_path(plan, err);
	if (r == 0)
		r = compile_unit_properties(plan, err);
	if (r == 0)
		r = compile_resources(plan, err);
	if (r == 0)
		r = compile_state(plan, err);
	if (r == 0)
		r = compile_container(plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

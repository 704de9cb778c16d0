/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/spec.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/unique.h"
#include "engine/capabilities.h"
#include "engine/device.h"
#include "engine/parse.h"
#include "engine/process.h"
#include "engine/program.h"
#include "engine/seccomp_profile.h"
#include "engine/security.h"

#include <sys/stat.h>

#define DEFAULT_PATH	 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_SHM_SIZE ((uint64_t)64 << 20)
#define INIT_PATH	 "/sbin/docker-init"
#define CPU_PERIOD_US	 100000

/* A spec under construction: memory failures stick and are reported once at the end. */
struct builder {
	struct arena *arena;
	const struct spec_inputs *in;
	const struct container_config *config;
	struct security_options security;
	struct oci_spec *spec;
	size_t mounts_size;
	bool failed;
	struct hull_error *err;
};

static char *text(struct builder *b, const char *s)
{
	char *copy = arena_strdup(b->arena, s);

	b->failed |= s && !copy;
	return copy;
}

static void append(struct builder *b, char ***v, const char *s)
{
	b->failed |= arena_strv_append(b->arena, v, s) < 0;
}

static char **words(struct builder *b, const char *comma_separated)
{
	char **v = NULL;
	_cleanup_strv_ char **parts = strv_split(comma_separated, ",");

	b->failed |= !parts;
	strv_foreach (part, parts)
		append(b, &v, *part);
	return v;
}

static bool mode_is_host(const char *mode)
{
	return str_eq(mode, "host");
}

/* ---- Mounts ---- */

static void add_mount(struct builder *b, const char *destination, const char *type,
	const char *source, char **options)
{
	struct oci_spec *s = b->spec;

	if (s->n_mounts == b->mounts_size) {
		size_t size = b->mounts_size ? 2 * b->mounts_size : 32;
		struct oci_mount *larger = arena_array(b->arena, size, sizeof(*larger));
		if (!larger) {
			b->failed = true;
			return;
		}
		if (s->n_mounts)
			memcpy(larger, s->mounts, s->n_mounts * sizeof(*larger));
		s->mounts = larger;
		b->mounts_size = size;
	}
	s->mounts[s->n_mounts++] = (struct oci_mount){
		.destination = text(b, destination),
		.type = text(b, type),
		.source = text(b, source),
		.options = options,
	};
}

static const struct {
	const char *destination, *type, *options;
	const char *privileged_options; /* NULL = the same */
} default_mounts[] = {
	{"/proc", "proc", "nosuid,noexec,nodev", NULL},
	{"/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", NULL},
	{"/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5", NULL},
	{"/sys", "sysfs", "nosuid,noexec,nodev,ro", "nosuid,noexec,nodev,rw"},
	{"/sys/fs/cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro",
		"nosuid,noexec,nodev,relatime,rw"},
	{"/dev/mqueue", "mqueue", "nosuid,noexec,nodev", NULL},
};

static void add_default_mounts(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_mounts); i++) {
		const char *options = default_mounts[i].options;
		if (b->config->privileged && default_mounts[i].privileged_options)
			options = default_mounts[i].privileged_options;
		add_mount(b, default_mounts[i].destination, default_mounts[i].type,
			default_mounts[i].type, words(b, options));
	}
	if (mode_is_host(b->config->ipc_mode)) {
		add_mount(b, "/dev/shm", "bind", "/dev/shm", words(b, "rbind,nosuid,noexec,nodev"));
	} else {
		uint64_t size = b->config->shm_size ? b->config->shm_size : DEFAULT_SHM_SIZE;
		_cleanup_free_ char *options = str_printf(
			"nosuid,noexec,nodev,mode=1777,size=%llu", (unsigned long long)size);
		b->failed |= !options;
		if (options)
			add_mount(b, "/dev/shm", "tmpfs", "shm", words(b, options));
	}
}

static void add_file_mounts(struct builder *b)
{
	static const char *const files[] = {"hosts", "hostname", "resolv.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *source = arena_printf(b->arena, "%s/%s", b->in->run_dir, files[i]);
		char *destination = arena_printf(b->arena, "/etc/%s", files[i]);
		b->failed |= !source || !destination;
		if (source && destination)
			add_mount(b, destination, "bind", source, words(b, "rbind,rprivate"));
	}
}

/* A bind's source must be there; -v makes a missing one, as a directory. */
static int check_source(struct builder *b, const struct mount_request *request)
{
	struct stat st;

	if (request->kind != MOUNT_KIND_BIND || stat(request->source, &st) == 0)
		return 0;
	int r = -errno;
	if (r == -ENOENT && request->create_source)
		r = dir_make_parents_at(AT_FDCWD, request->source, 0755);
	return r < 0 ? error_errno(b->err, r, "bind source path: %s", request->source) : 0;
}

static int add_requested_mount(struct builder *b, const struct mount_request *request)
{
	int r = check_source(b, request);

	if (r < 0)
		return r;
	bool bind = request->kind == MOUNT_KIND_BIND;
	add_mount(b, request->destination, bind ? "bind" : "tmpfs",
		bind ? request->source : "tmpfs", request->options);
	return 0;
}

/* The texts were checked when the container was created; what they name may have changed. */
static int add_requested_mounts(struct builder *b)
{
	struct mount_request request;
	int r = 0;

	for (char *const *t = b->config->tmpfs; r == 0 && t && *t; t++) {
		r = tmpfs_parse(b->arena, *t, &request, b->err);
		if (r == 0)
			r = add_requested_mount(b, &request);
	}
	for (char *const *v = b->config->binds; r == 0 && v && *v; v++) {
		r = volume_parse(b->arena, *v, "/", &request, b->err);
		if (r == 0)
			r = add_requested_mount(b, &request);
	}
	return r;
}

static size_t path_depth(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += path[0] == '/' && path[1] && path[1] != '/';
	return depth;
}

/* A mount must come after those that it lies in; otherwise the given order stays. */
static void sort_mounts(struct oci_mount *mounts, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct oci_mount m = mounts[i];
		size_t j = i, depth = path_depth(m.destination);
		for (; j > 0 && path_depth(mounts[j - 1].destination) > depth; j--)
			mounts[j] = mounts[j - 1];
		mounts[j] = m;
	}
}

/*
 * Drops what the user's mounts replace. Returns how many are left of the first n_fixed, which are the
 * ones that stay before all others.
 */
static size_t drop_replaced_mounts(struct builder *b, size_t n_fixed, size_t first_of_user)
{
	struct oci_spec *s = b->spec;
	size_t kept = 0, kept_fixed = 0;

	for (size_t i = 0; i < s->n_mounts; i++) {
		bool replaced = false;
		for (size_t j = first_of_user; i < first_of_user && j < s->n_mounts; j++)
			replaced |= str_eq(s->mounts[i].destination, s->mounts[j].destination);
		if (replaced)
			continue;
		s->mounts[kept++] = s->mounts[i];
		kept_fixed += i < n_fixed;
	}
	s->n_mounts = kept;
	return kept_fixed;
}

static int add_mounts(struct builder *b)
{
	int r = 0;

	add_default_mounts(b);
	size_t n_fixed = b->spec->n_mounts;
	add_file_mounts(b);
	if (b->config->init) {
		_cleanup_free_ char *helper = NULL;
		r = program_find(b->in->program, "hull-init", &helper, b->err);
		if (r < 0)
			return r;
		add_mount(b, INIT_PATH, "bind", helper, words(b, "bind,ro"));
	}
	size_t first_of_user = b->spec->n_mounts;
	r = add_requested_mounts(b);
	if (r < 0 || b->failed)
		return r;
	/* Our files lie in the user's mounts where those are: a volume on /etc still has its hosts. */
	n_fixed = drop_replaced_mounts(b, n_fixed, first_of_user);
	sort_mounts(b->spec->mounts + n_fixed, b->spec->n_mounts - n_fixed);
	return 0;
}

/* ---- The process ---- */

static void add_arguments(struct builder *b, struct oci_process *p)
{
	if (b->config->init) {
		append(b, &p->args, INIT_PATH);
		append(b, &p->args, "--");
	}
	strv_foreach (a, b->config->entrypoint)
		append(b, &p->args, *a);
	strv_foreach (a, b->config->cmd)
		append(b, &p->args, *a);
}

/* Of what is there twice, what was appended last counts. */
static void settle_env(struct builder *b, char **env)
{
	b->failed |= env_settle(env) < 0;
}

static void add_environment(struct builder *b, struct oci_process *p)
{
	char *hostname = arena_printf(b->arena, "HOSTNAME=%s", b->config->hostname);
	char *home = arena_printf(b->arena, "HOME=%s", b->in->identity->home);

	b->failed |= !hostname || !home;
	if (b->failed)
		return;
	append(b, &p->env, "PATH=" DEFAULT_PATH);
	append(b, &p->env, hostname);
	if (b->config->tty)
		append(b, &p->env, "TERM=xterm");
	strv_foreach (e, b->config->env) {
		if (strchr(*e, '='))
			append(b, &p->env, *e);
	}
	if (!env_get(p->env, "HOME"))
		append(b, &p->env, home);
	settle_env(b, p->env);
}

static void set_identity(struct oci_process *p, const struct identity *identity)
{
	p->user.uid = identity->uid;
	p->user.gid = identity->gid;
	p->user.additional_gids = identity->additional_gids;
	p->user.n_additional_gids = identity->n_additional_gids;
}

/* root's capabilities are effective; another user's bound only what it may gain by set-id files. */
static void set_capabilities(struct builder *b, struct oci_process *p, char **names)
{
	struct oci_capabilities *c = arena_new(b->arena, struct oci_capabilities);

	b->failed |= !c;
	if (!c)
		return;
	c->bounding = names;
	if (p->user.uid == 0) {
		c->effective = names;
		c->permitted = names;
	}
	p->capabilities = c;
}

static int add_rlimits(struct builder *b, struct oci_process *p)
{
	size_t n = b->config->n_ulimits;

	p->rlimits = arena_array(b->arena, n ? n : 1, sizeof(*p->rlimits));
	if (!p->rlimits)
		return error_no_memory(b->err);
	for (size_t i = 0; i < n; i++) {
		const struct container_ulimit *u = &b->config->ulimits[i];
		char *type = text(b, ulimit_rlimit_name(u->name));
		/* -1, unlimited, is RLIM_INFINITY. */
		p->rlimits[i] = (struct oci_rlimit){type, (uint64_t)u->soft, (uint64_t)u->hard};
	}
	p->n_rlimits = n;
	return 0;
}

static int add_security(struct builder *b, struct oci_process *p)
{
	const struct container_config *config = b->config;
	const struct security_options *security = &b->security;
	char **capabilities = NULL;

	int r = capabilities_resolve(b->arena, config->cap_add, config->cap_drop,
		config->privileged, &capabilities, b->err);
	if (r < 0)
		return r;
	set_capabilities(b, p, capabilities);
	p->no_new_privileges = security->no_new_privileges;
	if (!str_eq(security->apparmor, "unconfined"))
		p->apparmor_profile = text(b, security->apparmor);
	const char *profile = security->seccomp	   ? security->seccomp
			      : config->privileged ? "unconfined"
						   : NULL;
	if (str_eq(profile, "unconfined"))
		return 0;
	return profile ? seccomp_profile_load(
				 b->arena, profile, capabilities, &b->spec->linux->seccomp, b->err)
		       : seccomp_profile_default(
				 b->arena, capabilities, &b->spec->linux->seccomp, b->err);
}

static int add_process(struct builder *b)
{
	struct oci_process *p = arena_new(b->arena, struct oci_process);

	if (!p)
		return error_no_memory(b->err);
	b->spec->process = p;
	add_arguments(b, p);
	if (!p->args)
		return error_set(b->err, HULL_ERROR_INVALID, "no command specified");
	p->terminal = b->config->tty;
	p->cwd = text(b, str_empty(b->config->working_dir) ? "/" : b->config->working_dir);
	p->oom_score_adj = b->config->oom_score_adj;
	set_identity(p, b->in->identity);
	add_environment(b, p);
	int r = add_rlimits(b, p);
	return r < 0 ? r : add_security(b, p);
}

/* ---- Namespaces, limits, paths ---- */

static void add_namespaces(struct builder *b)
{
	const struct container_config *c = b->config;
	const struct {
		enum oci_namespace_type type;
		bool wanted;
	} all[] = {
		{OCI_NAMESPACE_MOUNT, true},
		{OCI_NAMESPACE_NETWORK, !mode_is_host(c->network)},
		{OCI_NAMESPACE_UTS, !mode_is_host(c->uts_mode)},
		{OCI_NAMESPACE_PID, !mode_is_host(c->pid_mode)},
		{OCI_NAMESPACE_IPC, !mode_is_host(c->ipc_mode)},
		{OCI_NAMESPACE_CGROUP, !mode_is_host(c->cgroupns_mode)},
	};
	struct oci_linux *l = b->spec->linux;

	l->namespaces = arena_array(b->arena, ARRAY_SIZE(all), sizeof(*l->namespaces));
	b->failed |= !l->namespaces;
	for (size_t i = 0; l->namespaces && i < ARRAY_SIZE(all); i++)
		if (all[i].wanted)
			l->namespaces[l->n_namespaces++] =
				(struct oci_namespace){.type = (int)all[i].type,
					.path = all[i].type == OCI_NAMESPACE_NETWORK
							? text(b, b->in->network_path)
							: NULL};
}

static void add_sysctls(struct builder *b)
{
	static const struct json_pair own_network[] = {
		{(char *)"net.ipv4.ip_unprivileged_port_start", (char *)"0"},
		{(char *)"net.ipv4.ping_group_range", (char *)"0 2147483647"},
	};
	struct oci_linux *l = b->spec->linux;
	bool shared = mode_is_host(b->config->network) || b->in->network_path;
	size_t own = shared ? 0 : ARRAY_SIZE(own_network);

	l->sysctl = arena_array(b->arena, own + b->config->n_sysctls + 1, sizeof(*l->sysctl));
	b->failed |= !l->sysctl;
	if (!l->sysctl)
		return;
	memcpy(l->sysctl, own_network, own * sizeof(*l->sysctl));
	if (b->config->n_sysctls)
		memcpy(l->sysctl + own, b->config->sysctls,
			b->config->n_sysctls * sizeof(*l->sysctl));
	l->n_sysctl = own + b->config->n_sysctls;
}

static int add_resources(struct builder *b)
{
	const struct container_config *c = b->config;
	struct hull_cgroup_resources *r = arena_new(b->arena, struct hull_cgroup_resources);

	if (!r)
		return error_no_memory(b->err);
	b->spec->linux->resources = r;
	r->memory.limit = (struct hull_opt_i64){c->memory > 0, c->memory};
	r->memory.reservation =
		(struct hull_opt_i64){c->memory_reservation > 0, c->memory_reservation};
	r->memory.swap = (struct hull_opt_i64){c->memory_swap != 0, c->memory_swap};
	r->memory.disable_oom_killer =
		(struct hull_opt_bool){c->oom_kill_disable, c->oom_kill_disable};
	r->cpu.shares = (struct hull_opt_u64){c->cpu_shares > 0, c->cpu_shares};
	r->cpu.period = (struct hull_opt_u64){c->cpu_period > 0, c->cpu_period};
	r->cpu.quota = (struct hull_opt_i64){c->cpu_quota != 0, c->cpu_quota};
	if (c->nano_cpus > 0) {
		r->cpu.period = (struct hull_opt_u64){true, CPU_PERIOD_US};
		r->cpu.quota =
			(struct hull_opt_i64){true, c->nano_cpus / (1000000000 / CPU_PERIOD_US)};
	}
	r->cpu.cpus = text(b, c->cpuset_cpus);
	r->cpu.mems = text(b, c->cpuset_mems);
	if (c->pids_limit.set && c->pids_limit.value > 0)
		r->pids.limit = c->pids_limit;
	return 0;
}

static const char *const masked_paths[] = {"/proc/asound", "/proc/acpi", "/proc/interrupts",
	"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
	"/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap", NULL};
static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

static bool system_paths_are_open(const struct container_config *config)
{
	struct security_options security;

	return config->privileged ||
	       (security_options_parse(config->security_opt, &security, NULL) == 0 &&
		       security.all_paths);
}

char *const *spec_masked_paths(const struct container_config *config)
{
	return system_paths_are_open(config) ? NULL : (char *const *)masked_paths;
}

char *const *spec_readonly_paths(const struct container_config *config)
{
	return system_paths_are_open(config) ? NULL : (char *const *)readonly_paths;
}

static void add_paths(struct builder *b)
{
	strv_foreach (path, spec_masked_paths(b->config))
		append(b, &b->spec->linux->masked_paths, *path);
	strv_foreach (path, spec_readonly_paths(b->config))
		append(b, &b->spec->linux->readonly_paths, *path);
}

static int build(struct builder *b)
{
	struct oci_spec *s = b->spec;

	s->oci_version = text(b, OCI_VERSION);
	s->root = arena_new(b->arena, struct oci_root);
	s->linux = arena_new(b->arena, struct oci_linux);
	if (!s->root || !s->linux)
		return error_no_memory(b->err);
	s->root->path = text(b, "rootfs");
	s->root->readonly = b->config->read_only;
	if (!mode_is_host(b->config->uts_mode)) {
		s->hostname = text(b, b->config->hostname);
		s->domainname = text(b, b->config->domainname);
	}
	_cleanup_free_ char *cgroup = container_cgroup_path(b->in->container);
	b->failed |= !cgroup;
	s->linux->cgroups_path = text(b, cgroup);
	int r = security_options_parse(b->config->security_opt, &b->security, b->err);
	if (r < 0)
		return r;
	add_namespaces(b);
	add_sysctls(b);
	add_paths(b);
	r = add_resources(b);
	if (r == 0)
		r = add_mounts(b);
	if (r == 0)
		r = add_process(b);
	if (r == 0)
		r = device_add(s, b->config, b->arena, b->err);
	if (r == 0 && b->failed)
		r = error_no_memory(b->err);
	return r;
}

int spec_build(const struct spec_inputs *inputs, struct arena *arena, struct oci_spec **ret,
	struct hull_error *err)
{
	struct builder b = {.arena = arena,
		.in = inputs,
		.config = inputs->container->config,
		.spec = arena_new(arena, struct oci_spec),
		.err = err};

	if (!b.spec)
		return error_no_memory(err);
	int r = build(&b);
	if (r == 0)
		*ret = b.spec;
	return r;
}

int spec_set_terminal_size(struct oci_process *p, unsigned short rows, unsigned short columns,
	struct arena *arena, struct hull_error *err)
{
	struct oci_console_size *size;

	p->console_size = NULL;
	if (!p->terminal || !rows)
		return 0;
	size = arena_new(arena, struct oci_console_size);
	if (!size)
		return error_no_memory(err);
	*size = (struct oci_console_size){rows, columns};
	p->console_size = size;
	return 0;
}

int spec_build_exec(const struct oci_spec *spec, const struct container_config *config,
	const struct spec_exec *exec, struct arena *arena, struct oci_process **ret,
	struct hull_error *err)
{
	struct builder b = {.arena = arena, .config = config, .err = err};
	struct oci_process *p = arena_memdup(arena, spec->process, sizeof(*p));

	if (!p)
		return error_no_memory(err);
	p->terminal = exec->tty;
	int r = spec_set_terminal_size(p, exec->rows, exec->columns, arena, err);
	if (r < 0)
		return r;
	p->args = NULL;
	strv_foreach (a, exec->args)
		append(&b, &p->args, *a);
	/* TERM is for a terminal of its own, unless the container was given one. */
	bool any_term = exec->tty || env_get(config->env, "TERM");
	p->env = NULL;
	strv_foreach (e, spec->process->env)
		if (any_term || !str_after(*e, "TERM="))
			append(&b, &p->env, *e);
	if (exec->tty && !env_get(p->env, "TERM"))
		append(&b, &p->env, "TERM=xterm");
	if (exec->user) {
		set_identity(p, exec->identity);
		char *home = arena_printf(arena, "HOME=%s", exec->identity->home);
		b.failed |= !home;
		if (home && !env_get(config->env, "HOME"))
			append(&b, &p->env, home);
	}
	strv_foreach (e, exec->env)
		append(&b, &p->env, *e);
	settle_env(&b, p->env);
	if (exec->working_dir)
		p->cwd = text(&b, exec->working_dir);
	char **capabilities = spec->process->capabilities->bounding;
	if (exec->privileged) {
		r = capabilities_resolve(arena, NULL, NULL, true, &capabilities, err);
		if (r < 0)
			return r;
	}
	set_capabilities(&b, p, capabilities);
	if (b.failed)
		return error_no_memory(err);
	*ret = p;
	return 0;
}

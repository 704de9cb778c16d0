/* SPDX-License-Identifier: Apache-2.0 */
#include "create_options.h"
#include "image_progress.h"
#include "registry_options.h"

#include "base/fd.h"
#include "base/unique.h"
#include "cli/terminal.h"
#include "engine/capabilities.h"
#include "engine/create.h"
#include "engine/network.h"
#include "engine/parse.h"
#include "engine/seccomp_profile.h"
#include "engine/security.h"
#include "registry/reference.h"
#include "sys/process.h"

extern char **environ;

/* The configuration being filled, with what every step needs. */
struct filling {
	struct arena *a;
	struct container_config *config;
	const struct create_options *o;
	struct hull_error *err;
};

static int copy(struct filling *f, char **to, const char *from)
{
	*to = arena_strdup(f->a, from);
	return from && !*to ? error_no_memory(f->err) : 0;
}

static int copy_all(struct filling *f, char ***to, char *const *from)
{
	strv_foreach (s, from)
		if (arena_strv_append(f->a, to, *s) < 0)
			return error_no_memory(f->err);
	return 0;
}

static int fill_process(struct filling *f)
{
	const struct create_options *o = f->o;
	struct container_config *c = f->config;
	int signal;

	int r = copy(f, &c->working_dir, o->workdir);
	if (r == 0)
		r = copy(f, &c->user, o->user);
	if (r == 0)
		r = copy_all(f, &c->group_add, o->group_add);
	if (r == 0 && o->workdir && o->workdir[0] != '/')
		r = error_set(f->err, HULL_ERROR_INVALID,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			o->workdir);
	if (r == 0 && o->entrypoint && *o->entrypoint &&
		arena_strv_append(f->a, &c->entrypoint, o->entrypoint) < 0)
		r = error_no_memory(f->err);
	for (char **p = o->env_file; r == 0 && p && *p; p++)
		r = env_file_load(f->a, *p, environ, &c->env, f->err);
	for (char **e = o->env; r == 0 && e && *e; e++)
		r = env_option_parse(f->a, *e, environ, &c->env, f->err);
	if (r == 0 && env_settle(c->env) < 0)
		r = error_no_memory(f->err);
	if (r == 0 && o->stop_signal)
		r = signal_option_parse(o->stop_signal, &signal, f->err);
	if (r == 0)
		r = copy(f, &c->stop_signal, o->stop_signal);
	c->tty = o->tty;
	c->open_stdin = o->interactive;
	c->stdin_once = o->interactive && !o->detach;
	c->detach = o->detach;
	c->init = o->init;
	c->auto_remove = o->rm;
	c->stop_timeout = o->stop_timeout;
	return r;
}

static int fill_identity(struct filling *f)
{
	struct pair_list labels = {0};
	int r = host_name_check("hostname", f->o->hostname, f->err);

	if (r == 0)
		r = host_name_check("domainname", f->o->domainname, f->err);
	if (r == 0)
		r = copy(f, &f->config->hostname, f->o->hostname);
	if (r == 0)
		r = copy(f, &f->config->domainname, f->o->domainname);
	for (char **p = f->o->label_file; r == 0 && p && *p; p++)
		r = label_file_load(f->a, *p, &labels, f->err);
	for (char **l = f->o->label; r == 0 && l && *l; l++)
		r = label_parse(f->a, *l, &labels, f->err);
	if (r == 0)
		r = pair_list_settle(&labels, f->err);
	f->config->labels = labels.items;
	f->config->n_labels = labels.count;
	return r;
}

/* -v, --mount and --tmpfs in the canonical form that the configuration keeps. */
static int fill_mounts(struct filling *f)
{
	const struct create_options *o = f->o;
	size_t n = strv_length(o->volume) + strv_length(o->mount) + strv_length(o->tmpfs), used = 0;
	struct mount_request *requests = arena_array(f->a, n + 1, sizeof(*requests));
	int r = 0;

	if (!requests)
		return error_no_memory(f->err);
	for (char **v = o->volume; r == 0 && v && *v; v++)
		r = volume_parse(f->a, *v, NULL, &requests[used++], f->err);
	for (char **m = o->mount; r == 0 && m && *m; m++)
		r = mount_parse(f->a, *m, NULL, &requests[used++], f->err);
	for (char **t = o->tmpfs; r == 0 && t && *t; t++)
		r = tmpfs_parse(f->a, *t, &requests[used++], f->err);
	if (r == 0)
		r = mount_requests_check(requests, used, f->err);
	for (size_t i = 0; r == 0 && i < used; i++) {
		char *text = mount_request_format(f->a, &requests[i]);
		char ***list =
			requests[i].kind == MOUNT_KIND_BIND ? &f->config->binds : &f->config->tmpfs;
		if (!text || arena_strv_append(f->a, list, text) < 0)
			r = error_no_memory(f->err);
	}
	return r;
}

static int fill_devices(struct filling *f)
{
	size_t n = strv_length(f->o->device);
	int r = 0;

	f->config->devices = arena_array(f->a, n + 1, sizeof(*f->config->devices));
	if (!f->config->devices)
		return error_no_memory(f->err);
	for (; r == 0 && f->config->n_devices < n; f->config->n_devices++)
		r = device_parse(f->a, f->o->device[f->config->n_devices],
			&f->config->devices[f->config->n_devices], f->err);
	return r;
}

static int conflict(struct filling *f, const char *what)
{
	return error_set(f->err, HULL_ERROR_INVALID, "conflicting options: %s", what);
}

/* What belongs to a network of one's own cannot be had together with somebody else's. */
static int check_network_mode(struct filling *f, enum network_mode mode)
{
	const struct create_options *o = f->o;
	bool shared = mode == NETWORK_MODE_CONTAINER;
	const struct {
		bool wrong;
		const char *what;
	} rows[] = {
		{shared && !str_empty(o->hostname), "hostname and the network mode"},
		{shared && o->publish, "port publishing and the container type network mode"},
		{shared && o->publish_all, "port publishing and the container type network mode"},
		{shared && o->expose, "port exposing and the container type network mode"},
		{shared && o->dns, "dns and the network mode"},
		{shared && o->add_host, "custom host-to-IP mapping and the network mode"},
		{(shared || mode == NETWORK_MODE_HOST) && o->mac_address,
			"mac-address and the network mode"},
		{shared && o->link,
			"container type network can't be used with links. This would result in "
			"undefined behavior"},
		{mode == NETWORK_MODE_HOST && o->link,
			"host type networking can't be used with links. This would result in undefined "
			"behavior"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].wrong)
			return conflict(f, rows[i].what);
	if (mode == NETWORK_MODE_NETWORKS)
		return 0;
	if (f->config->n_endpoints > 1)
		return conflict(
			f, "cannot attach both user-defined and non-user-defined network-modes");
	if (o->ip || o->ip6)
		return error_set(f->err, HULL_ERROR_INVALID,
			"user specified IP address is supported on user defined networks only");
	if (o->network_alias)
		return error_set(f->err, HULL_ERROR_INVALID,
			"network-scoped alias is supported only for containers in user defined networks");
	if (mode == NETWORK_MODE_HOST && (o->publish || o->publish_all))
		hull_warn(NULL, "Published ports are discarded when using host network mode");
	return 0;
}

/* --ip and its like are about the first network; the long form of --network says it for each. */
static int fill_first_endpoint(struct filling *f)
{
	const struct create_options *o = f->o;
	struct network_endpoint_config *first = f->config->endpoints[0].config;
	const struct {
		char **to;
		const char *from;
		const char *option;
	} rows[] = {{&first->ipv4, o->ip, "ip"}, {&first->ipv6, o->ip6, "ip6"},
		{&first->mac, o->mac_address, "mac-address"}};
	int r = 0;

	if ((o->ip || o->ip6) && str_eq(f->config->network, NETWORK_DEFAULT))
		return error_set(f->err, HULL_ERROR_INVALID,
			"user specified IP address is supported on user defined networks only");
	if (o->network_alias && str_eq(f->config->network, NETWORK_DEFAULT))
		return error_set(f->err, HULL_ERROR_INVALID,
			"network-scoped alias is supported only for containers in user defined networks");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].from)
			continue;
		if (*rows[i].to)
			return error_set(f->err, HULL_ERROR_INVALID,
				"conflicting options: cannot specify both --%s and per-network %s",
				rows[i].option, rows[i].option);
		r = copy(f, rows[i].to, rows[i].from);
	}
	if (r == 0)
		r = copy_all(f, &first->aliases, o->network_alias);
	return r == 0 ? copy_all(f, &first->link_local, o->link_local_ip) : r;
}

static int fill_endpoints(struct filling *f)
{
	static char *default_network[] = {(char *)NETWORK_DEFAULT, NULL};
	char **networks = f->o->network ? f->o->network : default_network;
	struct container_config *c = f->config;
	int r = 0;

	c->endpoints = arena_array(f->a, strv_length(networks) + 1, sizeof(*c->endpoints));
	if (!c->endpoints)
		return error_no_memory(f->err);
	for (char **n = networks; r == 0 && *n; n++) {
		struct container_endpoint *e = &c->endpoints[c->n_endpoints];

		r = network_option_parse(f->a, *n, e, f->err);
		if (r < 0)
			return r;
		if (str_eq(e->network, "default"))
			e->network = arena_strdup(f->a, NETWORK_DEFAULT);
		for (size_t i = 0; i < c->n_endpoints; i++)
			if (str_eq(c->endpoints[i].network, e->network))
				return error_set(f->err, HULL_ERROR_INVALID,
					"network \"%s\" is specified multiple times", e->network);
		c->n_endpoints++;
	}
	c->network = c->endpoints[0].network;
	enum network_mode mode = container_network_mode(c);
	for (size_t i = 1; i < c->n_endpoints; i++) {
		const struct container_config other = {.network = c->endpoints[i].network};

		if (container_network_mode(&other) != NETWORK_MODE_NETWORKS)
			return conflict(f,
				"cannot attach both user-defined and non-user-defined network-modes");
	}
	r = check_network_mode(f, mode);
	if (r == 0 && mode == NETWORK_MODE_NETWORKS)
		r = fill_first_endpoint(f);
	if (mode != NETWORK_MODE_NETWORKS)
		c->n_endpoints = 0;
	return r;
}

static int fill_ports(struct filling *f)
{
	const struct create_options *o = f->o;
	struct container_config *c = f->config;
	struct network_port port;
	char *text;
	int r = 0;

	for (char **p = o->publish; r == 0 && p && *p; p++)
		r = network_port_parse(*p, &port, f->err);
	if (r == 0)
		r = copy_all(f, &c->ports, o->publish);
	for (char **e = o->expose; r == 0 && e && *e; e++) {
		r = expose_option_parse(f->a, *e, &text, f->err);
		if (r == 0 && arena_strv_append(f->a, &c->exposed, text) < 0)
			r = error_no_memory(f->err);
	}
	for (char **l = o->link; r == 0 && l && *l; l++) {
		r = link_option_parse(f->a, *l, &text, f->err);
		if (r == 0 && arena_strv_append(f->a, &c->links, text) < 0)
			r = error_no_memory(f->err);
	}
	c->publish_all = o->publish_all;
	return r;
}

static int fill_network(struct filling *f)
{
	int r = fill_endpoints(f);

	if (r == 0)
		r = fill_ports(f);
	for (char **d = f->o->dns; r == 0 && d && *d; d++)
		r = dns_check(*d, f->err);
	for (char **d = f->o->dns_search; r == 0 && d && *d; d++)
		r = dns_word_check("dns-search", *d, f->err);
	for (char **d = f->o->dns_option; r == 0 && d && *d; d++)
		r = dns_word_check("dns-option", *d, f->err);
	if (r == 0)
		r = copy_all(f, &f->config->dns, f->o->dns);
	if (r == 0)
		r = copy_all(f, &f->config->dns_search, f->o->dns_search);
	if (r == 0)
		r = copy_all(f, &f->config->dns_options, f->o->dns_option);
	for (char **h = f->o->add_host; r == 0 && h && *h; h++) {
		char *host;
		r = extra_host_parse(f->a, *h, &host, f->err);
		if (r == 0 && arena_strv_append(f->a, &f->config->extra_hosts, host) < 0)
			r = error_no_memory(f->err);
	}
	return r;
}

static int fill_mode(struct filling *f, const char *option, const char *value, char **to)
{
	if (str_empty(value) || str_eq(value, "private") || str_eq(value, "shareable"))
		return copy(f, to, "");
	if (!str_eq(value, "host"))
		return error_set(f->err, HULL_ERROR_UNSUPPORTED,
			"--%s %s: only host and private are supported so far", option, value);
	return copy(f, to, value);
}

/* A container that could never start is not made. */
static int check_security(struct filling *f, char *const *capabilities)
{
	_cleanup_arena_ struct arena scratch = ARENA_INIT;
	struct security_options security;
	char *profile;

	int r = security_options_parse(f->o->security_opt, &security, f->err);
	if (r < 0 || !security.seccomp || str_eq(security.seccomp, "unconfined"))
		return r;
	return seccomp_profile_load(&scratch, security.seccomp, capabilities, &profile, f->err);
}

static int fill_privileges(struct filling *f)
{
	const struct create_options *o = f->o;
	struct container_config *c = f->config;
	struct pair_list sysctls = {0};
	char **capabilities;

	int r = fill_mode(f, "pid", o->pid, &c->pid_mode);
	if (r == 0)
		r = fill_mode(f, "ipc", o->ipc, &c->ipc_mode);
	if (r == 0)
		r = fill_mode(f, "uts", o->uts, &c->uts_mode);
	if (r == 0)
		r = fill_mode(f, "cgroupns", o->cgroupns, &c->cgroupns_mode);
	if (r == 0)
		r = capabilities_resolve(
			f->a, o->cap_add, o->cap_drop, o->privileged, &capabilities, f->err);
	if (r == 0)
		r = check_security(f, capabilities);
	if (r == 0)
		r = copy_all(f, &c->cap_add, o->cap_add);
	if (r == 0)
		r = copy_all(f, &c->cap_drop, o->cap_drop);
	if (r == 0)
		r = copy_all(f, &c->security_opt, o->security_opt);
	for (char **s = o->sysctl; r == 0 && s && *s; s++)
		r = sysctl_parse(f->a, *s, &sysctls, f->err);
	if (r == 0)
		r = pair_list_settle(&sysctls, f->err);
	c->sysctls = sysctls.items;
	c->n_sysctls = sysctls.count;
	c->privileged = o->privileged;
	c->read_only = o->read_only;
	c->shm_size = o->shm_size.value;
	return r;
}

static int fill_ulimits(struct filling *f)
{
	size_t n = strv_length(f->o->ulimit);
	int r = 0;

	f->config->ulimits = arena_array(f->a, n + 1, sizeof(*f->config->ulimits));
	if (!f->config->ulimits)
		return error_no_memory(f->err);
	for (; r == 0 && f->config->n_ulimits < n; f->config->n_ulimits++)
		r = ulimit_parse(f->a, f->o->ulimit[f->config->n_ulimits],
			&f->config->ulimits[f->config->n_ulimits], f->err);
	return r;
}

static int fill_limits(struct filling *f)
{
	const struct create_options *o = f->o;
	struct container_config *c = f->config;

	c->memory = (int64_t)o->memory.value;
	c->memory_reservation = (int64_t)o->memory_reservation.value;
	c->cpu_shares = o->cpu_shares.value;
	c->cpu_period = o->cpu_period.value;
	c->cpu_quota = o->cpu_quota.value;
	c->pids_limit = o->pids_limit;
	c->oom_score_adj = o->oom_score_adj;
	c->oom_kill_disable = o->oom_kill_disable;
	int r = memory_check(c->memory, f->err);
	if (r == 0)
		r = memory_reservation_check(c->memory_reservation, c->memory, f->err);
	if (r == 0)
		r = cpu_bandwidth_check(c->cpu_period, c->cpu_quota, f->err);
	if (r == 0 && o->memory_swap)
		r = memory_swap_parse(o->memory_swap, c->memory, &c->memory_swap, f->err);
	if (r == 0 && o->cpus)
		r = cpus_parse(o->cpus, &c->nano_cpus, f->err);
	if (r == 0 && o->cpus && (o->cpu_quota.set || o->cpu_period.set))
		r = error_set(f->err, HULL_ERROR_INVALID,
			"conflicting options: --cpus and --cpu-quota or --cpu-period");
	if (r == 0 && o->oom_score_adj.set &&
		(o->oom_score_adj.value < -1000 || o->oom_score_adj.value > 1000))
		r = error_set(f->err, HULL_ERROR_INVALID,
			"invalid value %lld, range for oom score adj is [-1000, 1000]",
			(long long)o->oom_score_adj.value);
	if (r == 0 && o->cpuset_cpus)
		r = cpuset_check_host("cpuset-cpus", o->cpuset_cpus, f->err);
	if (r == 0 && o->cpuset_mems)
		r = cpuset_check_host("cpuset-mems", o->cpuset_mems, f->err);
	if (r == 0)
		r = copy(f, &c->cpuset_cpus, o->cpuset_cpus);
	if (r == 0)
		r = copy(f, &c->cpuset_mems, o->cpuset_mems);
	if (r == 0)
		r = copy(f, &c->cgroup_parent, o->cgroup_parent);
	if (r == 0 && o->cgroup_parent && strstr(o->cgroup_parent, ".."))
		r = error_set(f->err, HULL_ERROR_INVALID, "invalid --cgroup-parent: \"%s\"",
			o->cgroup_parent);
	return r < 0 ? r : fill_ulimits(f);
}

static int fill_config(
	struct container *c, const struct create_options *o, char **command, struct hull_error *err)
{
	static int (*const steps[])(struct filling *) = {fill_process, fill_identity, fill_mounts,
		fill_devices, fill_network, fill_privileges, fill_limits};
	struct filling f = {&c->arena, c->config, o, err};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i](&f);
		if (r < 0)
			return r;
	}
	return copy_all(&f, &c->config->cmd, command);
}

/* The pull that `run` does by itself: progress goes to stderr, since stdout is the container's. */
static int pull_image(struct image_store *images, const struct hull_globals *globals,
	const struct create_options *o, const char *name, struct hull_error *err)
{
	_cleanup_image_display_ struct image_display *display = NULL;
	struct image_pull_result result;

	int r = image_display_new(&display, stderr, o->quiet, err);
	if (r < 0)
		return r;
	hull_catch_interrupt();
	const struct image_pull_options options = {
		.platform = o->platform,
		.registry = hull_registry_options(globals, NULL),
		.progress = image_display_progress(display),
		.canceled = &hull_interrupted,
	};
	r = image_pull(images, name, &options, &result, err);
	if (r == 0)
		image_pull_result_done(&result);
	return r;
}

/*
 * What was asked for by name must be what it is; without a wish another machine's image is run all
 * the same, as emulation may be set up.
 */
static int check_platform(const struct create_options *o, const struct image *image,
	const char *name, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_platform want, have = {
					  .os = image->os,
					  .architecture = image->architecture,
					  .variant = image->variant,
				  };

	int r = o->platform ? oci_platform_parse(&arena, o->platform, &want, err)
			    : oci_platform_host(&arena, &want, err);
	if (r < 0 || oci_platform_rank(&want, &have) >= 0)
		return r;
	oci_platform_normalize(&have);
	_cleanup_free_ char *wanted = oci_platform_format(&want);
	_cleanup_free_ char *actual = oci_platform_format(&have);
	if (!wanted || !actual)
		return error_no_memory(err);
	if (o->platform)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"image with reference %s was found but does not match the specified "
			"platform: wanted %s, actual: %s",
			name, wanted, actual);
	fprintf(stderr,
		"hull: warning: The requested image's platform (%s) does not match the detected "
		"host platform (%s) and no specific platform was requested\n",
		actual, wanted);
	return 0;
}

static void tell_missing(const char *name)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;
	_cleanup_free_ char *full = NULL;

	if (reference_parse(name, &ref, NULL) == 0 && reference_set_default_tag(&ref) == 0)
		full = reference_format(&ref);
	fprintf(stderr, "Unable to find image '%s' locally\n",
		full ? reference_familiar(full) : name);
}

static int find_image(struct engine *engine, const struct hull_globals *globals,
	const struct create_options *o, const char *name, struct image **ret, int *ret_hold,
	struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	struct image_store *images;

	int r = engine_images(engine, &images, err);
	if (r == 0)
		r = image_hold(images, ret_hold, err);
	if (r < 0)
		return r;
	if (!str_eq(o->pull, "always")) {
		r = image_resolve(images, name, ret, NULL, &why);
		if (r == 0)
			r = check_platform(o, *ret, name, &why);
		if (r == 0)
			return 0;
		*ret = image_free(*ret);
		if (why.kind != HULL_ERROR_NOT_FOUND || str_eq(o->pull, "never")) {
			error_move(err, &why);
			return r;
		}
	}
	/* From here on again, if that is another program. */
	r = hull_use_libraries(globals, err);
	if (r < 0)
		return r;
	if (!o->quiet && !str_eq(o->pull, "always"))
		tell_missing(name);
	r = pull_image(images, globals, o, name, err);
	if (r == 0)
		r = image_resolve(images, name, ret, NULL, err);
	return r < 0 ? r : check_platform(o, *ret, name, err);
}

static int check_options(const struct create_options *o, struct hull_error *err)
{
	if (!str_eq(o->pull, "always") && !str_eq(o->pull, "missing") && !str_eq(o->pull, "never"))
		return error_set(err, HULL_ERROR_INVALID,
			"invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
			o->pull);
	if (!str_empty(o->hostname) && str_eq(o->uts, "host"))
		return error_set(
			err, HULL_ERROR_INVALID, "conflicting options: hostname and the UTS mode");
	return 0;
}

int create_options_apply(struct cli_context *context, struct engine *engine,
	const struct create_options *options, int argc, char **argv, struct container **ret,
	int *ret_hold, struct hull_error *err)
{
	_cleanup_close_ int hold = -1;
	_cleanup_container_ struct container *c = NULL;
	_cleanup_image_ struct image *image = NULL;

	int r = check_options(options, err);
	if (r == 0)
		r = container_new(
			options->name && *options->name == '/' ? options->name + 1 : options->name,
			&c, err);
	if (r == 0)
		r = fill_config(c, options, argv + 1, err);
	if (r == 0)
		r = find_image(engine, context->globals, options, argv[0], &image, &hold, err);
	if (r == 0)
		r = container_network_resolve(engine, c, err);
	if (r == 0)
		r = create_from_image(c, image, argv[0], options->entrypoint != NULL, err);
	if (r == 0) {
		*ret = TAKE_PTR(c);
		*ret_hold = TAKE_FD(hold);
	}
	return r;
}

int create_check_cidfile(const struct create_options *options, struct hull_error *err)
{
	if (!options->cidfile)
		return 0;
	/* That it cannot be written must come out before a container runs. */
	_cleanup_close_ int fd =
		open(options->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, HULL_ERROR_EXISTS,
			"container ID file found, make sure the other container isn't running or delete %s",
			options->cidfile);
	if (fd < 0)
		return error_errno(err, errno, "--cidfile %s", options->cidfile);
	unlink(options->cidfile);
	return 0;
}

int create_write_cidfile(
	const struct create_options *options, const struct container *c, struct hull_error *err)
{
	if (!options->cidfile)
		return 0;
	int r = file_replace_at(AT_FDCWD, options->cidfile, c->id, strlen(c->id), 0644, false);
	return r < 0 ? error_errno(err, r, "--cidfile %s", options->cidfile) : 0;
}

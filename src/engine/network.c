/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/network.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/files.h"
#include "engine/monitor.h"
#include "engine/names.h"
#include "engine/process.h"
#include "network/resolve.h"

#include <sys/file.h>
#include <sys/stat.h>

#define SHARED_PREFIX "container:"
#define PATH_PREFIX   "ns:"

#define SHARED_FILE_MAX ((size_t)1 << 20)

enum network_mode container_network_mode(const struct container_config *config)
{
	const char *mode = config->network;

	if (str_empty(mode) || str_eq(mode, "none"))
		return NETWORK_MODE_NONE;
	if (str_eq(mode, "host"))
		return NETWORK_MODE_HOST;
	if (str_after(mode, SHARED_PREFIX))
		return NETWORK_MODE_CONTAINER;
	if (str_after(mode, PATH_PREFIX))
		return NETWORK_MODE_PATH;
	return NETWORK_MODE_NETWORKS;
}

static bool has_networks(const struct container *c)
{
	return container_network_mode(c->config) == NETWORK_MODE_NETWORKS;
}

/* ---- At creation ---- */

static int resolve_shared(struct engine *engine, struct container *c, struct hull_error *err)
{
	_cleanup_container_ struct container *other = NULL;
	const char *name = str_after(c->config->network, SHARED_PREFIX);
	int r = container_load(engine, name, &other, err);

	if (r < 0)
		return r;
	if (container_network_mode(other->config) == NETWORK_MODE_CONTAINER)
		return error_set(err, HULL_ERROR_INVALID,
			"cannot join the network of container %s: it has none of its own", name);
	/* One network, one host: also by name. */
	c->config->network = arena_printf(&c->arena, SHARED_PREFIX "%s", other->id);
	c->config->hostname = arena_strdup(&c->arena, other->config->hostname);
	c->config->domainname = arena_strdup(&c->arena, other->config->domainname);
	return c->config->network ? 0 : error_no_memory(err);
}

int container_network_resolve(struct engine *engine, struct container *c, struct hull_error *err)
{
	struct container_config *config = c->config;
	struct network_host *host;
	struct network *network;

	if (container_network_mode(config) == NETWORK_MODE_CONTAINER)
		return resolve_shared(engine, c, err);
	if (!has_networks(c))
		return 0;
	int r = engine_networks(engine, &host, err);
	for (size_t i = 0; r == 0 && i < config->n_endpoints; i++)
		r = network_find(host, &c->arena, config->endpoints[i].network, &network, err);
	return r;
}

int container_network_attach(
	struct engine *engine, const struct container *c, struct hull_error *err)
{
	const struct container_config *config = c->config;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_host *host;
	struct network *network;
	int r = 0;

	if (!has_networks(c))
		return 0;
	r = engine_networks(engine, &host, err);
	for (size_t i = 0; r == 0 && i < config->n_endpoints; i++) {
		const struct container_endpoint *e = &config->endpoints[i];

		r = network_find(host, &arena, e->network, &network, err);
		if (r == 0)
			r = network_endpoint_add(host, c->id, network, e->config, err);
	}
	return r;
}

/* Opens nothing: the runtime opens the path, and whatever is wrong with it comes out then. */
int container_network_path(struct engine *engine, const struct container *c, struct arena *arena,
	char **ret, struct hull_error *err)
{
	_cleanup_container_ struct container *other = NULL;
	_cleanup_container_process_ struct container_process p = {0};
	const char *shared = str_after(c->config->network, SHARED_PREFIX);
	const char *path = str_after(c->config->network, PATH_PREFIX);

	*ret = NULL;
	if (shared) {
		int r = container_load(engine, shared, &other, err);

		if (r == 0 && !container_is_running(other))
			r = error_set(err, HULL_ERROR_CONFLICT,
				"cannot join network of a non running container: %s", other->name);
		if (r == 0)
			r = container_process_load(engine, other, &p, err);
		if (r < 0)
			return r;
		*ret = arena_printf(arena, "/proc/%d/ns/net", p.ref.pid);
	} else if (path) {
		*ret = arena_strdup(arena, path);
	} else {
		return 0;
	}
	return *ret ? 0 : error_no_memory(err);
}

/* ---- Ports ---- */

/* -P: every exposed port that -p does not name gets a free one. */
static int publish_exposed(const struct container *c, struct arena *arena,
	struct network_port *ports, size_t *n, struct hull_error *err)
{
	size_t named = *n;

	strv_foreach (exposed, c->config->exposed) {
		struct network_port port;
		bool taken = false;
		int r = network_port_parse(*exposed, &port, err);

		if (r < 0)
			return r;
		for (size_t i = 0; i < named; i++)
			taken |= ports[i].protocol == port.protocol &&
				 ports[i].container_first <= port.container_first &&
				 ports[i].container_last >= port.container_last;
		if (!taken)
			ports[(*n)++] = port;
	}
	return 0;
}

int container_network_ports(const struct container *c, struct arena *arena,
	struct network_port **ret, size_t *ret_n, struct hull_error *err)
{
	const struct container_config *config = c->config;
	size_t max = strv_length(config->ports) + strv_length(config->exposed), n = 0;
	struct network_port *ports = arena_array(arena, max + 1, sizeof(*ports));
	int r = 0;

	if (!ports)
		return error_no_memory(err);
	for (char **p = config->ports; r == 0 && p && *p; p++)
		r = network_port_parse(*p, &ports[n++], err);
	if (r == 0 && config->publish_all)
		r = publish_exposed(c, arena, ports, &n, err);
	*ret = ports;
	*ret_n = n;
	return r;
}

/* ---- Names ---- */

static bool resolves_names(const struct network_endpoint *endpoint)
{
	return !network_is_predefined(endpoint->network->name);
}

/* Names of networks that the container is or was in: with it and without it they are others. */
static int publish_all(struct engine *engine, const struct network_endpoint *endpoints, size_t n,
	struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (resolves_names(&endpoints[i]))
			r = names_publish(engine, endpoints[i].network, err);
	return r;
}

int container_network_renamed(
	struct engine *engine, const struct container *c, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_endpoint *endpoints;
	struct network_host *host;
	size_t n = 0;

	if (!has_networks(c) || !container_is_running(c))
		return 0;
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_endpoints_of_container(host, &arena, c->id, &endpoints, &n, err);
	return r < 0 ? r : publish_all(engine, endpoints, n, err);
}

/* ---- A start ---- */

/* What the container's own files say about its networks. */
static int fill_files(struct arena *arena, struct container_network *n, struct hull_error *err)
{
	char text[NETWORK_ADDRESS_TEXT];

	for (size_t i = 0; i < n->started.n_endpoints; i++) {
		const struct network_endpoint *e = &n->started.endpoints[i];

		n->resolver |= resolves_names(e);
		for (size_t f = 0; f < ARRAY_SIZE(e->address); f++) {
			if (!network_address_is_set(&e->address[f].address))
				continue;
			network_address_format(&e->address[f].address, text);
			if (arena_strv_append(arena, &n->addresses, text) < 0)
				return error_no_memory(err);
			const struct network_address *gateway = &e->network->family[f].gateway;
			if (n->host_gateway || !network_address_is_set(gateway) ||
				e->network->driver != NETWORK_DRIVER_BRIDGE)
				continue;
			network_address_format(gateway, text);
			n->host_gateway = arena_strdup(arena, text);
			if (!n->host_gateway)
				return error_no_memory(err);
		}
	}
	return 0;
}

/* The resolver's steps come first: its sockets must be there before anything of the container runs. */
static int add_resolver(struct arena *arena, struct container_network *n, struct hull_error *err)
{
	size_t count = n->started.n_steps + NETWORK_RESOLVER_STEPS;
	struct plan_network_step *steps = arena_array(arena, count, sizeof(*steps));

	if (!steps)
		return error_no_memory(err);
	int r = network_resolver_steps(arena, &n->resolver_udp, &n->resolver_tcp, steps, err);
	memcpy(steps + NETWORK_RESOLVER_STEPS, n->started.steps,
		n->started.n_steps * sizeof(*steps));
	n->started.steps = steps;
	n->started.n_steps = count;
	return r;
}

static int complete(struct arena *arena, struct container_network *n, struct hull_error *err)
{
	int r = fill_files(arena, n, err);

	return r == 0 && n->resolver ? add_resolver(arena, n, err) : r;
}

/*
 * The old way to know another container: its names in the hosts file, as its address is now. On
 * networks with names the alias is the resolver's.
 */
static int add_links(struct engine *engine, const struct container *c, struct arena *arena,
	struct container_network *n, struct hull_error *err)
{
	char text[NETWORK_ADDRESS_TEXT];

	strv_foreach (link, c->config->links) {
		_cleanup_container_ struct container *other = NULL;
		struct network_endpoint *endpoints;
		struct network_host *host;
		size_t length = strcspn(*link, ":"), count;
		_cleanup_free_ char *name = strndup(*link, length);

		if (!name)
			return error_no_memory(err);
		int r = container_load(engine, name, &other, err);
		if (r == 0)
			r = engine_networks(engine, &host, err);
		if (r == 0)
			r = network_endpoints_of_container(
				host, arena, other->id, &endpoints, &count, err);
		if (r < 0)
			return error_wrap(err, r, "--link %s", *link);
		for (size_t i = 0; i < count; i++) {
			if (!network_is_predefined(endpoints[i].network->name) ||
				!network_address_is_set(&endpoints[i].address[0].address))
				continue;
			network_address_format(&endpoints[i].address[0].address, text);
			char *row = arena_printf(arena, "%s %s %.*s:%s", *link + length + 1,
				other->name, CONTAINER_SHORT_LENGTH, other->id, text);
			if (!row || arena_strv_append(arena, &n->link_hosts, row) < 0)
				return error_no_memory(err);
		}
	}
	return 0;
}

int container_network_start(struct engine *engine, const struct container *c, struct arena *arena,
	struct container_network *ret, struct hull_error *err)
{
	struct network_host *host;
	struct network_port *ports;
	size_t n_ports;

	if (!has_networks(c))
		return 0;
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = container_network_ports(c, arena, &ports, &n_ports, err);
	if (r == 0)
		r = network_start(host, arena, c->id, ports, n_ports, &ret->started, err);
	if (r == 0)
		r = complete(arena, ret, err);
	if (r == 0)
		r = add_links(engine, c, arena, ret, err);
	return r < 0 ? r
		     : publish_all(engine, ret->started.endpoints, ret->started.n_endpoints, err);
}

int container_network_explain(struct engine *engine, const struct container *c, struct arena *arena,
	struct container_network *ret, struct hull_error *err)
{
	const struct container_config *config = c->config;
	struct network_wish *wishes = arena_array(arena, config->n_endpoints + 1, sizeof(*wishes));
	struct network_host *host;
	struct network_port *ports;
	size_t n_ports;

	if (!has_networks(c))
		return 0;
	if (!wishes)
		return error_no_memory(err);
	for (size_t i = 0; i < config->n_endpoints; i++)
		wishes[i] = (struct network_wish){
			config->endpoints[i].network, config->endpoints[i].config};
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = container_network_ports(c, arena, &ports, &n_ports, err);
	if (r == 0)
		r = network_explain(host, arena, c->id, wishes, config->n_endpoints, ports, n_ports,
			&ret->started, err);
	return r < 0 ? r : complete(arena, ret, err);
}

void container_network_done(struct container_network *network)
{
	network_started_done(&network->started);
	cleanup_closep(&network->resolver_udp);
	cleanup_closep(&network->resolver_tcp);
}

/* ---- What the monitor reads ---- */

static int write_relays(
	int run_dir, const struct network_started *started, int ports_at, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char address[NETWORK_ADDRESS_TEXT];

	for (size_t i = 0; i < started->n_fds; i++) {
		const struct network_relay_target *target = &started->targets[i];

		if (!network_address_is_set(&target->address))
			continue;
		network_address_format(&target->address, address);
		buf_printf(&text, "%d %s %u\n", ports_at + (int)i, address, target->port);
	}
	if (text.len == 0)
		return 0;
	int r = buf_error(&text);
	if (r == 0)
		r = file_replace_at(run_dir, MONITOR_RELAYS, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, MONITOR_RELAYS) : 0;
}

int container_network_write(struct engine *engine, const struct container *c, int run_dir,
	const struct container_network *network, int ports_at, struct hull_error *err)
{
	int r = write_relays(run_dir, &network->started, ports_at, err);

	if (r == 0 && network->resolver)
		r = names_write_resolver(engine, c, run_dir, network->started.endpoints,
			network->started.n_endpoints, err);
	return r;
}

int container_network_share_files(
	struct engine *engine, const struct container *c, int run_dir, struct hull_error *err)
{
	static const char *const files[] = {"hosts", "resolv.conf"};
	const char *shared = str_after(c->config->network, SHARED_PREFIX);
	_cleanup_free_ char *path = shared ? container_run_dir(engine, shared) : NULL;

	if (!shared)
		return 0;
	_cleanup_close_ int from = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (from < 0)
		return error_errno(err, path ? errno : ENOMEM, "container %s", shared);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		int r = file_read_at(from, files[i], &text, SHARED_FILE_MAX);

		if (r == 0)
			r = file_write_at(run_dir, files[i], buf_str(&text), text.len);
		if (r < 0)
			return error_errno(err, r, "%s of container %s", files[i], shared);
	}
	return 0;
}

/* ---- The end ---- */

int container_network_stop(struct engine *engine, const struct container *c, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_endpoint *endpoints = NULL;
	struct network_host *host;
	size_t n = 0;

	if (!has_networks(c))
		return 0;
	int r = engine_networks(engine, &host, err);
	if (r == 0)
		r = network_endpoints_of_container(host, &arena, c->id, &endpoints, &n, err);
	if (r == 0)
		r = network_stop(host, c->id, err);
	return r < 0 ? r : publish_all(engine, endpoints, n, err);
}

/* ---- Live changes ---- */

int container_network_lock(
	struct engine *engine, const struct container *c, int *ret, struct hull_error *err)
{
	_cleanup_free_ char *path = container_run_dir(engine, c->id);
	_cleanup_close_ int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	*ret = -1;
	if (dir < 0 && path && errno == ENOENT)
		return 0;
	if (dir < 0)
		return path ? error_errno(err, errno, "%s", path) : error_no_memory(err);
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "lock %s", path);
	*ret = TAKE_FD(dir);
	return 0;
}

/* The namespace of a running container; -1 if it does not run. */
static int open_namespace(
	struct engine *engine, const struct container *c, int *ret, struct hull_error *err)
{
	_cleanup_container_process_ struct container_process p = {0};
	char path[64];

	*ret = -1;
	if (!container_is_running(c))
		return 0;
	int r = container_process_load(engine, c, &p, err);
	if (r < 0)
		return r;
	_cleanup_close_ int pidfd = container_open_pidfd(&p.ref, err);
	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", p.ref.pid);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? error_errno(err, errno, "%s", path) : 0;
}

/* What has changed for a container that runs: its resolver's networks. */
static int rewrite_resolver(struct engine *engine, const struct container *c,
	struct network_host *host, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *path = container_run_dir(engine, c->id);
	struct network_endpoint *endpoints;
	size_t n;

	if (!path)
		return error_no_memory(err);
	_cleanup_close_ int run_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* One that was started without a resolver stays without. */
	if (run_dir < 0 || faccessat(run_dir, MONITOR_RESOLVER, F_OK, 0) < 0)
		return 0;
	int r = network_endpoints_of_container(host, &arena, c->id, &endpoints, &n, err);
	return r < 0 ? r : names_write_resolver(engine, c, run_dir, endpoints, n, err);
}

static int check_connectable(const struct container *c, struct hull_error *err)
{
	switch (container_network_mode(c->config)) {
	case NETWORK_MODE_NONE:
		return error_set(err, HULL_ERROR_INVALID,
			"container cannot be connected to multiple networks with one of the networks in "
			"private (none) mode");
	case NETWORK_MODE_NETWORKS:
		return 0;
	default:
		return error_set(err, HULL_ERROR_INVALID,
			"container sharing network namespace with another container or host cannot be "
			"connected to any other network");
	}
}

static int add_to_hosts(struct engine *engine, const struct container *c,
	const struct network_endpoint *endpoint, struct hull_error *err)
{
	_cleanup_free_ char *path = container_run_dir(engine, c->id);
	_cleanup_close_ int run_dir =
		path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
	char text[NETWORK_ADDRESS_TEXT];
	int r = 0;

	if (run_dir < 0)
		return error_errno(err, errno, "%s", path ? path : "run directory");
	for (size_t f = 0; r == 0 && f < ARRAY_SIZE(endpoint->address); f++) {
		if (!network_address_is_set(&endpoint->address[f].address))
			continue;
		network_address_format(&endpoint->address[f].address, text);
		r = files_add_address(
			run_dir, text, c->config->hostname, c->config->domainname, err);
	}
	return r;
}

/* The network that is to change, and the container's namespace (-1 if it does not run) as it is while
 * the lock is held. */
struct change {
	struct network_host *host;
	struct network *network;
	int lock, namespace;
};

static void change_done(struct change *change)
{
	cleanup_closep(&change->namespace);
	cleanup_closep(&change->lock);
}

static int change_begin(struct engine *engine, struct container *c, const char *name,
	struct change *ret, struct hull_error *err)
{
	_cleanup_container_ struct container *now = NULL;

	*ret = (struct change){.lock = -1, .namespace = -1};
	int r = engine_networks(engine, &ret->host, err);
	if (r == 0)
		r = network_find(ret->host, &c->arena, name, &ret->network, err);
	if (r == 0)
		r = container_network_lock(engine, c, &ret->lock, err);
	if (r == 0)
		r = container_load_id(engine, c->id, &now, err);
	return r < 0 ? r : open_namespace(engine, now, &ret->namespace, err);
}

static int change_end(struct engine *engine, const struct container *c, const struct change *change,
	struct hull_error *err)
{
	const struct network_endpoint changed = {.network = change->network};
	int r = publish_all(engine, &changed, 1, err);

	return r < 0 ? r : rewrite_resolver(engine, c, change->host, err);
}

int container_network_connect(struct engine *engine, struct container *c, const char *name,
	const struct network_endpoint_config *config, struct hull_error *err)
{
	_cleanup_(change_done) struct change change = {.lock = -1, .namespace = -1};
	struct network_endpoint *endpoint;
	int r = check_connectable(c, err);

	if (r == 0)
		r = change_begin(engine, c, name, &change, err);
	if (r == 0 && change.namespace >= 0)
		r = network_connect_recover(
			change.host, c->id, change.network, change.namespace, err);
	if (r == 0)
		r = network_endpoint_add(change.host, c->id, change.network, config, err);
	if (r < 0 || change.namespace < 0)
		return r;
	r = network_connect(
		change.host, &c->arena, c->id, change.network, change.namespace, &endpoint, err);
	if (r < 0) {
		/* It may have come as far as its interface, which must not outlive the lease. */
		network_disconnect(change.host, c->id, change.network, change.namespace, NULL);
		network_endpoint_remove(change.host, c->id, change.network, NULL);
		return r;
	}
	r = add_to_hosts(engine, c, endpoint, err);
	return r < 0 ? r : change_end(engine, c, &change, err);
}

int container_network_disconnect(struct engine *engine, struct container *c, const char *name,
	bool force, struct hull_error *err)
{
	_cleanup_(change_done) struct change change = {.lock = -1, .namespace = -1};
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	int r = change_begin(engine, c, name, &change, err);

	if (r == 0 && change.namespace >= 0) {
		r = network_disconnect(change.host, c->id, change.network, change.namespace, &why);
		if (r < 0 && !force) {
			error_move(err, &why);
			return r;
		}
		r = 0;
	}
	if (r == 0)
		r = network_endpoint_remove(change.host, c->id, change.network, err);
	return r < 0 || change.namespace < 0 ? r : change_end(engine, c, &change, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints of running containers: the messages that a start would have had performed by the runtime,
 * sent here; the child's by a child that has entered the container's network namespace and nothing
 * else of it. With the set of endpoints the default routes change, and where published ports lead.
 */
#include "network/host.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/link.h"
#include "sys/netlink.h"
#include "sys/process.h"

#include <linux/rtnetlink.h>
#include <sched.h>

/* ---- Performing ---- */

struct verdict {
	int32_t error; /* 0 or -errno */
	uint32_t step, message;
};

static int perform_messages(const struct plan_network_step *s, uint32_t *message)
{
	_cleanup_free_ char *data = malloc(s->length);
	int index = s->link ? link_number(s->link) : 0;

	if (!data)
		return -ENOMEM;
	if (index < 0)
		return index;
	memcpy(data, s->data, s->length);
	for (size_t i = 0; i < s->n_link_offsets; i++)
		memcpy(data + s->link_offsets[i], &index, sizeof(index));
	return netlink_perform(s->protocol, data, s->length, message);
}

static int perform(const struct plan_network_step *s, uint32_t *message)
{
	char path[160];

	if (!s->sysctl)
		return perform_messages(s, message);
	snprintf(path, sizeof(path), "/proc/sys/%s", s->sysctl);
	return file_write_at(AT_FDCWD, path, s->value, strlen(s->value));
}

static struct verdict perform_side(const struct plan_network_step *steps, size_t n, bool child)
{
	struct verdict v = {.message = UINT32_MAX};

	for (size_t i = 0; i < n && v.error == 0; i++) {
		v.step = (uint32_t)i;
		if (steps[i].child == child)
			v.error = perform(&steps[i], &v.message);
	}
	return v;
}

static int verdict_error(
	const struct plan_network_step *steps, const struct verdict *v, struct hull_error *err)
{
	const struct plan_network_step *s = &steps[v->step];
	const char *subject = NULL;

	for (uint32_t i = 0; s->subjects && s->subjects[i] && !subject; i++)
		subject = i == v->message ? s->subjects[i] : NULL;
	return error_errno(
		err, v->error, "%s%s%s", s->words, subject ? ": " : "", subject ? subject : "");
}

static _Noreturn void child_main(
	const struct plan_network_step *steps, size_t n, int netns_fd, int report)
{
	struct verdict v = {.message = UINT32_MAX};

	if (setns(netns_fd, CLONE_NEWNET) < 0)
		v.error = -errno;
	else
		v = perform_side(steps, n, true);
	fd_write_all(report, &v, sizeof(v));
	_exit(0);
}

static int perform_inside(
	const struct plan_network_step *steps, size_t n, int netns_fd, struct hull_error *err)
{
	_cleanup_close_ int in = -1, out = -1;
	struct verdict v;
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	in = ends[0];
	out = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return error_errno(err, errno, "fork");
	if (pid == 0)
		child_main(steps, n, netns_fd, out);
	cleanup_closep(&out);
	int r = fd_read_exact(in, &v, sizeof(v));
	process_wait(pid, &status);
	if (r < 0)
		return error_errno(err, r, "the container's network namespace");
	return v.error ? verdict_error(steps, &v, err) : 0;
}

/* ---- The endpoints of a container that have a lease ---- */

struct endpoints {
	struct network_endpoint *items;
	size_t n;
	struct network_binding *bindings;
	size_t n_bindings;
};

static int load(struct network_host *host, struct arena *arena, const char *container_id,
	struct endpoints *ret, struct hull_error *err)
{
	int r = endpoints_load(host, arena, container_id, NULL, &ret->items, &ret->n, err);

	return r < 0 ? r
		     : network_bindings(
			       host, arena, container_id, &ret->bindings, &ret->n_bindings, err);
}

/* Drops those without a lease, except one. */
static void keep_active(struct endpoints *all, const struct network_endpoint *also)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (all->items[i].id[0] || &all->items[i] == also)
			all->items[kept++] = all->items[i];
	}
	all->n = kept;
}

static struct network_endpoint *find(struct endpoints *all, const struct network *network)
{
	for (size_t i = 0; i < all->n; i++) {
		if (str_eq(all->items[i].network->id, network->id))
			return &all->items[i];
	}
	return NULL;
}

static int not_connected(
	const char *container_id, const struct network *network, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_NOT_FOUND,
		"container %.12s is not connected to network %s", container_id, network->name);
}

static int change_ports(
	struct network_host *host, const struct endpoints *all, bool add, struct hull_error *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	attach_port_elements(
		&b, host->table, all->items, all->n, all->bindings, all->n_bindings, add);
	return firewall_send(host, &b, err);
}

static int change_routes(struct network_host *host, struct arena *arena, struct endpoints *all,
	int netns_fd, struct hull_error *err)
{
	struct plan_network_step *steps = arena_array(arena, all->n + 1, sizeof(*steps));
	size_t n = 0;
	int r = steps ? 0 : error_no_memory(err);

	for (size_t i = 0; r == 0 && i < all->n; i++) {
		r = lease_record_gateway(host, &all->items[i], err);
		if (r == 0)
			r = attach_routes(arena, &all->items[i], steps, &n, err);
	}
	return r < 0 || n == 0 ? r : perform_inside(steps, n, netns_fd, err);
}

/* ---- Taking an interface away ---- */

/* An interface that is there in the container's namespace alone is removed from inside. */
static int remove_inside(
	struct arena *arena, const struct network_endpoint *e, int netns_fd, struct hull_error *err)
{
	static const struct ifinfomsg info;
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct plan_network_step step = {.child = true, .protocol = NETLINK_ROUTE};

	size_t m = netlink_begin(&b, RTM_DELLINK, NLM_F_ACK, 0, &info, sizeof(info));
	netlink_attr_text(&b, IFLA_IFNAME, e->link);
	netlink_end(&b, m);
	step.data = b.data;
	step.length = b.len;
	step.words = arena_printf(arena, "remove %s", e->link);
	if (buf_error(&b) || !step.words)
		return error_no_memory(err);
	int r = perform_inside(&step, 1, netns_fd, &why);
	if (r < 0 && why.errnum == ENODEV)
		return 0;
	if (r < 0)
		error_move(err, &why);
	return r;
}

static int detach(struct network_host *host, struct arena *arena, const struct network_endpoint *e,
	int netns_fd, struct hull_error *err)
{
	if (!e->host_link[0])
		return remove_inside(arena, e, netns_fd, err);
	int r = link_remove(host, e->host_link);
	return r < 0 && r != -ENODEV ? error_errno(err, r, "remove %s", e->host_link) : 0;
}

/* ---- Connecting ---- */

/* The first number that no interface's name has. */
static size_t free_name_index(const struct endpoints *all, const struct network *network)
{
	char name[IFNAMSIZ];

	for (size_t index = 0;; index++) {
		bool taken = false;
		snprintf(name, sizeof(name), "%.11s%zu", network->container_prefix, index);
		for (size_t i = 0; i < all->n; i++)
			taken |= str_eq(all->items[i].link, name);
		if (!taken)
			return index;
	}
}

static int give(struct network_host *host, const struct endpoints *all, struct network_endpoint *e,
	struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	int r = metadata_begin(host->md, &t, err);

	if (r == 0)
		r = lease_give(host, e, free_name_index(all, e->network), false, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

static int attach(struct network_host *host, struct arena *arena, struct network_endpoint *e,
	int netns_fd, struct hull_error *err)
{
	struct plan_network_step steps[ATTACH_STEPS_MAX];
	struct attach_target target;
	size_t n = 0;
	int r = 0;

	if (e->network->driver == NETWORK_DRIVER_BRIDGE)
		r = firewall_ensure(host, false, err);
	if (r == 0)
		r = prepare_target(host, e, false, &target, err);
	if (r < 0)
		return r;
	target.by_fd = true;
	target.fd = netns_fd;
	r = attach_compile(arena, e, &target, steps, &n, err);
	if (r < 0)
		return r;
	struct verdict v = perform_side(steps, n, false);
	if (v.error)
		return verdict_error(steps, &v, err);
	return perform_inside(steps, n, netns_fd, err);
}

int network_connect(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network *network, int netns_fd, struct network_endpoint **ret,
	struct hull_error *err)
{
	struct endpoints all;
	int r = load(host, arena, container_id, &all, err);

	if (r < 0)
		return r;
	struct network_endpoint *e = find(&all, network);
	if (!e)
		return not_connected(container_id, network, err);
	if (e->id[0])
		return error_set(err, HULL_ERROR_CONFLICT,
			"container %.12s is already attached to network %s", container_id,
			network->name);
	keep_active(&all, e);
	e = find(&all, network);
	/* Without an address the new one does not count among those that ports lead to. */
	struct endpoints before = all;
	before.items = arena_memdup(arena, all.items, all.n * sizeof(*all.items));
	if (!before.items)
		return error_no_memory(err);
	r = network_make_ready(host, arena, e->network, err);
	e->unfinished = true;
	if (r == 0)
		r = give(host, &all, e, err);
	if (r == 0)
		r = attach(host, arena, e, netns_fd, err);
	if (r < 0) {
		/* One that was there under this name is not ours. */
		if (e->link[0] && r != -EEXIST)
			detach(host, arena, e, netns_fd, NULL);
		lease_take_back(host, container_id, e->network->id, NULL);
		return r;
	}
	r = change_ports(host, &before, false, err);
	lease_choose_gateways(all.items, all.n);
	if (r == 0)
		r = change_routes(host, arena, &all, netns_fd, err);
	if (r == 0)
		r = change_ports(host, &all, true, err);
	e->unfinished = false;
	if (r == 0)
		r = lease_record_gateway(host, e, err);
	*ret = e;
	return r;
}

/* ---- Disconnecting ---- */

int network_connect_recover(struct network_host *host, const char *container_id,
	const struct network *network, int netns_fd, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct endpoints all;
	int r = load(host, &arena, container_id, &all, err);
	const struct network_endpoint *e = r == 0 ? find(&all, network) : NULL;

	if (!e || (e->id[0] && !e->unfinished))
		return r;
	r = network_disconnect(host, container_id, network, netns_fd, err);
	return r < 0 ? r : network_endpoint_remove(host, container_id, network, err);
}

int network_disconnect(struct network_host *host, const char *container_id,
	const struct network *network, int netns_fd, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct endpoints all;
	int r = load(host, &arena, container_id, &all, err);

	if (r < 0)
		return r;
	if (!find(&all, network))
		return not_connected(container_id, network, err);
	keep_active(&all, NULL);
	/* Without a lease, somebody was killed before its interface was made or after it went. */
	struct network_endpoint *e = find(&all, network);
	if (!e)
		return 0;
	r = change_ports(host, &all, false, err);
	if (r == 0)
		r = detach(host, &arena, e, netns_fd, err);
	if (r == 0)
		r = lease_take_back(host, container_id, network->id, err);
	if (r < 0)
		return r;
	*e = all.items[--all.n];
	lease_choose_gateways(all.items, all.n);
	r = change_routes(host, &arena, &all, netns_fd, err);
	return r < 0 ? r : change_ports(host, &all, true, err);
}

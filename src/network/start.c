/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and stopping. What is recorded is recorded before it exists in the kernel, and forgotten
 * after it is gone there: whatever dies in between leaves rows that name what has to be cleared, and
 * network_stop() may be repeated.
 */
#include "network/host.h"
#include "base/fd.h"
#include "base/str.h"

void network_started_done(struct network_started *started)
{
	for (size_t i = 0; i < started->n_fds; i++)
		cleanup_closep(&started->fds[i]);
	started->n_fds = 0;
}

/* ---- Targets ---- */

/* Frames between ports of a bridge pass the packet filter too, if the host wants it so; then what is
 * led back to the container that it came from leaves by the port that it came in by. */
static bool frames_are_filtered(void)
{
	static const char *const files[] = {"/proc/sys/net/bridge/bridge-nf-call-iptables",
		"/proc/sys/net/bridge/bridge-nf-call-ip6tables"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *value = NULL;
		if (file_read_line_at(AT_FDCWD, files[i], &value) == 0 && !str_eq(value, "0"))
			return true;
	}
	return false;
}

int prepare_target(struct network_host *host, const struct network_endpoint *e, bool explain,
	struct attach_target *target, struct hull_error *err)
{
	const struct network *n = e->network;

	*target = (struct attach_target){.ipv6 = host_has_ipv6(),
		.hairpin = n->driver == NETWORK_DRIVER_BRIDGE && frames_are_filtered()};
	if (explain) {
		int index = link_index(host, n->link);
		target->master = index > 0 ? index : 0;
		return 0;
	}
	return n->driver == NETWORK_DRIVER_BRIDGE ? bridge_ensure(host, n, &target->master, err)
						  : parent_ensure(host, n, &target->master, err);
}

static int check_endpoints(struct network_host *host, struct arena *arena,
	struct network_endpoint *endpoints, size_t n, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (endpoints[i].gone)
			return error_set(err, HULL_ERROR_NOT_FOUND, "network %s not found",
				endpoints[i].network->name);
		r = network_make_ready(host, arena, endpoints[i].network, err);
	}
	return r;
}

/* ---- Bindings ---- */

int network_bindings(struct network_host *host, struct arena *arena, const char *container_id,
	struct network_binding **ret, size_t *ret_n, struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network_binding *list = NULL;
	size_t n = 0, size = 0;
	int r = metadata_query(host->md, &q, err,
		"SELECT protocol, host_ip, host_port, container_port, count FROM network_binding"
		" WHERE container_id = ? ORDER BY position",
		"t", container_id);

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		if (n == size) {
			size = size ? 2 * size : 8;
			struct network_binding *larger = arena_array(arena, size, sizeof(*larger));
			if (!larger)
				return error_no_memory(err);
			if (n)
				memcpy(larger, list, n * sizeof(*larger));
			list = larger;
		}
		struct network_binding *b = &list[n++];
		b->protocol = (uint8_t)metadata_int(q, 0);
		b->host_first = (uint16_t)metadata_int(q, 2);
		b->container_first = (uint16_t)metadata_int(q, 3);
		b->count = (uint16_t)metadata_int(q, 4);
		r = network_address_parse(metadata_text(q, 1), &b->host_ip);
		if (r < 0)
			return error_errno(err, r, "published port in the database");
	}
	if (r < 0)
		return r;
	*ret = list;
	*ret_n = n;
	return 0;
}

static int record_bindings(struct network_host *host, const char *container_id,
	const struct network_started *s, struct hull_error *err)
{
	char text[NETWORK_ADDRESS_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_bindings; i++) {
		const struct network_binding *b = &s->bindings[i];
		network_address_format(&b->host_ip, text);
		r = metadata_exec(host->md, err,
			"INSERT INTO network_binding (container_id, position, protocol, host_ip,"
			" host_port, container_port, count) VALUES (?, ?, ?, ?, ?, ?, ?)",
			"tiitiii", container_id, (int64_t)i, (int64_t)b->protocol, text,
			(int64_t)b->host_first, (int64_t)b->container_first, (int64_t)b->count);
	}
	return r;
}

static bool same_place(const struct network_address *a, const struct network_address *b)
{
	return a->family == b->family && (network_address_is_any(a) || network_address_is_any(b) ||
						 network_address_compare(a, b) == 0);
}

/* We hold the port, so whoever is recorded with it has died and was not settled yet. 1 = there is one. */
static int find_dead_holder(struct network_host *host, const char *container_id,
	const struct network_binding *b, char dead[NETWORK_ID_LENGTH + 1], struct hull_error *err)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	struct network_address there;
	int r = metadata_query(host->md, &q, err,
		"SELECT container_id, host_ip FROM network_binding WHERE container_id != ?"
		" AND protocol = ? AND host_port < ? AND host_port + count > ?",
		"tiii", container_id, (int64_t)b->protocol, (int64_t)(b->host_first + b->count),
		(int64_t)b->host_first);

	while (r == 0 && (r = metadata_next(q, err)) > 0) {
		if (network_address_parse(metadata_text(q, 1), &there) == 0 &&
			same_place(&there, &b->host_ip) &&
			str_copy(dead, NETWORK_ID_LENGTH + 1, metadata_text(q, 0)) == 0)
			return 1;
		r = 0;
	}
	return r;
}

static int remove_elements(struct network_host *host, struct arena *arena, const char *container_id,
	struct hull_error *err)
{
	struct network_endpoint *endpoints;
	struct network_binding *bindings;
	size_t n_endpoints, n_bindings;
	_cleanup_buf_ struct buf b = BUF_INIT;
	bool datagrams = false;
	int r = network_bindings(host, arena, container_id, &bindings, &n_bindings, err);

	if (r < 0 || n_bindings == 0)
		return r;
	r = endpoints_load(host, arena, container_id, NULL, &endpoints, &n_endpoints, err);
	if (r < 0)
		return r;
	attach_port_elements(&b, host->table, endpoints, n_endpoints, bindings, n_bindings, false);
	r = firewall_send(host, &b, err);
	for (size_t i = 0; i < n_bindings; i++)
		datagrams |= bindings[i].protocol == IPPROTO_UDP;
	/* A stream ends with its container; datagrams would follow the address to its next holder. */
	for (size_t i = 0; datagrams && i < n_endpoints; i++) {
		for (size_t k = 0; k < 2; k++) {
			if (network_address_is_set(&endpoints[i].address[k].address))
				firewall_forget_connections(host, &endpoints[i].address[k].address);
		}
	}
	return r;
}

static int forget_bindings(
	struct network_host *host, const char *container_id, struct hull_error *err)
{
	return metadata_exec(host->md, err, "DELETE FROM network_binding WHERE container_id = ?",
		"t", container_id);
}

static int take_over(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_binding *b, struct hull_error *err)
{
	char dead[NETWORK_ID_LENGTH + 1];
	int r;

	while ((r = find_dead_holder(host, container_id, b, dead, err)) > 0) {
		r = remove_elements(host, arena, dead, err);
		if (r == 0)
			r = forget_bindings(host, dead, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- Start ---- */

static int give_leases(struct network_host *host, struct network_endpoint *endpoints, size_t n,
	bool explain, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; i < n; i++)
		memset(endpoints[i].address, 0, sizeof(endpoints[i].address));
	lease_choose_gateways(endpoints, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = lease_give(host, &endpoints[i], i, explain, err);
	return r;
}

static int compile(struct network_host *host, struct arena *arena, bool explain,
	struct network_started *s, struct hull_error *err)
{
	size_t bridges = 0;
	int r = 0;

	s->steps = arena_array(arena, s->n_endpoints * ATTACH_STEPS_MAX + 1, sizeof(*s->steps));
	if (!s->steps)
		return error_no_memory(err);
	for (size_t i = 0; i < s->n_endpoints; i++)
		bridges += s->endpoints[i].network->driver == NETWORK_DRIVER_BRIDGE;
	if (bridges && !explain)
		r = firewall_ensure(host, false, err);
	for (size_t i = 0; r == 0 && i < s->n_endpoints; i++) {
		struct attach_target target;
		r = prepare_target(host, &s->endpoints[i], explain, &target, err);
		if (r == 0)
			r = attach_compile(
				arena, &s->endpoints[i], &target, s->steps, &s->n_steps, err);
	}
	if (r == 0)
		r = attach_ports(arena, host->table, s->endpoints, s->n_endpoints, s->bindings,
			s->n_bindings, s->steps, &s->n_steps, err);
	return r;
}

static int record(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_port *ports, size_t n_ports, struct network_started *s,
	struct hull_error *err)
{
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	int r = metadata_begin(host->md, &t, err);

	if (r == 0)
		r = give_leases(host, s->endpoints, s->n_endpoints, false, err);
	if (r == 0)
		r = hold_ports(arena, ports, n_ports, s->endpoints, s->n_endpoints, host_has_ipv6(),
			s, err);
	for (size_t i = 0; r == 0 && i < s->n_bindings; i++)
		r = take_over(host, arena, container_id, &s->bindings[i], err);
	if (r == 0)
		r = record_bindings(host, container_id, s, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

/* A run that nobody settled has left its lease and what it had published. */
static int clear_earlier_run(struct network_host *host, const char *container_id,
	struct network_endpoint *endpoints, size_t n, struct hull_error *err)
{
	bool left = false;

	for (size_t i = 0; i < n; i++) {
		left |= endpoints[i].id[0] != '\0';
		endpoints[i].id[0] = '\0';
	}
	return left ? network_stop(host, container_id, err) : 0;
}

int network_start(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_port *ports, size_t n_ports, struct network_started *ret,
	struct hull_error *err)
{
	_cleanup_(network_started_done) struct network_started s = {0};
	int r = endpoints_load(host, arena, container_id, NULL, &s.endpoints, &s.n_endpoints, err);

	if (r == 0 && s.n_endpoints)
		r = clear_earlier_run(host, container_id, s.endpoints, s.n_endpoints, err);
	if (r == 0 && s.n_endpoints)
		r = check_endpoints(host, arena, s.endpoints, s.n_endpoints, err);
	if (r == 0 && s.n_endpoints)
		r = record(host, arena, container_id, ports, n_ports, &s, err);
	if (r == 0 && s.n_endpoints)
		r = compile(host, arena, false, &s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct network_started){0};
	return 0;
}

int network_explain(struct network_host *host, struct arena *arena, const char *container_id,
	const struct network_wish *wishes, size_t n_wishes, const struct network_port *ports,
	size_t n_ports, struct network_started *ret, struct hull_error *err)
{
	/* Never committed: what is chosen for an unused network is forgotten again. */
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	_cleanup_(network_started_done) struct network_started s = {0};
	int r = 0;

	s.endpoints = arena_array(arena, n_wishes + 1, sizeof(*s.endpoints));
	if (!s.endpoints)
		return error_no_memory(err);
	r = metadata_begin(host->md, &t, err);
	for (size_t i = 0; r == 0 && i < n_wishes; i++) {
		struct network_endpoint *e = &s.endpoints[s.n_endpoints++];
		e->container_id = arena_strdup(arena, container_id);
		e->position = (int64_t)i;
		e->config = wishes[i].config
				    ? arena_memdup(arena, wishes[i].config, sizeof(*e->config))
				    : arena_new(arena, struct network_endpoint_config);
		if (!e->container_id || !e->config)
			return error_no_memory(err);
		r = network_find(host, arena, wishes[i].network, &e->network, err);
	}
	if (r == 0)
		r = check_endpoints(host, arena, s.endpoints, s.n_endpoints, err);
	if (r == 0)
		r = give_leases(host, s.endpoints, s.n_endpoints, true, err);
	/* A container that runs now has its ports, and nobody could hold them. */
	if (r == 0)
		r = network_bindings(host, arena, container_id, &s.bindings, &s.n_bindings, err);
	if (r == 0 && s.n_bindings == 0)
		r = hold_ports(arena, ports, n_ports, s.endpoints, s.n_endpoints, host_has_ipv6(),
			&s, err);
	if (r == 0)
		r = compile(host, arena, true, &s, err);
	if (r < 0)
		return r;
	network_started_done(&s);
	*ret = s;
	return 0;
}

/* ---- Stop ---- */

int network_stop(struct network_host *host, const char *container_id, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_(metadata_rollback) struct metadata_transaction t = METADATA_TRANSACTION_INIT;
	int64_t something;
	int r = metadata_get_int(host->md, &something, err,
		"SELECT 1 FROM network_endpoint WHERE container_id = ?1 AND id IS NOT NULL"
		" UNION ALL SELECT 1 FROM network_binding WHERE container_id = ?1",
		"t", container_id);

	if (r <= 0)
		return r;
	r = remove_elements(host, &arena, container_id, err);
	if (r == 0)
		r = metadata_begin(host->md, &t, err);
	if (r == 0)
		r = forget_bindings(host, container_id, err);
	if (r == 0)
		r = lease_take_back(host, container_id, NULL, err);
	return r < 0 ? r : metadata_commit(&t, err);
}

/* ---- Reload ---- */

int network_reload(struct network_host *host, struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network **networks;
	size_t n;
	int r = network_list(host, &arena, &networks, &n, err);

	/* A root without bridges needs no table. */
	bool bridges = false;
	for (size_t i = 0; r == 0 && i < n; i++)
		bridges |= networks[i]->driver == NETWORK_DRIVER_BRIDGE && networks[i]->ready;
	if (r == 0 && bridges)
		r = firewall_ensure(host, true, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (networks[i]->driver == NETWORK_DRIVER_BRIDGE && networks[i]->ready)
			r = bridge_reconfigure(host, networks[i], err);
	}
	return r;
}

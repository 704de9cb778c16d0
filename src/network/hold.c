/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding published ports. One socket holds a port of both families where the port is published
 * on every address. Its filter lets in what is to be relayed and nothing else, so that the kernel does not
 * answer a connection before (or after) it is led to the container.
 */
#include "network/host.h"
#include "base/str.h"

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BACKLOG 128

struct holding {
	struct arena *arena;
	const struct network_endpoint
		*endpoint[2]; /* where ports of the families go; NULL = nowhere */
	bool ipv6;	      /* the host has it */
	struct network_started *out;
	size_t fds_size, bindings_size;
	struct hull_error *err;
};

/* ---- Filters ---- */

enum admission { ADMIT_NOTHING, ADMIT_LOOPBACK6, ADMIT_IPV6 };

#define NETWORK_HEADER (uint32_t) SKF_NET_OFF
#define LOAD_BYTE(at)  BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NETWORK_HEADER + (at))
#define LOAD_WORD(at)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NETWORK_HEADER + (at))
#define UNLESS(k, to)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (to))
#define IS_IPV6(to)    LOAD_BYTE(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0), UNLESS(0x60, (to))
#define DROP	       BPF_STMT(BPF_RET | BPF_K, 0)
#define PASS	       BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)

static int set_filter(int fd, enum admission admission)
{
	static struct sock_filter nothing[] = {DROP};
	static struct sock_filter ipv6[] = {IS_IPV6(1), PASS, DROP};
	/* The destination is ::1. */
	static struct sock_filter loopback6[] = {IS_IPV6(9), LOAD_WORD(24), UNLESS(0, 7),
		LOAD_WORD(28), UNLESS(0, 5), LOAD_WORD(32), UNLESS(0, 3), LOAD_WORD(36),
		UNLESS(1, 1), PASS, DROP};
	static const struct sock_fprog programs[] = {
		[ADMIT_NOTHING] = {ARRAY_SIZE(nothing), nothing},
		[ADMIT_LOOPBACK6] = {ARRAY_SIZE(loopback6), loopback6},
		[ADMIT_IPV6] = {ARRAY_SIZE(ipv6), ipv6},
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &programs[admission],
		       sizeof(programs[admission])) < 0
		       ? -errno
		       : 0;
}

/* ---- One socket ---- */

static socklen_t fill_address(
	struct sockaddr_storage *ss, const struct network_address *a, uint16_t port)
{
	*ss = (struct sockaddr_storage){0};
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)ss;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in = (void *)ss;
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	memcpy(&in->sin6_addr, a->bytes, 16);
	return sizeof(*in);
}

static int bind_port(int fd, uint8_t protocol, const struct network_address *a, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t n = fill_address(&ss, a, *port);

	/* Connections that linger on the port do not matter: nothing of it is answered here. For UDP
	 * the same option would share the port. */
	if (protocol == IPPROTO_TCP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&ss, n) < 0)
		return -errno;
	if (protocol == IPPROTO_TCP && listen(fd, BACKLOG) < 0)
		return -errno;
	n = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
		return -errno;
	*port = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
					      : ((struct sockaddr_in6 *)&ss)->sin6_port);
	return 0;
}

/* fd, or -errno; *port 0 becomes the one that the kernel chose (net.ipv4.ip_local_port_range). */
static int hold(uint8_t protocol, const struct network_address *a, bool both,
	enum admission admission, uint16_t *port)
{
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	_cleanup_close_ int fd = socket(a->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd < 0)
		return -errno;
	if (a->family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){!both}, sizeof(int));
	int r = set_filter(fd, admission);
	if (r == 0)
		r = bind_port(fd, protocol, a, port);
	return r < 0 ? r : TAKE_FD(fd);
}

/* ---- What is recorded ---- */

static int grow(void **items, size_t *size, size_t n, size_t item, struct arena *arena)
{
	if (n < *size)
		return 0;
	size_t larger = *size ? 2 * *size : 8;
	void *copy = arena_array(arena, larger, item);
	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, *items, n * item);
	*items = copy;
	*size = larger;
	return 0;
}

static int keep_fd(struct holding *h, int fd, const struct network_relay_target *target)
{
	struct network_started *out = h->out;
	size_t size = h->fds_size;
	int r = grow((void **)&out->fds, &size, out->n_fds, sizeof(int), h->arena);

	if (r == 0)
		r = grow((void **)&out->targets, &h->fds_size, out->n_fds, sizeof(*out->targets),
			h->arena);
	if (r < 0) {
		close(fd);
		return error_no_memory(h->err);
	}
	out->fds[out->n_fds] = fd;
	out->targets[out->n_fds++] = *target;
	return 0;
}

/* A port that continues the range before it on both sides belongs to it. */
static int keep_binding(struct holding *h, uint8_t protocol, const struct network_address *host_ip,
	uint16_t host, uint16_t container)
{
	struct network_started *out = h->out;

	for (size_t i = 0; i < out->n_bindings; i++) {
		struct network_binding *b = &out->bindings[i];
		if (b->protocol == protocol && b->count < UINT16_MAX &&
			network_address_compare(&b->host_ip, host_ip) == 0 &&
			b->host_first + b->count == host &&
			b->container_first + b->count == container) {
			b->count++;
			return 0;
		}
	}
	if (grow((void **)&out->bindings, &h->bindings_size, out->n_bindings,
		    sizeof(*out->bindings), h->arena) < 0)
		return error_no_memory(h->err);
	out->bindings[out->n_bindings++] =
		(struct network_binding){protocol, *host_ip, host, container, 1};
	return 0;
}

/* ---- One port ---- */

/* What relay.h carries; it makes both families of a port possible where the container has one. */
static bool is_relayed(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* Where the socket stands for one port of a container. */
struct place {
	struct network_address bind;	/* the socket's */
	struct network_address show[2]; /* the bindings'; family 0 = none */
	bool both;
};

static int taken(struct holding *h, int r, const struct place *p, uint8_t protocol, uint16_t port)
{
	/* What is asked for on every address is known by its IPv4 name. */
	const struct network_address *a = p->both ? &p->show[0] : &p->bind;
	char text[NETWORK_ADDRESS_TEXT];
	bool six = a->family == AF_INET6;

	network_address_format(a, text);
	if (r == -EADDRINUSE)
		return error_set(h->err, HULL_ERROR_CONFLICT,
			"Bind for %s%s%s:%u failed: port is already allocated", six ? "[" : "",
			text, six ? "]" : "", port);
	return error_errno(h->err, r, "Bind for %s%s%s:%u/%s failed", six ? "[" : "", text,
		six ? "]" : "", port, network_protocol_name(protocol));
}

/* Every address: one socket for both families where the host has IPv6. */
static struct place everywhere(const struct holding *h, uint8_t protocol)
{
	struct place p = {.bind = {.family = AF_INET}};
	bool six = h->ipv6 && (h->endpoint[1] || is_relayed(protocol));

	if (h->endpoint[0])
		p.show[0].family = AF_INET;
	if (six) {
		p.bind.family = p.show[1].family = AF_INET6;
		p.both = h->endpoint[0];
	}
	return p;
}

static enum admission choose_admission(
	const struct holding *h, const struct place *p, uint8_t protocol)
{
	if (!is_relayed(protocol) || p->bind.family != AF_INET6)
		return ADMIT_NOTHING;
	if (!h->endpoint[1])
		return ADMIT_IPV6;
	return network_address_is_any(&p->bind) || network_address_is_loopback(&p->bind)
		       ? ADMIT_LOOPBACK6
		       : ADMIT_NOTHING;
}

static int hold_port(struct holding *h, uint8_t protocol, const struct place *p, uint16_t host,
	uint16_t container, bool report)
{
	enum admission admission = choose_admission(h, p, protocol);
	struct network_relay_target target = {0};
	const struct network_endpoint *e = h->endpoint[1] ? h->endpoint[1] : h->endpoint[0];

	if (admission != ADMIT_NOTHING) {
		target.address = e->address[h->endpoint[1] ? 1 : 0].address;
		target.port = container;
	}
	int fd = hold(protocol, &p->bind, p->both, admission, &host);
	/* A kernel without SCTP has nobody who could take its ports. */
	if (fd == -EPROTONOSUPPORT && protocol == IPPROTO_SCTP && host)
		fd = -1;
	else if (fd < 0)
		return report ? taken(h, fd, p, protocol, host) : fd;
	int r = fd >= 0 ? keep_fd(h, fd, &target) : 0;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		if (network_address_is_set(&p->show[i]))
			r = keep_binding(h, protocol, &p->show[i], host, container);
	}
	return r;
}

/* A range on the host for one port of the container: the first that is free. */
static int hold_any(struct holding *h, const struct network_port *port, const struct place *p)
{
	for (uint32_t host = port->host_first; host <= port->host_last; host++) {
		int r = hold_port(
			h, port->protocol, p, (uint16_t)host, port->container_first, false);
		if (r != -EADDRINUSE)
			return r < 0 && h->err && !h->err->kind
				       ? taken(h, r, p, port->protocol, (uint16_t)host)
				       : r;
	}
	return error_set(h->err, HULL_ERROR_CONFLICT,
		"Bind for port range %u-%u failed: all ports are allocated", port->host_first,
		port->host_last);
}

static struct place choose_place(const struct holding *h, const struct network_port *port)
{
	struct network_address a = port->host_ip;

	if (!network_address_is_set(&a) && h->endpoint[0])
		a = h->endpoint[0]->network->host_binding;
	if (!network_address_is_set(&a))
		return everywhere(h, port->protocol);
	struct place p = {.bind = a};
	p.show[a.family == AF_INET6] = a;
	return p;
}

static bool is_reachable(const struct holding *h, const struct place *p, uint8_t protocol)
{
	if (p->bind.family == AF_INET)
		return h->endpoint[0];
	return h->endpoint[1] || is_relayed(protocol);
}

static int hold_request(struct holding *h, const struct network_port *port)
{
	struct place p = choose_place(h, port);
	int r = 0;

	if (!is_reachable(h, &p, port->protocol))
		return error_set(h->err, HULL_ERROR_UNSUPPORTED,
			"publishing %s port %u: the container has no address of that family",
			network_protocol_name(port->protocol), port->container_first);
	if (port->host_first != port->host_last && port->container_first == port->container_last)
		return hold_any(h, port, &p);
	for (uint32_t i = 0; r == 0 && i <= (uint32_t)port->container_last - port->container_first;
		i++)
		r = hold_port(h, port->protocol, &p,
			(uint16_t)(port->host_first ? port->host_first + i : 0),
			(uint16_t)(port->container_first + i), true);
	return r;
}

static void raise_fd_limit(size_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < n + 256) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int hold_ports(struct arena *arena, const struct network_port *ports, size_t n_ports,
	const struct network_endpoint *endpoints, size_t n_endpoints, bool ipv6,
	struct network_started *ret, struct hull_error *err)
{
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;
	struct holding h = {.arena = arena, .ipv6 = ipv6, .out = ret, .err = &own};
	size_t total = 0;
	int r = 0;

	h.endpoint[0] = attach_published(endpoints, n_endpoints, AF_INET);
	h.endpoint[1] = attach_published(endpoints, n_endpoints, AF_INET6);
	/* Without a network that publishes, ports are no error, as with Docker. */
	if (!h.endpoint[0] && !h.endpoint[1])
		return 0;
	for (size_t i = 0; i < n_ports; i++)
		total += ports[i].container_last - ports[i].container_first + 1U;
	if (total > NETWORK_PORTS_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "more than %d published ports", NETWORK_PORTS_MAX);
	raise_fd_limit(total);
	for (size_t i = 0; r == 0 && i < n_ports; i++)
		r = hold_request(&h, &ports[i]);
	if (r < 0)
		error_move(err, &own);
	return r;
}

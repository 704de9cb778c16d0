/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel is told about an endpoint, as messages that somebody else sends: the runtime while
 * it starts a container, or connect.c into a running one. Nothing of the system is touched here.
 *
 *	caller   one message makes the pair of interfaces: the host's end up and on its bridge, the
 *	         other under its final name, number, MAC and MTU in the container's namespace
 *	child    kernel parameters of the interface, then one buffer of messages: addresses (without
 *	         duplicate address detection, which takes seconds), up, default routes
 *	caller   published ports, all in one batch
 *
 * The number of the interface inside is the kernel's choice; who sends the messages fills it in.
 */
#include "network/host.h"
#include "base/str.h"
#include "sys/netlink.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#define SYSCTLS_OPTION "com.docker.network.endpoint.sysctls"
/* Numbers of macvlan and ipvlan interfaces: above all that the kernel gives. */
#define PARENT_INDEX_BASE (1 << 28)

#define LINK_LOCAL4_SIZE 16
#define LINK_LOCAL6_SIZE 64

#define SUBJECTS_MAX 64
#define LINKS_MAX    64

/* A step under construction: texts and bytes go to the arena, failures stick. */
struct draft {
	struct arena *arena;
	struct plan_network_step *step;
	struct buf bytes, undo;
	struct buf words, calls, shell;
	const char **subjects;
	uint32_t seq;
	size_t pid_offset;
	size_t links[LINKS_MAX]; /* where the interface's number belongs */
	size_t n_links;
};

static void draft_done(struct draft *d)
{
	buf_done(&d->bytes);
	buf_done(&d->undo);
	buf_done(&d->words);
	buf_done(&d->calls);
	buf_done(&d->shell);
}

static struct draft draft_begin(struct arena *arena)
{
	return (struct draft){
		.arena = arena, .subjects = arena_array(arena, SUBJECTS_MAX + 1, sizeof(char *))};
}

/* What the next message is about. */
static void draft_subject(struct draft *d, const char *text)
{
	if (d->subjects && d->seq < SUBJECTS_MAX)
		d->subjects[d->seq] = arena_strdup(d->arena, text);
}

/* The number of the interface belongs at this offset behind where the buffer ends now. */
static void draft_link(struct draft *d, size_t offset)
{
	if (d->n_links < LINKS_MAX)
		d->links[d->n_links++] = d->bytes.len + offset;
}

/* link: whose number belongs to the offsets; NULL = there are none. */
static int draft_end(struct draft *d, bool child, int protocol, const char *link,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	struct plan_network_step s = {.child = child,
		.protocol = protocol,
		.data = arena_memdup(d->arena, d->bytes.data, d->bytes.len),
		.length = d->bytes.len,
		.pid_offset = d->pid_offset,
		.subjects = d->subjects,
		.undo = d->undo.len ? arena_memdup(d->arena, d->undo.data, d->undo.len) : NULL,
		.undo_length = d->undo.len,
		.words = arena_strdup(d->arena, buf_str(&d->words)),
		.calls = arena_strdup(d->arena, buf_str(&d->calls)),
		.shell = arena_strdup(d->arena, buf_str(&d->shell))};

	if (link) {
		s.link = link;
		s.link_offsets = arena_memdup(d->arena, d->links, d->n_links * sizeof(size_t));
		s.n_link_offsets = d->n_links;
		if (!s.link_offsets)
			return error_no_memory(err);
	}
	if (buf_error(&d->bytes) || buf_error(&d->undo) || buf_error(&d->words) ||
		buf_error(&d->calls) || buf_error(&d->shell) || !s.data || !s.words || !s.calls ||
		!s.shell || (d->undo.len && !s.undo))
		return error_no_memory(err);
	steps[(*n)++] = s;
	return 0;
}

/* ---- The caller's: the interface ---- */

static void put_namespace(struct draft *d, const struct attach_target *target)
{
	netlink_attr_u32(&d->bytes, target->by_fd ? IFLA_NET_NS_FD : IFLA_NET_NS_PID,
		(uint32_t)(target->by_fd ? target->fd : 0));
	if (!target->by_fd)
		d->pid_offset = d->bytes.len - sizeof(uint32_t);
}

/*
 * One queue in each direction. Recent kernels make as many as there are processors, each with its
 * directories in sysfs, at both ends; nothing but XDP on the interface would use them.
 */
static void put_queues(struct buf *b)
{
	netlink_attr_u32(b, IFLA_NUM_TX_QUEUES, 1);
	netlink_attr_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

static void put_peer(
	struct draft *d, const struct network_endpoint *e, const struct attach_target *target)
{
	static const struct ifinfomsg info;
	struct buf *b = &d->bytes;
	size_t peer = netlink_nest(b, VETH_INFO_PEER | NLA_F_NESTED);

	buf_append(b, &info, sizeof(info));
	netlink_attr_text(b, IFLA_IFNAME, e->link);
	netlink_attr(b, IFLA_ADDRESS, e->mac, sizeof(e->mac));
	put_queues(b);
	if (e->network->mtu)
		netlink_attr_u32(b, IFLA_MTU, e->network->mtu);
	put_namespace(d, target);
	netlink_nest_end(b, peer);
}

/* Properties of a bridge's port; the kernel takes them only once it is one. */
static void put_port(
	struct draft *d, const struct network_endpoint *e, const struct attach_target *target)
{
	static const struct ifinfomsg info;
	struct buf *b = &d->bytes;
	bool isolated = !e->network->icc;

	if (!isolated && !target->hairpin)
		return;
	draft_subject(d, "bridge port");
	size_t m = netlink_begin(b, RTM_NEWLINK, NLM_F_ACK, d->seq++, &info, sizeof(info));
	netlink_attr_text(b, IFLA_IFNAME, e->host_link);
	size_t link = netlink_nest(b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(b, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t data = netlink_nest(b, IFLA_INFO_SLAVE_DATA | NLA_F_NESTED);
	if (isolated)
		netlink_attr_u8(b, IFLA_BRPORT_ISOLATED, 1);
	if (target->hairpin)
		netlink_attr_u8(b, IFLA_BRPORT_MODE, 1);
	netlink_nest_end(b, data);
	netlink_nest_end(b, link);
	netlink_end(b, m);
	buf_printf(&d->words, ", %s", isolated ? "isolated" : "hairpin");
	buf_printf(&d->calls, ", RTM_NEWLINK %s%s%s", e->host_link,
		isolated ? " IFLA_BRPORT_ISOLATED" : "",
		target->hairpin ? " IFLA_BRPORT_MODE" : "");
	buf_printf(&d->shell, "; ip link set %s type bridge_slave%s%s", e->host_link,
		isolated ? " isolated on" : "", target->hairpin ? " hairpin on" : "");
}

static int compile_veth(struct arena *arena, const struct network_endpoint *e,
	const struct attach_target *target, struct plan_network_step *steps, size_t *n,
	struct hull_error *err)
{
	static const struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	_cleanup_(draft_done) struct draft d = draft_begin(arena);
	struct buf *b = &d.bytes;
	char mac[NETWORK_MAC_TEXT];

	network_mac_format(e->mac, mac);
	draft_subject(&d, "pair of interfaces");
	size_t m = netlink_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, d.seq++,
		&info, sizeof(info));
	netlink_attr_text(b, IFLA_IFNAME, e->host_link);
	netlink_attr_u32(b, IFLA_MASTER, (uint32_t)target->master);
	put_queues(b);
	if (e->network->mtu)
		netlink_attr_u32(b, IFLA_MTU, e->network->mtu);
	size_t link = netlink_nest(b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(b, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(b, IFLA_INFO_DATA | NLA_F_NESTED);
	put_peer(&d, e, target);
	netlink_nest_end(b, data);
	netlink_nest_end(b, link);
	netlink_end(b, m);
	buf_printf(&d.words, "connect %s to network %s: %s on bridge %s", e->link, e->network->name,
		e->host_link, e->network->link);
	buf_printf(&d.calls,
		"sendmsg(RTM_NEWLINK veth %s IFLA_MASTER %s, peer %s IFLA_ADDRESS %s"
		" IFLA_NET_NS_PID)",
		e->host_link, e->network->link, e->link, mac);
	buf_printf(&d.shell, "ip link add %s master %s up", e->host_link, e->network->link);
	if (e->network->mtu)
		buf_printf(&d.shell, " mtu %u", e->network->mtu);
	buf_printf(&d.shell, " type veth peer name %s address %s netns PID", e->link, mac);
	put_port(&d, e, target);
	return draft_end(&d, false, NETLINK_ROUTE, NULL, steps, n, err);
}

static uint32_t macvlan_mode(const char *mode)
{
	return str_eq(mode, "private")	  ? MACVLAN_MODE_PRIVATE
	       : str_eq(mode, "vepa")	  ? MACVLAN_MODE_VEPA
	       : str_eq(mode, "passthru") ? MACVLAN_MODE_PASSTHRU
					  : MACVLAN_MODE_BRIDGE;
}

static uint16_t ipvlan_mode(const char *mode)
{
	return str_eq(mode, "l3")    ? IPVLAN_MODE_L3
	       : str_eq(mode, "l3s") ? IPVLAN_MODE_L3S
				     : IPVLAN_MODE_L2;
}

/* macvlan and ipvlan: one interface, made in the container's namespace on a parent of the host's. */
static int compile_on_parent(struct arena *arena, const struct network_endpoint *e,
	const struct attach_target *target, struct plan_network_step *steps, size_t *n,
	struct hull_error *err)
{
	const struct network *network = e->network;
	/* Before Linux 6.13 a name is looked up in the sender's namespace, which has an eth0 too; with a
	 * number it is not. */
	const struct ifinfomsg info = {.ifi_index = PARENT_INDEX_BASE + (int)e->position};
	bool macvlan = network->driver == NETWORK_DRIVER_MACVLAN;
	const char *kind = network_driver_name(network->driver);
	const char *mode = network->mode ? network->mode : macvlan ? "bridge" : "l2";
	_cleanup_(draft_done) struct draft d = draft_begin(arena);
	struct buf *b = &d.bytes;

	draft_subject(&d, kind);
	size_t m = netlink_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, d.seq++,
		&info, sizeof(info));
	netlink_attr_text(b, IFLA_IFNAME, e->link);
	netlink_attr_u32(b, IFLA_LINK, (uint32_t)target->master);
	if (macvlan)
		netlink_attr(b, IFLA_ADDRESS, e->mac, sizeof(e->mac));
	if (network->mtu)
		netlink_attr_u32(b, IFLA_MTU, network->mtu);
	put_namespace(&d, target);
	size_t link = netlink_nest(b, IFLA_LINKINFO | NLA_F_NESTED);
	netlink_attr_text(b, IFLA_INFO_KIND, kind);
	size_t data = netlink_nest(b, IFLA_INFO_DATA | NLA_F_NESTED);
	if (macvlan) {
		netlink_attr_u32(b, IFLA_MACVLAN_MODE, macvlan_mode(network->mode));
	} else {
		netlink_attr_u16(b, IFLA_IPVLAN_MODE, ipvlan_mode(network->mode));
		netlink_attr_u16(b, IFLA_IPVLAN_FLAGS, network->mode_flag);
	}
	netlink_nest_end(b, data);
	netlink_nest_end(b, link);
	netlink_end(b, m);
	buf_printf(&d.words, "connect %s to network %s: %s on %s", e->link, network->name, kind,
		network->link);
	buf_printf(&d.calls, "sendmsg(RTM_NEWLINK %s %s IFLA_LINK %s IFLA_NET_NS_PID)", kind,
		e->link, network->link);
	buf_printf(&d.shell, "ip link add link %s name %s netns PID type %s mode %s", network->link,
		e->link, kind, mode);
	return draft_end(&d, false, NETLINK_ROUTE, NULL, steps, n, err);
}

/* ---- The child's ---- */

static int add_sysctl(struct arena *arena, const char *path, const char *value,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	struct plan_network_step s = {.child = true,
		.sysctl = arena_strdup(arena, path),
		.value = arena_strdup(arena, value),
		.words = arena_printf(arena, "set %s to %s", path, value),
		.calls = arena_printf(arena, "write(/proc/sys/%s, %s)", path, value),
		.shell = arena_printf(arena, "echo '%s' > /proc/sys/%s", value, path)};

	if (!s.sysctl || !s.value || !s.words || !s.calls || !s.shell)
		return error_no_memory(err);
	steps[(*n)++] = s;
	return 0;
}

static int add_own_sysctl(struct arena *arena, const struct network_endpoint *e, const char *name,
	const char *value, struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	char path[96];

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", e->link, name);
	return add_sysctl(arena, path, value, steps, n, err);
}

/* "net.ipv4.conf.IFNAME.log_martians=1": IFNAME may have dots that separate nothing. */
static int add_asked_sysctl(struct arena *arena, const struct network_endpoint *e,
	const char *entry, struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	const char *value = strchr(entry, '=');

	if (!value || *n >= ATTACH_STEPS_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "too many sysctls for interface %s", e->link);
	for (const char *p = entry; p < value; p++) {
		const char *rest = str_after(p, "IFNAME.");
		if (rest) {
			buf_printf(&path, "%s/", e->link);
			p = rest - 1;
		} else {
			buf_putc(&path, *p == '.' ? '/' : *p);
		}
	}
	if (buf_error(&path))
		return error_no_memory(err);
	return add_sysctl(arena, buf_str(&path), value + 1, steps, n, err);
}

static int compile_sysctls(struct arena *arena, const struct network_endpoint *e, bool ipv6,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	int r = 0;

	/* A neighbour on the network must not be able to become the router. */
	if (ipv6 && !network_address_is_set(&e->address[1].address))
		r = add_own_sysctl(arena, e, "disable_ipv6", "1", steps, n, err);
	if (network_address_is_set(&e->address[1].address)) {
		r = add_own_sysctl(arena, e, "accept_ra", "0", steps, n, err);
		if (r == 0)
			r = add_own_sysctl(arena, e, "accept_dad", "0", steps, n, err);
	}
	for (size_t i = 0; r == 0 && i < e->config->n_options; i++) {
		if (!str_eq(e->config->options[i].key, SYSCTLS_OPTION))
			continue;
		_cleanup_strv_ char **list = strv_split(e->config->options[i].value, ",");
		if (!list)
			return error_no_memory(err);
		for (char **entry = list; r == 0 && *entry; entry++)
			r = add_asked_sysctl(arena, e, *entry, steps, n, err);
	}
	return r;
}

static void put_separator(struct draft *d)
{
	if (d->shell.len) {
		buf_puts(&d->shell, "; ");
		buf_puts(&d->calls, ", ");
	} else {
		buf_puts(&d->calls, "sendmsg(");
	}
}

static void put_address(
	struct draft *d, const struct network_endpoint *e, const struct network_prefix *p)
{
	bool six = p->address.family == AF_INET6;
	const struct ifaddrmsg info = {.ifa_family = p->address.family,
		.ifa_prefixlen = p->length,
		.ifa_flags = six ? IFA_F_NODAD : 0};
	size_t size = network_address_size(&p->address);
	char text[NETWORK_PREFIX_TEXT];

	network_prefix_format(p, text);
	draft_subject(d, text);
	draft_link(d, NLMSG_HDRLEN + offsetof(struct ifaddrmsg, ifa_index));
	size_t m = netlink_begin(&d->bytes, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
		d->seq++, &info, sizeof(info));
	netlink_attr(&d->bytes, IFA_LOCAL, p->address.bytes, size);
	netlink_attr(&d->bytes, IFA_ADDRESS, p->address.bytes, size);
	if (!six && p->length < 31) {
		struct network_address last = network_prefix_last(p);
		netlink_attr(&d->bytes, IFA_BROADCAST, last.bytes, size);
	}
	netlink_end(&d->bytes, m);
	put_separator(d);
	buf_printf(&d->words, " %s", text);
	buf_printf(&d->calls, "RTM_NEWADDR %s", text);
	buf_printf(&d->shell, "ip addr add %s dev %s%s", text, e->link, six ? " nodad" : "");
}

static void put_link_local(struct draft *d, const struct network_endpoint *e)
{
	strv_foreach (text, e->config->link_local) {
		struct network_prefix p;
		if (network_address_parse(*text, &p.address) < 0)
			continue;
		p.length = p.address.family == AF_INET6 ? LINK_LOCAL6_SIZE : LINK_LOCAL4_SIZE;
		put_address(d, e, &p);
	}
}

static void put_up(struct draft *d, const struct network_endpoint *e)
{
	static const struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	draft_subject(d, "up");
	draft_link(d, NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index));
	netlink_end(&d->bytes,
		netlink_begin(&d->bytes, RTM_SETLINK, NLM_F_ACK, d->seq++, &info, sizeof(info)));
	put_separator(d);
	buf_printf(&d->calls, "RTM_SETLINK %s IFF_UP", e->link);
	buf_printf(&d->shell, "ip link set %s up", e->link);
}

static void put_default_route(struct draft *d, const struct network_endpoint *e, size_t family)
{
	const struct network_address *gateway = &e->network->family[family].gateway;
	bool direct = !network_address_is_set(gateway);
	const struct rtmsg info = {.rtm_family = family ? AF_INET6 : AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = direct && !family ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST};
	char via[NETWORK_ADDRESS_TEXT];

	network_address_format(gateway, via);
	draft_subject(d, family ? "default route of IPv6" : "default route");
	size_t m = netlink_begin(&d->bytes, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK,
		d->seq++, &info, sizeof(info));
	if (!direct)
		netlink_attr(&d->bytes, RTA_GATEWAY, gateway->bytes, network_address_size(gateway));
	draft_link(d, NLA_HDRLEN);
	netlink_attr_u32(&d->bytes, RTA_OIF, 0);
	netlink_end(&d->bytes, m);
	put_separator(d);
	buf_printf(&d->words, ", default route%s%s", direct ? "" : " via ", via);
	buf_printf(&d->calls, "RTM_NEWROUTE default%s%s", direct ? "" : " RTA_GATEWAY ", via);
	buf_printf(&d->shell, "ip %sroute replace default%s%s dev %s", family ? "-6 " : "",
		direct ? "" : " via ", via, e->link);
}

static int compile_inside(struct arena *arena, const struct network_endpoint *e,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	_cleanup_(draft_done) struct draft d = draft_begin(arena);

	buf_printf(&d.words, "configure %s:", e->link);
	for (size_t i = 0; i < 2; i++) {
		if (network_address_is_set(&e->address[i].address))
			put_address(&d, e, &e->address[i]);
	}
	put_link_local(&d, e);
	put_up(&d, e);
	if (e->gateway4)
		put_default_route(&d, e, 0);
	if (e->gateway6)
		put_default_route(&d, e, 1);
	buf_putc(&d.calls, ')');
	return draft_end(&d, true, NETLINK_ROUTE, e->link, steps, n, err);
}

int attach_routes(struct arena *arena, const struct network_endpoint *e,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	_cleanup_(draft_done) struct draft d = draft_begin(arena);

	if (!e->gateway4 && !e->gateway6)
		return 0;
	buf_printf(&d.words, "route through %s", e->link);
	if (e->gateway4)
		put_default_route(&d, e, 0);
	if (e->gateway6)
		put_default_route(&d, e, 1);
	buf_putc(&d.calls, ')');
	return draft_end(&d, true, NETLINK_ROUTE, e->link, steps, n, err);
}

int attach_compile(struct arena *arena, const struct network_endpoint *e,
	const struct attach_target *target, struct plan_network_step *steps, size_t *n,
	struct hull_error *err)
{
	struct plan_network_step own[ATTACH_STEPS_MAX];
	size_t n_own = 0;
	int r = e->network->driver == NETWORK_DRIVER_BRIDGE
			? compile_veth(arena, e, target, own, &n_own, err)
			: compile_on_parent(arena, e, target, own, &n_own, err);

	if (r == 0)
		r = compile_sysctls(arena, e, target->ipv6, own, &n_own, err);
	if (r == 0 && n_own == ATTACH_STEPS_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "too many sysctls for interface %s", e->link);
	if (r == 0)
		r = compile_inside(arena, e, own, &n_own, err);
	if (r < 0)
		return r;
	memcpy(steps + *n, own, n_own * sizeof(*own));
	*n += n_own;
	return 0;
}

/* ---- Published ports ---- */

const struct network_endpoint *attach_published(
	const struct network_endpoint *endpoints, size_t n, int family)
{
	const struct network_endpoint *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct network_endpoint *e = &endpoints[i];
		size_t f = family == AF_INET6;
		if (e->gone || e->network->driver != NETWORK_DRIVER_BRIDGE ||
			e->network->internal || !network_address_is_set(&e->address[f].address))
			continue;
		if (f ? e->gateway6 : e->gateway4)
			return e;
		if (!best)
			best = e;
	}
	return best;
}

void attach_port_elements(struct buf *b, const char *table,
	const struct network_endpoint *endpoints, size_t n_endpoints,
	const struct network_binding *bindings, size_t n_bindings, bool add)
{
	for (size_t i = 0; i < n_bindings; i++) {
		int family = bindings[i].host_ip.family;
		const struct network_endpoint *e = attach_published(endpoints, n_endpoints, family);
		if (e)
			firewall_binding(b, table, e->network, &bindings[i],
				&e->address[family == AF_INET6].address, add);
	}
}

static void describe_binding(struct draft *d, const char *table, const struct network_binding *p,
	const struct network_endpoint *e)
{
	bool six = p->host_ip.family == AF_INET6;
	unsigned int more = p->count - 1U;
	char host[NETWORK_ADDRESS_TEXT], target[NETWORK_ADDRESS_TEXT], range[16] = "",
								       inside[16] = "";

	network_address_format(&p->host_ip, host);
	network_address_format(&e->address[six].address, target);
	if (more) {
		snprintf(range, sizeof(range), "-%u", p->host_first + more);
		snprintf(inside, sizeof(inside), "-%u", p->container_first + more);
	}
	buf_printf(&d->words, "%s %s%s%s:%u%s/%s to %s:%u%s", d->words.len ? "," : "publish",
		six ? "[" : "", host, six ? "]" : "", p->host_first, range,
		network_protocol_name(p->protocol), target, p->container_first, inside);
	buf_printf(&d->shell,
		"%snft add element inet %s ports%c '{ %u%s . %s . %s%s : %s . %u%s }'",
		d->shell.len ? "; " : "", table, six ? '6' : '4', p->host_first, range,
		network_protocol_name(p->protocol), host,
		network_address_is_any(&p->host_ip) ? "/0" : "", target, p->container_first,
		inside);
}

int attach_ports(struct arena *arena, const char *table, const struct network_endpoint *endpoints,
	size_t n_endpoints, const struct network_binding *bindings, size_t n_bindings,
	struct plan_network_step *steps, size_t *n, struct hull_error *err)
{
	_cleanup_(draft_done) struct draft d = draft_begin(arena);

	nft_batch_begin(&d.bytes);
	nft_batch_begin(&d.undo);
	size_t empty = d.bytes.len;
	attach_port_elements(&d.bytes, table, endpoints, n_endpoints, bindings, n_bindings, true);
	attach_port_elements(&d.undo, table, endpoints, n_endpoints, bindings, n_bindings, false);
	if (d.bytes.len == empty)
		return 0;
	nft_batch_end(&d.bytes);
	nft_batch_end(&d.undo);
	for (size_t i = 0; i < n_bindings; i++) {
		const struct network_endpoint *e =
			attach_published(endpoints, n_endpoints, bindings[i].host_ip.family);
		if (e)
			describe_binding(&d, table, &bindings[i], e);
	}
	buf_puts(&d.calls, "sendmsg(NFT_MSG_NEWSETELEM)");
	d.subjects = NULL;
	return draft_end(&d, false, NETLINK_NETFILTER, NULL, steps, n, err);
}

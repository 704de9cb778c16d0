/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network layer on a command line, for tests:
 *   network-tool ROOT COMMAND [ARGUMENT...]
 *     create NAME [KEY=VALUE...]   driver, subnet (then range, gateway, aux=NAME:ADDRESS), internal,
 *                                  ipv6, ipv4, opt=KEY:VALUE
 *     rm|show NAME, ls, reload
 *     add CONTAINER                a container's record
 *     join CONTAINER NETWORK [ip=, ip6=, mac=, alias=, opt=KEY:VALUE, priority=]
 *     leave CONTAINER NETWORK
 *     run CONTAINER [-p PORT]... -- COMMAND...   performs a plan with the host's root in new mount and
 *                                  network namespaces; holds and relays ports until the end
 *     explain NETWORK [-p PORT]...
 *     lease CONTAINER, release CONTAINER         without a process
 *     connect|disconnect CONTAINER NETWORK PID
 *     ports CONTAINER, endpoints CONTAINER
 * With NETWORK_TOOL_TRACE in the environment the performed plans go to stderr, with times.
 *     bench CONTAINER COUNT        starts and stops, prints microseconds of each part
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "metadata/metadata.h"
#include "network/relay.h"
#include "network/start.h"
#include "sys/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define PORTS_MAX 64

struct tool {
	struct metadata *md;
	struct network_host *host;
	struct arena arena;
	char **args;
	int n_args;
	struct hull_error *err;
};

static int usage(struct tool *t)
{
	return error_set(t->err, HULL_ERROR_INVALID, "usage");
}

/* "KEY=VALUE": the value if text begins with KEY=. */
static char *value_of(char *text, const char *key)
{
	const char *rest = str_after(text, key);

	return rest && *rest == '=' ? (char *)rest + 1 : NULL;
}

static int add_pair(struct tool *t, struct json_pair **list, size_t *n, char *text)
{
	struct json_pair *pairs = arena_array(&t->arena, *n + 1, sizeof(*pairs));
	char *colon = strchr(text, ':');

	if (!pairs || !colon)
		return usage(t);
	if (*n)
		memcpy(pairs, *list, *n * sizeof(*pairs));
	*colon = '\0';
	pairs[(*n)++] = (struct json_pair){text, colon + 1};
	*list = pairs;
	return 0;
}

static int number(struct tool *t, const char *text, int *ret)
{
	uint32_t value;

	if (str_to_u32(text, &value) < 0 || value > INT32_MAX)
		return usage(t);
	*ret = (int)value;
	return 0;
}

static int find(struct tool *t, const char *name, struct network **ret)
{
	return network_find(t->host, &t->arena, name, ret, t->err);
}

/* ---- Networks ---- */

static int set_key(struct tool *t, struct network_config *c, char *arg)
{
	struct network_subnet *s = c->n_subnets ? &c->subnets[c->n_subnets - 1] : NULL;
	char *v;

	if ((v = value_of(arg, "driver")))
		c->driver = v;
	else if ((v = value_of(arg, "subnet")))
		c->subnets[c->n_subnets++].subnet = v;
	else if (s && (v = value_of(arg, "range")))
		s->ip_range = v;
	else if (s && (v = value_of(arg, "gateway")))
		s->gateway = v;
	else if (s && (v = value_of(arg, "aux")))
		return add_pair(t, &s->aux, &s->n_aux, v);
	else if ((v = value_of(arg, "opt")))
		return add_pair(t, &c->options, &c->n_options, v);
	else if (str_eq(arg, "internal"))
		c->internal = true;
	else if (str_eq(arg, "ipv6"))
		c->ipv6 = true;
	else if (str_eq(arg, "ipv4=false"))
		c->ipv4 = (struct hull_opt_bool){true, false};
	else
		return usage(t);
	return 0;
}

static int tool_create(struct tool *t)
{
	struct network_subnet subnets[NETWORK_SUBNETS_MAX] = {0};
	struct network_config config = {.subnets = subnets};
	struct network *n;
	int r = 0;

	for (int i = 1; r == 0 && i < t->n_args; i++)
		r = set_key(t, &config, t->args[i]);
	if (r == 0)
		r = network_create(t->host, &t->arena, t->args[0], &config, &n, t->err);
	if (r == 0)
		printf("%s\n", n->id);
	return r;
}

static void print_network(const struct network *n)
{
	char subnet[NETWORK_PREFIX_TEXT], gateway[NETWORK_ADDRESS_TEXT];

	printf("%s %s %s", n->name, network_driver_name(n->driver), n->link[0] ? n->link : "-");
	for (size_t i = 0; i < 2; i++) {
		if (!n->family[i].enabled)
			continue;
		network_prefix_format(&n->family[i].subnet, subnet);
		network_address_format(&n->family[i].gateway, gateway);
		printf(" %s %s", subnet, gateway[0] ? gateway : "-");
	}
	putchar('\n');
}

static int tool_show(struct tool *t)
{
	struct network *n;
	int r = find(t, t->args[0], &n);

	if (r == 0)
		print_network(n);
	return r;
}

static int tool_ls(struct tool *t)
{
	struct network **list;
	size_t n;
	int r = network_list(t->host, &t->arena, &list, &n, t->err);

	for (size_t i = 0; r == 0 && i < n; i++)
		print_network(list[i]);
	return r;
}

static int tool_rm(struct tool *t)
{
	struct network *n;
	int r = find(t, t->args[0], &n);

	return r < 0 ? r : network_remove(t->host, n, t->err);
}

static int tool_reload(struct tool *t)
{
	return network_reload(t->host, t->err);
}

/* ---- Endpoints ---- */

static int tool_add(struct tool *t)
{
	return metadata_exec(t->md, t->err,
		"INSERT INTO container (id, name, image_id, image_name, config, created, state)"
		" VALUES (?1, ?1, '', '', '{}', 0, 'created')",
		"t", t->args[0]);
}

static int tool_join(struct tool *t)
{
	struct network_endpoint_config c = {0};
	struct network *n;
	int r = find(t, t->args[1], &n);

	for (int i = 2; r == 0 && i < t->n_args; i++) {
		char *v;
		if ((v = value_of(t->args[i], "ip")))
			c.ipv4 = v;
		else if ((v = value_of(t->args[i], "ip6")))
			c.ipv6 = v;
		else if ((v = value_of(t->args[i], "mac")))
			c.mac = v;
		else if ((v = value_of(t->args[i], "alias")))
			r = arena_strv_append(&t->arena, &c.aliases, v);
		else if ((v = value_of(t->args[i], "opt")))
			r = add_pair(t, &c.options, &c.n_options, v);
		else if ((v = value_of(t->args[i], "priority")))
			r = number(t, v, &c.gateway_priority);
		else
			return usage(t);
	}
	return r < 0 ? r : network_endpoint_add(t->host, t->args[0], n, &c, t->err);
}

static int tool_leave(struct tool *t)
{
	struct network *n;
	int r = find(t, t->args[1], &n);

	return r < 0 ? r : network_endpoint_remove(t->host, t->args[0], n, t->err);
}

static void print_endpoint(const struct network_endpoint *e)
{
	char address[NETWORK_PREFIX_TEXT], mac[NETWORK_MAC_TEXT];

	printf("%s", e->network->name);
	if (e->id[0]) {
		network_mac_format(e->mac, mac);
		printf(" %s %s %s", e->link, e->host_link[0] ? e->host_link : "-", mac);
		for (size_t i = 0; i < 2; i++) {
			network_prefix_format(&e->address[i], address);
			if (address[0])
				printf(" %s", address);
		}
		printf("%s%s", e->gateway4 ? " gateway4" : "", e->gateway6 ? " gateway6" : "");
	}
	putchar('\n');
}

static int tool_endpoints(struct tool *t)
{
	struct network_endpoint *list;
	size_t n;
	int r = network_endpoints_of_container(t->host, &t->arena, t->args[0], &list, &n, t->err);

	for (size_t i = 0; r == 0 && i < n; i++)
		print_endpoint(&list[i]);
	return r;
}

static int tool_ports(struct tool *t)
{
	struct network_binding *list;
	size_t n;
	char address[NETWORK_ADDRESS_TEXT];
	int r = network_bindings(t->host, &t->arena, t->args[0], &list, &n, t->err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		network_address_format(&list[i].host_ip, address);
		printf("%s %u %u %u %s\n", address, list[i].host_first, list[i].container_first,
			list[i].count, network_protocol_name(list[i].protocol));
	}
	return r;
}

/* ---- Containers ---- */

/* Takes "-p PORT" away from the front of the arguments. */
static int take_ports(struct tool *t, int *at, struct network_port *ports, size_t *n)
{
	int r = 0;

	while (r == 0 && *at + 1 < t->n_args && str_eq(t->args[*at], "-p") && *n < PORTS_MAX) {
		r = network_port_parse(t->args[*at + 1], &ports[(*n)++], t->err);
		*at += 2;
	}
	return r;
}

static int build_spec(struct tool *t, char **args, struct oci_spec **ret)
{
	static const char base[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},\"mounts\":["
		"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"dev\"},"
		"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"}],\"process\":{\"cwd\":\"/\","
		"\"user\":{\"uid\":0,\"gid\":0},"
		"\"env\":[\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\"],\"args\":[\"true\"],"
		"\"capabilities\":{\"bounding\":[\"CAP_NET_ADMIN\",\"CAP_NET_RAW\","
		"\"CAP_NET_BIND_SERVICE\",\"CAP_DAC_OVERRIDE\"],\"effective\":[\"CAP_NET_ADMIN\","
		"\"CAP_NET_RAW\",\"CAP_NET_BIND_SERVICE\",\"CAP_DAC_OVERRIDE\"],\"permitted\":"
		"[\"CAP_NET_ADMIN\",\"CAP_NET_RAW\",\"CAP_NET_BIND_SERVICE\","
		"\"CAP_DAC_OVERRIDE\"]}},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},"
		"{\"type\":\"network\"}]}}";
	int r = oci_spec_parse(&t->arena, base, strlen(base), "spec", ret, t->err);

	if (r == 0 && args)
		(*ret)->process->args = args;
	return r;
}

static struct plan_options plan_options(const char *id, const struct network_started *s)
{
	struct plan_options o = PLAN_OPTIONS_INIT;

	o.id = id;
	o.bundle = "/";
	o.cgroup_manager = HULL_CGROUP_MANAGER_DISABLED;
	o.no_new_keyring = true;
	o.network = s->steps;
	o.n_network = s->n_steps;
	return o;
}

static int add_relays(struct relay *relay, const struct network_started *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_fds; i++) {
		const struct network_relay_target *target = &s->targets[i];
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(target->port)};
		struct sockaddr_in6 in6 = {
			.sin6_family = AF_INET6, .sin6_port = htons(target->port)};
		memcpy(&in.sin_addr, target->address.bytes, 4);
		memcpy(&in6.sin6_addr, target->address.bytes, 16);
		if (target->address.family == AF_INET)
			r = relay_add(relay, s->fds[i], (struct sockaddr *)&in, sizeof(in));
		else if (target->address.family == AF_INET6)
			r = relay_add(relay, s->fds[i], (struct sockaddr *)&in6, sizeof(in6));
	}
	return r;
}

/* A tool that is asked to end takes its container along. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What a monitor does. */
static int watch(struct tool *t, const struct network_started *s, const struct runtime_process *p)
{
	struct relay *relay = relay_new();
	_cleanup_close_ int signals = open_signals();
	struct pollfd fds[3] = {{.fd = p->pidfd, .events = POLLIN}, {.events = POLLIN},
		{.fd = signals, .events = POLLIN}};
	int status;
	int r = relay ? add_relays(relay, s) : -ENOMEM;

	if (r < 0)
		return error_errno(t->err, r, "relay");
	fds[1].fd = relay_fd(relay);
	while (poll(fds, 3, -1) >= 0 && !(fds[0].revents & POLLIN)) {
		relay_run(relay);
		if (fds[2].revents)
			process_pidfd_signal(p->pidfd, SIGKILL);
	}
	relay_free(relay);
	waitpid(p->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int perform(
	struct tool *t, const struct network_started *s, char **args, struct runtime_process *p)
{
	_cleanup_plan_ struct plan *plan = NULL;
	struct plan_options o = plan_options(t->args[0], s);
	struct oci_spec *spec;
	_cleanup_buf_ struct buf trace = BUF_INIT;
	int r = build_spec(t, args, &spec);

	o.trace = getenv("NETWORK_TOOL_TRACE");
	if (r == 0)
		r = plan_compile(spec, &o, &plan, t->err);
	if (r == 0)
		r = plan_perform(plan, p, t->err);
	if (r == 0 && o.trace) {
		plan_print(plan, PLAN_FORMAT_TEXT, &trace);
		fputs(buf_str(&trace), stderr);
	}
	return r;
}

static int start(
	struct tool *t, const struct network_port *ports, size_t n, struct network_started *s)
{
	return network_start(t->host, &t->arena, t->args[0], ports, n, s, t->err);
}

static int tool_run(struct tool *t)
{
	struct network_port ports[PORTS_MAX];
	_cleanup_(network_started_done) struct network_started s = {0};
	struct runtime_process p = RUNTIME_PROCESS_INIT;
	size_t n = 0;
	int at = 1;
	int r = take_ports(t, &at, ports, &n);

	if (r == 0 && (at + 1 >= t->n_args || !str_eq(t->args[at], "--")))
		r = usage(t);
	if (r == 0)
		r = start(t, ports, n, &s);
	if (r == 0)
		r = perform(t, &s, t->args + at + 1, &p);
	if (r == 0)
		network_forget_datagrams(&s);
	if (r == 0)
		r = watch(t, &s, &p);
	runtime_process_done(&p);
	int stopped = network_stop(t->host, t->args[0], r < 0 ? NULL : t->err);
	return r == 0 ? stopped : r;
}

static int tool_explain(struct tool *t)
{
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct network_port ports[PORTS_MAX];
	struct network_started s = {0};
	const struct network_wish wish = {.network = t->args[0]};
	struct oci_spec *spec;
	size_t n = 0;
	int at = 1;
	int r = take_ports(t, &at, ports, &n);

	if (r == 0)
		r = network_explain(
			t->host, &t->arena, "explained", &wish, 1, ports, n, &s, t->err);
	struct plan_options o = plan_options("explained", &s);
	if (r == 0)
		r = build_spec(t, NULL, &spec);
	if (r == 0)
		r = plan_compile(spec, &o, &plan, t->err);
	if (r == 0) {
		plan_print(plan, PLAN_FORMAT_TEXT, &out);
		fputs(buf_str(&out), stdout);
	}
	return r;
}

static int tool_lease(struct tool *t)
{
	_cleanup_(network_started_done) struct network_started s = {0};
	int r = start(t, NULL, 0, &s);

	for (size_t i = 0; r == 0 && i < s.n_endpoints; i++)
		print_endpoint(&s.endpoints[i]);
	return r;
}

static int tool_release(struct tool *t)
{
	return network_stop(t->host, t->args[0], t->err);
}

static int open_netns(struct tool *t, const char *pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_errno(t->err, errno, "%s", path) : fd;
}

static int tool_connect(struct tool *t)
{
	struct network *n;
	struct network_endpoint *e;
	int r = find(t, t->args[1], &n);
	_cleanup_close_ int netns = r == 0 ? open_netns(t, t->args[2]) : -1;

	if (r == 0)
		r = network_endpoint_add(t->host, t->args[0], n, NULL, t->err);
	if (r == 0)
		r = network_connect(t->host, &t->arena, t->args[0], n, netns, &e, t->err);
	if (r == 0)
		print_endpoint(e);
	return r;
}

static int tool_disconnect(struct tool *t)
{
	struct network *n;
	int r = find(t, t->args[1], &n);
	_cleanup_close_ int netns = r == 0 ? open_netns(t, t->args[2]) : -1;

	if (r == 0)
		r = network_disconnect(t->host, t->args[0], n, netns, t->err);
	return r < 0 ? r : network_endpoint_remove(t->host, t->args[0], n, t->err);
}

static int tool_bench(struct tool *t)
{
	struct network_port port;
	int count = 0, r = number(t, t->args[1], &count);
	int64_t started = 0, performed = 0, stopped = 0;
	static char *args[] = {(char *)"true", NULL};

	if (r == 0)
		r = network_port_parse("80", &port, t->err);
	for (int i = 0; r == 0 && i < count; i++) {
		struct network_started s = {0};
		struct runtime_process p = RUNTIME_PROCESS_INIT;
		int64_t a = clock_monotonic_ns();
		r = start(t, &port, 1, &s);
		int64_t b = clock_monotonic_ns();
		if (r == 0)
			r = perform(t, &s, args, &p);
		int64_t c = clock_monotonic_ns();
		if (r == 0)
			waitpid(p.pid, NULL, 0);
		runtime_process_done(&p);
		network_started_done(&s);
		int64_t d = clock_monotonic_ns();
		if (r == 0)
			r = network_stop(t->host, t->args[0], t->err);
		started += b - a;
		performed += c - b;
		stopped += clock_monotonic_ns() - d;
	}
	if (r == 0)
		printf("start %.0f perform %.0f stop %.0f\n", (double)started / count / 1e3,
			(double)performed / count / 1e3, (double)stopped / count / 1e3);
	return r;
}

static const struct {
	const char *name;
	int min_args;
	int (*run)(struct tool *t);
} commands[] = {
	{"create", 1, tool_create},
	{"rm", 1, tool_rm},
	{"show", 1, tool_show},
	{"ls", 0, tool_ls},
	{"reload", 0, tool_reload},
	{"add", 1, tool_add},
	{"join", 2, tool_join},
	{"leave", 2, tool_leave},
	{"run", 3, tool_run},
	{"explain", 1, tool_explain},
	{"lease", 1, tool_lease},
	{"release", 1, tool_release},
	{"connect", 3, tool_connect},
	{"disconnect", 3, tool_disconnect},
	{"ports", 1, tool_ports},
	{"endpoints", 1, tool_endpoints},
	{"bench", 2, tool_bench},
};

int main(int argc, char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_(metadata_closep) struct metadata *md = NULL;
	_cleanup_network_host_ struct network_host *host = NULL;
	const struct network_host_options options = {.root = argc > 1 ? argv[1] : ""};
	struct tool t = {.args = argv + 3, .n_args = argc - 3, .err = &err};
	int r = argc < 3 ? usage(&t) : metadata_open(argv[1], &md, &err);

	if (r == 0)
		r = network_host_open(md, &options, &host, &err);
	t.md = md;
	t.host = host;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commands); i++) {
		if (!str_eq(commands[i].name, argv[2]))
			continue;
		r = t.n_args < commands[i].min_args ? usage(&t) : commands[i].run(&t);
		break;
	}
	arena_done(&t.arena);
	if (r < 0)
		fprintf(stderr, "network-tool: %s\n", hull_error_message(&err));
	return r < 0 ? 125 : r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns what on the way: the parent opens everything that the monitor will need into struct
 * launch; the child, which has copies of the fds but the parent's own memory, puts its copies at the
 * monitor's fixed fd numbers; the parent closes its own. The child reports over a socket pair exactly
 * once. All that has to be undone on failure is undone by plan_perform() (processes, cgroup, mounts)
 * or falls away with the fds.
 *
 * The child shares the parent's memory, as after vfork(2): the parent has nothing to do but wait for
 * the report, and its page tables, and page after page behind them, would be copied for an execve. So
 * what the child finds in struct launch it leaves as it is; numbers of fds that it moves are its own.
 */
#include "engine/start.h"
#include "base/clock.h"
#include "base/error_wire.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/files.h"
#include "engine/monitor.h"
#include "engine/network.h"
#include "engine/process.h"
#include "engine/program.h"
#include "engine/rootfs.h"
#include "engine/settle.h"
#include "engine/spec.h"
#include "sys/process.h"
#include "sys/resolve.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define MONITOR_STACK ((size_t)1 << 20)

struct launch {
	struct engine *engine;
	const struct container *c;
	const struct start_options *options;
	struct arena arena;
	struct oci_spec *spec;
	struct plan *plan;
	struct container_network network;
	char *network_path; /* the namespace to join, NULL = none */
	char *run_dir;	    /* heap */
	char *monitor_path; /* heap */
	int rootfs;
	int stdio[3]; /* the container's ends */
	int report[2];
	int fds[MONITOR_FD_END]; /* by enum monitor_fd */
	int owner;		 /* our end */
};

static void launch_init(struct launch *l)
{
	*l = (struct launch){.rootfs = -1,
		.stdio = {-1, -1, -1},
		.report = {-1, -1},
		.owner = -1,
		.network = CONTAINER_NETWORK_INIT};
	for (size_t i = 0; i < MONITOR_FD_END; i++)
		l->fds[i] = -1;
}

static void launch_done(struct launch *l)
{
	plan_free(l->plan);
	container_network_done(&l->network);
	arena_done(&l->arena);
	free(l->run_dir);
	free(l->monitor_path);
	cleanup_closep(&l->rootfs);
	cleanup_closep(&l->owner);
	for (size_t i = 0; i < 3; i++)
		cleanup_closep(&l->stdio[i]);
	for (size_t i = 0; i < 2; i++)
		cleanup_closep(&l->report[i]);
	for (size_t i = 0; i < MONITOR_FD_END; i++)
		cleanup_closep(&l->fds[i]);
}

/* ---- What the plan needs ---- */

/* Takes what the networks give, and leaves for the monitor what it is to do about them. */
static int start_networks(struct launch *l, struct hull_error *err)
{
	int r = container_network_path(l->engine, l->c, &l->arena, &l->network_path, err);

	if (r == 0)
		r = container_network_start(l->engine, l->c, &l->arena, &l->network, err);
	if (r == 0)
		r = container_network_write(l->engine, l->c, l->fds[MONITOR_FD_RUN_DIR],
			&l->network, MONITOR_FD_END, err);
	return r;
}

static int write_files(struct launch *l, struct hull_error *err)
{
	const struct container_config *config = l->c->config;
	char **hosts = NULL;

	strv_foreach (host, config->extra_hosts)
		if (arena_strv_append(&l->arena, &hosts, *host) < 0)
			return error_no_memory(err);
	strv_foreach (host, l->network.link_hosts)
		if (arena_strv_append(&l->arena, &hosts, *host) < 0)
			return error_no_memory(err);
	const struct files_options options = {
		.hostname = config->hostname,
		.domainname = config->domainname,
		.host_network = str_eq(config->network, "host"),
		.addresses = l->network.addresses,
		.extra_hosts = hosts,
		.host_gateway = l->network.host_gateway,
		.resolver = l->network.resolver,
		.dns = config->dns,
		.dns_search = config->dns_search,
		.dns_options = config->dns_options,
	};

	int r = files_write(l->fds[MONITOR_FD_RUN_DIR], &options, err);
	return r < 0 ? r
		     : container_network_share_files(
			       l->engine, l->c, l->fds[MONITOR_FD_RUN_DIR], err);
}

static int write_config(struct launch *l, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_struct(&w, &oci_spec_table, l->spec);
	int r = buf_error(&text);
	if (r == 0)
		r = file_replace_at(
			l->fds[MONITOR_FD_RUN_DIR], CONFIG_FILE, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, CONFIG_FILE) : 0;
}

static int make_dir(
	const struct launch *l, const char *what, const char *dir, struct hull_error *err)
{
	if (str_eq(dir, "/"))
		return 0;
	_cleanup_close_ int fd = resolve_in_root(l->rootfs, dir, O_PATH);
	if (fd == -ENOENT)
		fd = resolve_make_in_root(l->rootfs, dir, RESOLVE_DIRECTORY);
	return fd < 0 ? error_errno(err, fd, "%s %s", what, dir) : 0;
}

/* A working directory and volumes that the image names, but has not, are made, as Docker does. */
static int make_dirs(const struct launch *l, struct hull_error *err)
{
	int r = make_dir(l, "working directory", l->spec->process->cwd, err);

	for (char **v = l->c->config->volumes; r == 0 && v && *v; v++)
		r = make_dir(l, "volume", *v, err);
	return r;
}

static int build_spec(struct launch *l, struct hull_error *err)
{
	const struct container_config *config = l->c->config;
	struct identity identity;

	int r = identity_resolve(
		&l->arena, l->rootfs, config->user, config->group_add, &identity, err);
	if (r < 0)
		return r;
	const struct spec_inputs inputs = {.container = l->c,
		.identity = &identity,
		.run_dir = l->run_dir,
		.network_path = l->network_path,
		.program = engine_get_options(l->engine)->program};
	r = spec_build(&inputs, &l->arena, &l->spec, err);
	if (r == 0 && l->options)
		r = spec_set_terminal_size(
			l->spec->process, l->options->rows, l->options->columns, &l->arena, err);
	return r;
}

static int compile(struct launch *l, struct hull_error *err)
{
	struct plan_options options = PLAN_OPTIONS_INIT;

	options.id = l->c->id;
	options.bundle = l->run_dir;
	options.rootfs_fd = l->rootfs;
	options.seccomp_cache_fd = engine_seccomp_cache(l->engine);
	memcpy(options.stdio, l->stdio, sizeof(l->stdio));
	options.network = l->network.started.steps;
	options.n_network = l->network.started.n_steps;
	if (l->options) {
		options.trace = l->options->trace != NULL;
		options.warn = l->options->warn;
		options.userdata = l->options->userdata;
	}
	return plan_compile(l->spec, &options, &l->plan, err);
}

/* ---- What the monitor needs ---- */

/* One end for the container, which may have to open it again by its own user, one for the monitor. */
static int make_pipe(
	struct launch *l, int container_end, enum monitor_fd monitor_end, struct hull_error *err)
{
	int ends[2];
	const struct oci_user *user = &l->spec->process->user;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "pipe");
	bool input = container_end == 0;
	l->stdio[container_end] = ends[input ? 0 : 1];
	l->fds[monitor_end] = ends[input ? 1 : 0];
	if (user->uid && fchown(l->stdio[container_end], user->uid, user->gid) < 0)
		return error_errno(err, errno, "pipe of uid %u", user->uid);
	return 0;
}

static int open_stdio(struct launch *l, struct hull_error *err)
{
	int r = 0;

	if (l->c->config->tty)
		return 0; /* the terminal's master takes their place */
	if (l->c->config->open_stdin) {
		r = make_pipe(l, 0, MONITOR_FD_STDIN, err);
	} else {
		l->stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (l->stdio[0] < 0)
			r = error_errno(err, errno, "/dev/null");
	}
	if (r == 0)
		r = make_pipe(l, 1, MONITOR_FD_STDOUT, err);
	if (r == 0)
		r = make_pipe(l, 2, MONITOR_FD_STDERR, err);
	return r;
}

static int open_log(struct launch *l, struct hull_error *err)
{
	_cleanup_free_ char *path = container_log_path(l->engine, l->c->id);

	if (!path)
		return error_no_memory(err);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return error_errno(err, errno, "%s", path);
	l->fds[MONITOR_FD_LOG] = fd;
	return 0;
}

static int open_sockets(struct launch *l, struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int pair[2];

	/* Through the directory's fd: the whole path may be too long for a socket's address. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" MONITOR_SOCKET,
		l->fds[MONITOR_FD_RUN_DIR]);
	unlinkat(l->fds[MONITOR_FD_RUN_DIR], MONITOR_SOCKET, 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, errno, "socket");
	l->fds[MONITOR_FD_LISTEN] = fd;
	/* Connecting takes write permission, which the caller's umask must not hand out. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		fchmodat(l->fds[MONITOR_FD_RUN_DIR], MONITOR_SOCKET, 0600, 0) < 0 ||
		listen(fd, 16) < 0)
		return error_errno(err, errno, "%s/" MONITOR_SOCKET, l->run_dir);
	if (l->options->owner) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return error_errno(err, errno, "socketpair");
		l->owner = pair[0];
		l->fds[MONITOR_FD_OWNER] = pair[1];
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l->report) < 0)
		return error_errno(err, errno, "socketpair");
	return 0;
}

static int find_programs(struct launch *l, struct hull_error *err)
{
	const char *program = engine_get_options(l->engine)->program;

	if (!program)
		return error_set(err, HULL_ERROR_INVALID, "the engine does not know its program");
	return program_find(program, "hull-monitor", &l->monitor_path, err);
}

static int open_run_dir(struct launch *l, struct hull_error *err)
{
	l->run_dir = container_run_dir(l->engine, l->c->id);
	if (!l->run_dir)
		return error_no_memory(err);
	int fd = open(l->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "%s", l->run_dir);
	l->fds[MONITOR_FD_RUN_DIR] = fd;
	/* Remains of an earlier run must not be taken for this one's. */
	unlinkat(fd, MONITOR_EXIT_RECORD, 0);
	unlinkat(fd, PROCESS_FILE, 0);
	unlinkat(fd, MONITOR_RESOLVER, 0);
	unlinkat(fd, MONITOR_RELAYS, 0);
	return 0;
}

/* ---- The child ---- */

/* Moves n fds out of the way, to numbers from low on; -1 stays. */
static int raise_fds(int *fds, size_t n, int low)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		int high = fcntl(fds[i], F_DUPFD_CLOEXEC, low);
		if (high < 0)
			return -errno;
		close(fds[i]);
		fds[i] = high;
	}
	return 0;
}

static int lower_fds(const int *fds, size_t n, int first)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < 0)
			close(first + (int)i);
		else if (dup2(fds[i], first + (int)i) < 0)
			return -errno;
	}
	return 0;
}

/* The held ports come on top of what the monitor has, and again while they are moved. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What the monitor gets: at its fixed numbers, and from MONITOR_FD_END on. */
struct monitor_fds {
	int fixed[MONITOR_FD_END];
	int *ports;
	size_t n_ports;
};

/* Puts every fd at its number; all numbers below MONITOR_FD_END that have none are closed. */
static int place_fds(struct monitor_fds *m)
{
	int end = MONITOR_FD_END + (int)m->n_ports;

	if (m->n_ports)
		raise_fd_limit();
	/* 0 to 2 are one and the same fd: what is closed must be closed once. */
	for (int i = 0; i < MONITOR_FD_END; i++) {
		if (m->fixed[i] < 0)
			continue;
		int high = fcntl(m->fixed[i], F_DUPFD_CLOEXEC, end);
		if (high < 0)
			return -errno;
		m->fixed[i] = high;
	}
	int r = raise_fds(m->ports, m->n_ports, end);
	if (r == 0)
		r = lower_fds(m->fixed, MONITOR_FD_END, 0);
	if (r == 0)
		r = lower_fds(m->ports, m->n_ports, MONITOR_FD_END);
	return r < 0 ? r : process_close_range((unsigned int)end, ~0U);
}

static int become_monitor(const struct launch *l, struct monitor_fds *fds)
{
	const struct engine_options *o = engine_get_options(l->engine);
	const struct container_config *config = l->c->config;
	char flags[4] = {MONITOR_FLAG_NONE, '\0'};
	size_t n = 1;
	char *argv[16];
	size_t argc = 0;

	if (config->tty)
		flags[n++] = MONITOR_FLAG_TERMINAL;
	if (config->stdin_once)
		flags[n++] = MONITOR_FLAG_STDIN_ONCE;
	argv[argc++] = (char *)"hull-monitor";
	argv[argc++] = l->c->id;
	argv[argc++] = flags;
	argv[argc++] = (char *)o->program;
	argv[argc++] = (char *)"--root";
	argv[argc++] = (char *)o->root;
	argv[argc++] = (char *)"--run-root";
	argv[argc++] = (char *)o->run_root;
	if (o->layer_store) {
		argv[argc++] = (char *)"--layer-store";
		argv[argc++] = (char *)o->layer_store;
	}
	argv[argc++] = (char *)"__settle";
	argv[argc++] = l->c->id;
	argv[argc] = NULL;
	char *const environment[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int r = place_fds(fds);
	if (r < 0)
		return r;
	execve(l->monitor_path, argv, environment);
	return -errno;
}

static void append_trace(struct launch *l)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	plan_print(l->plan, PLAN_FORMAT_TEXT, &out);
	_cleanup_close_ int fd =
		open(l->options->trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)fd_write_all(fd, buf_str(&out), out.len);
}

static int collect_fds(
	struct launch *l, const struct runtime_process *process, struct monitor_fds *ret)
{
	const struct network_started *network = &l->network.started;

	memcpy(ret->fixed, l->fds, sizeof(ret->fixed));
	ret->fixed[MONITOR_FD_PIDFD] = process->pidfd;
	if (l->c->config->tty)
		ret->fixed[MONITOR_FD_STDOUT] = process->console_fd;
	ret->fixed[MONITOR_FD_RESOLVER_UDP] = l->network.resolver_udp;
	ret->fixed[MONITOR_FD_RESOLVER_TCP] = l->network.resolver_tcp;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		ret->fixed[i] = null_fd;
	ret->n_ports = network->n_fds;
	ret->ports = arena_memdup(&l->arena, network->fds, network->n_fds * sizeof(int));
	return ret->ports ? 0 : -ENOMEM;
}

/* The process behind the container, from here to its end. Never returns. */
static int monitor_main(void *data)
{
	struct launch *l = data;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct runtime_process process = RUNTIME_PROCESS_INIT;
	struct monitor_fds fds;
	sigset_t none;

	/* The caller may have blocked signals for its own sake. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	close(l->report[0]);
	if (l->owner >= 0)
		close(l->owner);
	int r = plan_perform(l->plan, &process, &err);
	if (r == 0) {
		r = container_process_save(l->fds[MONITOR_FD_RUN_DIR], &process, &err);
		if (r < 0)
			process_kill_child(process.pid, process.pidfd);
	}
	if (r == 0 && l->options->trace)
		append_trace(l);
	if (r == 0)
		network_forget_datagrams(&l->network.started);
	error_wire_send(l->report[1], r < 0 ? &err : NULL);
	if (r < 0)
		_exit(125);
	if (collect_fds(l, &process, &fds) == 0)
		become_monitor(l, &fds);
	/* No monitor: the container must not run on unwatched. The next command settles. */
	process_kill_child(process.pid, process.pidfd);
	_exit(125);
}

/* ---- The parent ---- */

static int prepare(struct launch *l, struct hull_error *err)
{
	int r = find_programs(l, err);

	if (r == 0)
		r = open_run_dir(l, err);
	if (r == 0)
		r = start_networks(l, err);
	if (r == 0)
		r = write_files(l, err);
	if (r == 0)
		r = rootfs_mount(l->engine, l->c, true, &l->rootfs, err);
	if (r == 0)
		r = build_spec(l, err);
	if (r == 0)
		r = make_dirs(l, err);
	if (r == 0)
		r = write_config(l, err);
	if (r == 0)
		r = open_stdio(l, err);
	if (r == 0)
		r = open_log(l, err);
	if (r == 0)
		r = open_sockets(l, err);
	if (r == 0)
		r = compile(l, err);
	return r;
}

/* Returns when the child has become hull-monitor, or has ended. */
static pid_t start_monitor(struct launch *l, struct hull_error *err)
{
	char *stack = mmap(NULL, MONITOR_STACK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return error_errno(err, errno, "stack");
	pid_t pid = clone(monitor_main, stack + MONITOR_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, l);
	if (pid < 0)
		error_errno(err, errno, "clone");
	munmap(stack, MONITOR_STACK);
	/* The plan has opened them, in the child. */
	l->network.resolver_udp = l->network.resolver_tcp = -1;
	return pid;
}

int start_container(struct engine *engine, const struct container *c,
	const struct start_options *options, int lock, int *ret_owner, struct hull_error *err)
{
	_cleanup_(launch_done) struct launch l;

	launch_init(&l);
	l.engine = engine;
	l.c = c;
	l.options = options;
	int r = prepare(&l, err);
	if (r < 0)
		return r;
	l.fds[MONITOR_FD_LOCK] = fcntl(lock, F_DUPFD_CLOEXEC, 3);
	if (l.fds[MONITOR_FD_LOCK] < 0)
		return error_errno(err, errno, "lock of container %s", c->name);

	fflush(NULL);
	pid_t pid = start_monitor(&l, err);
	if (pid < 0)
		return pid;
	cleanup_closep(&l.report[1]);
	r = error_wire_receive(l.report[0], "the monitor", err);
	if (r < 0) {
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_owner = TAKE_FD(l.owner);
	return 0;
}

int start_explain(struct engine *engine, const struct container *c, enum plan_format format,
	struct buf *out, struct hull_error *err)
{
	_cleanup_(launch_done) struct launch l;

	launch_init(&l);
	l.engine = engine;
	l.c = c;
	l.run_dir = container_run_dir(engine, c->id);
	if (!l.run_dir)
		return error_no_memory(err);
	int r = rootfs_mount(engine, c, false, &l.rootfs, err);
	if (r == 0)
		r = container_network_path(engine, c, &l.arena, &l.network_path, err);
	if (r == 0)
		r = container_network_explain(engine, c, &l.arena, &l.network, err);
	if (r == 0)
		r = build_spec(&l, err);
	if (r == 0)
		r = compile(&l, err);
	if (r == 0)
		plan_print(l.plan, format, out);
	return r;
}

int start_and_record(struct engine *engine, struct container *c, bool insert,
	const struct start_options *options, int *ret_owner, struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	_cleanup_error_ struct hull_error own = HULL_ERROR_INIT;

	if (!err)
		err = &own;
	int r = insert ? container_lock(engine, c->id, false, &lock, err)
		       : container_lock_idle(engine, c, &lock, err);
	if (r == 0)
		return error_set(err, HULL_ERROR_CONFLICT,
			"container %s has been started by another command", c->name);
	if (r < 0)
		return r;
	if (insert) {
		c->run = 1;
		c->started = clock_realtime_ns();
		c->state = arena_strdup(&c->arena, "running");
		r = create_record(engine, c, err);
		if (r < 0)
			return r;
		r = rootfs_prepare(engine, c, err);
	} else {
		r = container_set_running(engine, c, err);
	}
	if (r == 0)
		r = start_container(engine, c, options, lock, ret_owner, err);
	if (r < 0) {
		/* The cause is what the user must read; the record's own trouble is repaired later. */
		settle_failed_start(engine, c, err, NULL);
	}
	return r;
}

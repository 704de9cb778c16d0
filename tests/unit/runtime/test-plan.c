/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans compared with what they should be, operation by operation, without any privilege: nothing
 * is performed here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "runtime/plan.h"

#define SPEC(process, rest, linux_part)                                                        \
	"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\"," \
	"\"args\":[\"cmd\"],\"env\":[\"PATH=/bin:/sbin\"]" process "}" rest                    \
	",\"linux\":{\"namespaces\":[{\"type\":\"mount\"}" linux_part "}}"

static void parse(struct arena *arena, const char *text, struct oci_spec **spec)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (oci_spec_parse(arena, text, strlen(text), "test", spec, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
}

static struct plan_options options(void)
{
	struct plan_options o = PLAN_OPTIONS_INIT;

	o.id = "c";
	o.bundle = "/b";
	o.cgroup_path = "/g";
	/* So that a plan does not depend on the machine's cgroups. */
	o.cgroup_manager = HULL_CGROUP_MANAGER_DISABLED;
	return o;
}

/* The plan in the short format; owned by out. */
static const char *compile(const char *text, const struct plan_options *o, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	struct oci_spec *spec;

	parse(&arena, text, &spec);
	if (plan_compile(spec, o, &plan, &err) < 0)
		fail_msg("%s: %s", text, hull_error_message(&err));
	plan_print(plan, PLAN_FORMAT_SHORT, out);
	return buf_str(out);
}

static void assert_plan(const char *text, const struct plan_options *o, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_string_equal(compile(text, o, &out), expected);
}

static void assert_has(const char *text, const struct plan_options *o, const char *part)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!strstr(compile(text, o, &out), part))
		fail_msg("not found: %s\nin:\n%s", part, buf_str(&out));
}

static void assert_lacks(const char *text, const struct plan_options *o, const char *part)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (strstr(compile(text, o, &out), part))
		fail_msg("found: %s\nin:\n%s", part, buf_str(&out));
}

static void assert_fails(const char *text, const char *message)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	struct plan_options o = options();
	struct oci_spec *spec;

	parse(&arena, text, &spec);
	if (plan_compile(spec, &o, &plan, &err) >= 0)
		fail_msg("accepted: %s", text);
	if (!strstr(hull_error_message(&err), message))
		fail_msg("%s: %s", text, hull_error_message(&err));
}

static void test_minimal(void **state)
{
	struct plan_options o = options();

	assert_plan(SPEC("", "", "]"), &o,
		"r open-root: open root file system /b/rootfs\n"
		"r clone: clone the first process\n"
		"c unshare: make mount namespaces\n"
		"r attach-cgroup: hand the cgroup to the child\n"
		"c receive: wait for: the cgroup is ready\n"
		"c session: begin a session\n"
		"c keyring: join session keyring _ses.c\n"
		"c host-propagation: keep mounts from propagating to the host\n"
		"c attach-root: attach the root file system at /b/rootfs\n"
		"c device: make device /dev/null c 1 3\n"
		"c device: make device /dev/zero c 1 5\n"
		"c device: make device /dev/full c 1 7\n"
		"c device: make device /dev/random c 1 8\n"
		"c device: make device /dev/urandom c 1 9\n"
		"c device: make device /dev/tty c 5 0\n"
		"c symlink: link /dev/fd to /proc/self/fd\n"
		"c symlink: link /dev/stdin to /proc/self/fd/0\n"
		"c symlink: link /dev/stdout to /proc/self/fd/1\n"
		"c symlink: link /dev/stderr to /proc/self/fd/2\n"
		"c symlink: link /dev/ptmx to pts/ptmx\n"
		"c make-cwd: make working directory / if it is missing\n"
		"c pivot: switch to the root file system\n"
		"c stdio: place stdin, stdout and stderr\n"
		"c close-fds: close all other files\n"
		"c bounding: cut the bounding set\n"
		"c groups: set supplementary groups\n"
		"c umask: set umask 0022\n"
		"c chdir: change directory to /\n"
		"c user: become user 0:0\n"
		"c capabilities: set capabilities\n"
		"c chdir: change directory to /\n"
		"c find-command: exec: \"cmd\"\n"
		"c send: tell: the command executes\n"
		"c exec: exec cmd\n"
		"r receive: wait for: the command executes\n");
}

/* One test of order: who waits for whom with hooks, ids to map and a start that comes later. */
static void test_full_order(void **state)
{
	static const char text[] = SPEC(
		",\"noNewPrivileges\":false,\"user\":{\"uid\":7,\"gid\":8,\"umask\":63}",
		",\"hostname\":\"h\",\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],"
		"\"createContainer\":[{\"path\":\"/cc\"}],\"startContainer\":[{\"path\":\"/sc\"}]}",
		",{\"type\":\"pid\"},{\"type\":\"user\"},{\"type\":\"network\",\"path\":\"/n\"},"
		"{\"type\":\"uts\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":9,\"size\":10}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":9,\"size\":10}],"
		"\"maskedPaths\":[\"/proc/kcore\"],"
		"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	static const char *const order[] = {"r open-namespace: open network namespace /n",
		"r clone: clone the first process in new namespaces: user, pid",
		"r write-id-maps: write the id map 0:9:10", "r send: tell: id maps are written",
		"c receive: wait for: id maps are written", "c become-root",
		"c join-namespace: join network namespace /n",
		"c unshare: make mount, uts namespaces", "r compile-filter", "c attach-root",
		"c send: tell: the file system stands",
		"r receive: wait for: the file system stands", "r run-hooks: run prestart hooks",
		"r send: tell: the hooks have run", "c receive: wait for: the hooks have run",
		"c child-hooks: run createContainer hooks", "c mask-path: mask /proc/kcore",
		"c pivot", "c hostname: set host name h", "c umask: set umask 0077",
		"c user: become user 7:8", "c capabilities", "c find-command",
		"r send: tell: the seccomp filter is compiled",
		"c send: tell: the container is created",
		"r receive: wait for: the container is created", "c wait-start",
		"c child-hooks: run startContainer hooks", "c send: tell: the command executes",
		"c filter", "c capabilities", "c exec"};
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct plan_options o = options();
	o.start_socket = 99;
	const char *at = compile(text, &o, &out);

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *next = strstr(at, order[i]);
		if (!next)
			fail_msg("%s: not after what comes before it in\n%s", order[i],
				buf_str(&out));
		at = next + 1;
	}
	/* Nobody waits for the command to execute: that is `start`'s part. */
	assert_null(strstr(buf_str(&out), "wait for: the command executes"));
	/* Device nodes of a user namespace are bound, but still the same operation. */
	assert_non_null(strstr(buf_str(&out), "c device: make device /dev/null"));
}

static void test_no_new_privileges(void **state)
{
	struct plan_options o = options();
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *plan = compile(SPEC(",\"noNewPrivileges\":true", "",
					   "],\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"),
		&o, &out);
	const char *nnp = strstr(plan, "c no-new-privileges"), *filter = strstr(plan, "c filter");

	assert_non_null(nnp);
	assert_non_null(filter);
	assert_true(nnp < filter);
	/* The filter is behind everything that drops privileges. */
	assert_null(strstr(filter, "c capabilities"));
}

static void test_mounts(void **state)
{
	struct plan_options o = options();

#define MOUNT(text) SPEC("", ",\"mounts\":[" text "]", "]")
	assert_has(MOUNT("{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}"), &o,
		"c mount: mount proc on /proc\n");
	assert_has(MOUNT("{\"destination\":\"a//b/../c/\",\"type\":\"tmpfs\","
			 "\"options\":[\"size=1m\",\"nosuid\"]}"),
		&o, "c mount: mount tmpfs on /a/c (nosuid,size=1m)\n");
	assert_has(MOUNT("{\"destination\":\"/d\",\"source\":\"s\","
			 "\"options\":[\"rbind\",\"ro\",\"nosuid\"]}"),
		&o, "r open-bind: open bind source /b/s (ro,nosuid)\n");
	assert_has(MOUNT("{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\"}"), &o,
		"c bind: bind /s on /d\n");
	/* A later option takes an earlier one back. */
	assert_has(MOUNT("{\"destination\":\"/d\",\"type\":\"tmpfs\",\"source\":\"x\","
			 "\"options\":[\"nosuid\",\"noexec\",\"suid\"]}"),
		&o, "mount tmpfs on /d (noexec)\n");
	/* A tmpfs becomes read-only when everything in it is made. */
	assert_has(MOUNT("{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"x\","
			 "\"options\":[\"ro\"]}"),
		&o, "c readonly-mount: make the mount /dev read-only\n");
	/* A /dev of the host's is left alone. */
	assert_lacks(MOUNT("{\"destination\":\"/dev\",\"type\":\"bind\",\"source\":\"/dev\"}"), &o,
		"c device");
	assert_has(MOUNT("{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\","
			 "\"uidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":6}],"
			 "\"gidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":6}]}"),
		&o, "r make-id-map: make a user namespace with the id map 0:5:6\n");
}

static void test_refused(void **state)
{
	assert_fails(MOUNT("{\"destination\":\"/\",\"type\":\"tmpfs\"}"), "mount on /");
	assert_fails(MOUNT("{\"destination\":\"/proc/sys\",\"type\":\"bind\",\"source\":\"/x\"}"),
		"inside /proc");
	assert_fails(
		MOUNT("{\"destination\":\"/x/../proc/1\",\"type\":\"tmpfs\"}"), "inside /proc");
	assert_fails(MOUNT("{\"destination\":\"/d\",\"type\":\"bind\"}"), "without a source");
	assert_fails(MOUNT("{\"destination\":\"/d\"}"), "no type");
	assert_fails(MOUNT("{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\","
			   "\"options\":[\"idmap\"]}"),
		"idmap without mappings");
	assert_fails(
		SPEC(",\"rlimits\":[{\"type\":\"RLIMIT_NONE\",\"soft\":1,\"hard\":1}]", "", "]"),
		"unknown name \"RLIMIT_NONE\"");
	assert_fails(SPEC("", "", "],\"rootfsPropagation\":\"odd\""), "rootfsPropagation");
	assert_fails(SPEC("", "", "],\"memoryPolicy\":{\"mode\":\"MPOL_X\"}"),
		"invalid memory policy mode");
	assert_fails(SPEC("", "", "],\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}"),
		"invalid memory policy node");
	assert_fails(SPEC("", "", "],\"intelRdt\":{}"), "Intel RDT");
	assert_fails("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":"
		     "\"/\",\"args\":[\"a\"]},\"linux\":{}}",
		"needs a mount namespace");
	assert_fails("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{}}",
		"process: missing");
}

/* Combinations that the kernel would call "Invalid argument". */
static void test_limits_refused(void **state)
{
#define SCHEDULER(text)	    SPEC(",\"scheduler\":{\"policy\":" text "}", "", "]")
#define MEMORY_POLICY(text) SPEC("", "", "],\"memoryPolicy\":{\"mode\":" text "}")
	static const struct {
		const char *spec, *message;
	} cases[] = {
		{SCHEDULER("\"SCHED_ODD\""), "process.scheduler.policy: unknown name"},
		{SCHEDULER("\"SCHED_OTHER\",\"nice\":20"), "process.scheduler.nice"},
		{SCHEDULER("\"SCHED_OTHER\",\"priority\":1"),
			"scheduler.priority can only be specified for SchedFIFO or SchedRR policy"},
		{SCHEDULER("\"SCHED_FIFO\""), "process.scheduler.priority: must be between 1"},
		{SCHEDULER("\"SCHED_RR\",\"priority\":100"), "process.scheduler.priority"},
		{SCHEDULER("\"SCHED_BATCH\",\"runtime\":1"),
			"runtime/deadline/period can only be specified for SchedDeadline policy"},
		{SCHEDULER("\"SCHED_DEADLINE\",\"runtime\":3,\"deadline\":2"),
			"runtime <= deadline"},
		{SCHEDULER("\"SCHED_BATCH\",\"flags\":[\"SCHED_FLAG_ODD\"]"),
			"process.scheduler.flags: unknown name \"SCHED_FLAG_ODD\""},
		{MEMORY_POLICY("\"MPOL_DEFAULT\",\"nodes\":\"0-7\""),
			"mode requires 0 nodes but got 8"},
		{MEMORY_POLICY("\"MPOL_BIND\""), "requires at least one node but got 0"},
		{MEMORY_POLICY("\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_X\"]"),
			"linux.memoryPolicy.flags: invalid memory policy flag \"MPOL_F_X\""},
		{MEMORY_POLICY("\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\","
			       "\"MPOL_F_RELATIVE_NODES\"]"),
			"MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES together"},
		{SPEC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_X\"}", "", "]"),
			"invalid ioPriority.Class"},
		{SPEC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}", "", "]"),
			"process.ioPriority.priority: must be between 0 and 7"},
		{SPEC(",\"execCPUAffinity\":{\"initial\":\"1-\"}", "", "]"),
			"process.execCPUAffinity.initial: not a list of CPUs"},
		{SPEC("", "", "],\"personality\":{\"domain\":\"BSD\"}"),
			"linux.personality.domain: unknown name \"BSD\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(cases[i].spec, cases[i].message);
}

static void test_process(void **state)
{
	struct plan_options o = options();

	assert_has(SPEC(",\"terminal\":true", "", "]"), &o,
		"c terminal: open a terminal on the container's devpts\n"
		"c console: bind the terminal on /dev/console\n"
		"c send: tell: here is the terminal\n");
	assert_has(SPEC(",\"capabilities\":{\"permitted\":[\"CAP_KILL\",\"NOT_A_CAP\"]}", "", "]"),
		&o, "c capabilities: set capabilities CAP_KILL\n");
	assert_has(
		SPEC(",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":2}]", "", "]"),
		&o, "c rlimit: set RLIMIT_NOFILE=1:2\n");
	assert_has(SPEC(",\"apparmorProfile\":\"prof\"", "", "]"), &o,
		"c label: write `/proc/self/attr/apparmor/exec`: exec prof\n");
	assert_has(
		SPEC("", "",
			",{\"type\":\"network\"}],\"sysctl\":{\"net.ipv4.conf.eth0/1.forwarding\":\"1\"}"),
		&o, "c sysctl: set sys/net/ipv4/conf/eth0.1/forwarding to 1\n");
	/* Groups of the caller's stay where that is asked for. */
	assert_lacks(SPEC("", ",\"annotations\":{\"run.oci.keep_original_groups\":\"1\"}", "]"), &o,
		"c groups");
	assert_has(SPEC("",
			   ",\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\"},"
			   "{\"destination\":\"/proc\",\"type\":\"proc\"}]",
			   "],\"mountLabel\":\"l:a:b\""),
		&o,
		"c mount: mount tmpfs on /t (context=l:a:b)\n"
		"c mount: mount proc on /proc\n");
	assert_has(SPEC("",
			   ",\"annotations\":{\"run.oci.mount_context_type\":\"fscontext\"},"
			   "\"mounts\":[{\"destination\":\"/t\",\"type\":\"devpts\"}]",
			   "],\"mountLabel\":\"l\""),
		&o, "c mount: mount devpts on /t (fscontext=l)\n");
	o.no_pivot = true;
	o.no_new_keyring = true;
	assert_has(SPEC("", "", "]"), &o, "c chroot:");
	assert_lacks(SPEC("", "", "]"), &o, "keyring");
}

#define ANNOTATION(key, value) SPEC("", ",\"annotations\":{\"" key "\":\"" value "\"}", "]")
#define SECCOMP(rest)	       SPEC("", "", "],\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"" rest "}")
#define NOTIFY		       ",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}]"

static void test_annotations(void **state)
{
	static const char *const accepted[] = {
		ANNOTATION("org.systemd.property.TimeoutStopSec", "10"),
		ANNOTATION("org.systemd.property.TimeoutStopUSec", "uint64 10"),
		ANNOTATION("org.systemd.property.CollectMode", "'inactive-or-failed'"),
	};
	struct plan_options o = options();

	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		compile(accepted[i], &o, &out);
	}
	assert_fails(ANNOTATION("org.systemd.property.a-b", "1"), "invalid property name");
	assert_fails(ANNOTATION("org.systemd.property.TimeoutStopSec", "soon"),
		"annotations: org.systemd.property.TimeoutStopSec: not a number of seconds");
	assert_fails(SPEC("",
			     ",\"annotations\":{\"run.oci.mount_context_type\":\"odd\"},"
			     "\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\"}]",
			     "],\"mountLabel\":\"l\""),
		"annotations: run.oci.mount_context_type: unknown value \"odd\"");
}

/* Who notifies has an agent before anybody can start the container. */
static void test_listener(void **state)
{
	struct plan_options o = options();

	assert_has(SECCOMP(NOTIFY ",\"listenerPath\":\"/l\""), &o,
		"c send: tell: the command executes\n"
		"c filter: load the seccomp filter and hand its listener over\n"
		"r receive: wait for: here is the seccomp listener\n"
		"r send-listener: hand the seccomp listener to /l\n"
		"r send: tell: the seccomp agent has its listener\n"
		"c capabilities: set capabilities\n"
		"c exec: exec cmd\n");
	o.start_socket = 99;
	assert_has(SECCOMP(NOTIFY ",\"listenerPath\":\"/l\""), &o,
		"r send: tell: the seccomp agent has its listener\n"
		"c send: tell: the container is created\n");
	assert_fails(SECCOMP(NOTIFY), "linux.seccomp.listenerPath: missing");
	assert_fails(SECCOMP(NOTIFY ",\"listenerPath\":\"l\""), "must be an absolute path");
	/* Without an action that notifies, a path alone means nothing. */
	assert_lacks(SECCOMP(",\"listenerPath\":\"/l\""), &o, "listener");
}

static void collect(void *userdata, const char *text)
{
	strv_append(userdata, text);
}

/* The caller's steps once there is a namespace, the child's after them and before sysctls. */
static void test_network_steps(void **state)
{
	static const char spec[] =
		SPEC("", "", ",{\"type\":\"network\"}],\"sysctl\":{\"net.a\":\"1\"}");
	static const struct plan_network_step steps[] = {
		{.child = true,
			.sysctl = "net/x",
			.value = "1",
			.words = "B",
			.calls = "b",
			.shell = "b"},
		{.data = "\0\0\0", .length = 4, .words = "A", .calls = "a", .shell = "a"},
	};
	struct plan_options o = options();
	_cleanup_buf_ struct buf out = BUF_INIT;

	o.network = steps;
	o.n_network = ARRAY_SIZE(steps);
	assert_has(spec, &o,
		"r receive: wait for: the namespaces exist\n"
		"r network: A\n"
		"r send: tell: the network devices are there\n");
	assert_has(spec, &o,
		"c receive: wait for: the network devices are there\n"
		"c network: B\n"
		"c sysctl: set sys/net/a to 1\n");
	/* The caller is not kept from making the cgroup meanwhile. */
	const char *text = compile(spec, &o, &out);
	assert_true(strstr(text, "r attach-cgroup") <
		    strstr(text, "r receive: wait for: the namespaces"));
}

static void test_warnings(void **state)
{
	_cleanup_strv_ char **warnings = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct plan_options o = options();

	o.warn = collect;
	o.userdata = &warnings;
	compile(SPEC(",\"capabilities\":{\"bounding\":[\"TEST_CAP\"],\"effective\":[\"CAP_KILL\","
		     "\"TEST_CAP\"],\"permitted\":[\"TEST_CAP\",\"OTHER\"]}",
			"", "]"),
		&o, &out);
	assert_int_equal(strv_length(warnings), 2);
	assert_string_equal(warnings[1], "ignoring unknown or unavailable capabilities: [OTHER]");
	assert_string_equal(
		warnings[0], "ignoring unknown or unavailable capabilities: [TEST_CAP]");
}

static void test_exec(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct plan_exec_options o = PLAN_EXEC_OPTIONS_INIT;
	struct oci_spec *spec;

	parse(&arena, SPEC("", "", ",{\"type\":\"pid\"},{\"type\":\"ipc\"}]"), &spec);
	struct plan_target target = {
		.id = "c", .pid = 1, .pidfd = 99, .spec = spec, .cgroup = "{}"};
	if (plan_compile_exec(spec->process, &target, &o, &plan, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	plan_print(plan, PLAN_FORMAT_SHORT, &out);
	assert_string_equal(buf_str(&out), "r open-cgroup: open the container's cgroup\n"
					   "r clone: clone the first process\n"
					   "c join-cgroup: join the cgroup\n"
					   "c session: begin a session\n"
					   "c join-namespace: join mount, ipc namespace\n"
					   "c stdio: place stdin, stdout and stderr\n"
					   "c close-fds: close all other files\n"
					   "c bounding: cut the bounding set\n"
					   "c groups: set supplementary groups\n"
					   "c umask: set umask 0022\n"
					   "c chdir: change directory to /\n"
					   "c user: become user 0:0\n"
					   "c capabilities: set capabilities\n"
					   "c chdir: change directory to /\n"
					   "c find-command: exec: \"cmd\"\n"
					   "c send: tell: the command executes\n"
					   "c exec: exec cmd\n"
					   "r receive: wait for: the command executes\n");
}

/* Two mounts for a running container, or away from it: the plan, or the error. */
static int compile_mounts(const char *linux_part, const struct oci_mount *mounts, bool remove,
	bool unprivileged, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct oci_spec *spec;

	buf_printf(&text, SPEC("", "", "%s"), linux_part);
	parse(&arena, buf_str(&text), &spec);
	struct plan_target target = {
		.id = "c", .pid = 1, .pidfd = 99, .spec = spec, .bundle = "/b"};
	int r = plan_compile_mounts(mounts, 2, remove, &target, unprivileged, &plan, &err);
	if (r < 0)
		buf_puts(out, hull_error_message(&err));
	else
		plan_print(plan, PLAN_FORMAT_SHORT, out);
	return r;
}

static void assert_mounts(
	const struct oci_mount *mounts, bool remove, bool unprivileged, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	compile_mounts("]", mounts, remove, unprivileged, &out);
	assert_string_equal(buf_str(&out), expected);
}

#define TEXT(literal) (char *)(literal)

static void test_running_mounts(void **state)
{
	char *options[] = {TEXT("ro"), TEXT("size=1m"), NULL};
	struct oci_mount mounts[] = {
		{.destination = TEXT("/a/../b"), .type = TEXT("bind"), .source = TEXT("s")},
		{.destination = TEXT("/t"), .type = TEXT("tmpfs"), .options = options}};

	assert_mounts(mounts, false, false,
		"r open-bind: open bind source /b/s\n"
		"r clone: clone the first process\n"
		"c session: begin a session\n"
		"c join-namespace: join mount namespace\n"
		"c enter-root: open the container's root\n"
		"c bind: bind s on /b\n"
		"c mount: mount tmpfs on /t (size=1m)\n"
		"c send: tell: the file system stands\n"
		"r receive: wait for: the file system stands\n");
	/* Who may not mount outside opens the sources in a mount namespace of its own. */
	assert_mounts(mounts, false, true,
		"r clone: clone the first process\n"
		"c session: begin a session\n"
		"c unshare: make mount namespaces\n"
		"c open-bind: open bind source /b/s\n"
		"c join-namespace: join mount namespace\n"
		"c enter-root: open the container's root\n"
		"c bind: bind s on /b\n"
		"c mount: mount tmpfs on /t (size=1m)\n"
		"c send: tell: the file system stands\n"
		"r receive: wait for: the file system stands\n");
	for (int unprivileged = 0; unprivileged < 2; unprivileged++)
		assert_mounts(mounts, true, unprivileged,
			"r clone: clone the first process\n"
			"c session: begin a session\n"
			"c join-namespace: join mount namespace\n"
			"c enter-root: open the container's root\n"
			"c find-mount: find the mount /b\n"
			"c find-mount: find the mount /t\n"
			"c unmount: unmount /t\n"
			"c unmount: unmount /b\n"
			"c send: tell: the file system stands\n"
			"r receive: wait for: the file system stands\n");
}

static void test_running_mounts_refused(void **state)
{
	static const struct {
		const char *rest, *destination, *type, *option;
		bool remove;
		const char *message;
	} cases[] = {
		{"]", "/t", "proc", NULL, false,
			"mounts[1].type: a running container can be given"},
		{"]", "/t", "ext4", NULL, false, "mounts[1].type"},
		{"]", "/t", NULL, NULL, false, "mounts[1].type"},
		{"]", "/t", "tmpfs", "remount", false, "no remount in a running container"},
		{"]", "/t", "tmpfs", "iversion", false, "only mount(2) takes"},
		{"]", "/", "tmpfs", NULL, false, "mount on / is not possible"},
		{"]", "/proc", "tmpfs", NULL, false, "not of type proc"},
		{"]", "/proc/sys/kernel", "tmpfs", NULL, false, "inside /proc"},
		{"]", "", NULL, NULL, false, "mounts[1].destination: must not be empty"},
		{"]", "/x/..", NULL, NULL, true, "the root cannot be unmounted"},
		{"]", "/proc/kcore", NULL, NULL, true, "inside /proc"},
		{"],\"maskedPaths\":[\"/m/.\"]", "/m/", NULL, NULL, true,
			"the configuration masks it"},
		{"],\"readonlyPaths\":[\"/m\"]", "//m", NULL, NULL, true, "makes it read-only"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		char *options[] = {TEXT(cases[i].option), NULL};
		struct oci_mount mounts[] = {{.destination = TEXT("/proc/cpuinfo"),
						     .type = TEXT("bind"),
						     .source = TEXT("/s")},
			{.destination = TEXT(cases[i].destination),
				.type = TEXT(cases[i].type),
				.options = options}};
		if (compile_mounts(cases[i].rest, mounts, cases[i].remove, false, &out) >= 0)
			fail_msg("accepted: %s", cases[i].message);
		if (!strstr(buf_str(&out), cases[i].message))
			fail_msg("not \"%s\": %s", cases[i].message, buf_str(&out));
	}
}

static void test_formats(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, json = BUF_INIT;
	struct plan_options o = options();
	struct oci_spec *spec;

	parse(&arena,
		MOUNT("{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"t\","
		      "\"options\":[\"mode=700\"]}"),
		&spec);
	assert_int_equal(plan_compile(spec, &o, &plan, NULL), 0);
	plan_print(plan, PLAN_FORMAT_TEXT, &text);
	assert_non_null(strstr(buf_str(&text), "shell: mount -t tmpfs -o mode=700 t rootfs/t\n"));
	assert_non_null(strstr(buf_str(&text), "call:  fsopen(tmpfs), fsconfig(mode=700)"));
	plan_print(plan, PLAN_FORMAT_JSON, &json);
	assert_int_equal(json_check(buf_str(&json), json.len, NULL, "plan", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_full_order),
		cmocka_unit_test(test_no_new_privileges),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_limits_refused),
		cmocka_unit_test(test_network_steps),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_running_mounts),
		cmocka_unit_test(test_running_mounts_refused),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

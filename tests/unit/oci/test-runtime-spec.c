/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "oci/runtime_spec.h"

/* Every field that the tables know, so that none can be lost on the way through. */
static const char everything[] =
	"{\"ociVersion\":\"1.3.0\",\"process\":{\"terminal\":true,"
	"\"consoleSize\":{\"height\":24,\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},"
	"\"args\":[\"sh\",\"-c\",\"x\"],\"env\":[\"A=b\"],\"cwd\":\"/w\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[],"
	"\"inheritable\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_KILL\"],\"ambient\":[]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":0}],"
	"\"noNewPrivileges\":true,\"apparmorProfile\":\"p\",\"oomScoreAdj\":-500,"
	"\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-3,\"priority\":0,"
	"\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"],\"runtime\":1,\"deadline\":2,\"period\":3},"
	"\"selinuxLabel\":\"l\",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":0},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\",\"domainname\":\"d\","
	"\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\","
	"\"options\":[\"rbind\",\"ro\"],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"args\":[\"a\",\"b\"],\"env\":[\"X=y\"],"
	"\"timeout\":3}],\"createRuntime\":[{\"path\":\"/b\"}],"
	"\"createContainer\":[{\"path\":\"/c\"}],\"startContainer\":[{\"path\":\"/d\"}],"
	"\"poststart\":[{\"path\":\"/e\"}],\"poststop\":[{\"path\":\"/f\"}]},"
	"\"annotations\":{\"k\":\"v\",\"empty\":\"\"},"
	"\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
	"\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,"
	"\"type\":\"c\",\"major\":10,\"minor\":0,\"access\":\"r\"}],"
	"\"memory\":{\"limit\":-1,\"reservation\":1,\"swap\":2,\"kernel\":3,\"kernelTCP\":4,"
	"\"swappiness\":0,\"disableOOMKiller\":false,\"useHierarchy\":true,"
	"\"checkBeforeUpdate\":true},"
	"\"cpu\":{\"shares\":1024,\"quota\":-1,\"burst\":0,\"period\":100000,"
	"\"realtimeRuntime\":0,\"realtimePeriod\":1,\"cpus\":\"0\",\"mems\":\"0\",\"idle\":1},"
	"\"pids\":{\"limit\":0},"
	"\"blockIO\":{\"weight\":10,\"leafWeight\":11,"
	"\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,\"leafWeight\":300}],"
	"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
	"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":0}],"
	"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":2,\"rate\":1}],"
	"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":2}]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9223372036854775808}],"
	"\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
	"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}},"
	"\"unified\":{\"memory.high\":\"1\"}},"
	"\"cgroupsPath\":\"/c/g\",\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\","
	"\"path\":\"/n\"},{\"type\":\"user\"},{\"type\":\"time\"},{\"type\":\"uts\"}],"
	"\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,"
	"\"fileMode\":438,\"uid\":0,\"gid\":0}],"
	"\"netDevices\":{\"eth1\":{\"name\":\"ctr\"},\"eth2\":{}},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"},\"rootfsPropagation\":\"slave\","
	"\"maskedPaths\":[\"/m\"],\"readonlyPaths\":[\"/r\"],\"mountLabel\":\"ml\","
	"\"intelRdt\":{\"closID\":\"c\",\"schemata\":[\"L3:0=1\"],\"l3CacheSchema\":\"x\","
	"\"memBwSchema\":\"y\",\"enableMonitoring\":true},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\","
	"\"flags\":[\"MPOL_F_STATIC_NODES\"]},"
	"\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"f\"]},"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-1,\"nanosecs\":2},"
	"\"boottime\":{\"secs\":1}}}}";

static void test_round_trip(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	struct oci_spec *spec;

	if (oci_spec_parse(&arena, everything, strlen(everything), "test", &spec, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	json_struct(&w, &oci_spec_table, spec);
	assert_string_equal(buf_str(&out), everything);
	assert_int_equal(spec->process->rlimits[0].hard, UINT64_MAX);
	assert_int_equal(spec->linux->resources->pids.limit.value, 0);
	assert_true(spec->linux->resources->pids.limit.set);
	assert_string_equal(spec->linux->resources->rdma[0].device, "mlx5_1");
	assert_string_equal(spec->linux->net_devices[0].host_name, "eth1");
	assert_string_equal(oci_spec_annotation(spec, "k"), "v");
	assert_null(oci_spec_annotation(spec, "none"));
	assert_string_equal(oci_spec_namespace(spec, OCI_NAMESPACE_NETWORK)->path, "/n");
	assert_null(oci_spec_namespace(spec, OCI_NAMESPACE_IPC));
}

#define MINIMAL(process, linux_part)                                                      \
	"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\"," \
	"\"args\":[\"a\"]" process "},\"linux\":{" linux_part "}}"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{}", "config.json: ociVersion: missing"},
		{"{\"ociVersion\":\"2.0.0\"}", "unsupported version"},
		{"{\"ociVersion\":\"1.\"}", "unsupported version"},
		{"{\"ociVersion\":\"1.0.0\"}", "root: missing"},
		{MINIMAL(",\"terminal\":1", ""), "process.terminal: expected true or false"},
		{MINIMAL(",\"user\":{\"uid\":-1}", ""), "process.user.uid: negative"},
		{MINIMAL(",\"user\":{\"uid\":4294967296}", ""), "process.user.uid"},
		{MINIMAL(",\"user\":{\"uid\":4294967295}", ""), "is no id"},
		{MINIMAL(",\"env\":[\"novalue\"]", ""), "process.env: not NAME=VALUE"},
		{MINIMAL(",\"oomScoreAdj\":1001", ""), "oomScoreAdj"},
		{MINIMAL(",\"rlimits\":[{\"type\":\"X\",\"soft\":2,\"hard\":1}]", ""),
			"soft limit above hard limit"},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]"),
			"pid twice"},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"nonsense\"}]"),
			"linux.namespaces[0].type: unknown value \"nonsense\""},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"ipc\",\"path\":\"x\"}]"),
			"path must be absolute"},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"user\"}]"), "linux.uidMappings: missing"},
		{MINIMAL("", "\"timeOffsets\":{}"), "need a new time namespace"},
		{MINIMAL("", "\"devices\":[{\"path\":\"/d\",\"type\":\"x\"}]"), "unknown type"},
		{MINIMAL("", "\"devices\":[{\"path\":\"d\",\"type\":\"c\"}]"), "must be absolute"},
		{MINIMAL("", "\"maskedPaths\":[\"x\"]"), "not absolute"},
		{MINIMAL("", "\"sysctl\":{\"../x\":\"1\"}"), "bad name"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"hostname\":\"h\","
		 "\"linux\":{}}",
			"private UTS namespace"},
		{MINIMAL("", "\"sysctl\":{\"kernel.panic\":\"1\"}"),
			"sysctl \"kernel.panic\" is not in a separate kernel namespace"},
		{MINIMAL("", "\"sysctl\":{\"net.core.somaxconn\":\"1\"}"),
			"not allowed in host network namespace"},
		{MINIMAL("", "\"sysctl\":{\"fs.mqueue.msg_max\":\"1\"}"),
			"not allowed in the hosts ipc namespace"},
		{MINIMAL("", "\"sysctl\":{\"user.max_user_namespaces\":\"1\"}"),
			"not in a separate kernel namespace"},
		{MINIMAL("", "\"netDevices\":{\"a\":{}}"), "without a private NET namespace"},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"a b\":{}}"),
			"invalid network device name \"a b\""},
		{MINIMAL("", "\"intelRdt\":{\"closID\":\"..\"}"), "linux.intelRdt.closID: invalid"},
		{MINIMAL("", "\"seccomp\":\"x\""), "linux.seccomp: expected an object"},
		{MINIMAL("", "\"resources\":{\"cpu\":{\"cpus\":\"x\"}}"),
			"linux.resources: cpu.cpus"},
		{MINIMAL(",\"consoleSize\":{\"height\":1,\"width\":65536}", ""),
			"process.consoleSize"},
		{MINIMAL(",\"user\":{\"additionalGids\":[4294967295]}", ""), "additionalGids[0]"},
		{MINIMAL("", "\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"monotonic\":"
			     "{\"nanosecs\":1000000000}}"),
			"linux.timeOffsets.monotonic.nanosecs"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct oci_spec *spec;
		int r = oci_spec_parse(
			&arena, cases[i].text, strlen(cases[i].text), "config.json", &spec, &err);
		if (r >= 0 || !strstr(hull_error_message(&err), cases[i].message))
			fail_msg("%s: %s", cases[i].text,
				r < 0 ? hull_error_message(&err) : "accepted");
	}
}

static void test_accepted(void **state)
{
	static const char *const texts[] = {
		MINIMAL("", ""),
		MINIMAL(",\"unknown\":{\"x\":1}", "\"alsoUnknown\":[]"),
		MINIMAL(",\"capabilities\":null", "\"seccomp\":null"),
		MINIMAL("",
			"\"namespaces\":[{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}],"
			"\"sysctl\":{\"net/ipv4/conf/eth0.1/forwarding\":\"1\",\"kernel.sem\":\"1\","
			"\"kernel.domainname\":\"d\"},\"netDevices\":{\"a\":{\"name\":\"x%d\"},"
			"\"b\":{\"name\":\"x%d\"}}"),
		"{\"ociVersion\":\"1.99.0-dev\",\"root\":{\"path\":\"/r\"}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct oci_spec *spec;
		if (oci_spec_parse(&arena, texts[i], strlen(texts[i]), "config.json", &spec, &err) <
			0)
			fail_msg("%s: %s", texts[i], hull_error_message(&err));
	}
}

static void test_sysctl_path(void **state)
{
	static const struct {
		const char *name, *path;
	} cases[] = {{"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
		{"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		{"net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		{"single", "single"}};
	static const char *const refused[] = {
		"", ".", "..", "a..b", "/a", "a/", "a/../b", "a/./b", "net.//.x"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(oci_sysctl_path(cases[i].name, path, sizeof(path)), 0);
		assert_string_equal(path, cases[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (oci_sysctl_path(refused[i], path, sizeof(path)) != -EINVAL)
			fail_msg("%s: %s", refused[i], path);
	}
	assert_int_equal(oci_sysctl_path("net.ipv4.ip_forward", path, 10), -ENAMETOOLONG);
}

/* The default spec passes its own check, and grants nothing inheritable (CVE-2022-29162). */
static void test_default(void **state)
{
	for (int rootless = 0; rootless < 2; rootless++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct oci_spec *spec = oci_spec_new_default(&arena, rootless);
		assert_non_null(spec);
		if (oci_spec_check(spec, &err) < 0)
			fail_msg("%s", hull_error_message(&err));
		assert_null(spec->process->capabilities->inheritable);
		assert_int_equal(oci_spec_namespace(spec, OCI_NAMESPACE_USER) != NULL, rootless);
	}
}

static void test_seccomp(void **state)
{
	static const char text[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,"
		"\"architectures\":[\"SCMP_ARCH_X86_64\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
		"\"listenerPath\":\"/l\",\"listenerMetadata\":\"m\","
		"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":3,"
		"\"args\":[{\"index\":1,\"value\":18446744073709551615,\"valueTwo\":2,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]}";
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	struct oci_seccomp *seccomp;

	assert_int_equal(oci_seccomp_parse(&arena, text, &seccomp, NULL), 0);
	json_struct(&w, &oci_seccomp_table, seccomp);
	assert_string_equal(buf_str(&out), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_sysctl_path),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_seccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

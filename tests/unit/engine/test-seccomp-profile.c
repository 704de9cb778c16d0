/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/capabilities.h"
#include "engine/seccomp_profile.h"
#include "engine/seccomp_rules.h"
#include "oci/runtime_spec.h"

#include <sys/mman.h>
#include <sys/utsname.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static struct oci_seccomp *parse(struct arena *arena, const char *json)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct oci_seccomp *seccomp = NULL;

	if (oci_seccomp_parse(arena, json, &seccomp, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return seccomp;
}

static struct oci_seccomp *profile(struct arena *arena, char **capabilities)
{
	char *json = NULL;

	assert_int_equal(seccomp_profile_default(arena, capabilities, &json, NULL), 0);
	return parse(arena, json);
}

/* The first rule that has the name and an argument value (or none). */
static const struct oci_seccomp_syscall *find(
	const struct oci_seccomp *seccomp, const char *name, const uint64_t *value)
{
	for (size_t i = 0; i < seccomp->n_syscalls; i++) {
		const struct oci_seccomp_syscall *rule = &seccomp->syscalls[i];
		if (!strv_contains(rule->names, name))
			continue;
		if (!value && rule->n_args == 0)
			return rule;
		if (value && rule->n_args == 1 && rule->args[0].value == *value)
			return rule;
	}
	return NULL;
}

static bool allowed(const struct oci_seccomp *seccomp, const char *name)
{
	const struct oci_seccomp_syscall *rule = find(seccomp, name, NULL);

	return rule && str_eq(rule->action, "SCMP_ACT_ALLOW");
}

static void test_shape(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s = profile(&arena, (char **)capabilities_default);
	struct utsname u;

	assert_string_equal(s->default_action, "SCMP_ACT_ERRNO");
	assert_true(s->default_errno_ret.set);
	assert_int_equal(s->default_errno_ret.value, 1);
	uname(&u);
	if (str_eq(u.machine, "x86_64")) {
		assert_int_equal(strv_length(s->architectures), 3);
		assert_true(strv_contains(s->architectures, "SCMP_ARCH_X86_64"));
		assert_true(strv_contains(s->architectures, "SCMP_ARCH_X86"));
		assert_true(strv_contains(s->architectures, "SCMP_ARCH_X32"));
		assert_true(allowed(s, "arch_prctl"));
		assert_false(allowed(s, "riscv_flush_icache"));
	}
}

static void test_default_capabilities(void **state)
{
	static const char *const yes[] = {"read", "execve", "clock_gettime64", "chroot", "ptrace",
		"futex_waitv", "openat2", "close_range", "mseal", "statmount", "shmat"};
	static const char *const no[] = {"mount", "umount2", "unshare", "setns", "bpf", "reboot",
		"init_module", "keyctl", "add_key", "request_key", "kexec_load", "swapon",
		"io_uring_setup", "userfaultfd", "perf_event_open", "clock_settime", "syslog",
		"open_by_handle_at", "iopl", "acct", "pivot_root", "clone", "clone3", "socket",
		"personality", "process_madvise", "mbind", "vhangup", "nfsservctl", "uselib"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s = profile(&arena, (char **)capabilities_default);

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!allowed(s, yes[i]))
			fail_msg("%s is refused", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (allowed(s, no[i]))
			fail_msg("%s is allowed", no[i]);
	}
}

static void test_namespaces(void **state)
{
	const uint64_t flags = 0x7e020000;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s = profile(&arena, NULL);

	const struct oci_seccomp_syscall *clone3 = find(s, "clone3", NULL);
	assert_string_equal(clone3->action, "SCMP_ACT_ERRNO");
	assert_int_equal(clone3->errno_ret.value, ENOSYS);
	const struct oci_seccomp_syscall *clone = find(s, "clone", &flags);
	assert_string_equal(clone->args[0].op, "SCMP_CMP_MASKED_EQ");
	assert_int_equal(clone->args[0].value_two, 0);

	s = profile(&arena, LIST("CAP_SYS_ADMIN"));
	assert_true(allowed(s, "clone3"));
	assert_true(allowed(s, "clone"));
	assert_null(find(s, "clone", &flags));
	assert_true(allowed(s, "mount"));
	assert_true(allowed(s, "bpf"));
	assert_false(allowed(s, "chroot"));
}

/* Each row with a capability is there with it and only with it. */
static void test_capability_rows(void **state)
{
	static const struct {
		const char *capability, *syscall;
	} rows[] = {{"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
		{"CAP_SYS_MODULE", "finit_module"}, {"CAP_SYS_RAWIO", "iopl"},
		{"CAP_SYS_CHROOT", "chroot"}, {"CAP_SYS_PTRACE", "kcmp"}, {"CAP_SYS_PACCT", "acct"},
		{"CAP_SYS_BOOT", "reboot"}, {"CAP_SYS_NICE", "mbind"},
		{"CAP_SYS_TIME", "settimeofday"}, {"CAP_SYS_TTY_CONFIG", "vhangup"},
		{"CAP_SYSLOG", "syslog"}, {"CAP_PERFMON", "perf_event_open"}, {"CAP_BPF", "bpf"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		assert_true(allowed(profile(&arena, LIST(rows[i].capability)), rows[i].syscall));
		assert_false(allowed(profile(&arena, LIST("CAP_CHOWN")), rows[i].syscall));
	}
}

static bool socket_allowed(const struct oci_seccomp *s, uint64_t family)
{
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct oci_seccomp_syscall *rule = &s->syscalls[i];
		if (!strv_contains(rule->names, "socket"))
			continue;
		assert_int_equal(rule->n_args, 1);
		assert_int_equal(rule->args[0].index, 0);
		if (str_eq(rule->args[0].op, "SCMP_CMP_LT") ? family < rule->args[0].value
							    : family == rule->args[0].value)
			return true;
	}
	return false;
}

static void test_sockets(void **state)
{
	static const unsigned int refused[] = {12, 19, 20, 23, 25, 34, 37, 38, 40};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s = profile(&arena, NULL);

	for (unsigned int family = 0; family < 64; family++) {
		bool expected = family < 46;
		for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
			expected &= family != refused[i];
		assert_int_equal(socket_allowed(s, family), expected);
	}
}

static void test_personality(void **state)
{
	static const uint64_t values[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	static const uint64_t bad = 0x0400000; /* ADDR_NO_RANDOMIZE */
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s = profile(&arena, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_non_null(find(s, "personality", &values[i]));
	assert_null(find(s, "personality", &bad));
}

/* No name twice in the unconditional rows: a double would hide a mistake in the table. */
static void test_table(void **state)
{
	_cleanup_strv_ char **seen = NULL;

	for (size_t i = 0; i < seccomp_rules_count; i++) {
		const struct seccomp_rule *rule = &seccomp_rules[i];
		if (rule->capability >= 0 || rule->without_capability >= 0 || rule->arches ||
			rule->n_values)
			continue;
		_cleanup_strv_ char **names = strv_split(rule->names, " ");
		strv_foreach (name, names) {
			if (strv_contains(seen, *name))
				fail_msg("%s is in the table twice", *name);
			assert_int_equal(strv_append(&seen, *name), 0);
		}
	}
	assert_true(strv_length(seen) > 350);
}

/* The same bytes each time, whatever the order of the capabilities, and quickly. */
static void test_stable_and_fast(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char *a, *b;
	int64_t best = INT64_MAX;

	assert_int_equal(
		seccomp_profile_default(&arena, LIST("CAP_BPF", "CAP_CHOWN"), &a, NULL), 0);
	assert_int_equal(
		seccomp_profile_default(&arena, LIST("CAP_CHOWN", "CAP_BPF"), &b, NULL), 0);
	assert_string_equal(a, b);
	for (int i = 0; i < 100; i++) {
		int64_t start = clock_monotonic_ns();
		assert_int_equal(
			seccomp_profile_default(&arena, (char **)capabilities_default, &a, NULL),
			0);
		int64_t took = clock_monotonic_ns() - start;
		best = took < best ? took : best;
	}
	print_message("%zu bytes in %lld ns\n", strlen(a), (long long)best);
	assert_true(best < 5 * NS_PER_MS); /* generous: sanitizers, busy machines */
}

static const char user_profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"comment\":\"x\","
	"\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
	"{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":null}],"
	"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
	"\"syscalls\":["
	"{\"names\":[\"a\",\"b\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":[],\"comment\":\"\"},"
	"{\"name\":\"old\",\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":1,\"value\":18446744073709551615,"
	"\"valueTwo\":2,\"op\":\"SCMP_CMP_EQ\"}],\"includes\":{},\"excludes\":{}},"
	"{\"names\":[\"with\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"caps\":[\"CAP_A\",\"CAP_B\"]}},"
	"{\"names\":[\"without\"],\"action\":\"SCMP_ACT_ERRNO\",\"excludes\":{\"caps\":[\"CAP_A\",\"CAP_C\"]}},"
	"{\"names\":[\"never\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"arches\":[\"pdp11\"]}},"
	"{\"names\":[\"always\"],\"action\":\"SCMP_ACT_ERRNO\",\"excludes\":{\"arches\":[\"pdp11\"]}},"
	"{\"names\":[\"here\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"arches\":[\"pdp11\",\"amd64\","
	"\"arm64\"],\"minKernel\":\"4.8\"}},"
	"{\"names\":[\"future\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"minKernel\":\"99.0\"}},"
	"{\"names\":[\"past\"],\"action\":\"SCMP_ACT_ERRNO\",\"excludes\":{\"minKernel\":\"4.8\"}}"
	"]}";

static void test_convert(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	const struct seccomp_arch *arch = seccomp_rules_arch_native();
	const uint64_t big = UINT64_MAX;
	char *json = NULL;

	if (seccomp_profile_convert(&arena, user_profile, strlen(user_profile), "test",
		    LIST("CAP_A", "CAP_B"), &json, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	struct oci_seccomp *s = parse(&arena, json);
	assert_string_equal(s->default_action, "SCMP_ACT_ALLOW");
	assert_false(s->default_errno_ret.set);
	assert_int_equal(strv_length(s->flags), 1);
	assert_int_equal(find(s, "a", NULL)->errno_ret.value, 5);
	assert_int_equal(find(s, "old", &big)->args[0].value_two, 2);
	assert_non_null(find(s, "with", NULL));
	assert_null(find(s, "without", NULL));
	assert_null(find(s, "never", NULL));
	assert_non_null(find(s, "always", NULL));
	assert_null(find(s, "future", NULL));
	assert_null(find(s, "past", NULL));
	if (str_eq(arch->name, "amd64")) {
		assert_int_equal(strv_length(s->architectures), 2);
		assert_non_null(find(s, "here", NULL));
	}

	assert_int_equal(seccomp_profile_convert(&arena, user_profile, strlen(user_profile), "test",
				 LIST("CAP_B"), &json, NULL),
		0);
	s = parse(&arena, json);
	assert_null(find(s, "with", NULL));
	assert_non_null(find(s, "without", NULL));
}

static void test_oci_form(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char *json = NULL, *again = NULL;

	assert_int_equal(
		seccomp_profile_default(&arena, (char **)capabilities_default, &json, NULL), 0);
	assert_int_equal(
		seccomp_profile_convert(&arena, json, strlen(json), "test", NULL, &again, NULL), 0);
	assert_int_equal(parse(&arena, again)->n_syscalls, parse(&arena, json)->n_syscalls);
}

static void expect_error(const char *text, const char *message)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char *json = NULL;

	assert_true(seccomp_profile_convert(
			    &arena, text, strlen(text), "my.json", NULL, &json, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	if (!strstr(hull_error_message(&err), message))
		fail_msg("%s", hull_error_message(&err));
	assert_null(json);
}

static void test_errors(void **state)
{
	expect_error("", "my.json");
	expect_error("{}", "defaultAction");
	expect_error("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"a\","
		     "\"names\":[\"b\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		"both 'name' (a) and 'names'");
	expect_error("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{"
		     "\"action\":\"SCMP_ACT_ALLOW\"}]}",
		"without names");
	expect_error("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],"
		     "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\"}]}",
		"either 'architectures' or 'archMap'");
	expect_error("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"b\"],"
		     "\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"new\"}}]}",
		"minKernel");
}

static void test_load(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
	char path[64], *json = NULL;

	assert_true(write(fd, user_profile, strlen(user_profile)) > 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(seccomp_profile_load(&arena, path, NULL, &json, NULL), 0);
	assert_non_null(find(parse(&arena, json), "always", NULL));
	assert_true(seccomp_profile_load(&arena, "/nonexistent/x.json", NULL, &json, &err) < 0);
	assert_string_equal(hull_error_message(&err),
		"opening seccomp profile (/nonexistent/x.json) failed: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_default_capabilities),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_capability_rows),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_personality),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_stable_and_fast),
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_oci_form),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

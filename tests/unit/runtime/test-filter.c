/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/runtime_spec.h"
#include "runtime/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PROFILE(errno_ret)                                                            \
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"]," \
	"\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":" errno_ret "}]}"

static struct sock_filter code[4096];

static struct filter load(const char *profile, int cache)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct filter f = {.code = code, .max = ARRAY_SIZE(code)};

	if (filter_load(profile, cache, &f, &err) < 0)
		fail_msg("%s: %s", profile, hull_error_message(&err));
	return f;
}

/* What the kernel would make of one system call: the few instructions that filters consist of. */
static uint32_t evaluate_call(const struct filter *f, const struct seccomp_data *data)
{
	uint32_t a = 0, memory[16] = {0};

	for (uint32_t i = 0; i < f->length; i++) {
		const struct sock_filter *c = &f->code[i];
		bool holds = false;
		switch (c->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(c->k + sizeof(a) <= sizeof(*data));
			memcpy(&a, (const char *)data + c->k, sizeof(a));
			continue;
		case BPF_LD | BPF_MEM:
			a = memory[c->k];
			continue;
		case BPF_ST:
			memory[c->k] = a;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= c->k;
			continue;
		case BPF_RET | BPF_K:
			return c->k;
		case BPF_JMP | BPF_JA:
			i += c->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			holds = a == c->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			holds = a > c->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			holds = a >= c->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			holds = a & c->k;
			break;
		default:
			fail_msg("instruction %u: code %#x", i, c->code);
		}
		i += holds ? c->jt : c->jf;
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t evaluate(const struct filter *f, uint32_t arch, uint32_t number)
{
	const struct seccomp_data data = {.nr = (int)number, .arch = arch};

	return evaluate_call(f, &data);
}

static bool returns(const struct filter *f, uint32_t action)
{
	for (uint32_t i = 0; i < f->length; i++) {
		if (f->code[i].code == (BPF_RET | BPF_K) && f->code[i].k == action)
			return true;
	}
	return false;
}

static void test_compile(void **state)
{
	struct filter f = load(PROFILE("38"), -1);

	assert_true(f.length > 3);
	assert_true(returns(&f, 0x7fff0000));	   /* SECCOMP_RET_ALLOW */
	assert_true(returns(&f, 0x00050000 | 38)); /* SECCOMP_RET_ERRNO */
}

static void test_refused(void **state)
{
	static const struct {
		const char *profile, *message;
	} cases[] = {
		{"{}", "defaultAction: missing"},
		{"{\"defaultAction\":\"SCMP_ACT_ODD\"}", "unknown action"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X\"]}",
			"unknown architecture"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		 "\"architectures\":[\"SCMP_ARCH_NONE\"]}",
			"unknown architecture \"SCMP_ARCH_NONE\""},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "unknown flag"},
		{PROFILE("65536"), "errnoRet out of range"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],"
		 "\"action\":\"SCMP_ACT_KILL\"}]}",
			"no names"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"value\":1,"
		 "\"op\":\"SCMP_CMP_EQ\"}]}]}",
			"bad argument comparison"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct filter f = {.code = code, .max = ARRAY_SIZE(code)};
		int r = filter_compile(cases[i].profile, &f, &err);
		if (r >= 0 || !strstr(hull_error_message(&err), cases[i].message))
			fail_msg("%s: %s", cases[i].profile,
				r < 0 ? hull_error_message(&err) : "accepted");
	}
	struct filter small = {.code = code, .max = 2};
	assert_true(filter_compile(PROFILE("1"), &small, NULL) < 0);
}

static void test_unknown_calls(void **state)
{
	/* Of another kernel or architecture: no error. */
	load("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\","
	     "\"SCMP_ARCH_X86\",\"SCMP_ARCH_PARISC\"],\"syscalls\":[{\"names\":[\"read\","
	     "\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		-1);
}

#define ALLOW	 0x7fff0000U
#define ERRNO(e) (0x00050000U | (e))
#define X32	 0x40000000U

/* A default of EPERM, and these calls allowed, on these architectures. */
#define LIST(archs, names)                                                     \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[" archs "]," \
	"\"syscalls\":[{\"names\":[" names "],\"action\":\"SCMP_ACT_ALLOW\"}]}"

/* What is newer than all that the profile names does not exist; what is older is refused. */
static void test_newer_calls(void **state)
{
	/* x86_64: read 0, mkdir 83, statx 332; x86: mkdir 39, statx 383; ARM: statx 397,
	 * set_tls 0xf0005; x32: as x86_64, with a bit. */
	struct filter f = load(LIST("\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\","
				    "\"SCMP_ARCH_ARM\",\"SCMP_ARCH_AARCH64\"",
				       "\"read\",\"statx\",\"execve\",\"set_tls\""),
		-1);
	static const struct {
		uint32_t arch, number, action;
	} cases[] = {
		{AUDIT_ARCH_X86_64, 0, ALLOW}, {AUDIT_ARCH_X86_64, 332, ALLOW},
		{AUDIT_ARCH_X86_64, 83, ERRNO(EPERM)}, {AUDIT_ARCH_X86_64, 333, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, 0x3fffffff, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, UINT32_MAX, ERRNO(EPERM)}, {AUDIT_ARCH_X86_64, X32 | 0, ALLOW},
		{AUDIT_ARCH_X86_64, X32 | 83, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, X32 | 400, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, X32 | 512, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, X32 | 520, ALLOW}, /* execve */
		{AUDIT_ARCH_X86_64, X32 | 547, ERRNO(EPERM)},
		{AUDIT_ARCH_X86_64, X32 | 548, ERRNO(ENOSYS)},
		{AUDIT_ARCH_X86_64, X32 | 600, ERRNO(ENOSYS)}, {AUDIT_ARCH_I386, 3, ALLOW},
		{AUDIT_ARCH_I386, 39, ERRNO(EPERM)}, {AUDIT_ARCH_I386, 384, ERRNO(ENOSYS)},
		{AUDIT_ARCH_ARM, 397, ALLOW}, {AUDIT_ARCH_ARM, 398, ERRNO(ENOSYS)},
		{AUDIT_ARCH_ARM, 0xf0005, ALLOW}, {AUDIT_ARCH_ARM, 0xf0002, ERRNO(EPERM)},
		{AUDIT_ARCH_AARCH64, 63, ALLOW}, {AUDIT_ARCH_AARCH64, 292, ERRNO(ENOSYS)},
		{AUDIT_ARCH_S390X, 1000, 0}, /* not in the filter: killed */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t action = evaluate(&f, cases[i].arch, cases[i].number);
		if (action != cases[i].action)
			fail_msg("%#x %#x: %#x, not %#x", cases[i].arch, cases[i].number, action,
				cases[i].action);
	}
	/* Without x32 in the filter its calls are not newer calls but another architecture's. */
	f = load(LIST("\"SCMP_ARCH_X86_64\"", "\"read\""), -1);
	assert_int_equal(evaluate(&f, AUDIT_ARCH_X86_64, X32 | 600), 0);
	assert_int_equal(evaluate(&f, AUDIT_ARCH_X86_64, 600), ERRNO(ENOSYS));
}

/* Only a default of an errno other than ENOSYS makes newer calls special. */
static void test_newer_calls_kept(void **state)
{
	static const struct {
		const char *profile;
		uint32_t action;
	} cases[] = {
		{"{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]}",
			0x80000000U},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]}",
			0x7ffc0000U},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":"
		 "[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
			ERRNO(ENOSYS)},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13}", ERRNO(EACCES)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct filter f = load(cases[i].profile, -1);
		if (evaluate(&f, AUDIT_ARCH_X86_64, 2000) != cases[i].action)
			fail_msg("%s", cases[i].profile);
	}
}

/* All nine actions, and each call's own errno. */
static void test_actions(void **state)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {{"SCMP_ACT_KILL", 0}, {"SCMP_ACT_KILL_THREAD", 0},
		{"SCMP_ACT_KILL_PROCESS", 0x80000000U}, {"SCMP_ACT_TRAP", 0x00030000U},
		{"SCMP_ACT_ERRNO", ERRNO(7)}, {"SCMP_ACT_TRACE", 0x7ff00007U},
		{"SCMP_ACT_LOG", 0x7ffc0000U}, {"SCMP_ACT_NOTIFY", 0x7fc00000U}};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		_cleanup_free_ char *profile = str_printf(
			"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],"
			"\"action\":\"%s\",\"errnoRet\":7}]}",
			actions[i].name);
		struct filter f = load(profile, -1);
		assert_int_equal(evaluate(&f, AUDIT_ARCH_X86_64, 83), actions[i].action);
		assert_int_equal(evaluate(&f, AUDIT_ARCH_X86_64, 84), ALLOW);
	}
	/* Every name of the table is an action, and there are no others. */
	size_t n = 0;
	while (filter_actions[n].name)
		n++;
	assert_int_equal(n, ARRAY_SIZE(actions) + 1);
}

static int listener(
	const char *profile, struct arena *arena, struct oci_seccomp **ret, struct hull_error *err)
{
	*ret = NULL;
	return filter_listener(arena, profile, ret, err);
}

static void test_listener(void **state)
{
	static const struct {
		const char *profile, *message;
	} refused[] = {
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "cannot be used as default action"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"write\"],"
		 "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
			"SCMP_ACT_NOTIFY cannot be used for the write syscall"},
	};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_seccomp *s;

	assert_int_equal(listener(PROFILE("1"), &arena, &s, NULL), 0);
	assert_null(s);
	assert_int_equal(listener("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\","
				  "\"listenerMetadata\":\"m\",\"syscalls\":[{\"names\":[\"mkdir\"],"
				  "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
				 &arena, &s, NULL),
		0);
	assert_non_null(s);
	assert_string_equal(s->listener_path, "/l");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		assert_true(listener(refused[i].profile, &arena, &s, &err) < 0);
		assert_non_null(strstr(hull_error_message(&err), refused[i].message));
	}
}

/* The flag about notifications is the kernel's only together with one. */
static void test_flags(void **state)
{
	struct filter f = load("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
			       "\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_LOG\","
			       "\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
			       "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
		-1);

	assert_int_equal(f.flags, 1 << 1 | 1 << 2);
	f = load("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
		 "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"syscalls\":[{\"names\":[\"mkdir\"],"
		 "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		-1);
	assert_int_equal(f.flags, 1 << 5);
}

static int count_unknown(void *userdata, const char *name, struct hull_error *err)
{
	assert_string_equal(name, "no_such_call");
	return ++*(int *)userdata > 1 ? error_set(err, HULL_ERROR_INVALID, "refused") : 0;
}

static void test_unknown_told(void **state)
{
	static const char profile[] = LIST("", "\"read\",\"no_such_call\"");
	int n = 0;
	struct filter f = {
		.code = code, .max = ARRAY_SIZE(code), .unknown = count_unknown, .userdata = &n};

	assert_int_equal(filter_compile(profile, &f, NULL), 0);
	assert_int_equal(n, 1);
	assert_true(filter_compile(profile, &f, NULL) < 0);
}

/* ---- Shorter filters ---- */

/* Numbers, architectures and arguments that can make a difference in the filters below. */
static void assert_same(const struct filter *a, const struct filter *b)
{
	static const uint32_t bases[] = {0, 1U << 9, X32, X32 | 1U << 9, 0x7fffff00, 0xffffff00};
	static const uint32_t archs[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, 7};

	for (size_t i = 0; i < ARRAY_SIZE(bases) * 256 * ARRAY_SIZE(archs) * 3; i++) {
		const struct seccomp_data data = {
			.nr = (int)(bases[i / 256 % ARRAY_SIZE(bases)] + i % 256),
			.arch = archs[i / 256 / ARRAY_SIZE(bases) % ARRAY_SIZE(archs)],
			.args = {i % 3, i % 2, 8}};
		if (evaluate_call(a, &data) != evaluate_call(b, &data))
			fail_msg("call %#x of %#x: %#x, and shorter %#x", (unsigned int)data.nr,
				data.arch, evaluate_call(a, &data), evaluate_call(b, &data));
	}
}

static void assert_shrinks_to_the_same(const struct filter *f, size_t at_most)
{
	struct sock_filter copy[ARRAY_SIZE(code)];
	struct filter shorter = *f;

	memcpy(copy, f->code, f->length * sizeof(*copy));
	shorter.code = copy;
	filter_shrink(&shorter);
	assert_in_range(shorter.length, 1, at_most);
	assert_same(f, &shorter);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* Anything that the kernel would take: mostly comparisons, of numbers that lie close together. */
static struct sock_filter random_instruction(uint32_t left)
{
	static const uint16_t comparisons[] = {BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	static const uint32_t loads[] = {offsetof(struct seccomp_data, nr),
		offsetof(struct seccomp_data, nr), offsetof(struct seccomp_data, arch),
		offsetof(struct seccomp_data, args)};
	static const uint32_t bases[] = {0, 0, 0, X32, UINT32_MAX - 15, AUDIT_ARCH_X86_64};
	uint32_t reach = left < 256 ? left : 256, kind = below(20);

	if (left == 0 || kind == 0)
		return (struct sock_filter){.code = BPF_RET | BPF_K, .k = below(4) << 16};
	if (kind < 5)
		return (struct sock_filter){
			.code = BPF_LD | BPF_W | BPF_ABS, .k = loads[below(ARRAY_SIZE(loads))]};
	if (kind == 5)
		return (struct sock_filter){.code = BPF_ALU | BPF_AND | BPF_K, .k = below(64)};
	if (kind < 8)
		return (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = below(left)};
	return (struct sock_filter){
		.code = BPF_JMP | BPF_K | comparisons[below(ARRAY_SIZE(comparisons))],
		.k = bases[below(ARRAY_SIZE(bases))] + below(16),
		.jt = (uint8_t)below(reach),
		.jf = (uint8_t)below(below(3) ? 1 : reach)};
}

static void test_shrink_anything(void **state)
{
	srand(1);
	for (unsigned int i = 0; i < 3000; i++) {
		struct filter f = {.code = code,
			.max = ARRAY_SIZE(code),
			.length = 1 + below(i % 100 ? 60 : 3000)};
		for (uint32_t n = 0; n < f.length; n++)
			code[n] = random_instruction(f.length - 1 - n);
		assert_shrinks_to_the_same(&f, f.length);
	}
}

/* As libseccomp makes them, in a list and in a tree: runs of numbers, some with arguments. */
static void test_shrink_profile(void **state)
{
	for (uint32_t optimize = 1; optimize <= 2; optimize++) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
		_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize);
		seccomp_arch_add(ctx, SCMP_ARCH_X86_64);
		seccomp_arch_add(ctx, SCMP_ARCH_X86);
		seccomp_arch_add(ctx, SCMP_ARCH_X32);
		seccomp_arch_add(ctx, SCMP_ARCH_AARCH64);
		for (int call = 0; call < 330; call++) {
			if (call % 50 == 7)
				seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 2,
					SCMP_A0(SCMP_CMP_EQ, 1), SCMP_A1(SCMP_CMP_NE, 1));
			else if (call % 50 == 9)
				seccomp_rule_add(ctx, SCMP_ACT_ERRNO(2), call, 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, 2, 0));
			else if (call % 20 > 2)
				seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
		}
		assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
		seccomp_release(ctx);
		ssize_t n = pread(fd, code, sizeof(code), 0);
		struct filter f = {.code = code,
			.max = ARRAY_SIZE(code),
			.length = (uint32_t)n / (uint32_t)sizeof(*code)};
		assert_shrinks_to_the_same(&f, f.length / 2);
	}
}

static size_t count_entries(int dir_fd)
{
	_cleanup_closedir_ DIR *dir =
		fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

static void test_cache(void **state)
{
	char path[] = "/tmp/filter-XXXXXX";
	assert_non_null(mkdtemp(path));
	int cache = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Two profiles that differ in one errno are two filters. */
	struct filter first = load(PROFILE("1"), cache);
	assert_true(returns(&first, 0x00050001));
	struct filter second = load(PROFILE("2"), cache);
	assert_true(returns(&second, 0x00050002) && !returns(&second, 0x00050001));
	assert_int_equal(count_entries(cache), 2);
	memset(code, 0, sizeof(code));
	first = load(PROFILE("1"), cache);
	assert_true(returns(&first, 0x00050001) && !returns(&first, 0x00050002));
	assert_int_equal(count_entries(cache), 2);

	/* A damaged entry is compiled anew. */
	_cleanup_closedir_ DIR *dir = fdopendir(dup(cache));
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] != '.')
			assert_int_equal(file_replace_at(cache, e->d_name, "x", 1, 0600, false), 0);
	}
	first = load(PROFILE("1"), cache);
	assert_true(returns(&first, 0x00050001));

	/* So is one of another build, whose compiler may have seen it otherwise. */
	rewinddir(dir);
	unsigned int spoiled = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		_cleanup_close_ int fd = openat(cache, e->d_name, O_RDWR | O_CLOEXEC);
		struct stat st;
		if (e->d_name[0] == '.' || fstat(fd, &st) < 0 || st.st_size < 100)
			continue;
		char id;
		assert_int_equal(pread(fd, &id, 1, 8), 1);
		id ^= 1;
		assert_int_equal(pwrite(fd, &id, 1, 8), 1);
		/* Its last instruction, so that its use would be seen. */
		assert_int_equal(pwrite(fd, "\0\0\0\0", 4, st.st_size - 4), 4);
		spoiled++;
	}
	assert_int_equal(spoiled, 1);
	struct filter fresh = load(PROFILE("1"), -1);
	struct sock_filter expected[ARRAY_SIZE(code)];
	memcpy(expected, code, sizeof(expected));
	first = load(PROFILE("1"), cache);
	assert_int_equal(first.length, fresh.length);
	assert_memory_equal(code, expected, first.length * sizeof(*code));
	/* And replaced by ours. */
	memset(code, 0, sizeof(code));
	first = load(PROFILE("1"), cache);
	assert_memory_equal(code, expected, first.length * sizeof(*code));
	close(cache);
	assert_int_equal(dir_remove_tree_at(AT_FDCWD, path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_calls),
		cmocka_unit_test(test_newer_calls),
		cmocka_unit_test(test_newer_calls_kept),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_unknown_told),
		cmocka_unit_test(test_shrink_anything),
		cmocka_unit_test(test_shrink_profile),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

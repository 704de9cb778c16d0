/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "runtime/filter.h"

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
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "not supported"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X\"]}",
			"unknown architecture"},
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
	close(cache);
	assert_int_equal(dir_remove_tree_at(AT_FDCWD, path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_calls),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

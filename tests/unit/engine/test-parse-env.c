/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/unique.h"
#include "engine/parse.h"

#include <sys/mman.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static char **environment;

static void expect_env(char **env, const char *joined)
{
	_cleanup_free_ char *text = strv_join(env, "|");

	assert_string_equal(text ? text : "", joined);
}

static void test_env(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	static const char *const good[] = {
		"A=1", "B=", "HOME", "UNSET", "A=2=3", "a=x", "B C=d", "EMPTY"};
	char **env = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(env_option_parse(&arena, good[i], environment, &env, &err), 0);
	assert_int_equal(env_settle(env), 0);
	expect_env(env, "A=2=3|B=|HOME=/home/me|a=x|B C=d|EMPTY=");
	assert_true(env_option_parse(&arena, "=x", environment, &env, &err) < 0);
	assert_string_equal(hull_error_message(&err), "--env: invalid environment variable: =x");
	hull_error_done(&err);
	assert_true(env_option_parse(&arena, "", environment, &env, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
}

struct file_case {
	const char *text;
	const char *env;
	const char *error;
};

static void test_env_file(void **state)
{
	static const struct file_case cases[] = {
		{"", "", NULL},
		{"A=1", "A=1", NULL},
		{"\xef\xbb\xbf"
		 "A=1\n",
			"A=1", NULL},
		{"# c\n\n  # d\n   \n\tA=1\n", "A=1", NULL},
		{"A=\"q\" 'x' # y\r\nB= z \n", "A=\"q\" 'x' # y|B= z ", NULL},
		{"HOME\nUNSET\n", "HOME=/home/me", NULL},
		{"A=1\nA=2\nB=3", "A=2|B=3", NULL},
		{"A=$HOME\n", "A=$HOME", NULL},
		{"\xc3\xa4=\xc3\xb6\n", "\xc3\xa4=\xc3\xb6", NULL},
		{"A B=1\n", NULL, "x.env: variable 'A B' contains whitespaces on line 1"},
		{"\nA =1\n", NULL, "x.env: variable 'A ' contains whitespaces on line 2"},
		{"export A=1\n", NULL, "x.env: variable 'export A' contains whitespaces on line 1"},
		{"A=1\n=b\n", NULL, "x.env: no variable name on line 2 '=b'"},
		{"A=1\nB=\xff\n", NULL, "x.env: invalid utf8 bytes at line 2"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		char **env = NULL;
		int r = env_file_parse(&arena, cases[i].text, strlen(cases[i].text), "x.env",
			environment, &env, &err);
		if (cases[i].error) {
			assert_true(r < 0);
			assert_string_equal(hull_error_message(&err), cases[i].error);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(env_settle(env), 0);
			expect_env(env, cases[i].env);
		}
	}
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	char **env = NULL;
	assert_true(env_file_parse(&arena, "A=\0b", 4, "x.env", environment, &env, &err) < 0);
	assert_string_equal(hull_error_message(&err), "x.env: invalid NUL byte at line 1");
}

static int memory_file(const char *text, char path[64])
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void test_files(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct pair_list labels = {0};
	char path[64], **env = NULL;

	_cleanup_close_ int fd = memory_file("# x\nA=1\nHOME\nA=2\n", path);
	assert_int_equal(env_file_load(&arena, path, environment, &env, &err), 0);
	assert_int_equal(env_settle(env), 0);
	expect_env(env, "A=2|HOME=/home/me");
	assert_int_equal(label_file_load(&arena, path, &labels, &err), 0);
	assert_int_equal(pair_list_settle(&labels, &err), 0);
	assert_int_equal(labels.count, 2);
	assert_string_equal(labels.items[0].value, "2");
	assert_string_equal(labels.items[1].key, "HOME");
	assert_string_equal(labels.items[1].value, "");

	assert_true(env_file_load(&arena, "/nonexistent", environment, &env, &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_string_equal(
		hull_error_message(&err), "--env-file /nonexistent: No such file or directory");
	hull_error_done(&err);
	assert_true(label_file_load(&arena, "/dev/zero", &labels, &err) < 0);
	assert_string_equal(
		hull_error_message(&err), "--label-file /dev/zero: larger than 1048576 bytes");
}

static void test_labels(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct pair_list list = {0};
	static const char *const good[] = {
		"a=1", "b", "c=", "a.b/c=d=e", "a=2", "d=4", "e=5", "f=6", "g=7", "h=8"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(label_parse(&arena, good[i], &list, &err), 0);
	assert_int_equal(pair_list_settle(&list, &err), 0);
	assert_int_equal(list.count, 9);
	assert_string_equal(list.items[0].key, "a");
	assert_string_equal(list.items[0].value, "2");
	assert_string_equal(list.items[1].value, "");
	assert_string_equal(list.items[3].key, "a.b/c");
	assert_string_equal(list.items[3].value, "d=e");
	assert_string_equal(list.items[8].key, "h");
	assert_true(label_parse(&arena, "=x", &list, &err) < 0);
	assert_string_equal(hull_error_message(&err), "--label: invalid label '=x': empty name");
}

static void test_sysctl(void **state)
{
	static const char *const good[] = {"net.ipv4.ip_forward=1", "kernel.msgmax=65536",
		"fs.mqueue.msg_max=100", "kernel.shm_rmid_forced=1", "kernel.sem=250 32000 32 128"};
	static const char *const refused[] = {"kernel.hostname=x", "vm.swappiness=1", "net=1",
		"net.=1", "kernel.msgmax2=1", "kernel.core_pattern=|x", "net.x/../y=1", "net...x=1",
		"=1"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct pair_list list = {0};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(sysctl_parse(&arena, good[i], &list, NULL), 0);
	assert_int_equal(list.count, ARRAY_SIZE(good));
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		assert_true(sysctl_parse(&arena, refused[i], &list, &err) < 0);
		assert_non_null(strstr(hull_error_message(&err), "is not allowed"));
		assert_non_null(strstr(hull_error_message(&err), refused[i]));
	}
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	assert_true(sysctl_parse(&arena, "net.x", &list, &err) < 0);
	assert_string_equal(
		hull_error_message(&err), "--sysctl net.x: must be of the form NAME=VALUE");
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text, *result, *error;
	} cases[] = {
		{"db:10.0.0.1", "db:10.0.0.1", NULL},
		{"db=10.0.0.1", "db:10.0.0.1", NULL},
		{"six:2001:db8::1", "six:2001:db8::1", NULL},
		{"six=[2001:db8::1]", "six:2001:db8::1", NULL},
		{"six:[::1]", "six:::1", NULL},
		{"gate:host-gateway", "gate:host-gateway", NULL},
		{"db", NULL, "bad format for add-host: \"db\""},
		{":1.2.3.4", NULL, "bad format for add-host: \":1.2.3.4\""},
		{"a b:1.2.3.4", NULL, "bad format for add-host: \"a b:1.2.3.4\""},
		{"a\nb:1.2.3.4", NULL, "bad format for add-host: \"a?b:1.2.3.4\""},
		{"db:", NULL, "invalid IP address in add-host: \"\""},
		{"db:1.2.3", NULL, "invalid IP address in add-host: \"1.2.3\""},
		{"db:1.2.3.4 evil", NULL, "invalid IP address in add-host: \"1.2.3.4 evil\""},
		{"db:[]", NULL, "invalid IP address in add-host: \"[]\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		char *host = NULL;
		int r = extra_host_parse(&arena, cases[i].text, &host, &err);
		if (cases[i].error) {
			assert_true(r < 0);
			assert_string_equal(hull_error_message(&err), cases[i].error);
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(host, cases[i].result);
		}
	}
}

static void test_host_name(void **state)
{
	static const char *const good[] = {NULL, "", "box", "a_b.example.org", "-a", "a/b",
		"b\u00fcx", "0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"a b", "a\n6.6.6.6 evil", "\t", "a#", "a\x7f",
		"01234567890123456789012345678901234567890123456789012345678901234"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(host_name_check("hostname", good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

		assert_true(host_name_check("domainname", bad[i], &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_non_null(strstr(hull_error_message(&err), "invalid domainname \""));
	}
}

static void test_dns(void **state)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(dns_check("8.8.8.8", &err), 0);
	assert_int_equal(dns_check("2001:db8::1", &err), 0);
	assert_true(dns_check("dns.example", &err) < 0);
	assert_string_equal(hull_error_message(&err),
		"--dns: IP address is not correctly formatted: dns.example");
	assert_true(dns_check("", NULL) < 0);
	assert_int_equal(dns_word_check("--dns-search", "example.org", NULL), 0);
	assert_int_equal(dns_word_check("--dns-search", ".", NULL), 0);
	assert_int_equal(dns_word_check("--dns-option", "ndots:2", NULL), 0);
	assert_true(dns_word_check("--dns-option", "", NULL) < 0);
	assert_true(dns_word_check("--dns-option", "a b", NULL) < 0);
	assert_true(dns_word_check("--dns-search", "a\nnameserver", NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_env_file),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_host_name),
		cmocka_unit_test(test_dns),
	};

	environment = LIST("PATH=/bin", "HOME=/home/me", "EMPTY=", "UNSETTLED=1");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/files.h"

#include <sys/stat.h>

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

#define STANDARD_HOSTS                                                           \
	"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"      \
	"fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\n" \
	"ff02::2\tip6-allrouters\n"

static void expect_hosts(const struct files_options *options, const char *host, const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (files_format_hosts(&out, options, host, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_string_equal(buf_str(&out), text);
}

static void test_hosts(void **state)
{
	struct files_options o = {.hostname = "web"};

	expect_hosts(&o, "10.9.9.9 ignored\n", STANDARD_HOSTS);
	o.extra_hosts = LIST("db:10.0.0.2", "six:2001:db8::1", "gate:host-gateway");
	o.host_gateway = "172.17.0.1";
	expect_hosts(&o, "", STANDARD_HOSTS "10.0.0.2\tdb\n2001:db8::1\tsix\n172.17.0.1\tgate\n");
	o.extra_hosts = NULL;
	o.addresses = LIST("172.17.0.2", "fd00::2");
	expect_hosts(&o, "", STANDARD_HOSTS "172.17.0.2\tweb\nfd00::2\tweb\n");
	o.domainname = "example.org";
	expect_hosts(&o, "",
		STANDARD_HOSTS "172.17.0.2\tweb.example.org web\nfd00::2\tweb.example.org web\n");
	o.domainname = NULL;
	o.hostname = "web.example.org";
	expect_hosts(&o, "",
		STANDARD_HOSTS "172.17.0.2\tweb.example.org web\nfd00::2\tweb.example.org web\n");
}

static void test_hosts_of_host(void **state)
{
	struct files_options o = {.hostname = "h", .host_network = true};

	expect_hosts(
		&o, "127.0.0.1 localhost\n10.1.1.1 own", "127.0.0.1 localhost\n10.1.1.1 own\n");
	o.extra_hosts = LIST("db:10.0.0.2");
	expect_hosts(&o, "", "10.0.0.2\tdb\n");
}

static void test_gateway_missing(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct files_options o = {.hostname = "w", .extra_hosts = LIST("gate:host-gateway")};

	assert_true(files_format_hosts(&out, &o, "", &err) < 0);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_non_null(strstr(hull_error_message(&err), "gate:host-gateway"));
}

static void expect_resolv(const struct files_options *options, const char *host, const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	files_format_resolv_conf(&out, options, host);
	assert_string_equal(buf_str(&out), text);
}

static const char host_resolv[] = "# a comment\n"
				  "; another\n"
				  "nameserver 127.0.0.53\n"
				  "nameserver   192.0.2.1  \n"
				  "nameserver ::1\n"
				  "nameserver fe80::1%eth0\n"
				  "nameserver 2001:db8::53\n"
				  "nameserver garbage\n"
				  "search example.org lan\n"
				  "options edns0 trust-ad\n"
				  "sortlist 10.0.0.0";

static void test_resolv(void **state)
{
	struct files_options o = {.hostname = "w"};
	char *const *dns = LIST("9.9.9.9", "2001:db8::9");

	expect_resolv(&o, host_resolv,
		"nameserver   192.0.2.1  \nnameserver 2001:db8::53\nsearch example.org lan\n"
		"options edns0 trust-ad\nsortlist 10.0.0.0\n");
	expect_resolv(&o, "", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	expect_resolv(&o, "nameserver 127.0.0.53\nsearch lan\n",
		"search lan\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	o.default_dns = (const char *const[]){"1.1.1.1", NULL};
	expect_resolv(&o, "nameserver 127.5.5.5\n", "nameserver 1.1.1.1\n");
	o.dns = (char **)dns;
	expect_resolv(&o, host_resolv,
		"nameserver 9.9.9.9\nnameserver 2001:db8::9\nsearch example.org lan\n"
		"options edns0 trust-ad\nsortlist 10.0.0.0\n");
	o.dns_search = LIST("a.test", "b.test");
	o.dns_options = LIST("ndots:2", "rotate");
	expect_resolv(&o, host_resolv,
		"nameserver 9.9.9.9\nnameserver 2001:db8::9\nsortlist 10.0.0.0\n"
		"search a.test b.test\noptions ndots:2 rotate\n");
	o.dns_search = LIST(".");
	o.dns_options = NULL;
	expect_resolv(
		&o, "search lan\ndomain lan\n", "nameserver 9.9.9.9\nnameserver 2001:db8::9\n");
}

static void test_resolv_of_host(void **state)
{
	struct files_options o = {.hostname = "w", .host_network = true};

	expect_resolv(&o, host_resolv, host_resolv);
	o.dns_search = LIST("a.test");
	expect_resolv(&o, "nameserver 127.0.0.53\nsearch lan\n",
		"nameserver 127.0.0.53\nsearch a.test\n");
}

static void expect_file(int dir_fd, const char *name, const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct stat st;

	assert_int_equal(file_read_at(dir_fd, name, &b, 0), 0);
	assert_int_equal(fstatat(dir_fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	if (text)
		assert_string_equal(buf_str(&b), text);
}

static void test_write(void **state)
{
	char path[] = "/tmp/hull-test-files-XXXXXX";
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct files_options o = {.hostname = "web",
		.domainname = "",
		.dns = LIST("9.9.9.9"),
		.dns_search = LIST(".")};
	mode_t mask = umask(077);

	assert_non_null(mkdtemp(path));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) { /* the second time over what is there */
		assert_int_equal(files_write(fd, &o, &err), 0);
		expect_file(fd, "hostname", "web\n");
		expect_file(fd, "hosts", STANDARD_HOSTS);
		expect_file(fd, "resolv.conf", NULL);
	}
	assert_int_equal(files_add_address(fd, "172.17.0.2", "web", "", &err), 0);
	expect_file(fd, "hosts", STANDARD_HOSTS "172.17.0.2\tweb\n");

	assert_int_equal(unlinkat(fd, "hosts", 0), 0);
	assert_true(files_add_address(fd, "172.17.0.2", "web", "", &err) < 0);
	assert_string_equal(hull_error_message(&err), "write hosts: No such file or directory");
	umask(mask);
	assert_int_equal(dir_remove_tree_at(AT_FDCWD, path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_hosts_of_host),
		cmocka_unit_test(test_gateway_missing),
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_resolv_of_host),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

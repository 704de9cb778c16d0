/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the machine: registries.conf, hosts.toml, lists of insecure registries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "registry/host_directory.h"
#include "registry/registries_conf.h"

static struct registries_rule find_rule(struct arena *arena, const char *text, const char *name)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct registries_rule rule = {0};

	if (registries_conf_read(arena, text, strlen(text), "r.conf", name, &rule, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	return rule;
}

static const char rules[] =
	"unqualified-search-registries = ['quay.io']\n"
	"[[registry]]\nprefix = 'example.com/team'\nlocation = 'inner.example:5000/t'\n"
	"insecure = true\nmirror-by-digest-only = true\n"
	"[[registry.mirror]]\nlocation = 'm1.example'\n"
	"[[registry.mirror]]\nlocation = 'm2.example/x'\ninsecure = true\n"
	"[[registry]]\nlocation = 'example.com'\n"
	"[[registry.mirror]]\nlocation = 'm3.example'\npull-from-mirror = 'tag-only'\n"
	"[[registry]]\nprefix = '*.blocked.example'\nblocked = true\n";

static void the_longest_prefix_wins(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct registries_rule rule = find_rule(&arena, rules, "example.com/team/app");

	assert_true(rule.found && rule.itself.insecure && !rule.blocked);
	assert_string_equal(rule.itself.name, "inner.example:5000/t/app");
	assert_int_equal(rule.n_mirrors, 2);
	assert_string_equal(rule.mirrors[0].name, "m1.example/app");
	assert_string_equal(rule.mirrors[1].name, "m2.example/x/app");
	assert_true(rule.mirrors[1].insecure && rule.mirrors[1].by_digest);
	assert_false(rule.mirrors[1].by_tag);
	rule = find_rule(&arena, rules, "example.com/teamwork/app");
	assert_string_equal(rule.itself.name, "example.com/teamwork/app");
	assert_string_equal(rule.mirrors[0].name, "m3.example/teamwork/app");
	assert_true(rule.mirrors[0].by_tag && !rule.mirrors[0].by_digest);
}

static void wildcards_cover_hosts(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	assert_true(find_rule(&arena, rules, "a.blocked.example/x").blocked);
	assert_true(find_rule(&arena, rules, "a.b.blocked.example:5000/x").blocked);
	assert_false(find_rule(&arena, rules, "blocked.example/x").found);
	assert_false(find_rule(&arena, rules, "other.example/a.blocked.example").found);
	assert_false(find_rule(&arena, rules, "docker.io/library/x").found);
}

static void mistakes_in_registries_conf_are_told(void **state)
{
	static const char *const rows[][2] = {
		{"[[registry]]\ninsecure = true",
			"line 1: a registry needs a prefix or a location"},
		{"[registry]\nlocation = 'x'", "line 2: registry must be written [[registry]]"},
		{"[[registry]]\nlocation='a'\n[[registry.mirror]]\n",
			"line 3: a mirror needs a location"},
		{"[[registry]]\nlocation='a'\nblocked = 1",
			"line 3: blocked must be true or false"},
		{"[[registry]]\nlocation='a'\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='x'",
			"line 5: pull-from-mirror must be all, digest-only or tag-only"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_free_ char *wanted = str_printf("r.conf: %s", rows[i][1]);
		struct registries_rule rule = {0};

		assert_true(registries_conf_read(&arena, rows[i][0], strlen(rows[i][0]), "r.conf",
				    "a/b", &rule, &err) < 0);
		assert_string_equal(hull_error_message(&err), wanted);
	}
}

static int read_hosts(
	struct arena *arena, const char *text, struct endpoint_list *list, struct hull_error *err)
{
	const struct registry_endpoint base = {
		.host = (char *)"registry-1.docker.io",
		.prefix = (char *)"/v2",
		.repository = (char *)"library/x",
		.login = (char *)"docker.io",
		.capabilities = ENDPOINT_EVERYTHING,
		.scheme = ENDPOINT_HTTPS,
	};

	*list = (struct endpoint_list){.arena = arena};
	return hosts_toml_read(
		text, strlen(text), "/etc/d", "hosts.toml", "docker.io", &base, list, err);
}

static void hosts_in_their_order_then_the_server(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct endpoint_list list;

	assert_int_equal(
		read_hosts(&arena,
			"server = 'https://registry-1.docker.io'\n"
			"[host.'https://m1.example/sub']\ncapabilities = ['pull', 'resolve']\n"
			"client = [['c.pem', '/k.pem']]\nskip_verify = true\n"
			"[host.'https://m1.example/sub'.header]\nx-a = 'b'\nx-c = ['d', 'e']\n"
			"[host.'http://m2:5000/api/v9']\noverride_path = true\ndial_timeout = '3s'\n"
			"capabilities = 'push'\n"
			"[host.m3]\n",
			&list, &err),
		0);
	assert_int_equal(list.n, 4);
	const struct registry_endpoint *e = &list.items[0];
	assert_string_equal(e->host, "m1.example");
	assert_string_equal(e->prefix, "/sub/v2");
	assert_string_equal(e->query, "ns=docker.io");
	assert_string_equal(e->login, "m1.example");
	assert_int_equal(e->capabilities, ENDPOINT_PULL | ENDPOINT_RESOLVE);
	assert_string_equal(e->tls.certificate, "/etc/d/c.pem");
	assert_string_equal(e->tls.key, "/k.pem");
	assert_true(e->tls.insecure && e->mirror);
	assert_string_equal(e->headers[2], "x-c: e");
	e = &list.items[1];
	assert_int_equal(e->scheme, ENDPOINT_HTTP);
	assert_string_equal(e->prefix, "/api/v9");
	assert_int_equal(e->dial_timeout_ms, 3000);
	assert_int_equal(e->capabilities, ENDPOINT_PUSH);
	assert_string_equal(list.items[2].host, "m3");
	assert_int_equal(list.items[2].capabilities, ENDPOINT_PULL | ENDPOINT_RESOLVE);
	e = &list.items[3];
	assert_string_equal(e->host, "registry-1.docker.io");
	assert_string_equal(e->login, "docker.io");
	assert_false(e->mirror);
	assert_null(e->query);
}

static void mistakes_in_hosts_toml_are_told(void **state)
{
	static const char *const rows[][2] = {
		{"[host]\na = 1", "line 2: host must be written [host.\"URL\"]"},
		{"[host.'ftp://x']\n", "line 1: malformed URL of a registry"},
		{"[host.'https://u@x']\n", "line 1: malformed URL of a registry"},
		{"[host.x]\ncapabilities = ['all']",
			"line 1: a capability is pull, resolve, push or referrers"},
		{"[host.x]\nclient = 5",
			"line 2: client must be a file, or pairs of certificate and key"},
		{"[host.x.header]\na = \"b\\nc\"", "line 2: malformed header"},
		{"[host.x]\ndial_timeout = 'soon'", "line 2: malformed dial_timeout"},
		{"server = 5", "line 1: server must be a string"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		_cleanup_free_ char *wanted = str_printf("hosts.toml: %s", rows[i][1]);
		struct endpoint_list list;

		assert_true(read_hosts(&arena, rows[i][0], &list, &err) < 0);
		assert_string_equal(hull_error_message(&err), wanted);
	}
}

static void hosts_and_networks_match(void **state)
{
	assert_true(registry_host_matches("reg.example", "reg.example"));
	assert_true(registry_host_matches("https://reg.example", "reg.example"));
	assert_true(registry_host_matches("reg.example:5000", "reg.example:5000"));
	assert_true(registry_host_matches("reg.example", "reg.example:443"));
	assert_false(registry_host_matches("reg.example", "reg.example:5000"));
	assert_false(registry_host_matches("reg.example", "reg.example.org"));
	assert_true(registry_host_matches("10.1.0.0/16", "10.1.2.3:5000"));
	assert_false(registry_host_matches("10.1.0.0/16", "10.2.2.3:5000"));
	assert_true(registry_host_matches("10.1.2.0/23", "10.1.3.3"));
	assert_true(registry_host_matches("0.0.0.0/0", "192.0.2.1"));
	assert_true(registry_host_matches("fd00::/8", "[fd12::1]:5000"));
	assert_false(registry_host_matches("fd00::/8", "10.1.2.3"));
	assert_false(registry_host_matches("10.1.0.0/33", "10.1.2.3"));
	assert_false(registry_host_matches("nonsense/8", "10.1.2.3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(wildcards_cover_hosts),
		cmocka_unit_test(mistakes_in_registries_conf_are_told),
		cmocka_unit_test(hosts_in_their_order_then_the_server),
		cmocka_unit_test(mistakes_in_hosts_toml_are_told),
		cmocka_unit_test(hosts_and_networks_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

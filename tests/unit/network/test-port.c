/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "network/port.h"

#include <stdio.h>

static void good(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"80", " 0-0 80-80 tcp"},
		{"80/udp", " 0-0 80-80 udp"},
		{"8080:80/SCTP", " 8080-8080 80-80 sctp"},
		{"127.0.0.1:8080:80", "127.0.0.1 8080-8080 80-80 tcp"},
		{"127.0.0.1::80", "127.0.0.1 0-0 80-80 tcp"},
		{":80", " 0-0 80-80 tcp"},
		{"0:80", " 0-0 80-80 tcp"},
		{"[::1]:8080:80", "::1 8080-8080 80-80 tcp"},
		{"[fd00::1]::80-81", "fd00::1 0-0 80-81 tcp"},
		{"8000-8010:9000-9010", " 8000-8010 9000-9010 tcp"},
		{"8000-8010:80", " 8000-8010 80-80 tcp"},
		{"1-65535:1-65535/udp", " 1-65535 1-65535 udp"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct network_port p;
		char host[NETWORK_ADDRESS_TEXT], text[128];
		if (network_port_parse(cases[i].text, &p, &err) < 0)
			fail_msg("%s: %s", cases[i].text, hull_error_message(&err));
		network_address_format(&p.host_ip, host);
		snprintf(text, sizeof(text), "%s %u-%u %u-%u %s", host, p.host_first, p.host_last,
			p.container_first, p.container_last, network_protocol_name(p.protocol));
		assert_string_equal(text, cases[i].expected);
	}
}

static void bad(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "no port specified: <empty>"},
		{"8080:", "no port specified: 8080:<empty>"},
		{"0", "invalid containerPort: 0"},
		{"65536", "invalid containerPort: 65536"},
		{"80-", "invalid containerPort: 80-"},
		{"-80", "invalid containerPort: -80"},
		{"90-80", "invalid containerPort: 90-80"},
		{"80:x", "invalid containerPort: x"},
		{"x:80", "invalid hostPort: x"},
		{"99999:80", "invalid hostPort: 99999"},
		{"80/icmp", "invalid proto: icmp"},
		{"80/", "invalid proto: "},
		{"1.2.3:80:80", "invalid IP address: 1.2.3"},
		{"::1:80:80", "invalid IP address: ::1"},
		{"80-81:90-92", "invalid ranges specified for container and host Ports: 90-92 "
				"and 80-81"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct network_port p;
		if (network_port_parse(cases[i].text, &p, &err) >= 0)
			fail_msg("accepted: %s", cases[i].text);
		assert_string_equal(hull_error_message(&err), cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

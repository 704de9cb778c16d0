/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>
#include <time.h>

#define S NS_PER_SECOND

static void test_rfc3339(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2020-01-01T00:00:00Z", 1577836800 * S},
		{"2020-01-01t00:00:00z", 1577836800 * S},
		{"2020-01-01 00:00:00.5Z", 1577836800 * S + S / 2},
		{"2020-01-01T00:00:00.123456789123+02:00", 1577829600 * S + 123456789},
		{"2020-01-01T00:00:00-02:30", 1577845800 * S},
		{"2020-02-29T23:59:60Z", 1583020800 * S},
		{"1969-12-31T23:59:59.25Z", -S + S / 4},
	};
	static const char *const bad[] = {"", "2020-01-01", "2020-01-01T00:00:00",
		"2020-01-01T00:00Z", "2019-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2020-04-31T00:00:00Z", "2020-00-01T00:00:00Z", "2020-01-01T24:00:00Z",
		"2020-01-01T00:60:00Z", "2020-01-01T00:00:61Z", "2020-01-01T00:00:00.Z",
		"2020-01-01T00:00:00Zx", "2020-01-01T00:00:00+2:00", "2020-01-01T00:00:00+24:00",
		"2020-01- 1T00:00:00Z", "2020-01-01T+1:00:00Z", "9999-01-01T00:00:00Z"};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(clock_parse_rfc3339(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (clock_parse_rfc3339(bad[i], &ns) == 0)
			fail_msg("\"%s\" gave %lld", bad[i], (long long)ns);
}

static void test_moment(void **state)
{
	static const int64_t now = 2000000000 * S;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"10m", now - 600 * S},
		{"-10m", now + 600 * S},
		{"1h30m", now - 5400 * S},
		{"0s", now},
		{"0", 0},
		{"100", 100 * S},
		{"20200101", 20200101 * S},
		{"1577836800.5", 1577836800 * S + S / 2},
		{"2020-01-01T00:00:00.25+02:00", 1577829600 * S + S / 4},
		{"2020-01-01Z", 1577836800 * S},
		{"2020-01-01+02:00", 1577829600 * S},
		{"2020-01-01-02:00", 1577844000 * S},
		{"2020-01-01T10Z", 1577872800 * S},
		{"2020-01-01T10:30Z", 1577874600 * S},
		/* In the zone of this process: an hour east of UTC. */
		{"2020-01-01", 1577833200 * S},
		{"2020-01-01T10", 1577869200 * S},
		{"2020-01-01T10:30", 1577871000 * S},
		{"2020-01-01T10:30:15", 1577871015 * S},
		{"2020-01-01T10:30:15.5", 1577871015 * S + S / 2},
	};
	static const char *const bad[] = {"", "-", "-5", "foo", "00:00", "5 m", "m", "2020-1-1",
		"2020-13-01", "2020-02-30", "2020-01-01T", "2020-01-01T24:00",
		"2020-01-01T10:", "2020-01-01T10:30:", "2020-01-01T10:30:15.", "2020-01-01T10:30x",
		"2020-01-01 10:30:15", "1577836800.x", "1577836800.", "99999999999999999999",
		"9223372037", "--10m"};
	int64_t ns;

	setenv("TZ", "TEST-1", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ns = -1;
		if (clock_parse_moment(good[i].text, now, &ns) < 0 || ns != good[i].ns)
			fail_msg("\"%s\" gave %lld", good[i].text, (long long)ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (clock_parse_moment(bad[i], now, &ns) == 0)
			fail_msg("\"%s\" gave %lld", bad[i], (long long)ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

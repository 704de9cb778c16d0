/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "resolver/zone.h"

static char path[] = "/tmp/hull-zone-XXXXXX";

static void put(const char *text)
{
	assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, false), 0);
}

/* "A 10.0.0.1,AAAA fd00::1": all records of a name. */
static const char *records(const struct zone *zone, const char *name)
{
	static char text[256];
	struct zone_record record;
	size_t n = 0;

	text[0] = '\0';
	for (bool more = zone_first(zone, name, &record); more;
		more = zone_next(zone, name, &record))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %.*s", n ? "," : "",
			record.type == DNS_TYPE_A      ? "A"
			: record.type == DNS_TYPE_AAAA ? "AAAA"
						       : "PTR",
			(int)record.length, record.value);
	return text;
}

static void written_names_are_found(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct zone_writer w = {0};
	struct zone zone;

	zone_add_address(&w, "Web", "172.18.0.2");
	zone_add_address(&w, "web", "fd00::2");
	zone_add_address(&w, "web", "172.18.0.3");
	zone_add_address(&w, "web", "172.18.0.3"); /* once is enough */
	zone_add_address(&w, "web-1", "172.18.0.4");
	zone_add_address(&w, "we", "172.18.0.5");
	zone_add_address(&w, "a b", "172.18.0.6"); /* no name of DNS */
	zone_add_address(&w, "", "172.18.0.6");
	zone_add_address(&w, "x..y", "172.18.0.6");
	zone_add_reverse(&w, "172.18.0.2", "web.shop");
	zone_add_reverse(&w, "fd00::2", "web.shop");
	zone_add_reverse(&w, "nonsense", "web.shop");
	assert_int_equal(zone_write(&w, &out), 0);
	put(buf_str(&out));
	zone_open(&zone, path);
	assert_string_equal(records(&zone, "web"), "A 172.18.0.2,A 172.18.0.3,AAAA fd00::2");
	assert_string_equal(records(&zone, "web-1"), "A 172.18.0.4");
	assert_string_equal(records(&zone, "we"), "A 172.18.0.5");
	assert_string_equal(records(&zone, "w"), "");
	assert_string_equal(records(&zone, "web-"), "");
	assert_string_equal(records(&zone, "zzz"), "");
	assert_string_equal(records(&zone, ""), "");
	assert_string_equal(records(&zone, "a b"), "");
	assert_string_equal(records(&zone, "2.0.18.172.in-addr.arpa"), "PTR web.shop");
	assert_string_equal(records(&zone, "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
					   "0.0.0.d.f.ip6.arpa"),
		"PTR web.shop");
	zone_close(&zone);
}

static void every_name_of_many(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct zone_writer w = {0};
	struct zone zone;
	char name[32], address[32], expected[40];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		zone_add_address(&w, name, address);
	}
	assert_int_equal(zone_write(&w, &out), 0);
	put(buf_str(&out));
	zone_open(&zone, path);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		snprintf(expected, sizeof(expected), "A 10.0.%d.%d", i / 256, i % 256);
		assert_string_equal(records(&zone, name), expected);
	}
	zone_close(&zone);
}

static void a_replaced_file_is_followed(void **state)
{
	struct zone zone;

	put("a A 10.0.0.1\n");
	zone_open(&zone, path);
	assert_string_equal(records(&zone, "a"), "A 10.0.0.1");
	put("a A 10.0.0.2\n");
	zone_follow(&zone, path);
	assert_string_equal(records(&zone, "a"), "A 10.0.0.2");
	unlink(path);
	zone_follow(&zone, path);
	assert_string_equal(records(&zone, "a"), "");
	put("a A 10.0.0.3\n");
	zone_follow(&zone, path);
	assert_string_equal(records(&zone, "a"), "A 10.0.0.3");
	zone_close(&zone);
}

static void broken_files_are_empty(void **state)
{
	static const char *const texts[] = {"", "a A 10.0.0.1", "\n", "a\n", "a \n", "a A\n",
		"a X 1\n", " A 10.0.0.1\n", "\n\n\n"};
	struct zone zone;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put(texts[i]);
		zone_open(&zone, path);
		assert_string_equal(records(&zone, "a"), "");
		zone_close(&zone);
	}
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_names_are_found),
		cmocka_unit_test(every_name_of_many),
		cmocka_unit_test(a_replaced_file_is_followed),
		cmocka_unit_test(broken_files_are_empty),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}

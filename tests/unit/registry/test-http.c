/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no server: URLs, dates, pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "registry/remote.h"

#include <time.h>

/* libcurl is loaded by the first client. */
static int load(void **state)
{
	return http_client_new(NULL, 0, (struct http_client **)state, NULL);
}

static int unload(void **state)
{
	http_client_free(*state);
	return 0;
}

static void loopback_addresses(void **state)
{
	static const char *const yes[] = {"localhost", "LOCALHOST:5000", "127.0.0.1:5000",
		"127.255.1.2", "[::1]", "[::1]:5000"};
	static const char *const no[] = {"localhost.example", "128.0.0.1", "127.0.0.1.example",
		"[::2]:1", "example.com:5000", ""};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(http_host_is_loopback(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(http_host_is_loopback(no[i]));
}

static void references_are_resolved(void **state)
{
	static const char *const rows[][3] = {
		{"https://h:5000/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1?s=%2Fx",
			"https://h:5000/v2/a/blobs/uploads/1?s=%2Fx"},
		{"https://h/v2/a/blobs/uploads/", "1?x=y", "https://h/v2/a/blobs/uploads/1?x=y"},
		{"https://h/v2/a", "http://other/b", "http://other/b"},
		{"https://h/v2/a", "//other:1/b", "https://other:1/b"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *url = http_url_resolve(rows[i][0], rows[i][1]);
		assert_string_equal(url, rows[i][2]);
	}
	_cleanup_free_ char *origin = http_url_origin("https://Host/a?b");
	assert_true(str_eq(origin, "https://Host:443") || str_eq(origin, "https://host:443"));
	assert_null(http_url_origin("nonsense"));
}

static int64_t retry_after(char *header)
{
	char *headers[] = {header, NULL};
	const struct http_response response = {.headers = header ? headers : NULL};

	return http_retry_after(&response);
}

static void the_time_to_wait(void **state)
{
	char header[100];
	time_t later = time(NULL) + 100;
	struct tm tm;

	assert_int_equal(retry_after((char *)"retry-after: 7"), 7 * NS_PER_SECOND);
	assert_int_equal(retry_after((char *)"retry-after: Wed, 21 Oct 2015 07:28:00 GMT"), 0);
	assert_int_equal(retry_after((char *)"retry-after: soon"), -1);
	assert_int_equal(retry_after((char *)"retry-after: -5"), -1);
	assert_int_equal(retry_after(NULL), -1);
	assert_true(retry_after((char *)"retry-after: 99999999999999") > 0);
	strftime(header, sizeof(header), "retry-after: %a, %d %b %Y %H:%M:%S GMT",
		gmtime_r(&later, &tm));
	int64_t ns = retry_after(header);
	assert_true(ns > 90 * NS_PER_SECOND && ns <= 100 * NS_PER_SECOND);
}

static void the_next_page(void **state)
{
	static const struct {
		const char *header, *next;
	} rows[] = {
		{"link: </v2/a/tags/list?n=2&last=b>; rel=\"next\"",
			"https://h/v2/a/tags/list?n=2&last=b"},
		{"link: <https://other/x>; rel=next", "https://other/x"},
		{"link: </x>; rel=\"prev\"", NULL},
		{"link: /x", NULL},
		{"link: <", NULL},
		{"x-link: </x>; rel=\"next\"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *headers[] = {(char *)rows[i].header, NULL};
		const struct http_response response = {
			.headers = headers, .url = (char *)"https://h/v2/a/tags/list"};
		_cleanup_free_ char *next = remote_next_page(&response);

		if (!str_eq(next, rows[i].next))
			fail_msg("%s: %s", rows[i].header, next ? next : "NULL");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_addresses),
		cmocka_unit_test(references_are_resolved),
		cmocka_unit_test(the_time_to_wait),
		cmocka_unit_test(the_next_page),
	};
	return cmocka_run_group_tests(tests, load, unload);
}

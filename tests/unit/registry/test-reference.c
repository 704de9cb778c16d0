/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "registry/reference.h"

#include <string.h>

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void names_are_normalized(void **state)
{
	static const struct {
		const char *text, *canonical, *familiar, *host;
	} rows[] = {
		{"busybox", "docker.io/library/busybox:latest", "busybox:latest",
			"registry-1.docker.io"},
		{"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36",
			"registry-1.docker.io"},
		{"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest",
			"registry-1.docker.io"},
		{"index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest",
			"registry-1.docker.io"},
		{"library/busybox", "docker.io/library/busybox:latest", "busybox:latest",
			"registry-1.docker.io"},
		{"me/app", "docker.io/me/app:latest", "me/app:latest", "registry-1.docker.io"},
		{"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest",
			"registry-1.docker.io"},
		{"docker.io/quay.io/app", "docker.io/quay.io/app:latest",
			"docker.io/quay.io/app:latest", "registry-1.docker.io"},
		{"localhost/app", "localhost/app:latest", "localhost/app:latest", "localhost"},
		{"localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1",
			"localhost:5000"},
		{"host:5000/a/b/c", "host:5000/a/b/c:latest", "host:5000/a/b/c:latest",
			"host:5000"},
		{"quay.io/x__y/z-_a", NULL, NULL, NULL},
		{"quay.io/x__y/z--a.b_c:T-1.2_x", "quay.io/x__y/z--a.b_c:T-1.2_x",
			"quay.io/x__y/z--a.b_c:T-1.2_x", "quay.io"},
		{"Host/app", "Host/app:latest", "Host/app:latest", "Host"},
		{"[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest", "[::1]:5000"},
		{"busybox@sha256:" HEX, "docker.io/library/busybox@sha256:" HEX,
			"busybox@sha256:" HEX, "registry-1.docker.io"},
		{"busybox:1@sha256:" HEX, "docker.io/library/busybox:1@sha256:" HEX,
			"busybox:1@sha256:" HEX, "registry-1.docker.io"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reference ref = REFERENCE_INIT;

		if (!rows[i].canonical) {
			assert_true(reference_parse(rows[i].text, &ref, NULL) < 0);
			continue;
		}
		assert_int_equal(reference_parse(rows[i].text, &ref, NULL), 0);
		assert_int_equal(reference_set_default_tag(&ref), 0);
		char *text = reference_format(&ref);
		assert_string_equal(text, rows[i].canonical);
		assert_string_equal(reference_familiar(text), rows[i].familiar);
		assert_string_equal(reference_api_host(&ref), rows[i].host);
		free(text);
		reference_done(&ref);
	}
}

static void malformed_names_are_refused(void **state)
{
	static const char *const rows[] = {"", ":", ":tag", "@", "/", "a/", "/a", "a//b", "-a",
		"a-", "a:-b", "a:", "a b", "a:b:c", "a@b", "a@sha256:", "a@sha256:" HEX "0", "a..b",
		"a._b", "a___b", "A", "a/B", "https://a/b", "host:99999999/a", "host:/a", "a.-b/c",
		"-a.b/c", "..", "../a", "a/../b", "[::1/a", "[]/a", "a\nb", HEX};
	char longest[400];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hull_error err = HULL_ERROR_INIT;
		struct reference ref = REFERENCE_INIT;

		assert_true(reference_parse(rows[i], &ref, &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		assert_null(strchr(hull_error_message(&err), '\n'));
		hull_error_done(&err);
	}
	memset(longest, 'a', sizeof(longest));
	struct reference ref = REFERENCE_INIT;
	longest[255 - 8] = '\0';
	assert_int_equal(reference_parse(longest, &ref, NULL), 0);
	reference_done(&ref);
	longest[255 - 8] = 'a';
	longest[255 - 7] = '\0';
	assert_true(reference_parse(longest, &ref, NULL) < 0);
}

static void parts_can_be_had_apart(void **state)
{
	struct reference ref = REFERENCE_INIT;

	assert_int_equal(reference_parse("h:1/a:t@sha256:" HEX, &ref, NULL), 0);
	char *name = reference_name(&ref), *tagged = reference_tagged(&ref),
	     *digested = reference_digested(&ref);
	assert_string_equal(name, "h:1/a");
	assert_string_equal(tagged, "h:1/a:t");
	assert_string_equal(digested, "h:1/a@sha256:" HEX);
	free(name);
	free(tagged);
	free(digested);
	reference_done(&ref);
	assert_int_equal(reference_parse("a", &ref, NULL), 0);
	assert_null(reference_tagged(&ref));
	assert_null(reference_digested(&ref));
	reference_done(&ref);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_normalized),
		cmocka_unit_test(malformed_names_are_refused),
		cmocka_unit_test(parts_can_be_had_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

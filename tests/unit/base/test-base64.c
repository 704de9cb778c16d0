/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/cleanup.h"

#include <string.h>

static int decode(const char *text, struct buf *out)
{
	buf_reset(out);
	return base64_decode(text, out);
}

static void test_decode(void **state)
{
	static const struct {
		const char *text, *bytes;
	} cases[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"}, {"Pz8/Pj4+", "?\?\?>>>"}};
	static const char *const refused[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zm9=", "Zm9v\n", "Zm-v", "Z=9v", "====", "=", "Zh=="};
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(decode(cases[i].text, &out), 0);
		assert_int_equal(out.len, strlen(cases[i].bytes));
		assert_string_equal(buf_str(&out), cases[i].bytes);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (decode(refused[i], &out) != -EINVAL)
			fail_msg("%s", refused[i]);
	}
	assert_int_equal(decode("AAAA", &out), 0);
	assert_int_equal(out.len, 3);
}

static void test_encode(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = base64_encode(rows[i][0], strlen(rows[i][0]));
		assert_string_equal(text, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode), cmocka_unit_test(test_encode)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

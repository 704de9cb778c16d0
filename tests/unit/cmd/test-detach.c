/* SPDX-License-Identifier: Apache-2.0 */
#include "detach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void feed(struct detach_filter *f, const char *in, const char *expected, bool detaches)
{
	char out[64] = {0};
	size_t n = 0;

	assert_int_equal(detach_feed(f, in, strlen(in), out, &n), detaches);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(out, expected, n);
}

static void keys_are_parsed(void **state)
{
	static const char *const bad[] = {"ctrl-", "ab", "ctrl-ab", "ctrl-1"};
	struct detach_filter f;

	assert_int_equal(detach_parse("ctrl-p,ctrl-q", &f, NULL), 0);
	assert_int_equal(f.n_keys, 2);
	assert_int_equal(f.keys[0], 16);
	assert_int_equal(f.keys[1], 17);
	assert_int_equal(detach_parse("a,ctrl-\\,ctrl-@", &f, NULL), 0);
	assert_int_equal(f.keys[1], 28);
	assert_int_equal(f.keys[2], 0);
	assert_int_equal(detach_parse("", &f, NULL), 0);
	assert_int_equal(f.n_keys, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(detach_parse(bad[i], &f, NULL) < 0);
}

static void a_sequence_detaches_also_in_pieces(void **state)
{
	struct detach_filter f;

	assert_int_equal(detach_parse("ctrl-p,ctrl-q", &f, NULL), 0);
	feed(&f, "ls\n", "ls\n", false);
	feed(&f, "x\x10", "x", false);
	feed(&f, "\x11rest", "", true);
}

static void a_false_start_goes_on_to_the_container(void **state)
{
	struct detach_filter f;

	assert_int_equal(detach_parse("ctrl-p,ctrl-q", &f, NULL), 0);
	feed(&f, "\x10", "", false);
	feed(&f, "a",
		"\x10"
		"a",
		false);
	feed(&f, "\x10\x10", "\x10", false);
	feed(&f, "\x11", "", true);
}

static void one_key_is_enough_and_none_never_detaches(void **state)
{
	struct detach_filter f;

	assert_int_equal(detach_parse("ctrl-x", &f, NULL), 0);
	feed(&f,
		"ab\x18"
		"cd",
		"ab", true);
	assert_int_equal(detach_parse("", &f, NULL), 0);
	feed(&f, "\x10\x11", "\x10\x11", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_parsed),
		cmocka_unit_test(a_sequence_detaches_also_in_pieces),
		cmocka_unit_test(a_false_start_goes_on_to_the_container),
		cmocka_unit_test(one_key_is_enough_and_none_never_detaches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

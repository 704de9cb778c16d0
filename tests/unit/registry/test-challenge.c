/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "registry/challenge.h"

struct parsed {
	struct arena arena;
	struct auth_challenge *challenges;
	size_t n;
};

static int parse(struct parsed *p, const char *value)
{
	*p = (struct parsed){.arena = ARENA_INIT};
	return auth_challenge_parse(&p->arena, value, &p->challenges, &p->n);
}

static void bearer_of_the_hub(void **state)
{
	struct parsed p;

	assert_int_equal(
		parse(&p,
			"Bearer realm=\"https://auth.docker.io/token\","
			"service=\"registry.docker.io\",scope=\"repository:library/busybox:pull\""),
		0);
	assert_int_equal(p.n, 1);
	const struct auth_challenge *c = auth_challenge_find(p.challenges, p.n, "bearer");
	assert_non_null(c);
	assert_string_equal(auth_challenge_get(c, "realm"), "https://auth.docker.io/token");
	assert_string_equal(auth_challenge_get(c, "scope"), "repository:library/busybox:pull");
	assert_null(auth_challenge_get(c, "error"));
	arena_done(&p.arena);
}

static void several_challenges_in_one_value(void **state)
{
	struct parsed p;

	assert_int_equal(
		parse(&p, "Negotiate, NTLM TlRMTVNTUAAB==, , Basic realm=\"a, b=\\\"c\\\"\" ,"
			  "Digest Realm = x , nonce=1;2, Bearer realm=http://h/t,service=s"),
		0);
	assert_int_equal(p.n, 5);
	assert_string_equal(p.challenges[0].scheme, "Negotiate");
	assert_int_equal(p.challenges[1].n_parameters, 0);
	const struct auth_challenge *basic = auth_challenge_find(p.challenges, p.n, "BASIC");
	assert_string_equal(auth_challenge_get(basic, "realm"), "a, b=\"c\"");
	assert_string_equal(auth_challenge_get(&p.challenges[3], "realm"), "x");
	assert_string_equal(auth_challenge_get(&p.challenges[3], "nonce"), "1;2");
	assert_string_equal(auth_challenge_get(&p.challenges[4], "realm"), "http://h/t");
	assert_string_equal(auth_challenge_get(&p.challenges[4], "service"), "s");
	arena_done(&p.arena);
}

static void values_of_several_headers_add_up(void **state)
{
	struct parsed p;

	assert_int_equal(parse(&p, "Basic realm=a"), 0);
	assert_int_equal(auth_challenge_parse(&p.arena, "Bearer realm=b", &p.challenges, &p.n), 0);
	assert_int_equal(p.n, 2);
	arena_done(&p.arena);
}

static void malformed_values_are_refused(void **state)
{
	static const char *const rows[] = {
		"=", "\"", "Basic realm=\"a", "Basic realm=a b", "@", "Bearer realm=\"x\"y"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct parsed p;
		assert_int_equal(parse(&p, rows[i]), -EINVAL);
		arena_done(&p.arena);
	}
	struct parsed p;
	assert_int_equal(parse(&p, "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"), -E2BIG);
	assert_int_equal(p.n, 16);
	arena_done(&p.arena);
	assert_int_equal(parse(&p, ""), 0);
	assert_int_equal(p.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bearer_of_the_hub),
		cmocka_unit_test(several_challenges_in_one_value),
		cmocka_unit_test(values_of_several_headers_add_up),
		cmocka_unit_test(malformed_values_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

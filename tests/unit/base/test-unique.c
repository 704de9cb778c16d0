/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/unique.h"

static void test_find(void **state)
{
	static const char *const texts[] = {"b", "a", "", "b", "ab", "a", "b", ""};
	static const size_t expected[] = {
		6, 5, 7, UNIQUE_NONE, 4, UNIQUE_NONE, UNIQUE_NONE, UNIQUE_NONE};
	struct unique_key keys[ARRAY_SIZE(texts)];
	size_t found[ARRAY_SIZE(texts)];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		keys[i] = (struct unique_key){texts[i], strlen(texts[i])};
	assert_int_equal(unique_find(keys, ARRAY_SIZE(texts), found), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(found[i], expected[i]);
	assert_int_equal(unique_find(NULL, 0, NULL), 0);
}

static void test_env(void **state)
{
	char *env[] = {(char[]){"A=1"}, (char[]){"B=1"}, (char[]){"A=2"}, (char[]){"AB=1"},
		(char[]){"B"}, (char[]){"A=3=4"}, (char[]){"a=5"}, NULL};
	_cleanup_free_ char *joined = NULL;

	assert_int_equal(env_settle(env), 0);
	joined = strv_join(env, "|");
	assert_string_equal(joined, "A=3=4|B|AB=1|a=5");
	assert_int_equal(env_settle(NULL), 0);
}

/* The model is the loop over all pairs that this replaces. */
static void test_many(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char **env = NULL, text[32], *model[64] = {NULL};
	size_t n_model = 0;
	unsigned int seed = 1;

	for (int i = 0; i < 100000; i++) {
		seed = seed * 1103515245u + 12345u;
		unsigned int name = (seed >> 16) % ARRAY_SIZE(model);
		snprintf(text, sizeof(text), "N%u=%d", name, i);
		assert_int_equal(arena_strv_append(&arena, &env, text), 0);
		size_t at = 0, length = strcspn(text, "=") + 1;
		while (at < n_model && strncmp(model[at], text, length) != 0)
			at++;
		n_model += at == n_model;
		model[at] = env[i];
	}
	assert_int_equal(strv_length(env), 100000);
	assert_int_equal(env_settle(env), 0);
	assert_int_equal(strv_length(env), n_model);
	for (size_t i = 0; i < n_model; i++)
		assert_ptr_equal(env[i], model[i]);
	/* It was cut, and still grows at its end. */
	assert_int_equal(arena_strv_append(&arena, &env, "last"), 0);
	assert_int_equal(strv_length(env), n_model + 1);
	assert_string_equal(env[n_model], "last");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The malloc() of the static programs under other names, so that the test itself keeps libc's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void *heap_malloc(size_t n);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *p, size_t n);
void *heap_aligned_alloc(size_t alignment, size_t n);
void heap_free(void *p);

/* The declarations of libc carry attributes that have to be renamed away with the functions. */
#define malloc	      heap_malloc
#define calloc	      heap_calloc
#define realloc	      heap_realloc
#define aligned_alloc heap_aligned_alloc
#define free	      heap_free
#include "../../../cmd/static/heap.c"

static void fill(unsigned char *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed + i);
}

static bool is_filled(const unsigned char *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != (unsigned char)(seed + i))
			return false;
	}
	return true;
}

static void test_sizes(void **state)
{
	(void)state;
	for (size_t n = 0; n < 600000; n += n < 3000 ? 1 : 7777) {
		unsigned char *p = heap_malloc(n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		fill(p, n, 1);
		/* Memory that somebody has had comes zeroed again when that is asked for. */
		heap_free(p);
		p = heap_calloc(1, n);
		assert_non_null(p);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		heap_free(p);
	}
}

/* Thousands of blocks of all sizes at once: none touches another. */
static void test_blocks_are_apart(void **state)
{
	enum { N = 500 };
	static unsigned char *blocks[N];
	static size_t sizes[N];
	uint32_t random = 1;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		random = random * 1664525 + 1013904223;
		unsigned int i = (random >> 8) % N;
		size_t n = (random >> 16) % (round % 100 == 0 ? 300000 : 3000);
		if (blocks[i] && !is_filled(blocks[i], sizes[i], i))
			fail_msg("block %u of %zu bytes was written to", i, sizes[i]);
		if (round % 3 == 0) {
			heap_free(blocks[i]);
			blocks[i] = NULL;
			continue;
		}
		size_t kept = blocks[i] ? sizes[i] < n ? sizes[i] : n : 0;
		blocks[i] = heap_realloc(blocks[i], n);
		assert_non_null(blocks[i]);
		assert_true(is_filled(blocks[i], kept, i));
		fill(blocks[i], n, i);
		sizes[i] = n;
	}
	for (unsigned int i = 0; i < N; i++)
		heap_free(blocks[i]);
}

static void test_reuse(void **state)
{
	(void)state;
	void *a = heap_malloc(100);
	heap_free(a);
	assert_ptr_equal(heap_malloc(112), a);
	assert_ptr_equal(heap_realloc(a, 50), a);
	heap_free(a);
	heap_free(NULL);
}

static void test_limits(void **state)
{
	/* Not known to the compiler, which would warn. */
	volatile size_t huge = SIZE_MAX;

	(void)state;
	errno = 0;
	assert_null(heap_malloc(huge));
	assert_int_equal(errno, ENOMEM);
	assert_null(heap_malloc(huge / 2));
	assert_null(heap_calloc(huge / 2, 3));
	assert_null(heap_aligned_alloc(4096, 1));
	void *p = heap_aligned_alloc(16, 40);
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_null(heap_realloc(p, huge - 100));
	heap_free(p);
}

static void check_abort(void (*misuse)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		misuse();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void free_twice(void)
{
	char *volatile p = heap_malloc(10);

	heap_free(p);
	heap_free(p);
}

static void free_inside(void)
{
	char *volatile p = heap_calloc(1, 100);

	heap_free(p + 48);
}

static void grow_freed(void)
{
	char *volatile p = heap_malloc(10);

	heap_free(p);
	heap_realloc(p, 100);
}

static void test_misuse_ends_the_program(void **state)
{
	(void)state;
	check_abort(free_twice);
	check_abort(free_inside);
	check_abort(grow_freed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_blocks_are_apart),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_misuse_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The malloc() of keel and hull. A command takes some hundred blocks, frees most of them soon and
 * ends: what counts is how few pages it touches and how few system calls it makes, for both are
 * most of what a short command costs. So memory is carved off one region, freed blocks wait in a
 * list of their size for the next one, and nothing goes back to the kernel but what is very large.
 *
 * These programs have one thread; nothing here takes a lock. (hull moves images in several, and
 * does that in the program that is linked dynamically: see hull_use_libraries().) A block that is
 * freed twice, or was never one, ends the program.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SIZE  ((size_t)256 << 10) /* of the region that costs no system call */
#define REGION_SIZE ((size_t)1 << 20)	/* of each further one */
#define SMALL_MAX   ((size_t)1024)	/* up to here a list per 16 bytes, then per power of two */
#define LARGE_MIN   ((size_t)256 << 10) /* above: mappings of their own */
#define N_SMALL	    (SMALL_MAX / 16)
#define N_LISTS	    (N_SMALL + 8)

enum block_state {
	BLOCK_USED = 0x75736564,
	BLOCK_FREE = 0x66726565,
	BLOCK_MAPPED = 0x6d617070,
};

struct block {
	size_t size; /* usable; of a mapping: the same */
	enum block_state state;
	unsigned int list;
	alignas(16) char data[];
};

/* What a block of a list begins with. */
struct link {
	struct block *next;
};

static alignas(4096) char first_region[FIRST_SIZE];

static struct {
	char *next, *end; /* of the region that is carved */
	struct block *lists[N_LISTS];
} heap;

static unsigned int list_of(size_t n, size_t *ret_size)
{
	if (n <= SMALL_MAX) {
		size_t units = n ? (n + 15) / 16 : 1;
		*ret_size = units * 16;
		return (unsigned int)(units - 1);
	}
	size_t size = 2 * SMALL_MAX;
	unsigned int list = N_SMALL;
	for (; size < n; size *= 2)
		list++;
	*ret_size = size;
	return list;
}

static struct block *block_of(void *p)
{
	return (struct block *)((char *)p - offsetof(struct block, data));
}

static void *map_block(size_t n)
{
	if (n > PTRDIFF_MAX - 8192)
		return NULL;
	size_t size = (n + sizeof(struct block) + 4095) & ~(size_t)4095;
	struct block *b =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return NULL;
	b->size = size - sizeof(*b);
	b->state = BLOCK_MAPPED;
	return b->data;
}

/* From the region, which is zeroed. */
static struct block *carve(size_t size)
{
	if (!heap.next) {
		heap.next = first_region;
		heap.end = first_region + sizeof(first_region);
	}
	if ((size_t)(heap.end - heap.next) < size + sizeof(struct block)) {
		char *region = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (region == MAP_FAILED)
			return NULL;
		heap.next = region;
		heap.end = region + REGION_SIZE;
	}
	struct block *b = (struct block *)heap.next;
	heap.next += size + sizeof(*b);
	return b;
}

static void *allocate(size_t n, bool zeroed)
{
	void *p = NULL;

	if (n > LARGE_MIN) {
		p = map_block(n);
	} else {
		size_t size;
		unsigned int list = list_of(n, &size);
		struct block *b = heap.lists[list];
		if (b) {
			heap.lists[list] = ((struct link *)b->data)->next;
			if (zeroed)
				memset(b->data, 0, n);
		} else {
			b = carve(size);
		}
		if (b) {
			b->size = size;
			b->state = BLOCK_USED;
			b->list = list;
			p = b->data;
		}
	}
	if (!p)
		errno = ENOMEM;
	return p;
}

void *malloc(size_t n)
{
	return allocate(n, false);
}

void *calloc(size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate(n, true);
}

void free(void *p)
{
	if (!p)
		return;
	struct block *b = block_of(p);
	if (b->state == BLOCK_MAPPED) {
		int saved = errno;
		munmap(b, b->size + sizeof(*b));
		errno = saved;
		return;
	}
	if (b->state != BLOCK_USED || b->list >= N_LISTS)
		abort();
	b->state = BLOCK_FREE;
	((struct link *)b->data)->next = heap.lists[b->list];
	heap.lists[b->list] = b;
}

void *realloc(void *p, size_t n)
{
	if (!p)
		return malloc(n);
	struct block *b = block_of(p);
	if (b->state != BLOCK_USED && b->state != BLOCK_MAPPED)
		abort();
	if (n <= b->size)
		return p;
	void *new = malloc(n);
	if (!new)
		return NULL;
	memcpy(new, p, b->size);
	free(p);
	return new;
}

/* Everything is aligned to 16 bytes; nobody here asks for more. */
void *aligned_alloc(size_t alignment, size_t n)
{
	if (alignment <= 16)
		return malloc(n);
	errno = EINVAL;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter with fewer instructions that says the same. libseccomp compares the number of a system
 * call with each one that a profile names: a thousand comparisons for a profile of the usual size, which
 * the kernel checks, converts and compiles at every start. But numbers with the same answer come
 * in runs. So each search for a number is done again as a search for ranges.
 *
 * A search begins where the number is loaded, and goes on as long as there are only comparisons of
 * it with constants: these change nothing, so for each number it is known which instruction they lead
 * to. The constants cut all numbers into ranges that nothing in the search can tell apart; neighbours
 * that lead to the same end are one. Everything that is not a search is copied as it is.
 *
 * Jumps lead forward only, and conditional ones not farther than 255 instructions: so the result is
 * written from its end, where all targets are known, and a far one gets a long jump of its own.
 */
#include "runtime/filter.h"
#include "base/cleanup.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_JUMP 255

struct range {
	uint32_t first;
	uint32_t target; /* in the old program */
};

struct shrinking {
	const struct sock_filter *old;
	uint32_t n_old;
	bool *needed; /* instructions of the old program, at the beginning of none or the new */
	uint32_t *
		places; /* of needed ones in the new program, counted from its end: the last is 1 */
	struct range *ranges; /* of the search at hand */
	size_t n_ranges;
	bool *seen;
	uint32_t *points;
	size_t n_points;
	struct sock_filter *new; /* filled from its end */
	uint32_t max, n_new;
	bool failed;
};

static bool loads_number(const struct sock_filter *i)
{
	return i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k == offsetof(struct seccomp_data, nr);
}

static bool is_comparison(const struct sock_filter *i)
{
	return i->code == (BPF_JMP | BPF_JEQ | BPF_K) || i->code == (BPF_JMP | BPF_JGE | BPF_K) ||
	       i->code == (BPF_JMP | BPF_JGT | BPF_K);
}

static bool is_long_jump(const struct sock_filter *i)
{
	return i->code == (BPF_JMP | BPF_JA);
}

static bool is_true(const struct sock_filter *i, uint32_t number)
{
	return BPF_OP(i->code) == BPF_JEQ   ? number == i->k
	       : BPF_OP(i->code) == BPF_JGE ? number >= i->k
					    : number > i->k;
}

/* ---- One search ---- */

/* Where a number gets to from an instruction of a search. */
static uint32_t follow(const struct shrinking *s, uint32_t at, uint32_t number)
{
	for (;;) {
		const struct sock_filter *i = &s->old[at];
		if (is_long_jump(i))
			at += 1 + i->k;
		else if (is_comparison(i))
			at += 1 + (is_true(i, number) ? i->jt : i->jf);
		else
			return at;
	}
}

static void add_point(struct shrinking *s, uint32_t number)
{
	s->points[s->n_points++] = number;
}

static int compare_points(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The first number of every range that a comparison of the search that begins behind `at` can tell. */
static void collect_points(struct shrinking *s, uint32_t at)
{
	memset(s->seen, 0, s->n_old * sizeof(*s->seen));
	s->n_points = 0;
	add_point(s, 0);
	s->seen[at + 1] = true;
	for (uint32_t n = at + 1; n < s->n_old; n++) {
		const struct sock_filter *i = &s->old[n];
		if (!s->seen[n])
			continue;
		if (is_long_jump(i))
			s->seen[n + 1 + i->k] = true;
		if (!is_comparison(i))
			continue;
		s->seen[n + 1 + i->jt] = s->seen[n + 1 + i->jf] = true;
		if (BPF_OP(i->code) != BPF_JGT)
			add_point(s, i->k);
		if (BPF_OP(i->code) != BPF_JGE && i->k != UINT32_MAX)
			add_point(s, i->k + 1);
	}
	qsort(s->points, s->n_points, sizeof(*s->points), compare_points);
}

static bool same_end(const struct shrinking *s, uint32_t a, uint32_t b)
{
	const struct sock_filter *x = &s->old[a], *y = &s->old[b];

	return a == b || (x->code == (BPF_RET | BPF_K) && y->code == x->code && x->k == y->k);
}

static void find_ranges(struct shrinking *s, uint32_t at)
{
	collect_points(s, at);
	s->n_ranges = 0;
	for (size_t p = 0; p < s->n_points; p++) {
		uint32_t target = follow(s, at + 1, s->points[p]);
		if (s->n_ranges == 0 || !same_end(s, s->ranges[s->n_ranges - 1].target, target))
			s->ranges[s->n_ranges++] = (struct range){s->points[p], target};
	}
}

/* ---- What stays ---- */

static void mark_needed(struct shrinking *s)
{
	s->needed[0] = true;
	for (uint32_t n = 0; n < s->n_old; n++) {
		const struct sock_filter *i = &s->old[n];
		if (!s->needed[n])
			continue;
		if (loads_number(i)) {
			find_ranges(s, n);
			for (size_t r = 0; r < s->n_ranges; r++)
				s->needed[s->ranges[r].target] = true;
		} else if (is_long_jump(i)) {
			s->needed[n + 1 + i->k] = true;
		} else if (BPF_CLASS(i->code) == BPF_JMP) {
			s->needed[n + 1 + i->jt] = s->needed[n + 1 + i->jf] = true;
		} else if (BPF_CLASS(i->code) != BPF_RET) {
			s->needed[n + 1] = true;
		}
	}
}

/* ---- The new program, from its end ---- */

/* Its place, counted from the end. */
static uint32_t put(struct shrinking *s, struct sock_filter i)
{
	if (s->n_new == s->max) {
		s->failed = true;
		return s->n_new;
	}
	s->new[s->max - ++s->n_new] = i;
	return s->n_new;
}

static uint32_t put_long_jump(struct shrinking *s, uint32_t place)
{
	return put(s, (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = s->n_new - place});
}

static uint32_t put_jump(
	struct shrinking *s, const struct sock_filter *i, uint32_t yes, uint32_t no)
{
	/* A long jump that is put for one of them makes the other one farther. */
	if (s->n_new - yes >= SHORT_JUMP)
		yes = put_long_jump(s, yes);
	if (s->n_new - no > SHORT_JUMP)
		no = put_long_jump(s, no);
	return put(s, (struct sock_filter){.code = i->code,
			      .k = i->k,
			      .jt = (uint8_t)(s->n_new - yes),
			      .jf = (uint8_t)(s->n_new - no)});
}

/* Ranges from first on, n of them; where the search for them begins. */
static uint32_t put_search(struct shrinking *s, size_t first, size_t n)
{
	const struct sock_filter from = {
		.code = BPF_JMP | BPF_JGE | BPF_K, .k = s->ranges[first + n / 2].first};

	if (n == 1)
		return s->places[s->ranges[first].target];
	uint32_t above = put_search(s, first + n / 2, n - n / 2);
	uint32_t below = put_search(s, first, n / 2);
	return put_jump(s, &from, above, below);
}

/* What follows an instruction that does not jump must be the next one. */
static void put_next(struct shrinking *s, uint32_t place)
{
	if (place != s->n_new)
		put_long_jump(s, place);
}

static void put_all(struct shrinking *s)
{
	for (uint32_t n = s->n_old; n-- > 0 && !s->failed;) {
		const struct sock_filter *i = &s->old[n];
		if (!s->needed[n])
			continue;
		if (is_long_jump(i)) {
			s->places[n] = put_long_jump(s, s->places[n + 1 + i->k]);
			continue;
		}
		if (BPF_CLASS(i->code) == BPF_JMP) {
			s->places[n] =
				put_jump(s, i, s->places[n + 1 + i->jt], s->places[n + 1 + i->jf]);
			continue;
		}
		if (loads_number(i)) {
			find_ranges(s, n);
			put_next(s, put_search(s, 0, s->n_ranges));
		} else if (BPF_CLASS(i->code) != BPF_RET) {
			put_next(s, s->places[n + 1]);
		}
		s->places[n] = put(s, *i);
	}
}

static bool allocate(struct shrinking *s)
{
	size_t n = s->n_old;

	s->needed = calloc(n, sizeof(*s->needed));
	s->places = calloc(n, sizeof(*s->places));
	s->seen = calloc(n, sizeof(*s->seen));
	s->points = calloc(2 * n + 1, sizeof(*s->points));
	s->ranges = calloc(2 * n + 1, sizeof(*s->ranges));
	s->new = calloc(n, sizeof(*s->new));
	return s->needed && s->places && s->seen && s->points && s->ranges && s->new;
}

static void shrinking_done(struct shrinking *s)
{
	free(s->needed);
	free(s->places);
	free(s->seen);
	free(s->points);
	free(s->ranges);
	free(s->new);
}

void filter_shrink(struct filter *filter)
{
	_cleanup_(shrinking_done) struct shrinking s = {
		.old = filter->code, .n_old = filter->length, .max = filter->length};

	if (filter->length == 0 || !allocate(&s))
		return;
	mark_needed(&s);
	put_all(&s);
	if (s.failed || s.n_new >= filter->length)
		return;
	memcpy(filter->code, s.new + s.max - s.n_new, s.n_new * sizeof(*filter->code));
	filter->length = s.n_new;
}

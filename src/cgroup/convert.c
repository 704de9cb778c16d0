/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of v1 as numbers of v2.
 *
 * shares to weight has had two formulas. The linear one makes the default of 1024 shares a weight
 * of 39. The one that runtimes agreed on in 2025 is quadratic in log2(shares), with the
 * coefficients that take 2, 1024 and 262144 to 1, 100 and 10000: the default stays the default.
 *
 * The two functions of mathematics that it takes are written out here, so that no program has to
 * load libm at each start for a dozen terms.
 */
#include <hull/cgroup.h>

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MIN 1
#define WEIGHT_MAX 10000

#define LN2  0.693147180559945309417L
#define LN10 2.302585092994045684018L

/* ln(m) for m from 1 to 2: 2 artanh((m - 1) / (m + 1)), whose terms shrink by 9 or more. */
static long double ln_mantissa(long double m)
{
	long double t = (m - 1) / (m + 1), power = t, sum = 0;

	for (int k = 1; k < 45; k += 2) {
		sum += power / k;
		power *= t * t;
	}
	return 2 * sum;
}

static long double log2_of(uint64_t n)
{
	int exponent = 63 - __builtin_clzll(n);

	return exponent +
	       ln_mantissa((long double)n / (long double)(UINT64_C(1) << exponent)) / LN2;
}

/* 10^x for x from 0 to 4: a power of two times the series of the rest. */
static long double exp10_of(long double x)
{
	long double y = x * LN10, term = 1, sum = 1;
	int twos = (int)(y / LN2);

	y -= twos * LN2;
	for (int k = 1; k < 25; k++) {
		term *= y / k;
		sum += term;
	}
	return sum * (long double)(1 << twos);
}

uint64_t hull_cgroup_shares_to_weight(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares <= SHARES_MIN)
		return WEIGHT_MIN;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	long double l = log2_of(shares);
	long double weight = exp10_of((l * l + 125 * l) / 612 - 7.0L / 34);
	/* Rounded up; the last digits of a result that is whole must not make it one more. */
	uint64_t whole = (uint64_t)(weight - 1e-9L);
	return whole + 1;
}

/* The least shares that convert to the weight or more. */
uint64_t hull_cgroup_weight_to_shares(uint64_t weight)
{
	uint64_t low = SHARES_MIN, high = SHARES_MAX;

	if (weight == 0)
		return 0;
	if (weight >= WEIGHT_MAX)
		return SHARES_MAX;
	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (hull_cgroup_shares_to_weight(middle) < weight)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t hull_cgroup_blkio_to_io_weight(uint64_t weight)
{
	if (weight == 0)
		return 0;
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

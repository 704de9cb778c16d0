/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unique.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a_p, const void *b_p, void *data)
{
	const struct unique_key *keys = data;
	size_t i = *(const size_t *)a_p, j = *(const size_t *)b_p;
	const struct unique_key *a = &keys[i], *b = &keys[j];
	size_t n = a->n < b->n ? a->n : b->n;
	int order = n ? memcmp(a->data, b->data, n) : 0;

	if (order == 0)
		order = (a->n > b->n) - (a->n < b->n);
	return order ? order : (i > j) - (i < j);
}

static bool equal(const struct unique_key *a, const struct unique_key *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->data, b->data, a->n) == 0);
}

int unique_find(const struct unique_key *keys, size_t n, size_t *ret)
{
	_cleanup_free_ size_t *order = calloc(n ? n : 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), compare, (void *)keys);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && equal(&keys[order[i]], &keys[order[end]]); end++)
			ret[order[end]] = UNIQUE_NONE;
		ret[order[i]] = order[end - 1];
	}
	return 0;
}

int env_settle(char **env)
{
	size_t n = env ? strv_length(env) : 0, used = 0;
	_cleanup_free_ struct unique_key *keys = calloc(n + 1, sizeof(*keys));
	_cleanup_free_ size_t *last = calloc(n + 1, sizeof(*last));

	if (!keys || !last)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct unique_key){env[i], strcspn(env[i], "=")};
	int r = unique_find(keys, n, last);
	/* What counts was said later, so it has not been moved yet. */
	for (size_t i = 0; r == 0 && i < n; i++)
		if (last[i] != UNIQUE_NONE)
			env[used++] = env[last[i]];
	for (size_t i = used; r == 0 && i < n; i++)
		env[i] = NULL;
	return r;
}

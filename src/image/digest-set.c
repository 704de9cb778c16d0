/* SPDX-License-Identifier: Apache-2.0 */
#include "image/digest-set.h"

void digest_set_done(struct digest_set *set)
{
	free(set->items);
	*set = (struct digest_set){0};
}

int digest_set_add(struct digest_set *set, const struct digest *digest)
{
	if (set->count == set->size) {
		size_t more = set->size ? set->size * 2 : 64;
		struct digest *items = reallocarray(set->items, more, sizeof(*items));

		if (!items)
			return -ENOMEM;
		set->items = items;
		set->size = more;
	}
	set->items[set->count++] = *digest;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return digest_compare(a, b);
}

void digest_set_sort(struct digest_set *set)
{
	if (set->count > 1)
		qsort(set->items, set->count, sizeof(*set->items), compare);
}

bool digest_set_has(const struct digest_set *set, const struct digest *digest)
{
	return set->count > 0 &&
	       bsearch(digest, set->items, set->count, sizeof(*set->items), compare);
}

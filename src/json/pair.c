/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/unique.h"

#include <errno.h>

bool json_pairs_have(const struct json_pair *pairs, size_t n, const char *wanted)
{
	size_t length = strcspn(wanted, "=");

	for (size_t i = 0; i < n; i++)
		if (strlen(pairs[i].key) == length && strncmp(pairs[i].key, wanted, length) == 0 &&
			(!wanted[length] || str_eq(pairs[i].value, wanted + length + 1)))
			return true;
	return false;
}

bool json_pairs_match(const struct json_pair *pairs, size_t n, char *const *all, char *const *none)
{
	strv_foreach (wanted, all)
		if (!json_pairs_have(pairs, n, *wanted))
			return false;
	strv_foreach (unwanted, none)
		if (json_pairs_have(pairs, n, *unwanted))
			return false;
	return true;
}

int json_pairs_settle(struct json_pair *pairs, size_t *n)
{
	_cleanup_free_ struct unique_key *keys = calloc(*n + 1, sizeof(*keys));
	_cleanup_free_ size_t *last = calloc(*n + 1, sizeof(*last));
	size_t used = 0;

	if (!keys || !last)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++)
		keys[i] = (struct unique_key){pairs[i].key, strlen(pairs[i].key)};
	int r = unique_find(keys, *n, last);
	if (r < 0)
		return r;
	for (size_t i = 0; i < *n; i++)
		if (last[i] != UNIQUE_NONE)
			pairs[used++] = pairs[last[i]];
	*n = used;
	return 0;
}

void json_member_pairs(
	struct json_writer *w, const char *key, const struct json_pair *pairs, size_t n)
{
	json_key(w, key);
	json_begin_object(w);
	for (size_t i = 0; i < n; i++)
		json_member_text(w, pairs[i].key, pairs[i].value);
	json_end_object(w);
}

void json_pairs_join(struct buf *out, const struct json_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s=%s", i ? "," : "", pairs[i].key, pairs[i].value);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include "base/str.h"

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

void json_pairs_join(struct buf *out, const struct json_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s=%s", i ? "," : "", pairs[i].key, pairs[i].value);
}

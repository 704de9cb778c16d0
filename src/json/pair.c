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

void json_pairs_join(struct buf *out, const struct json_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s=%s", i ? "," : "", pairs[i].key, pairs[i].value);
}

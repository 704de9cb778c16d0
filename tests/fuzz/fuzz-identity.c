/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passwd and group of an image. The input is four parts with a zero byte between: the text of
 * --user, a --group-add, passwd, group.
 */
#include "base/str.h"
#include "engine/identity.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts off what is before the next zero byte, as a string. */
static char *next_part(const char **data, size_t *size)
{
	const char *end = memchr(*data, '\0', *size);
	size_t n = end ? (size_t)(end - *data) : *size;
	char *part = strndup(*data, n);

	n += end != NULL;
	*data += n;
	*size -= n;
	return part;
}

static void check(const char *user, const struct identity *id)
{
	uint64_t number;
	size_t digits = strspn(user, "0123456789");

	if (id->uid > INT32_MAX || id->gid > INT32_MAX || str_empty(id->home))
		abort();
	if (id->n_additional_gids == 0 || id->additional_gids[0] != id->gid)
		abort();
	for (size_t i = 0; i < id->n_additional_gids; i++) {
		for (size_t k = 0; k < i; k++) {
			if (id->additional_gids[i] == id->additional_gids[k])
				abort();
		}
	}
	/* The file has no say in what a number means. */
	_cleanup_free_ char *name = strndup(user, digits);
	if (digits > 0 && (!user[digits] || user[digits] == ':') && name &&
		(str_to_u64(name, &number) < 0 || number != id->uid))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *rest = (const char *)data;
	struct identity id;

	if (size > 1 << 15)
		return 0;
	_cleanup_free_ char *user = next_part(&rest, &size);
	_cleanup_free_ char *add = next_part(&rest, &size);
	_cleanup_free_ char *passwd = next_part(&rest, &size);
	_cleanup_free_ char *group = size > 0 ? malloc(size) : NULL;
	char *const group_add[] = {add && *add ? add : NULL, NULL};

	if (!user || !add || !passwd || (size > 0 && !group))
		return 0;
	if (size > 0)
		memcpy(group, rest, size);
	if (identity_resolve_texts(
		    &arena, passwd, strlen(passwd), group, size, user, group_add, &id, &err) < 0)
		return err.message ? 0 : (abort(), 0);
	check(user, &id);
	return 0;
}

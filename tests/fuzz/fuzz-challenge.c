/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate headers: whatever comes out has names, and no more of it than the limits say. */
#include "registry/challenge.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct auth_challenge *challenges = NULL;
	size_t n = 0;

	if (!text)
		return 0;
	int r = auth_challenge_parse(&arena, text, &challenges, &n);
	if (r != 0 && r != -EINVAL && r != -E2BIG)
		abort();
	if (n > 16)
		abort();
	for (size_t i = 0; i < n; i++) {
		const struct auth_challenge *c = &challenges[i];

		if (!*c->scheme || c->n_parameters > 32 ||
			!auth_challenge_find(challenges, n, c->scheme))
			abort();
		for (size_t j = 0; j < c->n_parameters; j++)
			if (!*c->parameters[j].key || !c->parameters[j].value)
				abort();
	}
	return 0;
}

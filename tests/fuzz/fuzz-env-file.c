/* SPDX-License-Identifier: Apache-2.0 */
/* Files of --env-file: whatever is accepted gives assignments with proper names, each name once. */
#include "base/str.h"
#include "engine/parse.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environment[] = {"HOME=/root", "A=1", NULL};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	char **env = NULL;

	if (size > 1 << 16)
		return 0;
	if (env_file_parse(&arena, (const char *)data, size, "input", (char *const *)environment,
		    &env, &err) < 0)
		return err.message ? 0 : (abort(), 0);
	strv_foreach (e, env) {
		size_t n = strcspn(*e, "=");
		if (n == 0 || (*e)[n] != '=')
			abort();
		for (size_t i = 0; i < n; i++) {
			if (isspace((unsigned char)(*e)[i]))
				abort();
		}
		for (char **other = env; other < e; other++) {
			if (strncmp(*other, *e, n + 1) == 0)
				abort();
		}
	}
	return 0;
}

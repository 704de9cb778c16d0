/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"
#include "base/path.h"
#include "base/str.h"

int program_find(const char *program, const char *name, char **ret, struct hull_error *err)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	int dir = slash ? (int)(slash - program) : 0;
	char *candidates[] = {
		slash ? str_printf("%.*s/../%s/%s", dir, program, name, name) : NULL,
		slash ? str_printf("%.*s/%s", dir, program, name) : NULL,
		slash ? str_printf("%.*s/../libexec/hull/%s", dir, program, name) : NULL,
		str_printf("%s/%s", HULL_LIBEXECDIR, name),
	};
	char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		_cleanup_free_ char *path = candidates[i];
		if (path && !found && access(path, X_OK) == 0)
			found = path_clean(path);
	}
	if (!found)
		return error_set(
			err, HULL_ERROR_NOT_FOUND, "%s/%s: No such program", HULL_LIBEXECDIR, name);
	*ret = found;
	return 0;
}

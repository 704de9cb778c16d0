/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"
#include "base/path.h"
#include "base/str.h"

#include <limits.h>

int program_find(const char *name, char **ret, struct hull_error *err)
{
	char self[PATH_MAX];

	*ret = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		/* Beside an uninstalled hull, or in libexec beside bin. */
		char *candidates[] = {str_printf("%s/../%s/%s", self, name, name),
			str_printf("%s/../libexec/hull/%s", self, name)};
		for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
			_cleanup_free_ char *path = candidates[i];
			if (slash && path && !*ret && access(path, X_OK) == 0)
				*ret = path_clean(path);
		}
		if (*ret)
			return 0;
	}
	_cleanup_free_ char *path = str_printf("%s/%s", HULL_LIBEXECDIR, name);
	if (!path)
		return error_no_memory(err);
	if (access(path, X_OK) < 0)
		return error_errno(err, errno, "%s", path);
	*ret = TAKE_PTR(path);
	return 0;
}

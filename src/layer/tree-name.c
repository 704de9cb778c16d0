/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tree-internal.h"

#include <string.h>

const char *tree_show_name(const char *name, char out[256])
{
	size_t n = strnlen(name, 255);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];
		out[i] = c < 0x20 || c == 0x7f ? '?' : name[i];
	}
	out[n] = '\0';
	return out;
}

/*
 * As filepath.Clean() and the join with the root do in Docker: an absolute name becomes relative
 * to the root, whose ".." is itself; a relative one must not climb out.
 */
int tree_clean_name(const char *name, char *out, struct hull_error *err)
{
	bool absolute = name[0] == '/';
	size_t used = 0;
	char shown[256];

	if (strlen(name) > TAR_NAME_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "layer: a name is longer than %u bytes",
			TAR_NAME_MAX);
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (used == 0 && !absolute)
				return error_set(err, HULL_ERROR_INVALID,
					"layer: %s leads out of the root file system",
					tree_show_name(name, shown));
			while (used > 0 && out[--used] != '/')
				;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (used > 0)
				out[used++] = '/';
			memcpy(out + used, p, n);
			used += n;
		}
		p += n;
		p += *p == '/';
	}
	out[used] = '\0';
	return 0;
}

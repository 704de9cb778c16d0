/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include "base/str.h"

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 0 && a[n - 1] == '/')
		n--;
	b += strspn(b, "/");
	return str_printf("%.*s/%s", (int)n, a, b);
}

char *path_clean(const char *path)
{
	bool rooted = path[0] == '/';
	size_t len = strlen(path);
	char *out = malloc(len + 2);
	size_t n = 0, floor = 0; /* floor: below it there is no component to go back over */

	if (!out)
		return NULL;
	if (rooted)
		out[n++] = '/';
	floor = n;
	for (const char *p = path; *p;) {
		p += strspn(p, "/");
		size_t m = strcspn(p, "/");
		if (m == 0)
			break;
		if (m == 1 && p[0] == '.') {
			p += m;
			continue;
		}
		if (m == 2 && p[0] == '.' && p[1] == '.') {
			p += m;
			if (n > floor) {
				while (n > floor && out[n - 1] != '/')
					n--;
				if (n > floor)
					n--;
				continue;
			}
			if (rooted)
				continue;
			if (n > 0)
				out[n++] = '/';
			out[n++] = '.';
			out[n++] = '.';
			floor = n;
			continue;
		}
		if (n > 0 && out[n - 1] != '/')
			out[n++] = '/';
		memcpy(out + n, p, m);
		n += m;
		p += m;
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return out;
}

bool path_has_dotdot(const char *path)
{
	while (*path) {
		path += strspn(path, "/");
		size_t n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += n;
	}
	return false;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of /proc/PID/mountinfo and /proc/PID/cgroup.
 *
 * A host may have tens of thousands of mounts, of which a dozen concern us. So a line is first
 * searched for " - cgroup" (the separator and the start of the file system type); only what has
 * it is cut into fields.
 */
#include "cgroup/host.h"

#include "base/str.h"

#include <ctype.h>

/* The next field of *p, NUL-terminated in place; NULL at the end. */
static char *next_field(char **p)
{
	char *start = *p + strspn(*p, " ");

	if (!*start)
		return NULL;
	char *end = start + strcspn(start, " ");
	*p = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape_octal(char *s)
{
	char *to = s;

	for (const char *from = s; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
			from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool cgroup_mount_parse(char *line, size_t n, struct cgroup_mount *ret)
{
	static const char mark[] = " - cgroup";

	/* The mount point is escaped, so the first mark is the real separator. */
	char *separator = memmem(line, n, mark, sizeof(mark) - 1);
	if (!separator)
		return false;
	line[n] = '\0';
	*separator = '\0';

	char *tail = separator + 3; /* "cgroup2 SOURCE OPTIONS" */
	char *type = next_field(&tail);
	char *source = next_field(&tail);
	char *options = next_field(&tail);
	if (!type || !source)
		return false;
	unsigned int version = str_eq(type, "cgroup2") ? 2 : str_eq(type, "cgroup") ? 1 : 0;
	if (!version || (version == 1 && !options))
		return false;

	char *head = line; /* "ID PARENT MAJ:MIN ROOT MOUNT_POINT ..." */
	char *fields[5];
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = next_field(&head);
		if (!fields[i])
			return false;
	}
	unescape_octal(fields[3]);
	unescape_octal(fields[4]);
	*ret = (struct cgroup_mount){version, fields[3], fields[4], options ? options : tail};
	return true;
}

/* Options of a v1 superblock that name no controller. */
static bool option_is_flag(const char *option, size_t n)
{
	static const char *const flags[] = {"rw", "ro", "none", "all", "noprefix", "xattr",
		"clone_children", "cpuset_v2_mode", "favordynmods", "nofavordynmods"};
	static const char agent[] = "release_agent=";

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strlen(flags[i]) == n && memcmp(flags[i], option, n) == 0)
			return true;
	return n >= sizeof(agent) - 1 && memcmp(option, agent, sizeof(agent) - 1) == 0;
}

char *cgroup_mount_hierarchy_name(char *options)
{
	char *to = options;

	for (const char *p = options; *p;) {
		size_t n = strcspn(p, ",");
		const char *next = p + n + (p[n] == ',');

		if (!option_is_flag(p, n)) {
			if (to != options)
				*to++ = ',';
			memmove(to, p, n);
			to += n;
		}
		p = next;
	}
	*to = '\0';
	return options;
}

ssize_t cgroup_membership_find(const char *text, const char *hierarchy, const char **ret)
{
	size_t n = strlen(hierarchy);

	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		const char *name = memchr(line, ':', (size_t)(end - line));
		/* The name ends at the first colon, except that "name=" may hold colons itself. */
		if (name && (size_t)(end - name) > n + 1 && memcmp(name + 1, hierarchy, n) == 0 &&
			name[n + 1] == ':' && name[n + 2] == '/') {
			*ret = name + n + 2;
			return end - *ret;
		}
		line = *end ? end + 1 : end;
	}
	return -1;
}

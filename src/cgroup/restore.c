/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/restore.h"
#include "cgroup/file.h"

#include "base/str.h"

#include <stdio.h>

/* Files with a line per device or interface, and what stands for a line that is not there. */
static const struct {
	const char *file; /* ends in "*": all that start so */
	const char *none;
} keyed_files[] = {
	{"io.max", "rbps=max wbps=max riops=max wiops=max"},
	{"io.weight", "default"},
	{"io.bfq.weight", "default"},
	{"io.latency", "target=0"},
	{"blkio.throttle.*", "0"},
	{"blkio.bfq.weight_device", "default"},
	{"net_prio.ifpriomap", "0"},
	{"rdma.max", "hca_handle=max hca_object=max"},
	{"misc.max", "max"},
	{"dmem.*", "max"},
};

static const char *keyed_none(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyed_files); i++) {
		size_t n = strlen(keyed_files[i].file) - 1;

		if (str_eq(file, keyed_files[i].file) ||
			(keyed_files[i].file[n] == '*' &&
				strncmp(file, keyed_files[i].file, n) == 0))
			return keyed_files[i].none;
	}
	return NULL;
}

/* The line of content whose first word is the first n bytes of key, cut off there. */
static char *keyed_line(char *content, const char *key, size_t n)
{
	for (char *line = content; *line;) {
		char *end = line + strcspn(line, "\n");

		if (strncmp(line, key, n) == 0 && line[n] == ' ') {
			*end = '\0';
			return line;
		}
		line = end + (*end == '\n');
	}
	return NULL;
}

const char *old_value_text(const char *file, const char *written, char *content, char text[128])
{
	const char *none = keyed_none(file);
	size_t key = strcspn(written, " ");

	/* "oom_kill_disable 0", and more that only tells. */
	if (str_eq(file, "memory.oom_control")) {
		char *line = keyed_line(content, "oom_kill_disable", strlen("oom_kill_disable"));

		return line ? line + strlen("oom_kill_disable ") : NULL;
	}
	/* What is switched on and off by words cannot be written as it is read. */
	if (str_eq(file, "cgroup.subtree_control") || str_eq(file, "cgroup.type"))
		return NULL;
	if (none && written[key]) {
		const char *line = keyed_line(content, written, key);

		if (line)
			return line;
		return snprintf(text, 128, "%.*s %s", (int)key, written, none) < 128 ? text : NULL;
	}
	/* A weight without a device is the default's, which is told first. */
	char *end = content + strcspn(content, "\n");
	if (*end && end[1] && !(none && str_after(content, "default ")))
		return NULL;
	*end = '\0';
	/* An empty list (cpuset.cpus) needs something to be written. */
	return *content ? content : "\n";
}

int old_values_keep(struct old_values *old, const struct group_place *place, int fd,
	const char *file, const char *written)
{
	char content[4096], text[128];
	ssize_t n;

	if (!old->arena)
		return 0;
	do
		n = pread(fd, content, sizeof(content) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n == sizeof(content) - 1)
		return 0;
	content[n] = '\0';
	const char *value = old_value_text(file, written, content, text);
	if (!value)
		return 0;
	struct old_value *entry = arena_new(old->arena, struct old_value);
	if (!entry || !(value = arena_strdup(old->arena, value)))
		return -ENOMEM;
	*entry = (struct old_value){old->last, place, file, value};
	old->last = entry;
	return 0;
}

void old_values_forget(struct old_values *old, struct old_value *before)
{
	old->last = before;
}

void old_values_restore(const struct old_values *old)
{
	for (const struct old_value *value = old->last; value; value = value->before)
		place_put(value->place, value->file, value->value);
}

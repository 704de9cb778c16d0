/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In cgroup v1 the child joins by writing "0" to the tasks file, never a pid to cgroup.procs: for
 * one thread that moves itself the kernel takes no lock against forks and exits (Linux 5.5). That
 * lock waits for an RCU grace period unless somebody held it a moment ago: more than ten
 * milliseconds on an idle host.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include <unistd.h>

/* Adds the hierarchy of one line of mountinfo unless it is no cgroup mount of the first kind. */
static void add_hierarchy(struct cgroups *c, char *line)
{
	char target[PATH_MAX], type[64], super[1024], *tail = strstr(line, " - ");
	const char *name;

	if (!tail || c->n == CGROUPS_MAX || sscanf(line, "%*s %*s %*s %*s %4095s", target) != 1 ||
		sscanf(tail, " - %63s %*s %1023s", type, super) != 2 || strcmp(type, "cgroup") != 0)
		return;
	name = strncmp(super, "rw,", 3) == 0 ? super + 3 : super;
	snprintf(c->mounts[c->n], sizeof(c->mounts[0]), "%s", target);
	snprintf(c->names[c->n], sizeof(c->names[0]), "%.63s", name);
	snprintf(c->labels[c->n], sizeof(c->labels[0]), "make cgroup %.40s", name);
	c->n++;
}

int cgroups_find(struct cgroups *c)
{
	struct statfs fs;
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(c->dir, sizeof(c->dir), "hull-floor-%d", (int)getpid());
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
		c->unified = true;
		c->n = 1;
		snprintf(c->mounts[0], sizeof(c->mounts[0]), "/sys/fs/cgroup");
		snprintf(c->labels[0], sizeof(c->labels[0]), "make cgroup");
		return 0;
	}
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return -1;
	while (getline(&line, &size, f) >= 0)
		add_hierarchy(c, line);
	free(line);
	fclose(f);
	return 0;
}

/* A new cpuset admits nobody before it has CPUs and memory nodes. */
static int inherit_cpuset(int parent, int child, const char *file)
{
	int in = openat(parent, file, O_RDONLY | O_CLOEXEC);
	int out = openat(child, file, O_WRONLY | O_CLOEXEC);
	char value[4096];
	ssize_t n = read(in, value, sizeof(value));

	if (n > 0)
		n = write(out, value, (size_t)n);
	close(in);
	close(out);
	return n > 0 ? 0 : -1;
}

static int make_one(struct start *s, size_t i)
{
	struct cgroups *c = s->cgroups;
	int parent, dir;

	s->subject = c->mounts[i];
	parent = open(c->mounts[i], O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (parent < 0 || mkdirat(parent, c->dir, 0755) < 0)
		return -1;
	dir = openat(parent, c->dir, O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (dir < 0)
		return -1;
	if (strncmp(c->names[i], "cpuset", 6) == 0 &&
		(inherit_cpuset(parent, dir, "cpuset.cpus") < 0 ||
			inherit_cpuset(parent, dir, "cpuset.mems") < 0))
		return -1;
	close(parent);
	if (c->unified) {
		c->fds[i] = dir;
		return 0;
	}
	c->fds[i] = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
	close(dir);
	return c->fds[i] < 0 ? -1 : 0;
}

int cgroups_make(struct start *s)
{
	for (size_t i = 0; i < s->cgroups->n; i++) {
		if (make_one(s, i) < 0)
			return -1;
		clocks_mark(s->clocks, s->cgroups->labels[i]);
	}
	return 0;
}

static int write_rule(int fd, const char *rule)
{
	return write(fd, rule, strlen(rule)) < 0 ? -1 : 0;
}

int cgroups_allow_devices(struct start *s)
{
	static const char *const allowed[] = {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm",
		"c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
	struct cgroups *c = s->cgroups;
	char path[PATH_MAX + 128];
	int deny, allow;
	size_t i = 0;

	while (i < c->n && strncmp(c->names[i], "devices", 7) != 0)
		i++;
	if (i == c->n)
		return 0;
	s->subject = "devices";
	snprintf(path, sizeof(path), "%s/%s/devices.deny", c->mounts[i], c->dir);
	deny = open(path, O_WRONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s/devices.allow", c->mounts[i], c->dir);
	allow = open(path, O_WRONLY | O_CLOEXEC);
	if (deny < 0 || allow < 0 || write_rule(deny, "a") < 0)
		return -1;
	for (size_t j = 0; j < sizeof(allowed) / sizeof(allowed[0]); j++) {
		if (write_rule(allow, allowed[j]) < 0)
			return -1;
	}
	close(deny);
	close(allow);
	return 0;
}

int cgroups_join(struct start *s)
{
	struct cgroups *c = s->cgroups;

	/* CLONE_INTO_CGROUP has done it */
	for (size_t i = 0; i < c->n && !c->unified; i++) {
		s->subject = c->mounts[i];
		if (write(c->fds[i], "0", 1) != 1)
			return -1;
	}
	return 0;
}

int cgroup_namespace_make(struct start *s)
{
	s->subject = "unshare";
	return s->cgroups->unified && start_has(s, FEATURE_CGROUPS) ? 0 : unshare(CLONE_NEWCGROUP);
}

int cgroups_remove(struct start *s)
{
	struct cgroups *c = s->cgroups;
	char path[PATH_MAX + 128];
	int r = 0;

	for (size_t i = 0; i < c->n; i++) {
		snprintf(path, sizeof(path), "%s/%s", c->mounts[i], c->dir);
		close(c->fds[i]);
		if (rmdir(path) < 0) {
			s->subject = c->mounts[i];
			r = -1;
		}
	}
	return r;
}

/* The path in /proc/PID/cgroup of a hierarchy; v2's line has no controllers. */
static int read_path(const char *text, const char *controllers, char path[PATH_MAX])
{
	size_t n = strlen(controllers);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *at;

		line += *line == '\n';
		at = strchr(line, ':');
		if (!at || strncmp(at + 1, controllers, n) != 0 || at[1 + n] != ':')
			continue;
		snprintf(path, PATH_MAX, "%.*s", (int)strcspn(at + 2 + n, "\n"), at + 2 + n);
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int cgroups_open(struct start *s)
{
	struct cgroups *c = s->cgroups;
	char path[2 * PATH_MAX + 16], inside[PATH_MAX], text[8192];
	ssize_t n;
	int fd;

	s->subject = "/proc/PID/cgroup";
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)s->enter);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	for (size_t i = 0; i < c->n; i++) {
		s->subject = c->mounts[i];
		if (read_path(text, c->names[i], inside) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s%s%s", c->mounts[i], inside,
			c->unified ? "" : "/tasks");
		c->fds[i] = open(path, (c->unified ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
		if (c->fds[i] < 0)
			return -1;
	}
	return 0;
}

int cgroups_close(struct start *s)
{
	for (size_t i = 0; i < s->cgroups->n; i++)
		close(s->cgroups->fds[i]);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine offers, and how it is found. The parsers take text, so that any machine can be
 * described to them in a test.
 */
#pragma once

#include "base/error.h"
#include <hull/cgroup.h>

#include <limits.h>

/* More hierarchies than this are no machine's: every controller and some named ones. */
#define CGROUP_HIERARCHIES_MAX 32

/* A group's path below its hierarchy, in bytes without the NUL. */
#define CGROUP_PATH_MAX (PATH_MAX - 1)

struct hull_cgroup_host {
	struct hull_cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
	char *roots[CGROUP_HIERARCHIES_MAX]; /* where in the hierarchy its mount starts */
	size_t n_hierarchies;
	int v2;			/* index of the v2 tree, -1 = none */
	uint32_t v2_switchable; /* v2 controllers that subtree_control knows */
	int8_t by_controller[HULL_CGROUP_CONTROLLER_MAX]; /* index, -1 = nobody has it */
};

/* Where the facts are read from; tests describe other machines. */
struct cgroup_sources {
	const char *mountinfo;
	const char *self_cgroup;
	bool any_filesystem; /* do not insist that the mount points are cgroup file systems */
};

/* As hull_cgroup_host_open() from these files. */
int cgroup_host_open_from(const struct cgroup_sources *sources, struct hull_cgroup_host **ret,
	struct hull_error *err);

/*
 * As hull_cgroup_host_open() from the places where distributions mount the hierarchies; 1 if all of
 * them were there, 0 if mountinfo has to be read.
 */
int cgroup_host_open_usual(struct hull_cgroup_host **ret, struct hull_error *err);

/* One line of mountinfo. Points into the line, which it cuts up and unescapes. */
struct cgroup_mount {
	unsigned int version;
	char *root;
	char *mount_point;
	char *options; /* of the superblock */
};

/* True if the line (without its newline) is a cgroup mount. */
bool cgroup_mount_parse(char *line, size_t n, struct cgroup_mount *ret);

/* The hierarchy's name as /proc/PID/cgroup prints it, in place: "rw,cpu,cpuacct" to "cpu,cpuacct". */
char *cgroup_mount_hierarchy_name(char *options);

/*
 * The path of a process in one hierarchy from the text of /proc/PID/cgroup: its length, and where
 * it starts in *ret; -1 if the text has no such hierarchy.
 */
ssize_t cgroup_membership_find(const char *text, const char *hierarchy, const char **ret);

/*
 * The path of a process in the i-th hierarchy as seen from its mount, from the text of
 * /proc/PID/cgroup: heap string, NULL if the text does not tell or memory is out. "/" if the
 * process is outside of what is mounted.
 */
char *cgroup_membership_path(const struct hull_cgroup_host *host, size_t i, const char *text);

/* The bits of all words in a list separated by any of `separators`. */
uint32_t cgroup_controllers_parse(const char *list, const char *separators);

/* The controller that a file belongs to ("memory.max", "cpuset.cpus"): MAX for "cgroup." files and
 * those without a known prefix. */
enum hull_cgroup_controller cgroup_file_controller(const char *file);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.intelRdt through the kernel's resctrl file system (Documentation/filesystems/resctrl.rst): a
 * directory is a class of service, its file `schemata` says what its tasks may use of caches and
 * memory bandwidth, and a directory below its mon_groups counts what some of them do use.
 */
#pragma once

#include "json/json.h"
#include "oci/runtime_spec.h"

/* Where it is mounted; heap. HULL_ERROR_UNSUPPORTED if it is not. */
int resctrl_find(char **ret, struct hull_error *err);

struct resctrl {
	char *group;   /* the class's directory */
	char *monitor; /* the monitoring group's, NULL = none is asked for */
	char **made; /* what was made for the container, the innermost first: to be removed with it */
};

void resctrl_done(struct resctrl *r);

/* The names of a container's directories. Touches nothing. */
int resctrl_name(const char *root, const char *id, const struct oci_intel_rdt *rdt,
	struct resctrl *ret, struct hull_error *err);

/*
 * Makes what is missing of them. A class that a container names and that is there already is used as
 * it is: a schema that is asked for must be the one it has. Without any schema it must be there.
 * What was made is in r->made after a failure too.
 */
int resctrl_make(const char *root, const struct oci_intel_rdt *rdt, struct resctrl *r,
	struct hull_error *err);

int resctrl_add(const struct resctrl *r, pid_t pid, struct hull_error *err);

/*
 * Writes other schemata for a running container's class; either may be NULL. rdt is what the container
 * was made with: NULL = it has no class.
 */
int resctrl_update(const char *root, const char *id, const struct oci_intel_rdt *rdt,
	char *l3_cache_schema, char *mem_bw_schema, struct hull_error *err);

/* Removes the directories of `made`; tasks fall back to the class above. */
void resctrl_remove(char *const *made);

/* What is to be written into `schemata`: heap, "" if nothing is asked for, NULL if memory is out. */
char *resctrl_schemata(const struct oci_intel_rdt *rdt);

/* True if each domain of each line of wanted has that value in existing. */
bool resctrl_schemata_match(const char *existing, const char *wanted);

/* The members of the statistics' "intel_rdt" for the class of that name: what the machine has, and
 * the schemata of the root and of the class. What cannot be read is left out. */
void resctrl_stats(struct json_writer *w, const char *root, const char *name);

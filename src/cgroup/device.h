/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices the group's processes may make, read and write. Rules come in order, and of those
 * that match, the last decides; without any that matches, the answer is no.
 */
#pragma once

#include "base/buf.h"
#include "cgroup/group.h"

enum {
	DEVICE_READ = 1 << 0,
	DEVICE_WRITE = 1 << 1,
	DEVICE_MAKE = 1 << 2,
	DEVICE_ALL = DEVICE_READ | DEVICE_WRITE | DEVICE_MAKE,
};

#define DEVICE_ANY (-1) /* major or minor */

/* A rule in numbers. */
struct device_rule {
	bool allow;
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor;
	unsigned int access;
};

int device_rule_check(const struct hull_cgroup_device *device, struct hull_error *err);

/* Reads one; the input was checked. */
struct device_rule device_rule_parse(const struct hull_cgroup_device *device);

/* "c 1:* rm", as v1 writes it. */
#define DEVICE_TEXT_SIZE 64
void device_rule_format(const struct device_rule *rule, char text[DEVICE_TEXT_SIZE]);

int devices_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_device *devices, size_t n,
	unsigned int flags, struct hull_error *err);

/*
 * v1 keeps a default and a list of exceptions to it. This is the same, made from rules; an exception
 * from an exception cannot be said and is an error.
 */
struct device_list {
	bool allow; /* the default */
	struct device_rule *exceptions;
	size_t n, size;
};

void device_list_done(struct device_list *list);
int device_list_add(
	struct device_list *list, const struct device_rule *rule, struct hull_error *err);

/* From the text of devices.list. */
int device_list_parse(struct device_list *list, const char *text, struct hull_error *err);

/*
 * The writes that turn `from` (NULL: unknown) into `to`: lines "allow c 1:3 rwm" and "deny a", each
 * ended by a newline, the allowing ones first so that nothing that stays allowed is ever refused.
 */
void device_list_transition(
	const struct device_list *from, const struct device_list *to, struct buf *lines);

/* v2: the program. Returns the number of instructions (of 8 bytes) in *ret (malloc'ed), or -ENOMEM. */
ssize_t device_program(const struct device_rule *rules, size_t n, uint64_t **ret);

int devices_apply_bpf(struct hull_cgroup *cgroup, const struct device_rule *rules, size_t n,
	unsigned int flags, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists in which a later element replaces an earlier one of the same key: options typed several
 * times, files of settings. They are collected as they come and settled once, whatever their length.
 */
#pragma once

#include <stddef.h>

struct unique_key {
	const void *data;
	size_t n;
};

#define UNIQUE_NONE ((size_t)-1)

/*
 * For each of n keys: the index of the last equal one if it is the first, else UNIQUE_NONE. So what
 * is said last counts, in the place where it was said first. 0 or -ENOMEM.
 */
int unique_find(const struct unique_key *keys, size_t n, size_t *ret);

/*
 * Settles a NULL-terminated vector of NAME=VALUE (a text without "=" is a name). What is replaced is
 * not freed: the strings belong to an arena or to somebody else. 0 or -ENOMEM.
 */
int env_settle(char **env);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities as 64-bit sets, capabilities(7). The setters are raw system calls on the calling
 * thread. 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The number of "CAP_SYS_ADMIN" (any case, prefix optional), or -EINVAL. */
int capability_parse(const char *name);

/* "CAP_SYS_ADMIN"; NULL past the last that this source knows. */
const char *capability_name(int capability);

/* The highest capability of the running kernel. */
int capability_last(void);

int capability_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable);
int capability_set(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/* Removes from the bounding set everything up to last that is not in keep. */
int capability_bound(uint64_t keep, int last);

/* Clears the ambient set and raises what is in set; *ret_failed is the capability that failed. */
int capability_set_ambient(uint64_t set, int last, int *ret_failed);

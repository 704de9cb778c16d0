/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id maps of user namespaces, user_namespaces(7). A process that has CAP_SETUID and CAP_SETGID
 * in its own user namespace writes them itself. Others may map their own ids alone; for more there
 * are newuidmap(1) and newgidmap(1), which know what /etc/subuid and /etc/subgid grant.
 */
#pragma once

#include "runtime/perform.h"

#define ID_MAP_RANGES_MAX 340 /* of the kernel, Linux 4.15 */

/* Everything that the kernel would refuse with a bare EINVAL: ranges that overlap on either side,
 * too many of them. what names the map's owner in errors: "linux". */
int id_map_check(const struct op_id_map *map, const char *what, struct hull_error *err);

/* True if id has a place in the map's container side. */
bool id_map_has(const struct oci_id_mapping *map, size_t n, uint32_t id);

/* Writes both maps of a process's user namespace, by helpers where it must be. 0 or -errno, with the
 * step in p->detail. */
int id_map_write(struct performance *p, const struct op_id_map *map, pid_t pid);

/*
 * What a caller without privileges gets whose spec has no user namespace: one with its own ids as
 * root's and, where the helpers and a range of /etc/subuid and /etc/subgid are there, that range as
 * the ids from 1 on. Does nothing to a spec that has a user namespace.
 */
int id_map_add_default(struct arena *arena, struct oci_spec *spec, struct hull_error *err);

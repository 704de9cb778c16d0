/* SPDX-License-Identifier: Apache-2.0 */
/* The mount options of config.json, mount(8)'s names and the specification's additions. */
#pragma once

#include "base/arena.h"
#include "oci/runtime_spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mount_option_kind {
	MOUNT_OPTION_ATTRIBUTE, /* sets and clears MOUNT_ATTR_* of one mount */
	MOUNT_OPTION_RECURSIVE, /* the same of a mount and all below it */
	MOUNT_OPTION_PROPAGATION,
	MOUNT_OPTION_SUPERBLOCK, /* passed to the file system as a flag, or takes such a flag back */
	MOUNT_OPTION_CLASSIC,	 /* a flag that only mount(2) knows */
	MOUNT_OPTION_BIND,
	MOUNT_OPTION_IDMAP,
	MOUNT_OPTION_COPY_UP,
	MOUNT_OPTION_NOFOLLOW_SOURCE,
	MOUNT_OPTION_NOFOLLOW_TARGET,
	MOUNT_OPTION_COPY_SYMLINK,
	MOUNT_OPTION_REMOUNT,
	MOUNT_OPTION_IGNORED, /* accepted, without meaning here ("defaults", "nofail", "silent") */
};

struct mount_option {
	const char *name;
	enum mount_option_kind kind;
	uint64_t set, clear;
	bool recursive;	  /* propagation, bind and idmap; superblock: the flag is taken back */
	const char *flag; /* superblock: the name for fsconfig(2); NULL = nothing to pass */
};

/* All options, sorted by name: for `features`. */
extern const struct mount_option mount_options[];
extern const size_t n_mount_options;

struct mount_flags {
	uint64_t set, clear;
	uint64_t set_recursive, clear_recursive;
	uint64_t propagation; /* MS_*, 0 = none given */
	bool propagation_recursive;
	bool bind, bind_recursive;
	bool idmap, idmap_recursive;
	/* Of the option "idmap=uids=...;gids=...". */
	struct oci_id_mapping *uid_map, *gid_map;
	size_t n_uid_map, n_gid_map;
	bool copy_up;
	bool nofollow_source, nofollow_target, copy_symlink;
	bool remount;
	uint64_t classic;    /* MS_* that only mount(2) takes */
	const char *unknown; /* the first option that the table does not have, NULL = none */
	bool readonly_later; /* set by whoever compiles the mount */
	char **data;	     /* superblock flags and unknown options, in order */
};

/*
 * Applies the options in order, so that a later one takes back an earlier one. The ids of an "idmap="
 * with "@" are those of the container: linux says what they are outside; NULL = there are none.
 */
int mount_flags_parse(struct arena *arena, char *const *options, const struct oci_linux *linux,
	struct mount_flags *ret, struct hull_error *err);

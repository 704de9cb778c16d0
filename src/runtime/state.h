/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory of keel: <root>/<id>/ holds state.json, config.json (the spec as it was at
 * create) and, until the container is started, start.sock. Its existence reserves the id.
 */
#pragma once

#include "runtime/container.h"

struct runtime_state {
	char *oci_version;
	char *id;
	int pid;
	uint64_t start_time;
	char *bundle;
	char *rootfs;
	char *cgroup;	/* runtime_process.cgroup */
	char **resctrl; /* runtime_process.resctrl */
	char *created;	/* RFC 3339 */
	char *owner;
	bool own_pid_namespace;
	bool rootless;
	bool has_poststart;
	bool has_poststop; /* hooks: whether config.json must be read again at delete */
	struct json_pair *annotations;
	size_t n_annotations;
};

/* 0 if the id may name a container: [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, at most 1024 bytes. */
int container_id_check(const char *id, struct hull_error *err);

/* The cache of compiled filters, below the root. */
#define SECCOMP_CACHE ".cache/seccomp"

/*
 * The root directory that a user meant (may be relative) or, for NULL, the user's own: /run/keel for
 * root; for others $XDG_RUNTIME_DIR/keel, /run/user/UID/keel if there is such a directory, or
 * /tmp/keel-UID. Heap string.
 */
int state_root_path(const char *root, char **ret, struct hull_error *err);

/* Opens (and makes) the root directory. For others than root it must be their own and writable to
 * nobody else: what is in it tells which processes to kill. */
int state_root_open(const char *root, bool create, int *ret_fd, struct hull_error *err);

/* Reserves an id: makes its directory; HULL_ERROR_EXISTS if it is taken. */
int state_create(int root_fd, const char *id, int *ret_dir_fd, struct hull_error *err);

int state_save(int dir_fd, const struct runtime_state *state, struct hull_error *err);

/* HULL_ERROR_NOT_FOUND "container does not exist" if there is none. *ret_dir_fd may be NULL. */
int state_load(struct arena *arena, int root_fd, const char *id, struct runtime_state **ret,
	int *ret_dir_fd, struct hull_error *err);

/* Removes the directory of an id. Absence is success. */
int state_remove(int root_fd, const char *id, struct hull_error *err);

/* The ids below root, sorted; heap vector. */
int state_list(int root_fd, char ***ret, struct hull_error *err);

void state_ref(const struct runtime_state *state, struct container_ref *ret);

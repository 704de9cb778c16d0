/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of keel share: global options, the state root, and telling errors. */
#pragma once

#include "cli/option.h"
#include "runtime/state.h"

struct keel_globals {
	char *root;
	char *log;
	char *log_format;
	char *log_level;
	bool debug;
	bool systemd_cgroup;
	char *cgroup_manager;
	char *rootless;
	char *criu;
};

extern const struct cli_command keel_create_command, keel_delete_command, keel_exec_command,
	keel_explain_command, keel_features_command, keel_kill_command, keel_list_command,
	keel_pause_command, keel_ps_command, keel_resume_command, keel_run_command,
	keel_spec_command, keel_start_command, keel_state_command, keel_update_command;

/* The state root's path: --root, or the user's. Heap string, NULL if memory is out. */
char *keel_root_path(const struct keel_globals *globals);

/* Opens the state root. */
int keel_root_open(
	const struct keel_globals *globals, bool create, int *ret_fd, struct hull_error *err);

/* One JSON or text record into --log (never to stderr). */
void keel_log(const struct keel_globals *globals, const char *level, const char *text);

/* A plan_warning_fn; userdata is the globals. */
void keel_warn(void *userdata, const char *text);

int keel_cgroup_manager(
	const struct keel_globals *globals, enum hull_cgroup_manager *ret, struct hull_error *err);

bool keel_is_rootless(const struct keel_globals *globals);

/* A container by id: its state document and what refers to it. */
struct keel_container {
	struct arena arena;
	int root_fd;
	int dir_fd;
	char *root;
	struct runtime_state *state;
	struct container_ref ref;
};

void keel_container_done(struct keel_container *c);
int keel_container_open(struct keel_container *c, const struct keel_globals *globals,
	const char *id, struct hull_error *err);

/* Its spec as it was at create. */
int keel_container_spec(struct keel_container *c, struct oci_spec **ret, struct hull_error *err);

/* Created, running, paused or stopped. */
int keel_container_status(
	const struct keel_container *c, enum container_status *ret, struct hull_error *err);

/* The document that `state` prints and hooks read; its strings belong to c. */
void keel_oci_state(
	const struct keel_container *c, enum container_status status, struct oci_state *ret);

/* Removes everything of a container: processes, cgroup, state; then runs the poststop hooks. */
int keel_container_remove(struct keel_container *c, struct hull_error *err);

#define _cleanup_keel_container_ _cleanup_(keel_container_done)

/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of keel share: global options, the state root, and telling errors. */
#pragma once

#include "cli/option.h"
#include "runtime/creation.h"
#include "runtime/record.h"

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
	bool systemd_log;
	bool version;
	bool usage;
};

extern const struct cli_command keel_checkpoint_command, keel_create_command, keel_delete_command,
	keel_events_command, keel_exec_command, keel_explain_command, keel_features_command,
	keel_kill_command, keel_list_command, keel_mounts_command, keel_mounts_add_command,
	keel_mounts_remove_command, keel_pause_command, keel_ps_command, keel_restore_command,
	keel_resume_command, keel_run_command, keel_spec_command, keel_start_command,
	keel_state_command, keel_update_command;

/* Opens the state root. */
int keel_root_open(
	const struct keel_globals *globals, bool create, int *ret_fd, struct hull_error *err);

/* One JSON or text record into --log (never to stderr). level: error, warning or debug. */
void keel_log(const struct keel_globals *globals, const char *level, const char *text);

/* A record of --debug: into --log, to stderr without one. */
void keel_debug(const struct keel_globals *globals, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A plan_warning_fn; userdata is the globals. */
void keel_warn(void *userdata, const char *text);

int keel_cgroup_manager(
	const struct keel_globals *globals, enum hull_cgroup_manager *ret, struct hull_error *err);

enum creation_rootless keel_rootless(const struct keel_globals *globals);

int keel_container_open(struct container_record *c, const struct keel_globals *globals,
	const char *id, struct hull_error *err);

/* container_record_remove() with warnings on stderr. */
int keel_container_remove(struct container_record *c, struct hull_error *err);

/*
 * Calls fn for the container of that id or, with regex set, for each whose id matches the extended
 * regular expression, in order. A failure does not stop the others; the first one is returned.
 */
int keel_container_each(const struct keel_globals *globals, const char *pattern, bool regex,
	int (*fn)(const struct keel_globals *globals, const char *id, void *data,
		struct hull_error *err),
	void *data, struct hull_error *err);

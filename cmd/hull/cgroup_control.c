/* SPDX-License-Identifier: Apache-2.0 */
/* freeze, thaw, kill, delete: commands that do one thing to each of several groups. */
#include "cgroup.h"

#include "base/clock.h"
#include "base/str.h"
#include "sys/process.h"

#include <limits.h>
#include <signal.h>

#define TIMEOUT_MS 10000

struct control_options {
	char **groups;
	struct hull_opt_i64 timeout; /* ns */
	char *signal;
	bool recursive, kill;
};

#define ROW_GROUP                                                                           \
	{                                                                                   \
		"group", 'g', CLI_STRV, offsetof(struct control_options, groups),           \
			"[controllers:]path", "Group (as well as those given as arguments)" \
	}
#define ROW_TIMEOUT                                                                      \
	{                                                                                \
		"timeout", 't', CLI_DURATION, offsetof(struct control_options, timeout), \
			"duration", "How long to wait for the kernel (default 10s)"      \
	}

static int timeout_ms(const struct control_options *o)
{
	if (!o->timeout.set)
		return TIMEOUT_MS;
	int64_t ms = o->timeout.value / NS_PER_MS;
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* ---- freeze and thaw ---- */

static const struct cli_option plain_rows[] = {ROW_GROUP, ROW_TIMEOUT};

static int freeze_one(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	(void)text;
	return hull_cgroup_freeze(ref->group, timeout_ms(data), err);
}

static int freeze_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct control_options *o = data;

	return each_group(context, o->groups, argc, argv, freeze_one, data, err);
}

const struct cli_command hull_cgroup_freeze_command = {
	.name = "freeze",
	.arguments = "[OPTIONS] GROUP...",
	.summary = "Stop all processes of control groups",
	CLI_OPTIONS(plain_rows),
	.options_size = sizeof(struct control_options),
	.min_args = 0,
	.max_args = -1,
	.run = freeze_run,
};

static int thaw_one(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	(void)text;
	return hull_cgroup_thaw(ref->group, timeout_ms(data), err);
}

static int thaw_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct control_options *o = data;

	return each_group(context, o->groups, argc, argv, thaw_one, data, err);
}

const struct cli_command hull_cgroup_thaw_command = {
	.name = "thaw",
	.arguments = "[OPTIONS] GROUP...",
	.summary = "Let frozen processes of control groups run again",
	CLI_OPTIONS(plain_rows),
	.options_size = sizeof(struct control_options),
	.min_args = 0,
	.max_args = -1,
	.run = thaw_run,
};

/* ---- kill ---- */

static const struct cli_option kill_rows[] = {
	ROW_GROUP,
	ROW_TIMEOUT,
	{"signal", 's', CLI_STRING, offsetof(struct control_options, signal), "signal",
		"Send another signal, once, and do not wait", NULL, 0, "KILL"},
};

static int kill_one(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	const struct control_options *o = data;
	int signal = signal_parse(o->signal);

	(void)text;
	if (signal < 0)
		return error_set(err, HULL_ERROR_INVALID, "%s: not a signal", o->signal);
	if (signal == SIGKILL)
		return hull_cgroup_kill(ref->group, timeout_ms(o), err);
	return hull_cgroup_signal(ref->group, signal, err);
}

static int kill_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct control_options *o = data;

	return each_group(context, o->groups, argc, argv, kill_one, data, err);
}

const struct cli_command hull_cgroup_kill_command = {
	.name = "kill",
	.arguments = "[OPTIONS] GROUP...",
	.summary = "Kill all processes of control groups and of those below",
	CLI_OPTIONS(kill_rows),
	.options_size = sizeof(struct control_options),
	.min_args = 0,
	.max_args = -1,
	.run = kill_run,
};

/* ---- delete ---- */

static const struct cli_option delete_rows[] = {
	ROW_GROUP,
	ROW_TIMEOUT,
	{"recursive", 'r', CLI_FLAG, offsetof(struct control_options, recursive), NULL,
		"Groups below too"},
	{"kill", 0, CLI_FLAG, offsetof(struct control_options, kill), NULL,
		"Kill the processes first"},
};

static int delete_one(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	const struct control_options *o = data;

	(void)text;
	return hull_cgroup_delete(ref->group,
		(o->recursive ? HULL_CGROUP_DELETE_RECURSIVE : 0) |
			(o->kill ? HULL_CGROUP_DELETE_KILL : 0),
		timeout_ms(o), err);
}

static int delete_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct control_options *o = data;

	return each_group(context, o->groups, argc, argv, delete_one, data, err);
}

static const char *const delete_aliases[] = {"rm", NULL};

const struct cli_command hull_cgroup_delete_command = {
	.name = "delete",
	.aliases = delete_aliases,
	.arguments = "[OPTIONS] GROUP...",
	.summary = "Remove control groups",
	CLI_OPTIONS(delete_rows),
	.options_size = sizeof(struct control_options),
	.min_args = 0,
	.max_args = -1,
	.run = delete_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* exec and classify: processes into groups. */
#include "cgroup.h"

#include "base/str.h"

#include <stdio.h>
#include <unistd.h>

struct exec_options {
	char **groups;
};

static const struct cli_option exec_rows[] = {
	{"group", 'g', CLI_STRV, offsetof(struct exec_options, groups), "[controllers:]path",
		"Group to run the command in (then no GROUP argument)"},
};

static int join(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	(void)text;
	return hull_cgroup_add(ref->group, *(pid_t *)data, HULL_CGROUP_ADD_NEWBORN, err);
}

static int exec_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct exec_options *o = data;
	int command = o->groups ? 0 : 1;
	pid_t self = 0;

	if (argc <= command)
		return error_set(err, HULL_ERROR_INVALID, "no command given");
	int r = each_group(context, o->groups, command, argv, join, &self, err);
	if (r < 0)
		return r;
	fflush(NULL);
	execvp(argv[command], &argv[command]);
	return error_errno_kind(err,
		errno == ENOENT ? HULL_ERROR_NO_COMMAND : HULL_ERROR_NOT_EXECUTABLE, errno,
		"exec %s", argv[command]);
}

const struct cli_command hull_cgroup_exec_command = {
	.name = "exec",
	.arguments = "[OPTIONS] [GROUP] COMMAND [ARG...]",
	.summary = "Run a command in a control group",
	CLI_OPTIONS(exec_rows),
	.options_size = sizeof(struct exec_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL | CLI_EXIT_BY_KIND,
	.run = exec_run,
};

/* ---- classify ---- */

struct classify_options {
	char **groups;
	bool threads;
};

static const struct cli_option classify_rows[] = {
	{"group", 'g', CLI_STRV, offsetof(struct classify_options, groups), "[controllers:]path",
		"Group to move the processes into (then no GROUP argument)"},
	{"threads", 0, CLI_FLAG, offsetof(struct classify_options, threads), NULL,
		"The numbers are threads, to be moved alone"},
};

struct classify {
	bool threads;
	int argc;
	char **argv;
};

static int classify_into(
	struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	const struct classify *c = data;

	(void)text;
	for (int i = 0; i < c->argc; i++) {
		uint32_t pid;

		if (str_to_u32(c->argv[i], &pid) < 0 || pid == 0 || pid > INT32_MAX)
			return error_set(
				err, HULL_ERROR_INVALID, "%s: not a process id", c->argv[i]);
		int r = c->threads ? hull_cgroup_add_thread(ref->group, (pid_t)pid, err)
				   : hull_cgroup_add(ref->group, (pid_t)pid, 0, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int classify_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct classify_options *o = data;
	int first = o->groups ? 0 : 1;
	struct classify c = {o->threads, argc - first, argv + first};

	if (c.argc < 1)
		return error_set(err, HULL_ERROR_INVALID, "no process given");
	return each_group(context, o->groups, first, argv, classify_into, &c, err);
}

const struct cli_command hull_cgroup_classify_command = {
	.name = "classify",
	.arguments = "[OPTIONS] [GROUP] PID...",
	.summary = "Move running processes into a control group",
	CLI_OPTIONS(classify_rows),
	.options_size = sizeof(struct classify_options),
	.min_args = 1,
	.max_args = -1,
	.run = classify_run,
};

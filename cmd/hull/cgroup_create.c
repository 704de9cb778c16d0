/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"
#include "hull.h"

#include "base/str.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

struct create_options {
	char **groups, **settings;
	char *delegate;
	bool threaded, fresh, systemd, user;
	int pid;
};

static const struct cli_option options[] = {
	{"group", 'g', CLI_STRV, offsetof(struct create_options, groups), "controllers:path",
		"Group to create, in the hierarchies of these controllers"},
	{"set", 'r', CLI_STRV, offsetof(struct create_options, settings), "file=value",
		"Set a limit before anybody joins"},
	{"delegate", 'a', CLI_STRING, offsetof(struct create_options, delegate), "user[:group]",
		"Give the group away to a user"},
	{"threaded", 0, CLI_FLAG, offsetof(struct create_options, threaded), NULL,
		"Make it a threaded group (v2)"},
	{"new", 0, CLI_FLAG, offsetof(struct create_options, fresh), NULL,
		"Fail if it exists and has processes"},
	{"systemd", 0, CLI_FLAG, offsetof(struct create_options, systemd), NULL,
		"Ask systemd for a transient unit: SLICE:PREFIX:NAME, NAME.slice or NAME.scope"},
	{"user", 0, CLI_FLAG, offsetof(struct create_options, user), NULL,
		"With --systemd: ask the user's manager"},
	{"pid", 0, CLI_INT, offsetof(struct create_options, pid), "pid",
		"Process to put into it (a scope needs one)"},
};

static int id_parse(const char *name, bool group, uint32_t *ret, struct hull_error *err)
{
	if (str_to_u32(name, ret) == 0)
		return 0;
	if (group) {
		const struct group *entry = getgrnam(name);
		if (!entry)
			return error_set(err, HULL_ERROR_NOT_FOUND, "no group \"%s\"", name);
		*ret = entry->gr_gid;
	} else {
		const struct passwd *entry = getpwnam(name);
		if (!entry)
			return error_set(err, HULL_ERROR_NOT_FOUND, "no user \"%s\"", name);
		*ret = entry->pw_uid;
	}
	return 0;
}

static int delegate(struct hull_cgroup *group, const char *owner, struct hull_error *err)
{
	_cleanup_free_ char *user = strndup(owner, strcspn(owner, ":"));
	const char *colon = strchr(owner, ':');
	uint32_t uid, gid = (uint32_t)-1;

	if (!user)
		return error_no_memory(err);
	int r = id_parse(user, false, &uid, err);
	if (r == 0 && colon)
		r = id_parse(colon + 1, true, &gid, err);
	return r < 0 ? r : hull_cgroup_delegate(group, uid, gid, err);
}

/* All that is asked of a group that exists now. */
static int furnish(
	struct hull_cgroup *group, const struct create_options *o, struct hull_error *err)
{
	int r = o->threaded ? hull_cgroup_set_threaded(group, err) : 0;

	strv_foreach (setting, o->settings) {
		if (r == 0)
			r = group_set(group, *setting, err);
	}
	if (r == 0 && o->delegate)
		r = delegate(group, o->delegate, err);
	/* systemd had to have it from the start. */
	if (r == 0 && o->pid && !o->systemd)
		r = hull_cgroup_add(group, o->pid, 0, err);
	return r;
}

static int create_one(const struct hull_cgroup_host *host, const char *text,
	const struct create_options *o, struct hull_error *err)
{
	_cleanup_(group_name_done) struct group_name name = {0};
	struct hull_cgroup_create_options create = {
		.manager = !o->systemd ? HULL_CGROUP_MANAGER_CGROUPFS
			   : o->user   ? HULL_CGROUP_MANAGER_SYSTEMD_USER
				       : HULL_CGROUP_MANAGER_SYSTEMD,
		.flags = o->fresh ? HULL_CGROUP_CREATE_NEW : 0,
		.pid = o->systemd ? o->pid : 0,
		.delegate = true,
	};
	struct hull_cgroup *group, *home = NULL;
	int r = o->systemd ? 0 : group_name_parse(text, &name, err);

	if (r < 0)
		return r;
	create.controllers = name.controllers;
	/* A threaded group takes only these, and its parent must not have others enabled for it. */
	if (o->threaded)
		create.controllers =
			HULL_CGROUP_BIT(HULL_CGROUP_CPU) | HULL_CGROUP_BIT(HULL_CGROUP_CPUSET) |
			HULL_CGROUP_BIT(HULL_CGROUP_PIDS) | HULL_CGROUP_BIT(HULL_CGROUP_PERF_EVENT);
	/* Stopping a scope kills who is in it: if it comes to that, the process has gone home before. */
	if (create.pid)
		r = hull_cgroup_load_pid(host, create.pid, &home, err);
	if (r == 0)
		r = hull_cgroup_create(host, o->systemd ? text : name.path, &create, &group, err);
	if (r == 0) {
		r = furnish(group, o, err);
		if (r < 0 && home)
			hull_cgroup_add(home, create.pid, HULL_CGROUP_ADD_NEWBORN, NULL);
		if (r < 0)
			hull_cgroup_undo_create(group);
		hull_cgroup_free(group);
	}
	hull_cgroup_free(home);
	return r;
}

DEFINE_CLEANUP(struct hull_cgroup_host *, host_closep, hull_cgroup_host_close)

static int run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct create_options *o = data;
	_cleanup_(host_closep) struct hull_cgroup_host *host = NULL;
	/* Names of users may come from anywhere that nsswitch.conf(5) says. */
	int r = o->delegate ? hull_use_libraries(context->globals, err) : 0;
	if (r == 0)
		r = hull_cgroup_host_open(&host, err);

	if (r == 0 && o->user && !o->systemd)
		r = error_set(err, HULL_ERROR_INVALID, "--user needs --systemd");
	if (r == 0 && argc == 0 && !o->groups)
		r = error_set(err, HULL_ERROR_INVALID, "no group given");
	strv_foreach (name, o->groups) {
		if (r == 0)
			r = create_one(host, *name, o, err);
	}
	for (int i = 0; r == 0 && i < argc; i++)
		r = create_one(host, argv[i], o, err);
	return r;
}

const struct cli_command hull_cgroup_create_command = {
	.name = "create",
	.arguments = "[OPTIONS] [GROUP...]",
	.summary = "Create control groups",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct create_options),
	.min_args = 0,
	.max_args = -1,
	.run = run,
};

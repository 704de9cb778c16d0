/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"
#include "base/fd.h"
#include "base/path.h"
#include "sys/process.h"
#include <hull/cgroup.h>

struct exec_options {
	char *console_socket;
	char *pidfd_socket;
	char *cwd;
	char **env;
	bool tty;
	char *user;
	char **groups;
	char *process;
	bool detach;
	char *pid_file;
	char *process_label;
	char *apparmor;
	bool no_new_privs;
	char **capabilities;
	int preserve_fds;
	char **cgroups;
	bool ignore_paused;
	bool no_subreaper;
};

#define O(member) offsetof(struct exec_options, member)

static const struct cli_option options[] = {
	{"console-socket", 0, CLI_STRING, O(console_socket), "path",
		"Send the terminal to this socket", "@file", 0},
	{"pidfd-socket", 0, CLI_STRING, O(pidfd_socket), "path",
		"Send a pidfd of the process to this socket", "@file", 0},
	{"cwd", 0, CLI_STRING, O(cwd), "directory", "Working directory in the container", NULL, 0},
	{"env", 'e', CLI_STRV, O(env), "name=value", "Set an environment variable", NULL, 0},
	{"tty", 't', CLI_FLAG, O(tty), NULL, "Give the process a terminal", NULL, 0},
	{"user", 'u', CLI_STRING, O(user), "uid[:gid]", "User of the process, by numbers", NULL, 0},
	{"additional-gids", 'g', CLI_STRV, O(groups), "gid", "Supplementary group", NULL, 0},
	{"process", 'p', CLI_STRING, O(process), "file", "Document that describes the process",
		"@file", 0},
	{"detach", 'd', CLI_FLAG, O(detach), NULL, "Do not wait for the process", NULL, 0},
	{"pid-file", 0, CLI_STRING, O(pid_file), "file", "Write the process id to this file",
		"@file", 0},
	{"process-label", 0, CLI_STRING, O(process_label), "label", "SELinux label of the process",
		NULL, 0},
	{"apparmor", 0, CLI_STRING, O(apparmor), "profile", "AppArmor profile of the process", NULL,
		0},
	{"no-new-privs", 0, CLI_FLAG, O(no_new_privs), NULL,
		"The process can gain no privileges by executing programs", NULL, 0},
	{"cap", 'c', CLI_STRV, O(capabilities), "capability", "Add a capability", NULL, 0},
	{"preserve-fds", 0, CLI_INT, O(preserve_fds), "number",
		"Pass this many more files from 3 on", NULL, 0},
	{"cgroup", 0, CLI_STRV, O(cgroups), "[controllers:]path",
		"Run in a group below the container's; with controllers, in their hierarchies",
		NULL, 0},
	{"ignore-paused", 0, CLI_FLAG, O(ignore_paused), NULL,
		"Do not fail if the container is paused", NULL, 0},
	{"no-subreaper", 0, CLI_FLAG, O(no_subreaper), NULL, "", NULL, CLI_HIDDEN},
};

/* "UID" or "UID:GID", numbers only: names are the image's, and not to be trusted here. */
static int parse_user(const char *text, struct oci_user *user, struct hull_error *err)
{
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *uid = strndup(text, colon ? (size_t)(colon - text) : strlen(text));

	if (!uid)
		return error_no_memory(err);
	if (str_to_u32(uid, &user->uid) < 0 || user->uid == UINT32_MAX)
		return error_set(err, HULL_ERROR_INVALID, "invalid user \"%s\"", text);
	if (colon && (str_to_u32(colon + 1, &user->gid) < 0 || user->gid == UINT32_MAX))
		return error_set(err, HULL_ERROR_INVALID, "invalid group in \"%s\"", text);
	return 0;
}

static int parse_groups(
	struct arena *arena, char *const *groups, struct oci_user *user, struct hull_error *err)
{
	size_t n = strv_length(groups);

	if (n == 0)
		return 0;
	uint32_t *gids = arena_array(arena, user->n_additional_gids + n, sizeof(*gids));
	if (!gids)
		return error_no_memory(err);
	if (user->n_additional_gids)
		memcpy(gids, user->additional_gids, user->n_additional_gids * sizeof(*gids));
	for (size_t i = 0; i < n; i++) {
		if (str_to_u32(groups[i], &gids[user->n_additional_gids + i]) < 0)
			return error_set(
				err, HULL_ERROR_INVALID, "invalid group \"%s\"", groups[i]);
	}
	user->additional_gids = gids;
	user->n_additional_gids += n;
	return 0;
}

static int append_all(struct arena *arena, char ***to, char *const *from)
{
	char **copy = NULL;

	strv_foreach (s, *to) {
		if (arena_strv_append(arena, &copy, *s) < 0)
			return -ENOMEM;
	}
	strv_foreach (s, from) {
		if (arena_strv_append(arena, &copy, *s) < 0)
			return -ENOMEM;
	}
	*to = copy;
	return 0;
}

/* Added to what may be used; never to the inheritable set, which would survive a change of user. */
static int add_capabilities(struct arena *arena, char *const *names, struct oci_process *p)
{
	struct oci_capabilities *c = arena_new(arena, struct oci_capabilities);

	if (!c)
		return -ENOMEM;
	if (p->capabilities)
		*c = *p->capabilities;
	p->capabilities = c;
	if (append_all(arena, &c->bounding, names) < 0 ||
		append_all(arena, &c->effective, names) < 0 ||
		append_all(arena, &c->permitted, names) < 0)
		return -ENOMEM;
	/* An ambient one must be inheritable as well: as runc, only if some are ambient already. */
	return c->ambient ? append_all(arena, &c->ambient, names) : 0;
}

static int process_from_options(struct arena *arena, const struct exec_options *o,
	const struct oci_process *first, char **args, struct oci_process *p, struct hull_error *err)
{
	*p = *first;
	p->args = args;
	p->terminal = o->tty;
	p->console_size = NULL;
	if (o->cwd)
		p->cwd = o->cwd;
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->process_label)
		p->selinux_label = o->process_label;
	p->no_new_privileges |= o->no_new_privs;
	if (o->env && append_all(arena, &p->env, o->env) < 0)
		return error_no_memory(err);
	if (o->capabilities && add_capabilities(arena, o->capabilities, p) < 0)
		return error_no_memory(err);
	int r = o->user ? parse_user(o->user, &p->user, err) : 0;
	return r < 0 ? r : parse_groups(arena, o->groups, &p->user, err);
}

static int make_process(struct container_record *c, const struct exec_options *o,
	const struct oci_spec *spec, int argc, char **argv, struct oci_process **ret,
	struct hull_error *err)
{
	if (o->process)
		return oci_process_load_at(&c->arena, AT_FDCWD, o->process, ret, err);
	if (argc < 2)
		return error_set(err, HULL_ERROR_INVALID, "process args cannot be empty");
	struct oci_process *p = arena_new(&c->arena, struct oci_process);
	if (!p)
		return error_no_memory(err);
	*ret = p;
	return process_from_options(&c->arena, o, spec->process, argv + 1, p, err);
}

/* "[CONTROLLER[,CONTROLLER...]:]PATH" */
static int check_cgroup(const char *text, struct hull_error *err)
{
	const char *colon = strchr(text, ':');
	const char *path = colon ? colon + 1 : text;

	if (*path == '\0' || path_has_dotdot(path))
		return error_set(err, HULL_ERROR_INVALID, "bad sub cgroup path: %s", path);
	if (!colon)
		return 0;
	_cleanup_free_ char *list = strndup(text, (size_t)(colon - text));
	_cleanup_strv_ char **names = list ? strv_split(list, ",") : NULL;
	if (!list || (!names && *list))
		return error_no_memory(err);
	strv_foreach (name, names) {
		enum hull_cgroup_controller controller;
		if (!str_after(*name, "name=") &&
			hull_cgroup_controller_parse(*name, &controller) < 0)
			return error_set(err, HULL_ERROR_INVALID, "unknown controller %s", *name);
	}
	return names ? 0 : error_set(err, HULL_ERROR_INVALID, "invalid --cgroup %s", text);
}

static int check_cgroups(const struct exec_options *o, struct hull_error *err)
{
	int r = 0;

	strv_foreach (text, o->cgroups) {
		if (r == 0)
			r = check_cgroup(*text, err);
	}
	return r;
}

static int perform(const struct container_record *c, const struct keel_globals *globals,
	const struct exec_options *o, const struct oci_spec *spec,
	const struct oci_process *process, struct runtime_process *ret, struct hull_error *err)
{
	struct plan_exec_options exec = PLAN_EXEC_OPTIONS_INIT;

	exec.preserve_fds = o->preserve_fds;
	exec.sub_cgroups = o->cgroups;
	exec.debug = globals->debug;
	exec.warn = keel_warn;
	exec.userdata = (void *)globals;
	return container_record_exec(c, spec, process, &exec, ret, err);
}

static int publish(const struct exec_options *o, struct runtime_process *p, struct hull_error *err)
{
	int r = 0;

	if (o->console_socket && p->console_fd >= 0) {
		r = socket_send_fd(o->console_socket, p->console_fd, "/dev/ptmx", err);
		cleanup_closep(&p->console_fd);
	}
	if (r == 0 && o->pidfd_socket)
		r = socket_send_fd(o->pidfd_socket, p->pidfd, "pidfd", err);
	if (r == 0 && o->pid_file)
		r = pid_file_write(o->pid_file, p->pid, err);
	return r;
}

static int exec(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct exec_options *o = data;
	_cleanup_container_record_ struct container_record c = {.root_fd = -1, .dir_fd = -1};
	_cleanup_(runtime_process_done) struct runtime_process running = RUNTIME_PROCESS_INIT;
	struct oci_process *process;
	struct oci_spec *spec;

	argv[argc] = NULL;
	int r = preserved_fds_check(o->preserve_fds, err);
	if (r == 0)
		r = keel_container_open(&c, context->globals, argv[0], err);
	if (r == 0)
		r = container_record_check_exec(&c, o->ignore_paused, err);
	if (r == 0)
		r = container_record_spec(&c, &spec, err);
	if (r == 0)
		r = make_process(&c, o, spec, argc, argv, &process, err);
	if (r == 0)
		r = terminal_prepare(process, o->detach, o->console_socket, &c.arena, err);
	if (r == 0)
		r = check_cgroups(o, err);
	if (r < 0)
		return r;
	if (!o->detach)
		foreground_prepare(!o->no_subreaper);
	r = perform(&c, context->globals, o, spec, process, &running, err);
	if (r < 0)
		return r;
	r = publish(o, &running, err);
	if (r == 0 && !o->detach)
		r = foreground_wait(&running, -1, err);
	/* Nobody would know of it. */
	if (r < 0)
		process_kill_child(running.pid, running.pidfd);
	return r;
}

const struct cli_command keel_exec_command = {
	.name = "exec",
	.arguments = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.summary = "Run a process in a running container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct exec_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = exec,
};

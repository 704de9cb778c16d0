/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/unix_socket.h"

#include <sys/socket.h>

void launch_done(struct launch *l)
{
	cleanup_closep(&l->notify_socket);
	creation_done(&l->creation);
}

static int reserve(struct launch *l, bool wait_for_start, struct hull_error *err)
{
	_cleanup_free_ char *root = NULL;
	int r = state_root_path(l->globals->root, &root, err);

	return r < 0 ? r : creation_reserve(&l->creation, root, l->id, wait_for_start, err);
}

/* What a service manager has handed to us is the container's; see activation.h. */
static int add_activation(
	struct launch *l, bool wait_for_start, int listen_fds, struct hull_error *err)
{
	_cleanup_free_ char *path = path_join(l->creation.root, l->id);

	if (!path)
		return error_no_memory(err);
	int r = listen_fds_add(&l->creation.arena, l->creation.spec, listen_fds, err);
	if (r == 0)
		r = notify_add(&l->creation.arena, l->creation.spec, l->creation.dir_fd, path, err);
	/* A container that is only created speaks to the `start` that comes. */
	if (r == 0 && !wait_for_start)
		r = notify_listen(l->creation.dir_fd, &l->notify_socket, err);
	return r;
}

int launch_prepare(struct launch *l, bool wait_for_start, bool dry, struct hull_error *err)
{
	struct plan_options o = PLAN_OPTIONS_INIT;
	int listen_fds = dry || l->restore ? 0 : listen_fds_count();
	int preserve_fds = l->options->preserve_fds + listen_fds;
	int r = container_id_check(l->id, err);

	if (r == 0 && !dry)
		r = preserved_fds_check(preserve_fds, err);
	if (r == 0)
		r = creation_load(&l->creation, l->options->bundle, l->options->config, err);
	if (r == 0 && !dry)
		r = terminal_prepare(l->creation.spec->process,
			wait_for_start || l->options->detach, l->options->console_socket,
			&l->creation.arena, err);
	if (r == 0)
		r = keel_cgroup_manager(l->globals, &o.cgroup_manager, err);
	if (r == 0 && !dry)
		r = reserve(l, wait_for_start, err);
	if (r == 0 && !dry)
		r = add_activation(l, wait_for_start, listen_fds, err);
	if (r < 0)
		return r;
	o.id = l->id;
	o.preserve_fds = preserve_fds;
	o.no_pivot = l->options->no_pivot;
	o.no_new_keyring = l->options->no_new_keyring;
	o.trace = l->options->trace;
	o.debug = l->globals->debug;
	o.warn = keel_warn;
	o.userdata = (void *)l->globals;
	return creation_compile(&l->creation, &o, keel_rootless(l->globals), err);
}

int pid_file_write(const char *path, pid_t pid, struct hull_error *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	int r = file_replace_at(AT_FDCWD, path, text, (size_t)n, 0644, false);

	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

int socket_send_fd(const char *path, int fd, const char *what, struct hull_error *err)
{
	_cleanup_close_ int sock = unix_connect(path, SOCK_STREAM, 0);

	if (sock < 0)
		return error_errno(err, sock, "connect to %s", path);
	int r = fd_send(sock, what, strlen(what), &fd, 1);
	return r < 0 ? error_errno(err, r, "send to %s", path) : 0;
}

/* What must be there before anybody hears of the container. */
static int publish(struct launch *l, struct hull_error *err)
{
	const struct launch_options *o = l->options;
	struct runtime_process *process = &l->creation.process;
	int r = creation_save(&l->creation, err);

	if (r == 0 && o->console_socket && process->console_fd >= 0) {
		r = socket_send_fd(o->console_socket, process->console_fd, "/dev/ptmx", err);
		cleanup_closep(&process->console_fd);
	}
	/* crun's way to ask for what runc has an option for. */
	const char *receiver = o->pidfd_socket ? o->pidfd_socket
					       : oci_spec_annotation(l->creation.spec,
							 OCI_ANNOTATION_PIDFD_RECEIVER);
	if (r == 0 && receiver)
		r = socket_send_fd(receiver, process->pidfd, "pidfd", err);
	if (r == 0 && o->pid_file)
		r = pid_file_write(o->pid_file, process->pid, err);
	return r;
}

int launch_perform(struct launch *l, struct hull_error *err)
{
	struct creation *c = &l->creation;

	keel_debug(l->globals, "nsexec container setup: bundle %s", c->bundle);
	int r = l->restore ? container_restore(c->plan, l->restore, &c->process, err)
			   : creation_perform(c, err);
	if (r < 0)
		return r;
	keel_debug(l->globals, "child process in init(): pid %d", c->process.pid);
	keel_debug(l->globals, "init: closing the pipe to signal completion");
	r = publish(l, err);
	if (r < 0)
		creation_undo(c);
	return r;
}

/* After the end, or when something failed once it was running. */
static int remove_container(struct launch *l, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	int r = keel_container_open(&c, l->globals, l->id, err);

	return r < 0 ? r : keel_container_remove(&c, err);
}

int launch_run(struct launch *l, struct hull_error *err)
{
	const struct launch_options *o = l->options;
	int r = launch_prepare(l, false, false, err);

	if (r < 0)
		return r;
	if (!o->detach)
		foreground_prepare(!o->no_subreaper);
	r = launch_perform(l, err);
	if (r < 0)
		return r;
	r = creation_poststart(&l->creation, err);
	if (r < 0) {
		remove_container(l, NULL);
		return r;
	}
	if (o->detach) {
		if (l->notify_socket >= 0)
			notify_wait(l->notify_socket, l->creation.process.pid,
				l->creation.process.pidfd);
		return 0;
	}
	int status = foreground_wait(&l->creation.process, l->notify_socket, err);
	if (o->keep)
		return status;
	r = remove_container(l, status < 0 ? NULL : err);
	return r < 0 && status >= 0 ? r : status;
}

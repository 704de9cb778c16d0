/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager hands to a service through its runtime: open sockets (sd_listen_fds(3)), and
 * a socket to say "ready" on (sd_notify(3)). The container gets the former as its own; for the latter
 * it gets a socket of ours, below the state directory, from which keel passes on what it may say.
 */
#pragma once

#include "runtime/plan.h"
#include <stdbool.h>

/* Whether the files 3 .. 3+n-1 are open, as --preserve-fds demands. */
int preserved_fds_check(int n, struct hull_error *err);

/* The number of sockets that were handed to this process: LISTEN_FDS, if LISTEN_PID names us. */
int listen_fds_count(void);

/* Adds LISTEN_FDS, LISTEN_PID=1 and LISTEN_FDNAMES to the environment of the container. */
int listen_fds_add(struct arena *arena, struct oci_spec *spec, int count, struct hull_error *err);

/*
 * If NOTIFY_SOCKET is set: makes the directory "notify" in the container's state directory (path is
 * that of the latter), and adds the mount of it and the variable to the container.
 */
int notify_add(struct arena *arena, struct oci_spec *spec, int dir_fd, const char *path,
	struct hull_error *err);

/* The socket that the container speaks to; *ret is -1 if NOTIFY_SOCKET is not set or the container was
 * made without it. */
int notify_listen(int dir_fd, int *ret, struct hull_error *err);

/* Passes one message on, without waiting: 1 if it said that the container is ready, else 0. With
 * main_pid, the manager is told that this is the service's process. */
int notify_pass(int sock, pid_t main_pid);

/* Passes on until the container is ready or has ended. */
void notify_wait(int sock, pid_t main_pid, int pidfd);

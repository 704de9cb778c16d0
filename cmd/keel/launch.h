/* SPDX-License-Identifier: Apache-2.0 */
/* create, run and explain: from a bundle to a plan and on. */
#pragma once

#include "activation.h"
#include "keel.h"
#include "runtime/checkpoint.h"

struct launch_options {
	char *bundle;
	char *config;
	char *console_socket;
	char *pid_file;
	char *pidfd_socket;
	bool no_pivot;
	bool no_new_keyring;
	int preserve_fds;
	bool detach;
	bool keep;
	bool no_subreaper;
	bool trace;
};

/* Rows of the options that create and run have in common. */
#define LAUNCH_OPTION_ROWS                                                                         \
	{"bundle", 'b', CLI_STRING, offsetof(struct launch_options, bundle), "directory",          \
		"Directory of the bundle; the current one if not given", "@file", 0},              \
		{"config", 'f', CLI_STRING, offsetof(struct launch_options, config), "file",       \
			"Configuration to use instead of the bundle's config.json", "@file", 0},   \
		{"console-socket", 0, CLI_STRING, offsetof(struct launch_options, console_socket), \
			"path", "Send the terminal to this socket", "@file", 0},                   \
		{"pidfd-socket", 0, CLI_STRING, offsetof(struct launch_options, pidfd_socket),     \
			"path", "Send a pidfd of the container to this socket", "@file", 0},       \
		{"pid-file", 0, CLI_STRING, offsetof(struct launch_options, pid_file), "file",     \
			"Write the process id to this file", "@file", 0},                          \
		{"no-pivot", 0, CLI_FLAG, offsetof(struct launch_options, no_pivot), NULL,         \
			"Do not use pivot_root, for hosts that run from an initramfs", NULL, 0},   \
		{"no-new-keyring", 0, CLI_FLAG, offsetof(struct launch_options, no_new_keyring),   \
			NULL, "Keep the caller's session keyring", NULL, 0},                       \
		{"preserve-fds", 0, CLI_INT, offsetof(struct launch_options, preserve_fds),        \
			"number", "Pass this many more files from 3 on", NULL, 0},

/* A container on its way. */
struct launch {
	const struct keel_globals *globals;
	const struct launch_options *options;
	const char *id;
	struct creation creation;
	int notify_socket; /* where the container says that it is ready; -1 = nobody asks */
	const struct checkpoint_options *restore; /* NULL = start anew */
};

#define LAUNCH_INIT                                            \
	{                                                      \
		.creation = CREATION_INIT, .notify_socket = -1 \
	}

void launch_done(struct launch *l);

/* Reads the bundle and compiles the plan; reserves the id unless dry. */
int launch_prepare(struct launch *l, bool wait_for_start, bool dry, struct hull_error *err);

/* Performs the plan, records the state, writes the pid file and sends the terminal. */
int launch_perform(struct launch *l, struct hull_error *err);

/* The whole of `run` and `restore`: to the end in the foreground, then the container is removed; the exit
 * status, or 0 when detached. */
int launch_run(struct launch *l, struct hull_error *err);

/* Waits for the process, forwarding signals, and copying its terminal if it has one of ours, and
 * what it says on notify_socket (-1 = none). Returns the exit status as a shell would tell it. */
int foreground_wait(struct runtime_process *process, int notify_socket, struct hull_error *err);

/*
 * Refuses a terminal that nobody would hold and a console socket that nothing would be sent to. A
 * process whose terminal is copied to ours gets it in our size, before it runs.
 */
int terminal_prepare(struct oci_process *process, bool detached, const char *console_socket,
	struct arena *arena, struct hull_error *err);

/* To be called before the process exists, so that none of its signals is lost. */
void foreground_prepare(bool subreaper);

/* Sends an fd (and the name of what it is) to a listening socket, as runc does. */
int socket_send_fd(const char *path, int fd, const char *what, struct hull_error *err);

/* Digits only, in one rename. */
int pid_file_write(const char *path, pid_t pid, struct hull_error *err);

#define _cleanup_launch_ _cleanup_(launch_done)

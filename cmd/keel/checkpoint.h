/* SPDX-License-Identifier: Apache-2.0 */
/* Options that checkpoint and restore have in common. */
#pragma once

#include "keel.h"
#include "runtime/checkpoint.h"

struct image_options {
	char *image_path;
	char *work_path;
	char *cgroups_mode;
	char *network_lock;
	char **empty_ns;
	bool tcp_established;
	bool tcp_close;
	bool ext_unix_sk;
	bool shell_job;
	bool file_locks;
	bool auto_dedup;
	bool lazy_pages;
};

struct checkpoint_command_options {
	struct image_options images;
	char *parent_path;
	char *page_server;
	int status_fd;
	bool leave_running;
	bool pre_dump;
	bool tcp_skip_in_flight;
	bool link_remap;
};

#define CHECKPOINT_OPTION_ROWS(type, images)                                                   \
	{"image-path", 0, CLI_STRING, offsetof(type, images.image_path), "directory",          \
		"Directory of the images; \"checkpoint\" if not given", "@file", 0},           \
		{"work-path", 0, CLI_STRING, offsetof(type, images.work_path), "directory",    \
			"Where criu writes its log; the directory of the images if not given", \
			"@file", 0},                                                           \
		{"tcp-established", 0, CLI_FLAG, offsetof(type, images.tcp_established), NULL, \
			"Allow open TCP connections", NULL, 0},                                \
		{"tcp-close", 0, CLI_FLAG, offsetof(type, images.tcp_close), NULL,             \
			"Close open TCP connections", NULL, 0},                                \
		{"ext-unix-sk", 0, CLI_FLAG, offsetof(type, images.ext_unix_sk), NULL,         \
			"Allow unix sockets whose other end is outside", NULL, 0},             \
		{"ext-unix", 0, CLI_FLAG, 0, NULL, "", NULL, CLI_ALIAS},                       \
		{"shell-job", 0, CLI_FLAG, offsetof(type, images.shell_job), NULL,             \
			"Allow a session whose leader is outside", NULL, 0},                   \
		{"file-locks", 0, CLI_FLAG, offsetof(type, images.file_locks), NULL,           \
			"Allow file locks", NULL, 0},                                          \
		{"manage-cgroups-mode", 0, CLI_STRING, offsetof(type, images.cgroups_mode),    \
			"mode", "What to do with cgroups: soft, full, strict or ignore",       \
			"soft full strict ignore", 0},                                         \
		{"empty-ns", 0, CLI_STRV, offsetof(type, images.empty_ns), "namespace",        \
			"Leave out what is in this namespace: network", "network", 0},         \
		{"auto-dedup", 0, CLI_FLAG, offsetof(type, images.auto_dedup), NULL,           \
			"Keep no memory twice in images that follow each other", NULL, 0},     \
		{"network-lock", 0, CLI_STRING, offsetof(type, images.network_lock), "method", \
			"How the network is held: iptables, nftables or skip",                 \
			"iptables nftables skip", 0},

int checkpoint_fill(const struct keel_globals *globals, const struct image_options *options,
	struct checkpoint_options *ret, struct hull_error *err);

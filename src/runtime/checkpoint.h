/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint and restore by criu: a running container into a directory of images, and back. What
 * criu cannot know is told by us: the mounts that come from outside of the container, its cgroup, its
 * terminal, namespaces that are not its own, and where its stdio goes.
 */
#pragma once

#include "runtime/container.h"

/* Where a container has the directory of the socket on which it says that it is ready: a mount that
 * its configuration does not name. */
#define CONTAINER_NOTIFY_DIR "/run/notify"

/* The field's values of criu_opts.manage_cgroups_mode. */
enum checkpoint_cgroups {
	CHECKPOINT_CGROUPS_IGNORE = 0,
	CHECKPOINT_CGROUPS_SOFT = 3,
	CHECKPOINT_CGROUPS_FULL = 4,
	CHECKPOINT_CGROUPS_STRICT = 5,
};

struct checkpoint_options {
	const char *criu;	 /* the program; NULL = "criu" from PATH */
	const char *image_path;	 /* directory of the images */
	const char *work_path;	 /* of logs and statistics; NULL = image_path */
	const char *parent_path; /* of an earlier pre-dump, relative to image_path */
	const char *page_server; /* "ADDRESS:PORT" */
	const char *lsm_profile; /* restore */
	const char *lsm_mount_context;
	int status_fd;	   /* gets a byte when lazy pages can be fetched; -1 = none */
	int cgroups;	   /* enum checkpoint_cgroups */
	uint64_t empty_ns; /* CLONE_NEW*: namespaces whose content is left out */
	unsigned int lock; /* criu_opts.network_lock: how, 0 = criu's choice */
	bool leave_running;
	bool pre_dump;
	bool lazy_pages;
	bool auto_dedup;
	bool link_remap;
	bool tcp_established;
	bool tcp_skip_in_flight;
	bool tcp_close;
	bool ext_unix_sk;
	bool shell_job;
	bool file_locks;
};

#define CHECKPOINT_OPTIONS_INIT                                     \
	{                                                           \
		.status_fd = -1, .cgroups = CHECKPOINT_CGROUPS_SOFT \
	}

/* Checks names: "soft", "network", "nftables", "[ADDRESS]:PORT". */
int checkpoint_parse_cgroups(const char *name, int *ret, struct hull_error *err);
int checkpoint_parse_lock(const char *name, unsigned int *ret, struct hull_error *err);
int checkpoint_parse_empty_ns(char *const *names, uint64_t *ret, struct hull_error *err);
int checkpoint_parse_server(
	const char *text, char **ret_address, uint32_t *ret_port, struct hull_error *err);

/* The options of criu for a dump of that container, as bytes for criu_request(). */
int checkpoint_format(const struct container_ref *ref, const struct oci_spec *spec,
	const char *rootfs, const struct checkpoint_options *options, int image_fd, int work_fd,
	struct buf *out, struct hull_error *err);

/* Writes the images. Without leave_running and pre_dump the container's processes are gone then. */
int container_checkpoint(const struct container_ref *ref, const struct oci_spec *spec,
	const char *rootfs, const struct checkpoint_options *options, struct hull_error *err);

/*
 * Brings a container back under a plan that was compiled from its spec: its cgroup and limits, hooks
 * and root are the plan's, its processes the images'. The first process is a child of the caller,
 * and *ret is as after plan_perform().
 */
int container_restore(struct plan *plan, const struct checkpoint_options *options,
	struct runtime_process *ret, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to criu and what it answers: the part of its protocol (criu_req and criu_resp of
 * criu's rpc.proto) that checkpoint and restore need, in protobuf's wire format.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum criu_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_PRE_DUMP = 4,
	CRIU_NOTIFY = 6,
	CRIU_VERSION = 10,
};

/* Field numbers of criu_opts; a name says what it is in criu's manual. */
enum criu_field {
	CRIU_IMAGES_DIR_FD = 1,
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_EVASIVE_DEVICES = 6,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_LINK_REMAP = 18,
	CRIU_EXT_MNT = 23,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46,
	CRIU_LAZY_PAGES = 48,
	CRIU_STATUS_FD = 49,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_CONFIG_FILE = 51,
	CRIU_TCP_CLOSE = 52,
	CRIU_LSM_PROFILE = 53,
	CRIU_LSM_MOUNT_CONTEXT = 63,
	CRIU_NETWORK_LOCK = 64,
};

/* Options, appended to the bytes of criu_opts. */
void criu_put_number(struct buf *opts, enum criu_field field, uint64_t value);
void criu_put_bool(struct buf *opts, enum criu_field field, bool value); /* false is left out */
void criu_put_string(struct buf *opts, enum criu_field field, const char *value); /* nor NULL */

/* A message of two strings (ext_mnt: key and value; cg_root: controller and path). */
void criu_put_pair(struct buf *opts, enum criu_field field, const char *first, const char *second);

/* A message of a string and a number (inherit_fd: key and fd; ps: address and port). */
void criu_put_named(struct buf *opts, enum criu_field field, const char *name, uint64_t value);

/* A request with those options; and the answer to a notification. */
void criu_format_request(struct buf *out, enum criu_type type, const struct buf *opts);
void criu_format_notified(struct buf *out, bool success);

struct criu_answer {
	int type; /* enum criu_type */
	bool success;
	pid_t pid;	 /* of the restored process, or what a notification is about */
	char script[64]; /* the notification's name */
	int error;	 /* errno of criu, 0 = none */
	char message[512];
	unsigned int version; /* 31701 for 3.17.1 */
};

/* 0, or -EBADMSG. */
int criu_parse_answer(const void *data, size_t n, struct criu_answer *ret);

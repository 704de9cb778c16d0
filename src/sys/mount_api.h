/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount API by fds (Linux 5.2 to 5.12). A mount is made detached, given its attributes, and
 * attached last; no path is looked up twice. All are raw system calls: fd or 0, or -errno.
 */
#pragma once

#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW /* Linux 5.14 */
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* True if the caller may mount in its mount namespace, which a root may lack the capability for, or
 * another user namespace may own. */
bool mount_permitted(void);

int mount_fsopen(const char *type);
int mount_fsconfig_flag(int fs_fd, const char *key);
int mount_fsconfig_string(int fs_fd, const char *key, const char *value);
int mount_fsconfig_fd(int fs_fd, const char *key, int fd);
int mount_fsconfig_create(int fs_fd);
int mount_fsmount(int fs_fd, uint64_t attributes);

/* fsopen, create and fsmount of a file system without options. */
int mount_simple(const char *type, uint64_t attributes);

/* path may be "" with AT_EMPTY_PATH in flags. O_CLOEXEC is added. */
int mount_open_tree(int dirfd, const char *path, unsigned int flags);

/* Attaches the mount behind mount_fd on what target_fd (O_PATH) refers to. */
int mount_attach(int mount_fd, int target_fd);

/* mount_setattr(2) on the mount behind fd; recursive: with everything below. */
int mount_set_attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, int recursive);
int mount_set_idmap(int fd, int user_namespace_fd, int recursive);

/* Reads one message of the kernel about why the last step on fs_fd failed, without its prefix
 * "e ", into text. 0 if there was one. */
int mount_fs_message(int fs_fd, char *text, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/* A file of logins: docker's config.json, or podman's auth.json. */
#pragma once

#include "base/arena.h"
#include "json/value.h"
#include "registry/auth.h"

/* The user's name that stands for an identity token. */
#define LOGIN_IDENTITY_USER "<token>"

struct login_file {
	struct arena arena;
	const char *path;
	bool podman;		/* keys may have paths */
	struct json_value root; /* without members if there is no such file */
};

void login_file_done(struct login_file *f);
#define _cleanup_login_file_ _cleanup_(login_file_done)

/* 1: read; 0: not there. */
int login_file_read(const char *path, bool podman, struct login_file *ret, struct hull_error *err);

/* The member of "auths" for a host and, in podman's files, a repository; NULL if there is none. */
const struct json_value *login_file_find(
	const struct login_file *f, const char *host, const char *repository);

/* The credential helper for a host, NULL if the file itself keeps its login. */
const char *login_file_helper(const struct login_file *f, const char *host);

/* What is to be known of a host. */
struct login_entry {
	const char *host;
	const struct auth_credentials *credentials; /* NULL: nothing */
	bool empty;				    /* that there is a login, as beside a helper */
};

/*
 * Puts an entry in the place of the one that the file at path has for its host. Everything else in
 * the file stays as it is, also what others change at the same time.
 */
int login_file_change(const char *path, const struct login_entry *entry, struct hull_error *err);

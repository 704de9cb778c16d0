/* SPDX-License-Identifier: Apache-2.0 */
/* What --security-opt says. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct security_options {
	bool no_new_privileges;
	bool all_paths;	      /* nothing below /proc and /sys is hidden or read-only */
	const char *seccomp;  /* a profile's file, "unconfined"; NULL = the default profile */
	const char *apparmor; /* a profile's name, "unconfined"; NULL = none was named */
};

/*
 * Reads NAME=VALUE, and NAME:VALUE as of old. Labels of SELinux are taken and have no effect. The
 * strings of *ret lie in options. HULL_ERROR_INVALID for what is not known.
 */
int security_options_parse(
	char *const *options, struct security_options *ret, struct hull_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that hull consists of. */
#pragma once

#include "base/error.h"

/*
 * Finds hull-monitor, hull-init or hull-transfer: beside an uninstalled hull at path `program`, in
 * libexec beside its bin, or where this build installs them. Heap string.
 */
int program_find(const char *program, const char *name, char **ret, struct hull_error *err);

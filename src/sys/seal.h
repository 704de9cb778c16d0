/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection of the running program's file from what it starts in containers (CVE-2019-5736). A
 * container's first process is a copy of the runtime until its execve(), and what it executes may
 * be /proc/self/exe: then a process of the container runs the host's file and, as root, could open
 * it for writing once nobody executes it any more.
 */
#pragma once

#include <stdbool.h>

/* True if nobody can write to this program's file whatever happens: see above. */
bool program_is_sealed(void);

/*
 * Makes sure that nobody can write to this program through /proc/<pid>/exe. If it is not so yet,
 * the program is executed again from a read-only detached mount of its file or, without the
 * privilege for that, from a sealed copy in memory: then the call does not return. Cheap when there
 * is nothing to do (a read-only file system, an immutable file, or executed again already).
 *
 * To be called first in main(), before threads, fds and allocations. 0 or -errno.
 */
int program_seal(char *const argv[], char *const envp[]);

/* SPDX-License-Identifier: Apache-2.0 */
/* The two things that a runtime does to network devices, rtnetlink(7). Nothing is allocated. */
#pragma once

/* Sets the link "lo" of the caller's network namespace up. */
int loopback_up(void);

/* Moves a link into the network namespace of a process under a new name. The link keeps
 * its addresses only as far as the kernel does. 0 or -errno. */
int link_move(const char *name, const char *new_name, int pid);

/* SPDX-License-Identifier: Apache-2.0 */
/* What a runtime does to network devices, rtnetlink(7). */
#pragma once

/* Sets the link "lo" of the caller's network namespace up. Allocates nothing. */
int loopback_up(void);

/* The number of a link in the caller's network namespace, or -errno. Allocates nothing. */
int link_number(const char *name);

/*
 * Moves a link into the network namespace of a process under a new name, in which "%d" becomes a
 * free number. It keeps its permanent global addresses, which the kernel would drop, and is set up;
 * routes are not kept. -EEXIST if the name is taken there: the link is still here then.
 */
int link_move(const char *name, const char *new_name, int pid);

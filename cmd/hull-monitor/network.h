/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor does for its container's network: it answers names and relays what cannot be routed. */
#pragma once

/* Takes over the fds that are there (engine/monitor.h). Without any, network_fd() is -1. */
void network_open(void);

/* Becomes readable when network_run() has something to do; -1 = never. */
int network_fd(void);
void network_run(void);

/* Gives everything back: the container has ended. */
void network_close(void);

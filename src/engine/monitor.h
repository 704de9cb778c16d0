/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine and hull-monitor agree on. The monitor is a fork of hull that started the
 * container and then executed hull-monitor over itself: the container's first process is its
 * child, and the fds below are open at fixed numbers (a closed one means: there is none).
 *
 *	hull-monitor ID FLAGS SETTLE-COMMAND [ARG...]
 *
 * Clients talk to it over an AF_UNIX SOCK_SEQPACKET socket, one message a packet: a type byte, then
 * the payload, at most MONITOR_PAYLOAD_MAX bytes. The first message of a client that connects is
 * MONITOR_ATTACH or MONITOR_WATCH; the owner (MONITOR_FD_OWNER, the hull in the foreground) is
 * attached from birth.
 *
 * When the container has ended: the monitor drains its output, writes the exit record (file "exit"
 * in the run directory) and sends MONITOR_EXIT to every client. If the owner answers MONITOR_CLAIM
 * within MONITOR_CLAIM_MS it settles the end itself and the monitor waits for the socket to close;
 * if it closes without MONITOR_SETTLED, and when there is no owner, the monitor executes the
 * settle command over itself. It holds the container's lock all the time.
 */
#pragma once

#include <stdint.h>

enum monitor_fd {
	MONITOR_FD_NULL = 0,	/* /dev/null at 0, 1, 2 */
	MONITOR_FD_LOCK = 3,	/* held, never used */
	MONITOR_FD_RUN_DIR = 4, /* the run directory */
	MONITOR_FD_LISTEN = 5,	/* clients come here */
	MONITOR_FD_PIDFD = 6,	/* of the container's first process */
	MONITOR_FD_LOG = 7,	/* the json-file log, O_APPEND */
	MONITOR_FD_STDIN = 8,	/* writing end; with a terminal unused */
	MONITOR_FD_STDOUT = 9,	/* reading end, or the terminal's master */
	MONITOR_FD_STDERR = 10, /* reading end; with a terminal unused */
	MONITOR_FD_OWNER = 11,
	/* Sockets at 127.0.0.11 in the container's network namespace: the monitor answers names. */
	MONITOR_FD_RESOLVER_UDP = 12,
	MONITOR_FD_RESOLVER_TCP = 13,
	/* From here up: sockets that hold published ports. */
	MONITOR_FD_END = 14,
};

#define MONITOR_FLAG_TERMINAL	't'
#define MONITOR_FLAG_STDIN_ONCE 'o' /* stdin ends when the client that fed it goes */
#define MONITOR_FLAG_NONE	'-'

#define MONITOR_SOCKET	    "monitor.sock"
#define MONITOR_EXIT_RECORD "exit"
#define MONITOR_RESOLVER    "resolver" /* what to answer: see resolver/resolver.h */
/* What comes at which of the held ports' sockets is relayed where: lines "FD ADDRESS PORT". Missing if
 * there are none. */
#define MONITOR_RELAYS	    "relays"
#define MONITOR_PAYLOAD_MAX 16384
#define MONITOR_CLAIM_MS    2000

enum monitor_message {
	/* from the monitor */
	MONITOR_STDOUT = 1,
	MONITOR_STDERR = 2,
	MONITOR_EXIT = 3, /* struct monitor_exit */
	MONITOR_HELD = 4, /* the answer to MONITOR_HOLD */
	/* from a client */
	MONITOR_ATTACH = 16, /* wants the output from here on */
	MONITOR_WATCH = 17,  /* wants the exit only */
	MONITOR_STDIN = 18,  /* bytes */
	MONITOR_STDIN_END = 19,
	MONITOR_RESIZE = 20, /* struct monitor_size */
	MONITOR_CLAIM = 21,
	MONITOR_SETTLED = 22,
	/* With MONITOR_HOLD_FDS fds: when this client goes, the payload is written to the first, and
	 * then all are closed. That is how a container thaws whose freezer was killed (pause.c). */
	MONITOR_HOLD = 23,
};

#define MONITOR_HOLD_FDS      2
#define MONITOR_HOLD_TEXT_MAX 16

struct monitor_exit {
	int32_t exit_code; /* the status, or 128 + the signal that ended it */
	int32_t unused;
	int64_t finished; /* ns since 1970 */
};

struct monitor_size {
	uint16_t rows, columns;
};

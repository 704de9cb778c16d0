/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of D-Bus: method calls, one at a time, and the signals of one kind. It is ours because
 * the two libraries there are exist as shared objects only, and three calls of systemd are all that
 * is asked of them.
 *
 * A connection goes to a bus or directly to a service (systemd's private socket), which differs in
 * what is said first. All times are in milliseconds, -1 = without end.
 */
#pragma once

#include "sys/dbus_message.h"

#include <stdbool.h>

struct dbus;

/* Where a connection goes: any of the addresses of a list as environment variables have it
 * ("unix:path=/run/x;unix:abstract=y"), -ENOENT if there is none that we know. 0 or -errno. */
int dbus_open(const char *addresses, bool is_bus, int timeout_ms, struct dbus **ret);

/* The same over a connected socket, which is taken, also on failure. */
int dbus_open_fd(int fd, bool is_bus, int timeout_ms, struct dbus **ret);

void dbus_close(struct dbus *dbus);

/* The system's bus, or if root cannot reach that, systemd itself. */
int dbus_open_system(int timeout_ms, struct dbus **ret);

/* The bus of the user's session, or the user's systemd itself. */
int dbus_open_user(int timeout_ms, struct dbus **ret);

/* What the other side answers: a message and the bytes that it lies in. */
struct dbus_reply {
	struct dbus_message message;
	char *data;
};

#define DBUS_REPLY_INIT      \
	{                    \
		.data = NULL \
	}

void dbus_reply_done(struct dbus_reply *reply);
#define _cleanup_dbus_reply_ _cleanup_(dbus_reply_done)

/*
 * Calls a method and waits for the answer. 0 if there was one, which may be an error
 * (reply->message.type == DBUS_ERROR, see dbus_reply_text()); or -errno: -ETIMEDOUT, -ECONNRESET,
 * -EBADMSG. call->destination is left out where there is no bus.
 */
int dbus_call(
	struct dbus *dbus, const struct dbus_call *call, int timeout_ms, struct dbus_reply *reply);

/* The text of an error, "" if it has none. */
const char *dbus_reply_text(const struct dbus_reply *reply);

/*
 * Keeps signals of this kind from now on, replacing an earlier choice; they are read by
 * dbus_wait_signal() in the order in which they came. 0 or -errno; the strings must live on.
 */
int dbus_subscribe(struct dbus *dbus, const char *interface, const char *member, int timeout_ms);
int dbus_wait_signal(struct dbus *dbus, int timeout_ms, struct dbus_reply *ret);

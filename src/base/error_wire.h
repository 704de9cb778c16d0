/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors across a border between processes of ours: one message on a SOCK_SEQPACKET socket, so that
 * what the user reads is the cause and not "broken pipe". The message is cut at ERROR_WIRE_TEXT.
 */
#pragma once

#include "base/error.h"

#define ERROR_WIRE_TEXT 2048

/* Sends success (err = NULL) or an error. 0 or -errno. */
int error_wire_send(int sock, const struct hull_error *err);

/*
 * Waits for the message: 0 if it said success, negative with *err filled if it said failure or
 * never came (then "WHAT ended unexpectedly").
 */
int error_wire_receive(int sock, const char *what, struct hull_error *err);

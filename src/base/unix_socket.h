/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A socket of that type (SOCK_STREAM, SOCK_SEQPACKET), connected to the one at path, which may be
 * longer than an address has room for: it is reached through its directory then. timeout_ms bounds
 * the connecting and each later send; 0 = none. fd or -errno.
 */
int unix_connect(const char *path, int type, int timeout_ms);

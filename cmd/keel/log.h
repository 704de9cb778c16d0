/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of --log: a file ("PATH", "file:PATH"), the journal ("journald:IDENTIFIER") or the system's
 * log ("syslog:IDENTIFIER").
 */
#pragma once

#include "keel.h"

/* Whether the destination, format and level of the log are such that there are. */
int log_check(const struct keel_globals *globals, struct hull_error *err);

/* The bytes of a record for a destination; for the tests. */
void log_format_journal(struct buf *out, const char *identifier, int priority, const char *text);
void log_format_syslog(struct buf *out, const char *identifier, int priority, const char *text);

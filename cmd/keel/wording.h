/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers look for in an error. containerd, CRI-O, Podman and Docker know runc's errors by
 * their text, so these texts are a contract: one table has them all.
 */
#pragma once

#include "base/error.h"

/*
 * Gives an error the words that callers look for: the text of its errno as Go prints it, which
 * is runc's, and the row of the table for its kind, if that is missing. Returns the message.
 */
char *wording_message(const struct hull_error *err); /* heap; NULL if memory is out */

/* The table, for the tests. */
struct wording {
	enum hull_error_kind kind; /* HULL_ERROR_NONE = any */
	int errnum;		   /* 0 = none */
	const char *text;	   /* must be in the message */
	const char *caller;	   /* who looks for it, and what it makes of it */
};

extern const struct wording wordings[];
extern const size_t n_wordings;

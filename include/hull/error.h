/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the hull libraries.
 *
 * Every function that can fail for a reason worth telling takes a `struct hull_error *` last and
 * returns 0 (or a documented positive result) on success and a negative value on failure. The
 * error may be NULL when the caller does not care. It is filled only on failure, once, where the
 * cause is known; callers on the way up may only prefix it with a noun the user typed.
 *
 * A `struct hull_error` starts as HULL_ERROR_INIT and is released with hull_error_done(). It may
 * be reused after that. It has no shared state: each thread uses its own.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* What went wrong, as far as a caller may want to act on it. */
enum hull_error_kind {
	HULL_ERROR_NONE = 0,
	HULL_ERROR_INVALID,	   /* an argument, option, file or document is malformed */
	HULL_ERROR_NOT_FOUND,	   /* the named thing does not exist */
	HULL_ERROR_EXISTS,	   /* the name is taken */
	HULL_ERROR_CONFLICT,	   /* the thing is in a state that forbids the operation */
	HULL_ERROR_DENIED,	   /* no permission */
	HULL_ERROR_UNSUPPORTED,	   /* this kernel, build or format lacks it */
	HULL_ERROR_BUSY,	   /* in use; trying again may help */
	HULL_ERROR_TIMEOUT,	   /* it did not happen in time */
	HULL_ERROR_CANCELED,	   /* the user or a signal ended it */
	HULL_ERROR_NO_MEMORY,	   /* out of memory */
	HULL_ERROR_LIMIT,	   /* a limit of ours was passed */
	HULL_ERROR_IO,		   /* reading or writing failed */
	HULL_ERROR_REMOTE,	   /* another host answered with an error */
	HULL_ERROR_NOT_EXECUTABLE, /* the command exists and cannot be executed (exit code 126) */
	HULL_ERROR_NO_COMMAND,	   /* the command does not exist (exit code 127) */
	HULL_ERROR_INTERNAL,	   /* a bug or an impossible state */
	HULL_ERROR_KIND_MAX,
};

struct hull_error {
	enum hull_error_kind kind;
	int errnum;	  /* the errno value behind it, 0 if none */
	const char *file; /* where it was made, for --debug; static storage */
	int line;
	char *message; /* one line without a final period; owned; NULL only after out of memory */
};

#define HULL_ERROR_INIT                     \
	{                                   \
		HULL_ERROR_NONE, 0, 0, 0, 0 \
	}

/* Releases what err owns and resets it to HULL_ERROR_INIT. NULL is allowed. */
void hull_error_done(struct hull_error *err);

/* The message, never NULL: a static text if there is none. Valid until err changes. */
const char *hull_error_message(const struct hull_error *err);

/* A stable name of the kind ("not-found"), never NULL. */
const char *hull_error_kind_name(enum hull_error_kind kind);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

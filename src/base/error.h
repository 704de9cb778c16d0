/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making errors (see include/hull/error.h for the contract). error_set() and error_errno() are
 * used where the cause is known, error_wrap() where a noun that the user typed can be added. All
 * return a negative value, so that a caller can write `return error_errno(err, errno, "...");`.
 */
#pragma once

#include "base/cleanup.h"
#include <hull/error.h>

/* What follows is known to be negative, so that the compiler's flow analysis can rely on it. */
#define ERROR_NEGATIVE(call)                     \
	({                                       \
		int _error_result = (call);      \
		if (_error_result >= 0)          \
			__builtin_unreachable(); \
		_error_result;                   \
	})

/* A message of its own; the result is -1. */
#define error_set(err, kind, ...) \
	ERROR_NEGATIVE(error_make((err), (kind), 0, __FILE__, __LINE__, __VA_ARGS__))

/* "TEXT: error_text(errnum)", kind from errnum; the result is -errnum. Negative errnum is fine. */
#define error_errno(err, errnum, ...) \
	ERROR_NEGATIVE(               \
		error_make((err), HULL_ERROR_NONE, (errnum), __FILE__, __LINE__, __VA_ARGS__))

/* As error_errno() with a kind of the caller's choice. */
#define error_errno_kind(err, kind, errnum, ...) \
	ERROR_NEGATIVE(error_make((err), (kind), (errnum), __FILE__, __LINE__, __VA_ARGS__))

#define error_no_memory(err) \
	ERROR_NEGATIVE(error_make((err), HULL_ERROR_NO_MEMORY, ENOMEM, __FILE__, __LINE__, NULL))

int error_make(struct hull_error *err, enum hull_error_kind kind, int errnum, const char *file,
	int line, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Prefixes the message with "TEXT: " and returns r unchanged. */
int error_wrap(struct hull_error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Moves src into dst (either may be NULL), leaving src empty. */
void error_move(struct hull_error *dst, struct hull_error *src);

/* The kind that an errno value stands for. */
enum hull_error_kind error_kind_from_errno(int errnum);

/* Exit status of an engine command for an error of that kind: 125, 126 or 127. */
int error_kind_exit_code(enum hull_error_kind kind);

/* HTTP status of an API answer for an error of that kind. */
int error_kind_http_status(enum hull_error_kind kind);

/* "Operation not permitted" for EPERM or -EPERM, the same with every libc. Never NULL. */
const char *error_text(int errnum);

/* "EPERM"; "unknown" if it is none of the kernel's. */
const char *error_name(int errnum);

#define _cleanup_error_ _cleanup_(hull_error_done)

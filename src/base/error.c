/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* The one total table of kinds: name, exit status of an engine command, HTTP status. */
static const struct {
	const char *name;
	int exit_code;
	int http_status;
} kinds[HULL_ERROR_KIND_MAX] = {
	[HULL_ERROR_NONE] = {"none", 0, 200},
	[HULL_ERROR_INVALID] = {"invalid", 125, 400},
	[HULL_ERROR_NOT_FOUND] = {"not-found", 125, 404},
	[HULL_ERROR_EXISTS] = {"exists", 125, 409},
	[HULL_ERROR_CONFLICT] = {"conflict", 125, 409},
	[HULL_ERROR_DENIED] = {"denied", 125, 403},
	[HULL_ERROR_UNSUPPORTED] = {"unsupported", 125, 501},
	[HULL_ERROR_BUSY] = {"busy", 125, 409},
	[HULL_ERROR_TIMEOUT] = {"timeout", 125, 504},
	[HULL_ERROR_CANCELED] = {"canceled", 125, 499},
	[HULL_ERROR_NO_MEMORY] = {"no-memory", 125, 500},
	[HULL_ERROR_LIMIT] = {"limit", 125, 413},
	[HULL_ERROR_IO] = {"io", 125, 500},
	[HULL_ERROR_REMOTE] = {"remote", 125, 502},
	[HULL_ERROR_NOT_EXECUTABLE] = {"not-executable", 126, 400},
	[HULL_ERROR_NO_COMMAND] = {"no-command", 127, 400},
	[HULL_ERROR_INTERNAL] = {"internal", 125, 500},
};

void hull_error_done(struct hull_error *err)
{
	if (!err)
		return;
	free(err->message);
	*err = (struct hull_error)HULL_ERROR_INIT;
}

const char *hull_error_message(const struct hull_error *err)
{
	if (err && err->message)
		return err->message;
	if (err && err->kind == HULL_ERROR_NO_MEMORY)
		return "out of memory";
	return err && err->errnum ? error_text(err->errnum) : "unknown error";
}

const char *hull_error_kind_name(enum hull_error_kind kind)
{
	if ((unsigned int)kind >= HULL_ERROR_KIND_MAX)
		return "unknown";
	return kinds[kind].name;
}

int error_kind_exit_code(enum hull_error_kind kind)
{
	return (unsigned int)kind < HULL_ERROR_KIND_MAX ? kinds[kind].exit_code : 125;
}

int error_kind_http_status(enum hull_error_kind kind)
{
	return (unsigned int)kind < HULL_ERROR_KIND_MAX ? kinds[kind].http_status : 500;
}

enum hull_error_kind error_kind_from_errno(int errnum)
{
	switch (errnum) {
	case 0:
		return HULL_ERROR_NONE;
	case EINVAL:
	case ENAMETOOLONG:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ERANGE:
		return HULL_ERROR_INVALID;
	case ENOENT:
	case ESRCH:
	case ENODEV:
	case ENXIO:
		return HULL_ERROR_NOT_FOUND;
	case EEXIST:
		return HULL_ERROR_EXISTS;
	case EPERM:
	case EACCES:
	case EROFS:
		return HULL_ERROR_DENIED;
	case ENOSYS:
	case EOPNOTSUPP:
		return HULL_ERROR_UNSUPPORTED;
	case EBUSY:
	case EAGAIN:
	case ETXTBSY:
		return HULL_ERROR_BUSY;
	case ETIMEDOUT:
		return HULL_ERROR_TIMEOUT;
	case ECANCELED:
	case EINTR:
		return HULL_ERROR_CANCELED;
	case ENOMEM:
		return HULL_ERROR_NO_MEMORY;
	case E2BIG:
	case EMFILE:
	case ENFILE:
	case EFBIG:
		return HULL_ERROR_LIMIT;
	default:
		return HULL_ERROR_IO;
	}
}

/* A message is one line for a terminal, though names and texts in it come from strangers. */
static void clean_text(char *text)
{
	text[utf8_make_printable(text, strlen(text), "")] = '\0';
}

int error_make(struct hull_error *err, enum hull_error_kind kind, int errnum, const char *file,
	int line, const char *format, ...)
{
	if (errnum < 0)
		errnum = -errnum;
	int result = errnum ? -errnum : -1;
	if (!err)
		return result;

	hull_error_done(err);
	err->kind = kind != HULL_ERROR_NONE ? kind : error_kind_from_errno(errnum);
	if (err->kind == HULL_ERROR_NONE)
		err->kind = HULL_ERROR_INTERNAL;
	err->errnum = errnum;
	err->file = file;
	err->line = line;
	if (!format)
		return result;

	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return result;
	}
	clean_text(text);
	if (errnum == 0) {
		err->message = TAKE_PTR(text);
	} else if (asprintf(&err->message, "%s: %s", text, error_text(errnum)) < 0) {
		err->message = NULL;
	}
	return result;
}

int error_wrap(struct hull_error *err, int r, const char *format, ...)
{
	if (!err || err->kind == HULL_ERROR_NONE)
		return r;

	_cleanup_free_ char *prefix = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&prefix, format, ap);
	va_end(ap);
	if (n < 0) {
		prefix = NULL;
		return r;
	}
	clean_text(prefix);
	char *whole = NULL;
	if (asprintf(&whole, "%s: %s", prefix, hull_error_message(err)) < 0)
		return r;
	free(err->message);
	err->message = whole;
	return r;
}

void error_move(struct hull_error *dst, struct hull_error *src)
{
	if (!src)
		return;
	if (dst) {
		hull_error_done(dst);
		*dst = *src;
		*src = (struct hull_error)HULL_ERROR_INIT;
	} else {
		hull_error_done(src);
	}
}
